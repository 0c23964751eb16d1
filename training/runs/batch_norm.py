"""Batch normalisation over the whole batch, when several processes each compute a part of it.

PyTorch's SyncBatchNorm does so on GPUs only; here the CPU gives the same numbers by the same code.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from training.runs.processes import Processes


class WholeBatchNorm(_BatchNorm):
    """BatchNorm of any number of dimensions whose mean and variance are those of all processes' rows."""

    def __init__(self, like: _BatchNorm, processes: Processes) -> None:
        super().__init__(like.num_features, like.eps, like.momentum, like.affine, like.track_running_stats)
        self.weight, self.bias = like.weight, like.bias
        self.running_mean, self.running_var = like.running_mean, like.running_var
        self.num_batches_tracked = like.num_batches_tracked
        self.processes = processes

    def _check_input_dim(self, input: Tensor) -> None:
        """Any shape with channels second."""

    def forward(self, input: Float[Tensor, "own channel *rest"]) -> Float[Tensor, "own channel *rest"]:
        """Normalised by the whole batch in training, by the running statistics in use."""
        if not self.training:
            return super().forward(input)
        x = input.float()
        dims = [dim for dim in range(x.ndim) if dim != 1]
        shape = [1, -1, *[1] * (x.ndim - 2)]
        n = x.numel() // x.shape[1] * self.processes.n
        mean = _total(x.sum(dims), self.processes) / n  # (C,)
        centred = x - mean.view(shape)
        variance = _total(centred.square().sum(dims), self.processes) / n  # (C,)
        self._remember(mean.detach(), variance.detach() * n / max(1, n - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(shape) + self.bias.view(shape)).to(input.dtype)

    def _remember(self, mean: Float[Tensor, " channel"], variance: Float[Tensor, " channel"]) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def over_whole_batch(module: nn.Module, processes: Processes) -> None:
    """Let all batch normalisation in `module` see the whole batch; alone, nothing changes."""
    if processes.n == 1:
        return
    for owner in list(module.modules()):
        for name, child in list(owner.named_children()):
            if isinstance(child, _BatchNorm):
                setattr(owner, name, WholeBatchNorm(child, processes))


def _total(values: Float[Tensor, " channel"], processes: Processes) -> Float[Tensor, " channel"]:
    total: Tensor = _Total.apply(values, processes)  # type: ignore[no-untyped-call]
    return total


class _Total(torch.autograd.Function):
    """Sum over processes; backward, the sum of every process's gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, processes: Processes) -> Tensor:
        ctx.processes = processes
        return processes.total(values.detach())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.processes.total(gradients[0]), None
