"""Posterior encoder: the motion's latent, as the motion itself shows it in training (Fig. 6, Eq. 8)."""

from jaxtyping import Float
from torch import Tensor, nn

from .config import MotionGeneratorConfig
from .wavenet import WaveNet, cycled_dilations

MIN_LOG_SIGMA, MAX_LOG_SIGMA = -6.0, 2.0  # keeps a young posterior away from overflow


class PosteriorEncoder(nn.Module):
    """Motion at T and speech -> mean and log standard deviation of z at T/q."""

    def __init__(self, config: MotionGeneratorConfig) -> None:
        super().__init__()
        hidden, q = config.hidden_dim, config.stride
        self.compress_motion = nn.Conv1d(config.motion_dim, hidden, 2 * q, stride=q, padding=q // 2)
        self.norm = nn.LayerNorm(hidden)
        dilations = cycled_dilations(config, config.n_encoder_layers)
        self.wavenet = WaveNet(hidden, 2 * config.condition_dim, config.kernel, dilations)
        self.to_stats = nn.Conv1d(hidden, 2 * config.latent_dim, 1)

    def forward(
        self, motion: Float[Tensor, "batch frames 53"], condition: Float[Tensor, "batch condition steps"]
    ) -> tuple[Float[Tensor, "batch steps latent"], Float[Tensor, "batch steps latent"]]:
        """Mean and log standard deviation of the posterior q(z | f, c, e) of normalised motion, Eq. (8)."""
        x = self.compress_motion(motion.mT).relu()  # (B, hidden, T/q)
        x = self.wavenet(self.norm(x.mT).mT, condition)
        mu, log_sigma = self.to_stats(x).mT.chunk(2, dim=-1)
        return mu, log_sigma.clamp(MIN_LOG_SIGMA, MAX_LOG_SIGMA)
