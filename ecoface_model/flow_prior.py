"""Flow prior: noise as latents, given the speech (Fig. 6c), and the noise it starts from."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from .config import MotionGeneratorConfig
from .noise import slowed
from .wavenet import WaveNet


class FlowPrior(nn.Module):
    """Volume-preserving flow between posterior and prior latents, given the speech (Fig. 6c).

    Each coupling shifts one half of the channels by a function of the other half; its log-determinant is 0.
    """

    def __init__(self, config: MotionGeneratorConfig, condition_dim: int) -> None:
        super().__init__()
        self.n_slow_channels, self.slow_correlation = config.n_slow_channels, config.slow_correlation
        half, hidden = config.latent_dim // 2, config.flow_hidden_dim
        self.widen = nn.ModuleList(nn.Conv1d(half, hidden, 1) for _ in range(config.n_couplings))
        self.wavenets = nn.ModuleList(
            WaveNet(hidden, condition_dim, config.flow_kernel, (1,) * config.n_flow_layers)
            for _ in range(config.n_couplings)
        )
        self.to_shift = nn.ModuleList(nn.Conv1d(hidden, half, 1) for _ in range(config.n_couplings))
        for parameter in self.to_shift.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self, z: Float[Tensor, "batch latent steps"], condition: Float[Tensor, "batch condition steps"]
    ) -> Float[Tensor, "batch latent steps"]:
        """Posterior space -> prior space."""
        for i in range(len(self.wavenets)):
            kept, moved = z.chunk(2, dim=1)
            z = torch.cat([kept, moved + self._shift(i, kept, condition)], dim=1).flip(1)
        return z

    def inverse(
        self, z: Float[Tensor, "batch latent steps"], condition: Float[Tensor, "batch condition steps"]
    ) -> Float[Tensor, "batch latent steps"]:
        """Prior space -> posterior space, the way of inference."""
        for i in reversed(range(len(self.wavenets))):
            kept, moved = z.flip(1).chunk(2, dim=1)
            z = torch.cat([kept, moved - self._shift(i, kept, condition)], dim=1)
        return z

    def log_density(
        self, z_prior: Float[Tensor, "batch steps latent"]
    ) -> Float[Tensor, "batch steps latent"]:
        """Log-density of each number under the prior's noise; of slow channels, given the step before."""
        slow = self.n_slow_channels
        mean, sigma = torch.zeros_like(z_prior), torch.ones_like(z_prior)
        mean[:, 1:, :slow] = self.slow_correlation * z_prior[:, :-1, :slow]
        sigma[:, 1:, :slow] = math.sqrt(1 - self.slow_correlation**2)
        return -0.5 * ((z_prior - mean) / sigma) ** 2 - sigma.log() - 0.5 * math.log(2 * math.pi)

    def _shift(self, i: int, kept: Tensor, condition: Tensor) -> Tensor:
        shift: Tensor = self.to_shift[i](self.wavenets[i](self.widen[i](kept), condition))
        return shift


def draw_noise(
    config: MotionGeneratorConfig,
    n_steps: int,
    generator: torch.Generator,
    temperature: float = 1.0,
    batch: int = 1,
) -> Float[Tensor, "batch steps latent"]:
    """Noise of the prior on the CPU, the same on every device: white, or AR(1) on the slow channels."""
    noise = torch.randn(batch, n_steps, config.latent_dim, generator=generator).numpy()
    clips = [slowed(clip, config.n_slow_channels, config.slow_correlation) for clip in noise]
    return temperature * torch.from_numpy(np.stack(clips))
