"""Condition-WaveNet, of which every part of the motion generator is made (App. A.2)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from .config import MotionGeneratorConfig


class WaveNet(nn.Module):
    """Condition-WaveNet (App. A.2): dilated convolutions, tanh x sigmoid gates, skip sum."""

    def __init__(self, hidden_dim: int, condition_dim: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.dilated = nn.ModuleList(
            weight_norm(
                nn.Conv1d(hidden_dim, 2 * hidden_dim, kernel, dilation=d, padding=d * (kernel - 1) // 2)
            )
            for d in dilations
        )
        self.condition = nn.ModuleList(
            weight_norm(nn.Conv1d(condition_dim, 2 * hidden_dim, 1)) for _ in dilations
        )
        self.residual_skip = nn.ModuleList(
            weight_norm(nn.Conv1d(hidden_dim, 2 * hidden_dim, 1)) for _ in dilations
        )

    def forward(
        self, x: Float[Tensor, "batch hidden time"], condition: Float[Tensor, "batch condition time"]
    ) -> Float[Tensor, "batch hidden time"]:
        skips = torch.zeros_like(x)
        for dilated, to_condition, residual_skip in zip(
            self.dilated, self.condition, self.residual_skip, strict=True
        ):
            signal, gate = (dilated(x) + to_condition(condition)).chunk(2, dim=1)
            residual, skip = residual_skip(signal.tanh() * gate.sigmoid()).chunk(2, dim=1)
            x = (x + residual) * math.sqrt(0.5)
            skips = skips + skip
        return skips


def cycled_dilations(config: MotionGeneratorConfig, n_layers: int) -> tuple[int, ...]:
    return tuple(config.dilations[i % len(config.dilations)] for i in range(n_layers))


def fold_weight_norm(module: nn.Module) -> None:
    """Turn weight-normalised convolutions into plain ones: the form that is stored and run after training."""
    for layer in module.modules():
        if is_parametrized(layer, "weight"):
            remove_parametrizations(layer, "weight")
