"""Every stage, launched as two processes: the losses of one process, one log, one set of results."""

import csv
from pathlib import Path

import pytest
import torch
from launch import launch_two
from tiny_stages import N_STEPS, STAGES, write_stage_corpus

from training.runs.run import LOG

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_stage_corpus(folder)
    return folder


def losses(run: Path) -> dict[str, torch.Tensor]:
    """Logged columns, but for the clock's, and for a term that the tiny run gives no weight."""
    with (run / LOG).open(newline="") as file:
        names, *rows = list(csv.reader(file))
    columns = torch.tensor([[float(value) for value in row] for row in rows], dtype=torch.float64).mT
    return {
        name: column
        for name, column in zip(names, columns, strict=True)
        if name not in ("s_per_step", "life")
    }


@pytest.mark.parametrize("stage", STAGES)
def test_two_processes_reach_the_losses_of_one(stage, corpus, tmp_path):
    STAGES[stage](corpus, tmp_path / "one")
    launch_two("tests/support/tiny_stages.py", stage, str(corpus), str(tmp_path / "two"))
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert one["step"].tolist() == two["step"].tolist() == [*range(1, N_STEPS + 1)]
    assert one.keys() == two.keys() and len(one["loss"].unique()) == N_STEPS
    for name, expected in one.items():
        torch.testing.assert_close(two[name], expected, rtol=1e-3, atol=1e-4, msg=name)
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        path.name for path in (tmp_path / "two").iterdir()
    }
