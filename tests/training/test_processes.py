"""Two real processes against one: gradients, batch normalisation, whole runs, and what they refuse."""

import contextlib
import csv

import pytest
import torch
from launch import launch_two
from two_processes import report

from ecoface_model.core.errors import RequestError
from training.runs.processes import Processes, ProcessesError
from training.runs.run import CHECKPOINT, CONFIG, LOG, PLOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def two(folder) -> list[dict]:
    """What each of two processes found."""
    launch_two("tests/support/two_processes.py", str(folder))
    return [torch.load(folder / f"rank-{rank}.pt") for rank in (0, 1)]


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> dict:
    """What one process found that was not launched."""
    return report(tmp_path_factory.mktemp("one"), Processes("cpu"))


@pytest.mark.slow
def test_two_processes_were_two(two, one):
    assert [(found["n"], found["rank"]) for found in (one, *two)] == [(1, 0), (2, 0), (2, 1)]


@pytest.mark.slow
def test_every_process_has_the_gradient_of_one_alone(two, one):
    assert one["gradients"]["encoder.0.weight"].abs().min() > 1e-4
    for found in two:
        for name, expected in one["gradients"].items():
            torch.testing.assert_close(found["gradients"][name], expected, msg=name)


@pytest.mark.slow
def test_a_parameter_without_gradient_anywhere_gets_none(two, one):
    for found in (one, *two):
        assert found["gradients"]["unused.weight"] is None
        assert found["gradients"]["sometimes.weight"] is not None  # process 0 had none of its own


@pytest.mark.slow
@pytest.mark.parametrize("steps", ["first steps", "all steps"])
def test_training_and_resuming_leaves_all_processes_with_the_weights_of_one_alone(two, one, steps):
    for name, expected in one[steps].items():
        assert torch.equal(two[0][steps][name], two[1][steps][name]), name
        torch.testing.assert_close(two[0][steps][name], expected, msg=name)


@pytest.mark.slow
def test_one_log_holds_the_mean_of_both_processes(two, folder, tmp_path):
    report(tmp_path, Processes("cpu"))
    logs = []
    for place in (folder, tmp_path):
        with (place / "run" / LOG).open(newline="") as file:
            logs.append([[float(value) for value in row] for row in list(csv.reader(file))[1:]])
    assert [row[0] for row in logs[0]] == [1, 2, 3, 4]
    torch.testing.assert_close(torch.tensor(logs[0]), torch.tensor(logs[1]))
    assert {path.name for path in (folder / "run").iterdir()} == {CHECKPOINT, CONFIG, LOG, PLOT}
    assert [found["means"] for found in two] == [{"rank": 0.5, "one": 1.0}] * 2


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_evenly_is_refused(two):
    for found in two:
        assert "expected a batch that 2 processes share evenly, found 5" in found["refusals"]["share"]


@pytest.mark.slow
def test_a_folder_that_the_processes_do_not_share_is_refused(two):
    assert "folder" not in two[0]["refusals"]
    assert "a disk that all machines share" in two[1]["refusals"]["folder"]
    for found, step in zip(two, (3, 0), strict=True):
        assert f"found other steps than {step} elsewhere" in found["refusals"]["checkpoint"]


@pytest.mark.slow
def test_a_loss_that_is_not_finite_in_one_process_stops_both(tmp_path):
    said = launch_two("tests/support/two_processes_nan.py", str(tmp_path), fails=True)
    assert "found kl = nan at step 1 on the clips of process 1;" in said
    assert "step 1 is done" not in said


def test_one_process_needs_no_launch_and_does_nothing_to_what_it_is_given():
    alone, features = Processes("cpu"), torch.randn(4, 2, requires_grad=True)
    assert alone.gather(features) is features and alone.share(4) == slice(0, 4)
    assert alone.weight(torch.tensor([0.0, 1.0])) == alone.weight(torch.zeros(2)) == 1.0
    assert isinstance(alone.autocast(), contextlib.nullcontext)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(RequestError, match="expected a device among"):
        Processes("gpu")


def test_accelerate_on_another_kind_of_device_is_refused(monkeypatch):
    monkeypatch.setattr(Processes("cpu")._state, "device", torch.device("meta"))
    with pytest.raises(ProcessesError, match="expected accelerate on cpu, found it on meta; say --device"):
        Processes("cpu")
