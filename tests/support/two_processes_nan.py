"""Two processes, one of which meets a NaN: for test_processes.py."""

import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from training.runs.run import Run


@dataclass(frozen=True)
class Config:
    """One run's."""


run = Run(Path(sys.argv[1]), Config(), "cpu")
weight = torch.nn.Parameter(torch.ones(1))
kl = (weight * (float("nan") if run.processes.rank == 1 else 1.0)).sum()
clips = [f"of process {run.processes.rank}"]
run.descend(kl, {"kl": kl}, [weight], torch.optim.SGD([weight], lr=1.0), 1.0, 1, clips)
print("step 1 is done")
