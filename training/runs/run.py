"""A training run's folder: its config, its log and plot, its checkpoints, and how an interrupted run goes on.

Every draw of a step comes from `step_generator(seed, step)` and `seed_step`, so no random state needs to be
stored: a resumed run repeats the run that was never stopped, bit for bit. With several processes
(`processes`) the main one alone writes; all of them call the same methods at the same steps.
"""

import csv
import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.errors import EcoFaceError
from training.runs.batch_norm import over_whole_batch
from training.runs.processes import Processes

Batch = TypeVar("Batch")

CHECKPOINT, LOG, PLOT, CONFIG = "checkpoint.safetensors", "log.csv", "losses.png", "config.json"


class RunError(EcoFaceError):
    """A run cannot start, go on or end as asked; the message says why in one sentence."""


class Run:
    """One folder per training run: config.json, log.csv, losses.png, checkpoint.safetensors."""

    def __init__(self, folder: Path, config: Any, device: str | None = None) -> None:
        """Open a run's folder, new or interrupted, and join the other processes on `device`.

        Raises:
            RunError: if the folder holds a run of another config.
        """
        self.folder, self.processes = folder, Processes(device)
        text = json.dumps(dataclasses.asdict(config), indent=2, default=str)
        path = folder / CONFIG
        if self.processes.is_main:
            folder.mkdir(parents=True, exist_ok=True)
            for unfinished in (*folder.glob(".*.partial.*"), *folder.glob(".tmp*")):
                unfinished.unlink()  # ours and safetensors' own, of a run that was killed while it wrote
            if not path.exists():
                with atomic_write(path) as temporary:
                    temporary.write_text(text)
        self.processes.wait()
        if not path.exists():
            raise RunError(
                f"expected the main process's {path}, found none; put the run's folder on a disk that all "
                f"machines share"
            )
        if path.read_text() != text:
            raise RunError(
                f"expected a run of this config in {folder}, found another: take another folder or delete it"
            )

    def descend(
        self,
        loss: Float[Tensor, ""],
        losses: Mapping[str, Tensor],
        parameters: Iterable[nn.Parameter],
        optimizer: torch.optim.Optimizer,
        clip: float,
        step: int,
        batch_ids: Sequence[str],
    ) -> None:
        """One step down the gradient of all processes' mean loss; `clip` bounds the norm over `parameters`.

        `losses` are the terms that `loss` is made of, `batch_ids` the clips that this process computed.

        Raises:
            RunError: if the loss or its gradient is not finite, naming step, terms and clips; the weights
                are left as they were.
        """
        if not math.isfinite(loss.item()):
            broken = [f"{name} = {value.item()}" for name, value in losses.items() if not value.isfinite()]
            raise _not_finite("a finite loss", broken or [f"loss = {loss.item()}"], step, batch_ids)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.processes.average([p for group in optimizer.param_groups for p in group["params"]])
        norm = nn.utils.clip_grad_norm_(parameters, clip)
        if not norm.isfinite():
            raise _not_finite("a finite gradient", [f"norm = {norm.item()}"], step, batch_ids)
        optimizer.step()

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Append one row to log.csv: each value's mean over the processes.

        Raises:
            RunError: if a value is not finite, naming it and the step.
        """
        values = self.processes.means(values)
        for name, value in values.items():
            if not math.isfinite(value):
                raise RunError(
                    f"expected finite losses, found {name} = {value} at step {step}; lower the learning rate"
                )
        if not self.processes.is_main:
            return
        path, header = self.folder / LOG, ["step", *values]
        if path.exists():
            with path.open(newline="") as file:
                assert next(csv.reader(file)) == header, "a run logs the same values every time"
        else:
            path.write_text(",".join(header) + "\n")
        with path.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow([step, *(f"{v:.6g}" for v in values.values())])

    def plot(self) -> Path:
        """Draw every column of log.csv over the steps."""
        path = self.folder / PLOT
        if self.processes.is_main:
            draw_log(self.folder / LOG, path)
        return path

    def save(self, step: int, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> None:
        """Replace the checkpoint, at once or not at all: parameters, buffers, the optimizer's state."""
        if self.processes.is_main:
            tensors = {
                f"{name}/{key}": value
                for name, module in modules.items()
                for key, value in module.state_dict().items()
            }
            for index, state in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer/{index}/{key}": torch.as_tensor(v) for key, v in state.items()}
            with atomic_write(self.folder / CHECKPOINT) as temporary:
                save_file(_apart(tensors), temporary, {"step": str(step)})
        self.processes.wait()

    def resume(self, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> int:
        """Load the checkpoint, if there is one, cut the log to its step, and return the steps already done.

        From here on, batch normalisation in the modules sees the rows of all processes.

        Raises:
            RunError: if the processes do not see the same checkpoint.
        """
        path = self.folder / CHECKPOINT
        step, states = _read_checkpoint(path) if path.exists() else (0, {})
        if self.processes.means({"step": float(step)})["step"] != step:
            raise RunError(
                f"expected one checkpoint in {self.folder}, found other steps than {step} elsewhere; "
                f"put the run's folder on a disk that all machines share"
            )
        if self.processes.is_main:
            _cut_log(self.folder / LOG, step)
        self.processes.wait()
        for module in modules.values():
            over_whole_batch(module, self.processes)
        if not step:
            return 0
        for name, module in modules.items():
            module.load_state_dict(states[name])
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in states.get("optimizer", {}).items():
            index, name = key.split("/")
            moments.setdefault(int(index), {})[name] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": moments, "param_groups": groups})
        return step


def draw_log(log: Path, picture: Path) -> None:
    """A small plot per column of a log, four in a row."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with log.open(newline="") as file:
        names, *rows = list(csv.reader(file))
    table = np.array(rows, dtype=float)
    n_columns = 4
    n_rows = math.ceil((len(names) - 1) / n_columns)
    figure, axes = pyplot.subplots(n_rows, n_columns, figsize=(16, 2.6 * n_rows), squeeze=False)
    for axis in axes.flat[len(names) - 1 :]:
        axis.set_visible(False)
    for axis, name, column in zip(axes.flat, names[1:], table.T[1:], strict=False):
        axis.plot(table[:, 0], column, linewidth=1)
        axis.set_title(name, fontsize=9)
    figure.tight_layout()
    with atomic_write(picture) as temporary:
        figure.savefig(temporary, dpi=80)
    pyplot.close(figure)


def _not_finite(wanted: str, found: Sequence[str], step: int, batch_ids: Sequence[str]) -> RunError:
    return RunError(
        f"expected {wanted}, found {', '.join(found)} at step {step} on the clips {', '.join(batch_ids)}; "
        f"look at these clips, or lower the learning rate"
    )


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that share no memory, as the file format wants them."""
    apart, seen = {}, set()
    for name, tensor in tensors.items():
        memory = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if memory in seen else tensor.contiguous()
        seen.add(memory)
    return apart


def _read_checkpoint(path: Path) -> tuple[int, dict[str, dict[str, Tensor]]]:
    """The steps done, and every module's tensors by its name."""
    states: dict[str, dict[str, Tensor]] = {}
    with safe_open(path, "pt") as file:
        for key in file.keys():  # noqa: SIM118 - not a dict
            owner, rest = key.split("/", 1)
            states.setdefault(owner, {})[rest] = file.get_tensor(key)
        return int(file.metadata()["step"]), states


def _cut_log(path: Path, last_step: int) -> None:
    """Drop the rows of steps that will be done again, and what an interruption left of a row."""
    if not path.exists():
        return
    with path.open(newline="") as file:
        header, *rows = list(csv.reader(file))
    kept = [row for row in rows if len(row) == len(header) and int(row[0]) <= last_step]
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *kept])


def step_generator(seed: int, step: int) -> np.random.Generator:
    """The one source of a step's draws on the CPU: crops, pairs, noise levels."""
    return np.random.default_rng([seed, step])


def drawn_ahead(
    draw: Callable[[np.random.Generator, int], Batch], seed: int, first: int, n_steps: int
) -> Iterator[tuple[int, Batch]]:
    """Steps with their batches; the next one is drawn in a thread while this one is computed."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(draw, step_generator(seed, first), first)
        for step in range(first, n_steps + 1):
            drawn = coming.result()
            if step < n_steps:
                coming = thread.submit(draw, step_generator(seed, step + 1), step + 1)
            yield step, drawn


def seed_step(seed: int, step: int) -> None:
    """Seed torch's own draws (posterior samples, dropout) for one step."""
    torch.manual_seed(seed * 1_000_003 + step)


def warm_up_then_cosine(step: int, n_steps: int, warm_up: int) -> float:
    """Factor of the learning rate: linear from 0 over `warm_up` steps, then a cosine down to 0.02."""
    if step < warm_up:
        return (step + 1) / warm_up
    progress = (step - warm_up) / max(1, n_steps - warm_up)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
