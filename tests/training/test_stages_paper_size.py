"""Each stage starts at the paper's widths and trains two steps at the smallest batch; HuBERT with 2 layers.

At full depth: benchmarks/paper_size.py, which also measures the memory.
"""

import csv
from pathlib import Path

import pytest
from paper_stages import STAGES, write_paper_corpus

from training.runs.run import LOG

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper")
    write_paper_corpus(folder, full=False)
    return folder


@pytest.mark.parametrize(("stage", "batch"), [("emotion", 1), ("sync", 2), ("motion", 1)])
def test_a_stage_of_the_papers_widths_trains_two_steps(stage, batch, folder, tmp_path):
    STAGES[stage](folder, tmp_path, batch, full=False)
    with (tmp_path / LOG).open() as file:
        steps = list(csv.DictReader(file))
    assert [row["step"] for row in steps] == ["1", "2"]
    assert steps[0]["loss"] != steps[1]["loss"]
    if stage == "motion":
        assert all(float(row[term]) > 0 for row in steps for term in ("reconstruction", "sync", "emotion"))
