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


@pytest.fixture(scope="module")
def two(corpus: Path) -> Path:
    """The runs of all stages, one after another in the same two processes."""
    launch_two("tests/support/tiny_stages.py", str(corpus), str(corpus / "two"))
    return corpus / "two"


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
def test_two_processes_reach_the_losses_of_one(stage, corpus, two, tmp_path):
    STAGES[stage](corpus, tmp_path)
    one, both = losses(tmp_path), losses(two / stage)
    assert one["step"].tolist() == both["step"].tolist() == [*range(1, N_STEPS + 1)]
    assert one.keys() == both.keys() and len(one["loss"].unique()) == N_STEPS
    for name, expected in one.items():
        torch.testing.assert_close(both[name], expected, rtol=1e-3, atol=1e-4, msg=name)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (two / stage).iterdir()}
