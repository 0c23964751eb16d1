"""What each of two processes does in test_processes.py, and one process alone for comparison.

accelerate launch --multi_gpu --num_processes 2 tests/support/two_processes.py FOLDER
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.runs.batch_norm import over_whole_batch
from training.runs.processes import Processes, ProcessesError
from training.runs.run import Run, RunError


@dataclass(frozen=True)
class Config:
    """One run's."""

    rate: float = 0.1


class Networks(nn.Module):
    """An encoder with batch normalisation, and heads: on all rows, on the last row alone, on none."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv1d(3, 4, 3, bias=False), nn.BatchNorm1d(4), nn.Tanh(), nn.Flatten()
        )
        self.head, self.sometimes, self.unused = nn.Linear(16, 2), nn.Linear(16, 1), nn.Linear(2, 2)


def whole_batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Rows, and a mask whose two halves hold different shares of it."""
    generator = torch.Generator().manual_seed(1)
    mask = torch.arange(6)[:, None] >= torch.tensor([0, 1, 5, 6])
    return torch.randn(6, 3, 6, generator=generator), mask.float()


def loss_of(networks: Networks, processes: Processes) -> torch.Tensor:
    """A contrast over the whole batch, a masked mean over the own rows, and a term of the last row alone."""
    x, mask = whole_batch()
    own = processes.share(len(x))
    z = networks.encoder(x[own])  # (own, 16)
    everyone = processes.gather(z)  # (6, 16)
    contrast = -(everyone @ everyone.T / 4).log_softmax(dim=1).diagonal().mean()
    contrast = contrast + networks.head(everyone).square().sum(dim=0).log().sum()
    per_column = (z[:, :4] ** 2 * mask[own]).sum() / mask[own].sum().clamp(min=1)
    loss = contrast + per_column * processes.weight(mask)
    if own.stop == len(x):
        loss = loss + processes.n * networks.sometimes(z[-1:]).sum()
    return loss


def gradients(processes: Processes) -> dict[str, torch.Tensor | None]:
    """Of every parameter, averaged; and what batch normalisation remembers."""
    torch.manual_seed(0)
    networks = Networks()
    over_whole_batch(networks, processes)
    loss_of(networks, processes).backward()
    processes.average(list(networks.parameters()))
    found = {name: parameter.grad for name, parameter in networks.named_parameters()}
    return found | dict(networks.named_buffers())


def trained(folder: Path, n_steps: int) -> dict[str, torch.Tensor]:
    """Weights and running statistics after some steps, gone on from where the folder's run stopped."""
    torch.manual_seed(0)
    networks, run = Networks(), Run(folder, Config(), "cpu")
    optimizer = torch.optim.Adam(networks.parameters(), lr=0.01)
    for step in range(run.resume({"networks": networks}, optimizer) + 1, n_steps + 1):
        loss = loss_of(networks, run.processes)
        run.descend(loss, {"loss": loss}, list(networks.parameters()), optimizer, 1.0, step, [])
        run.log(step, {"loss": loss.item()})
    run.save(n_steps, {"networks": networks}, optimizer)
    run.plot()
    return networks.state_dict()


def refusals(folder: Path, processes: Processes) -> dict[str, str]:
    """What two processes refuse: uneven shares, and folders that they do not share."""
    said, optimizer = {}, torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    try:
        processes.share(5)
    except ProcessesError as error:
        said["share"] = str(error)
    try:
        Run(folder / f"own disk {processes.rank}", Config(), "cpu")
    except RunError as error:
        said["folder"] = str(error)
    run = Run(folder / "refusing", Config(), "cpu")
    run.save(3, {}, optimizer)
    run.folder = folder / f"refusing{'' if processes.is_main else ' elsewhere'}"
    try:
        run.resume({}, optimizer)
    except RunError as error:
        said["checkpoint"] = str(error)
    return said


def report(folder: Path, processes: Processes) -> dict[str, Any]:
    """Everything that a process found."""
    return {
        "n": processes.n,
        "rank": processes.rank,
        "gradients": gradients(processes),
        "means": processes.means({"rank": float(processes.rank), "one": 1.0}),
        "first steps": {name: value.clone() for name, value in trained(folder / "run", 2).items()},
        "all steps": trained(folder / "run", 4),
    }


if __name__ == "__main__":
    place = Path(sys.argv[1])
    this = Processes("cpu")
    found = report(place, this) | {"refusals": refusals(place, this)}
    torch.save(found, place / f"rank-{found['rank']}.pt")
