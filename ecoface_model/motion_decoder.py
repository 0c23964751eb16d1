"""Motion decoder: a latent as motion, in the style of a speaker (Fig. 6, Eq. 10)."""

from jaxtyping import Float
from torch import Tensor, nn

from .condition_encoder import ConditionEncoder
from .config import MotionGeneratorConfig
from .wavenet import WaveNet, cycled_dilations


class MotionDecoder(nn.Module):
    """z at T/q, speech and style -> normalised motion at T."""

    def __init__(self, config: MotionGeneratorConfig) -> None:
        super().__init__()
        hidden, q = config.hidden_dim, config.stride
        self.condition = ConditionEncoder(config, config.condition_dim, with_style=True)
        self.expand_latent = nn.ConvTranspose1d(config.latent_dim, hidden, q, stride=q)
        self.norm = nn.LayerNorm(hidden)
        dilations = cycled_dilations(config, config.n_decoder_layers)
        self.wavenet = WaveNet(hidden, 2 * config.condition_dim, config.kernel, dilations)
        self.to_motion = nn.Conv1d(hidden, config.motion_dim, 1)

    def forward(
        self,
        z: Float[Tensor, "batch steps latent"],
        content: Float[Tensor, "batch features content"],
        emotion: Float[Tensor, "batch features emotion"],
        style: Float[Tensor, "batch styles"],
    ) -> Float[Tensor, "batch frames 53"]:
        """Normalised motion of a latent, Eq. (10); speech features come normalised."""
        x = self.expand_latent(z.mT).relu()  # (B, hidden, T)
        x = self.wavenet(self.norm(x.mT).mT, self.condition(content, emotion, style))
        motion: Tensor = self.to_motion(x.relu()).mT
        return motion
