"""The one place that knows of other processes: any number of GPUs and machines, through accelerate.

Every process draws the same whole batch from `step_generator(seed, step)` and computes the rows of `share`.
What needs the whole batch (contrast, triplets) is computed in every process on `gather`ed features; all else
is a mean over the own rows. In both cases `average` leaves every process with the gradient that one process
alone would have found, so weights and optimizers stay the same everywhere, with no wrapper around networks.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from ecoface_model.core.errors import EcoFaceError
from ecoface_model.device import choose_device, training_precision


class ProcessesError(EcoFaceError):
    """The processes cannot work together as they were launched."""


class Processes:
    """This process among its like; alone unless `accelerate launch` started it."""

    device: torch.device
    rank: int
    n: int
    is_main: bool

    def __init__(self, device: str | None = None) -> None:
        """Join the others. `device` as in `choose_device`; several GPUs of a machine go one to each process.

        Raises:
            RequestError: if the device is not there.
            ProcessesError: if `accelerate launch` was told of another kind of device.
        """
        from accelerate import PartialState  # seconds: not where only inference is wanted

        chosen = choose_device(device)
        self._state = PartialState(cpu=chosen.type == "cpu")
        if self._state.device.type != chosen.type:
            raise ProcessesError(
                f"expected accelerate on {chosen.type}, found it on {self._state.device.type}; "
                f"say --device {self._state.device.type} too"
            )
        self.rank, self.n = self._state.process_index, self._state.num_processes
        self.is_main = self._state.is_main_process
        if self.n > 1 and chosen.type != "cpu":
            chosen = torch.device(chosen.type, self._state.local_process_index)
        self.device = chosen

    def share(self, size: int) -> slice:
        """The rows of the whole batch that this process computes.

        Raises:
            ProcessesError: if `size` rows cannot be shared evenly: the mean of means would be another one.
        """
        if size % self.n:
            raise ProcessesError(
                f"expected a batch that {self.n} processes share evenly, found {size}; "
                f"take a multiple of {self.n}"
            )
        rows = size // self.n
        return slice(self.rank * rows, (self.rank + 1) * rows)

    def weight(self, mask: Shaped[Tensor, "batch *rest"]) -> float:
        """What a mean over the own rows' mask must be multiplied by to average to the mean over all rows.

        `mask` is the whole batch's: real frames are not spread evenly over the processes.
        """
        whole = float(mask.sum())
        return self.n * float(mask[self.share(len(mask))].sum()) / whole if whole else 1.0

    def autocast(self) -> AbstractContextManager[object]:
        """Mixed precision (bfloat16) on CUDA; elsewhere, no change."""
        return training_precision(self.device)

    def gather(self, features: Shaped[Tensor, "own *rest"]) -> Shaped[Tensor, "all *rest"]:
        """Rows of all processes in the order of the whole batch, with gradient to the own rows."""
        if self.n == 1:
            return features
        gathered: Tensor = _Gather.apply(features, self)  # type: ignore[no-untyped-call]
        return gathered

    def total(self, values: Shaped[Tensor, "*shape"]) -> Shaped[Tensor, "*shape"]:
        """Sum over processes, without gradient."""
        return self._reduced(values, "sum")

    @torch.no_grad()
    def average(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give every process the mean of all processes' gradients, by one all-reduce.

        Where only some processes have a gradient, the others count as zero; where none has, none gets one.
        """
        if self.n == 1 or not parameters:
            return
        present = [float(parameter.grad is not None) for parameter in parameters]
        flat = torch.cat(
            [
                *(
                    torch.zeros_like(parameter).ravel() if parameter.grad is None else parameter.grad.ravel()
                    for parameter in parameters
                ),
                torch.tensor(present, device=parameters[0].device),
            ]
        )
        sizes = [*(parameter.numel() for parameter in parameters), len(parameters)]
        *means, present_anywhere = torch.split(self._reduced(flat, "mean"), sizes)
        for parameter, mean, anywhere in zip(parameters, means, present_anywhere.tolist(), strict=True):
            if anywhere:
                parameter.grad = mean.view_as(parameter)

    def means(self, values: Mapping[str, float]) -> dict[str, float]:
        """The mean of each value over processes."""
        if self.n == 1:
            return dict(values)
        stacked = torch.tensor(list(values.values()), dtype=torch.float32, device=self.device)
        return dict(zip(values, self._reduced(stacked, "mean").tolist(), strict=True))

    def wait(self) -> None:
        """Go on when all processes are here."""
        self._state.wait_for_everyone()

    def _reduced(self, values: Tensor, by: str) -> Tensor:
        from accelerate.utils import reduce

        reduced: Tensor = reduce(values.contiguous(), by)
        return reduced


class _Gather(torch.autograd.Function):
    """All rows forward; backward, the own rows' part of every process's gradient, summed."""

    @staticmethod
    def forward(ctx: Any, features: Float[Tensor, "own *rest"], processes: Processes) -> Tensor:
        from accelerate.utils import gather

        ctx.processes, ctx.n_rows = processes, len(features)
        gathered: Tensor = gather(features.detach())
        return gathered

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        processes: Processes = ctx.processes
        summed = processes.total(gradients[0])
        return summed[processes.share(ctx.n_rows * processes.n)], None
