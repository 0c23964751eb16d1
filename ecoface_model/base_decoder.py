"""Base decoder: the face that content, emotion and style alone ask for, without the latent (ours)."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from .condition_encoder import ConditionEncoder
from .config import MotionGeneratorConfig
from .core.constants import FEATURES_PER_FRAME
from .core.phones import PHONES
from .wavenet import WaveNet, cycled_dilations


@dataclass
class BaseFace:
    """What content, emotion and style alone ask for."""

    motion: Float[Tensor, "batch frames 53"]
    """Normalised."""
    closure: Float[Tensor, "batch frames"]
    """Logits of "P, B or M shuts the lips now"."""
    phones: Float[Tensor, "batch frames phones"]
    """Logits of the phone that is spoken."""


class BaseDecoder(nn.Module):
    """The face that content, emotion and style alone ask for (ours; see `MotionGenerator`)."""

    def __init__(self, config: MotionGeneratorConfig) -> None:
        super().__init__()
        self.condition = ConditionEncoder(config, config.condition_dim, with_style=True)
        self.from_content = nn.Conv1d(
            FEATURES_PER_FRAME * config.content_dim, config.hidden_dim, 3, padding=1
        )
        self.norm = nn.LayerNorm(config.hidden_dim)
        self.wavenet = WaveNet(
            config.hidden_dim,
            2 * config.condition_dim,
            config.kernel,
            cycled_dilations(config, config.n_steady_layers),
        )
        self.to_motion = nn.Conv1d(config.hidden_dim, config.motion_dim, 1)
        self.to_closure = nn.Conv1d(config.hidden_dim, 1, 1)
        self.to_phones = nn.Conv1d(config.hidden_dim, len(PHONES), 1)

    def forward(
        self,
        content: Float[Tensor, "batch features content"],
        emotion: Float[Tensor, "batch features emotion"],
        style: Float[Tensor, "batch styles"],
    ) -> BaseFace:
        x = self.from_content(_per_frame(content)).relu()  # (B, hidden, T)
        hidden = self.wavenet(self.norm(x.mT).mT, self.condition(content, emotion, style)).relu()
        return BaseFace(
            motion=self.to_motion(hidden).mT,
            closure=self.to_closure(hidden)[:, 0],
            phones=self.to_phones(hidden).mT,
        )


def _per_frame(features: Float[Tensor, "batch features dim"]) -> Float[Tensor, "batch wide frames"]:
    """The two 50 Hz steps of each frame side by side: (B, 2T, F) -> (B, 2F, T)."""
    batch, steps, dim = features.shape
    return features.reshape(batch, steps // FEATURES_PER_FRAME, FEATURES_PER_FRAME * dim).mT
