"""What the speech asks of the motion generator: content and emotion as one condition (Sec. 3.3)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .config import MotionGeneratorConfig
from .core.constants import FEATURES_PER_FRAME


class ConditionEncoder(nn.Module):
    """Content and emotion at 2T -> one condition per frame, (B, 2 x condition, T).

    Content and emotion are each reduced by two convolutions, the second of which goes from 50 to 25 Hz. The
    style s is added to the features before (Sec. 3.3).
    Deviation: content and emotion may differ in width, so s is as wide as both together.
    """

    def __init__(self, config: MotionGeneratorConfig, condition_dim: int, *, with_style: bool) -> None:
        super().__init__()
        self.to_style = (
            nn.Linear(config.n_styles, config.content_dim + config.emotion_dim, bias=False)
            if with_style
            else None
        )
        self.reduce_content = _reduce(config.content_dim, condition_dim)
        self.reduce_emotion = _reduce(config.emotion_dim, condition_dim)

    def forward(
        self,
        content: Float[Tensor, "batch features content"],
        emotion: Float[Tensor, "batch features emotion"],
        style: Float[Tensor, "batch styles"] | None = None,
    ) -> Float[Tensor, "batch condition frames"]:
        """`style` holds weights of the training styles, one-hot for one of them."""
        if self.to_style is not None:
            assert style is not None
            s = self.to_style(style)[:, None]  # (B, 1, Fc + Fe)
            content = content + s[..., : content.shape[-1]]
            emotion = emotion + s[..., content.shape[-1] :]
        reduced = (self.reduce_content(content.mT), self.reduce_emotion(emotion.mT))
        return torch.cat(reduced, dim=1)


def _reduce(feature_dim: int, condition_dim: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(feature_dim, condition_dim, 3, padding=1),
        nn.ReLU(),
        nn.Conv1d(condition_dim, condition_dim, 2 * FEATURES_PER_FRAME, stride=FEATURES_PER_FRAME, padding=1),
    )


class SpeechCondition(nn.Module):
    """Content and emotion at 2T -> the condition of posterior and prior, one per latent step."""

    def __init__(self, config: MotionGeneratorConfig) -> None:
        super().__init__()
        both, q = 2 * config.condition_dim, config.stride
        self.per_frame = ConditionEncoder(config, config.condition_dim, with_style=False)
        self.compress = nn.Conv1d(both, both, 2 * q, stride=q, padding=q // 2)

    def forward(
        self,
        content: Float[Tensor, "batch features content"],
        emotion: Float[Tensor, "batch features emotion"],
    ) -> Float[Tensor, "batch condition steps"]:
        """Speech features come normalised."""
        condition: Tensor = self.compress(self.per_frame(content, emotion))
        return condition
