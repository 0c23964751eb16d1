"""The networks of one model together (Fig. 1a): content, emotion, and the motion they make."""

from jaxtyping import Float
from torch import Tensor, nn

from ecoface_model.config import EcoFaceConfig
from ecoface_model.content import build_content
from ecoface_model.emotion import build_emotion
from ecoface_model.generator_blocks import fold_weight_norm
from ecoface_model.hearing import Hearing
from ecoface_model.motion_generator import MotionGenerator
from ecoface_model.visual import VisualEmotion

Measured = tuple[Tensor, Tensor]
"""What content and emotion encoder measured of a whole clip."""


class Networks(nn.Module):
    """Everything that is trained or frozen in a model file; weights random until loaded."""

    def __init__(self, config: EcoFaceConfig) -> None:
        super().__init__()
        self.config = config
        self.content = build_content(config.content)
        self.emotion = build_emotion(config.emotion, self.content)
        self.hearing = Hearing(config.emotion.feature_dim)
        self.visual = VisualEmotion(config.visual)
        self.generator = MotionGenerator(config.generator)
        fold_weight_norm(self.generator)

    def measure(self, waveform: Float[Tensor, "batch samples"]) -> Measured:
        """What the windows of a clip must know of all of it."""
        return self.content.measure(waveform), self.emotion.measure(waveform)

    def hear(
        self, waveform: Float[Tensor, "batch samples"], measured: Measured
    ) -> tuple[Float[Tensor, "batch steps content"], Float[Tensor, "batch steps emotion"]]:
        """Content and emotion of a window; the frontend that two HuBERTs share is run once."""
        if self.config.content.kind == self.config.emotion.kind == "hubert":
            from ecoface_model.hubert import hear_both

            return hear_both(self.content, self.emotion, waveform, measured[0])
        return self.content(waveform, measured[0]), self.emotion(waveform, measured[1])

    def own_state(self) -> dict[str, Tensor]:
        """The state dict, where a tensor that two networks share stands once."""
        seen: set[int] = set()
        own = {}
        for name, tensor in self.state_dict(keep_vars=True).items():
            if id(tensor) not in seen:
                own[name] = tensor.detach()
            seen.add(id(tensor))
        return own
