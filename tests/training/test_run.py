"""A training run's folder: what it refuses, and what an interruption at any place leaves of it."""

import csv
import math
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch
from PIL import Image
from torch import nn

from training.runs.run import (
    CHECKPOINT,
    CONFIG,
    LOG,
    PLOT,
    Run,
    RunError,
    seed_step,
    step_generator,
    warm_up_then_cosine,
)


@dataclass(frozen=True)
class Config:
    """What tells one run from another."""

    rate: float = 0.1


class Line(nn.Module):
    """The smallest network with something to learn, something to count and two names for one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.norm = nn.BatchNorm1d(3)
        self.also_norm = self.norm
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        return (self.norm(x) * self.weight).sum(dim=-1).square().mean()


def opened(folder) -> tuple[Run, Line, torch.optim.Optimizer]:
    line = Line()
    return Run(folder, Config(), "cpu"), line, torch.optim.Adam(line.parameters(), lr=0.1)


def train(folder, *stops: int) -> Line:
    """Noisy steps to each stop in turn, every time as a new run of the same folder."""
    for stop in stops:
        run, line, optimizer = opened(folder)
        for step in range(run.resume({"line": line}, optimizer) + 1, stop + 1):
            seed_step(0, step)
            x = torch.from_numpy(step_generator(0, step).standard_normal((8, 3))).float() + torch.randn(8, 3)
            loss = line(x)
            run.descend(loss, {"square": loss}, list(line.parameters()), optimizer, 1.0, step, ["a"])
            run.log(step, {"loss": loss.item()})
        run.save(stop, {"line": line}, optimizer)
    return line


def logged(folder) -> list[list[str]]:
    with (folder / LOG).open(newline="") as file:
        return list(csv.reader(file))


def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path):
    resumed, whole = (train(tmp_path / name, *stops) for name, stops in (("a", (3, 7)), ("b", (7,))))
    for (name, ours), theirs in zip(resumed.state_dict().items(), whole.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name
    assert int(resumed.seen) == 7 * 8
    assert (tmp_path / "a" / LOG).read_bytes() == (tmp_path / "b" / LOG).read_bytes()


def test_steps_after_the_checkpoint_do_not_stand_twice_in_the_log(tmp_path):
    train(tmp_path, 3)
    run, line, optimizer = opened(tmp_path)
    for step in (4, 5):
        run.log(step, {"loss": 9.0})
    with (tmp_path / LOG).open("a") as file:
        file.write("6")  # killed while it wrote a row
    assert run.resume({"line": line}, optimizer) == 3
    assert [row[0] for row in logged(tmp_path)] == ["step", "1", "2", "3"]
    train(tmp_path, 6)
    assert [row[0] for row in logged(tmp_path)] == ["step", *"123456"]


def test_a_run_that_never_saved_starts_its_log_anew(tmp_path):
    run, line, optimizer = opened(tmp_path)
    run.log(1, {"loss": 9.0})
    assert run.resume({"line": line}, optimizer) == 0
    assert logged(tmp_path) == [["step", "loss"]]


KILLED = """
import dataclasses, resource, signal, sys, torch
from pathlib import Path
from training.runs.run import CHECKPOINT, Run

config = dataclasses.make_dataclass("Config", [("rate", float, 0.1)])()
run, big = Run(Path(sys.argv[1]), config, "cpu"), torch.nn.Linear(500, 500)
for step in (1, 2):
    torch.nn.init.constant_(big.weight, step)
    torch.nn.init.constant_(big.bias, step)
    run.save(step, {"big": big}, torch.optim.SGD(big.parameters(), lr=1.0))
    half = (run.folder / CHECKPOINT).stat().st_size // 2
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (half, half))  # the next file kills us at this length
"""


@pytest.mark.slow
def test_a_writer_killed_in_the_middle_leaves_the_checkpoint_before_whole(tmp_path):
    killed = subprocess.run([sys.executable, "-B", "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGXFSZ
    assert len(list(tmp_path.glob(".*"))) == 1, "killed before or after the writing"
    big = nn.Linear(500, 500)
    step = Run(tmp_path, Config(), "cpu").resume({"big": big}, torch.optim.SGD(big.parameters(), lr=1.0))
    assert step == 1 and (big.weight == 1).all() and (big.bias == 1).all()
    assert {path.name for path in tmp_path.iterdir()} == {CHECKPOINT, CONFIG}


def test_a_folder_of_another_config_is_refused(tmp_path):
    Run(tmp_path, Config(), "cpu")
    with pytest.raises(RunError, match="found another: take another folder"):
        Run(tmp_path, Config(rate=0.2), "cpu")


def test_a_loss_that_is_not_finite_is_not_logged_and_names_its_step(tmp_path):
    with pytest.raises(RunError, match="found kl = nan at step 5"):
        Run(tmp_path, Config(), "cpu").log(5, {"kl": math.nan})


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (lambda x: x.sum() * math.nan, r"a finite loss, found kl = nan at step 9 on the clips ida, ben;"),
        (lambda x: x.sum() * math.inf, r"a finite loss, found kl = inf at step 9 on the clips ida, ben;"),
        (lambda x: (x * 0).sqrt().sum(), r"a finite gradient, found norm = nan at step 9 on the clips ida"),
    ],
)
def test_what_is_not_finite_stops_the_run_and_names_step_term_and_clips(tmp_path, broken, found):
    run, line, optimizer = opened(tmp_path)
    fine, kl = line.weight.sum(), broken(line.weight)
    with pytest.raises(RunError, match=found):
        run.descend(fine + kl, {"fine": fine, "kl": kl}, [line.weight], optimizer, 1.0, 9, ["ida", "ben"])
    assert torch.equal(line.weight, torch.ones(3)), "the weights were touched"


def test_a_step_is_the_optimizers_own_on_the_clipped_gradient(tmp_path):
    run, line, _ = opened(tmp_path)
    optimizer = torch.optim.SGD([line.weight], lr=1.0)
    loss = (line.weight * torch.tensor([3.0, 4.0, 0.0])).sum()
    run.descend(loss, {"sum": loss}, [line.weight], optimizer, 1.0, 1, [])
    torch.testing.assert_close(line.weight.detach(), torch.tensor([0.4, 0.2, 1.0]))


def test_every_logged_value_gets_a_plot_of_its_own(tmp_path):
    run = Run(tmp_path, Config(), "cpu")
    for n_values, height in ((3, 1), (5, 2)):  # four plots in a row
        (tmp_path / LOG).unlink(missing_ok=True)
        for step in (1, 2):
            run.log(step, {f"term {index}": 1.0 * step * index for index in range(n_values)})
        picture = Image.open(run.plot())
        assert picture.height == round(2.6 * 80) * height
        for column in range(4):
            x, y = (
                round((column + 0.5) * picture.width / 4),
                round((height - 0.5) * picture.height / height),
            )
            middle = picture.convert("L").crop((x - 80, y - 40, x + 80, y + 40))
            assert (middle.getextrema()[0] < 200) == (column < n_values - 4 * (height - 1))
    assert run.plot().name == PLOT


def test_the_learning_rate_warms_up_and_falls_to_a_fiftieth():
    rates = [warm_up_then_cosine(step, 100, 10) for step in range(101)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[55] == pytest.approx(0.51) and rates[100] == pytest.approx(0.02)
    assert rates[10:] == sorted(rates[10:], reverse=True)
