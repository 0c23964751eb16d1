"""A training run's folder: its config, its log and plot, its checkpoints, and how an interrupted run goes on.

Every draw of a step comes from `step_generator(seed, step)` and `seed_step`, so no random state needs to be
stored: a resumed run repeats the run that was never stopped, bit for bit.
"""

import csv
import dataclasses
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

CHECKPOINT = "checkpoint.safetensors"


class RunError(ValueError):
    """A run cannot start, go on or end as asked; the message says why in one sentence."""


class Run:
    """One folder per training run: config.json, log.csv, losses.png, checkpoint.safetensors."""

    def __init__(self, folder: Path, config: Any) -> None:
        """Open a run's folder, new or interrupted.

        Raises:
            RunError: if the folder holds a run of another config.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(dataclasses.asdict(config), indent=2, default=str)
        path = folder / "config.json"
        if path.exists() and path.read_text() != text:
            raise RunError(
                f"expected a run of this config in {folder}, found another: take another folder or delete it"
            )
        path.write_text(text)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Append one row to log.csv; rows of a step that was redone after an interruption stand twice.

        Raises:
            RunError: if a value is not finite, naming it and the step.
        """
        for name, value in values.items():
            if not math.isfinite(value):
                raise RunError(
                    f"expected finite losses, found {name} = {value} at step {step}; lower the learning rate"
                )
        path = self.folder / "log.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", *values])
            writer.writerow([step, *(f"{value:.6g}" for value in values.values())])

    def plot(self) -> Path:
        """Draw every column of log.csv over the steps."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        with (self.folder / "log.csv").open() as file:
            names, *rows = list(csv.reader(file))
        table = np.array(rows, dtype=float)
        n_columns = 4
        n_rows = math.ceil((len(names) - 1) / n_columns)
        figure, axes = pyplot.subplots(n_rows, n_columns, figsize=(16, 2.6 * n_rows), squeeze=False)
        for axis, name, column in zip(axes.flat, names[1:], table.T[1:], strict=False):
            axis.plot(table[:, 0], column, linewidth=1)
            axis.set_title(name, fontsize=9)
        figure.tight_layout()
        path = self.folder / "losses.png"
        figure.savefig(path, dpi=80)
        pyplot.close(figure)
        return path

    def save(self, step: int, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> None:
        """Replace the checkpoint, at once or not at all."""
        tensors = {
            f"{name}/{key}": value.contiguous()
            for name, module in modules.items()
            for key, value in module.state_dict().items()
        }
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{index}/{key}": torch.as_tensor(value) for key, value in state.items()}
        temporary = self.folder / f"{CHECKPOINT}.part"
        save_file({key: value.clone() for key, value in tensors.items()}, temporary, {"step": str(step)})
        os.replace(temporary, self.folder / CHECKPOINT)

    def resume(self, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> int:
        """Load the checkpoint, if there is one, and return the steps already done."""
        path = self.folder / CHECKPOINT
        if not path.exists():
            return 0
        states: dict[str, dict[str, Tensor]] = {}
        with safe_open(path, "pt") as file:
            step = int(file.metadata()["step"])
            for key in file.keys():  # noqa: SIM118 - not a dict
                owner, rest = key.split("/", 1)
                states.setdefault(owner, {})[rest] = file.get_tensor(key)
        for name, module in modules.items():
            module.load_state_dict(states[name])
        adam: dict[int, dict[str, Tensor]] = {}
        for key, value in states.get("optimizer", {}).items():
            index, name = key.split("/")
            adam.setdefault(int(index), {})[name] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": adam, "param_groups": groups})
        return step


def step_generator(seed: int, step: int) -> np.random.Generator:
    """The one source of a step's draws on the CPU: crops, pairs, noise levels."""
    return np.random.default_rng([seed, step])


def seed_step(seed: int, step: int) -> None:
    """Seed torch's own draws (posterior samples, dropout) for one step."""
    torch.manual_seed(seed * 1_000_003 + step)


def warm_up_then_cosine(step: int, n_steps: int, warm_up: int) -> float:
    """Factor of the learning rate: linear from 0 over `warm_up` steps, then a cosine down to 0.02."""
    if step < warm_up:
        return (step + 1) / warm_up
    progress = (step - warm_up) / max(1, n_steps - warm_up)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
