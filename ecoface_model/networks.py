"""The networks of one model together (Fig. 1a): content, emotion, and the motion they make."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecoface_model.classifier import EmotionClassifier
from ecoface_model.config import EcoFaceConfig
from ecoface_model.content import WhisperContent, build_content
from ecoface_model.core.constants import FEATURES_PER_FRAME
from ecoface_model.core.errors import RequestError
from ecoface_model.emotion import WhisperEmotion, build_emotion, rows_of_states
from ecoface_model.motion_generator import MotionGenerator
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from ecoface_model.visual import VisualEmotion
from ecoface_model.wavenet import fold_weight_norm

Measured = Tensor
"""What the encoders measured of a whole clip."""


class Networks(nn.Module):
    """Everything that is trained or frozen in a model file; weights random until loaded."""

    def __init__(self, config: EcoFaceConfig) -> None:
        super().__init__()
        self.config = config
        self.content = build_content(config.content)
        self.emotion = build_emotion(config.emotion, self.content)
        self.classifier = EmotionClassifier.of(config.emotion, self.emotion.row_dim)
        self.visual = VisualEmotion(config.visual)
        self.generator = MotionGenerator(config.generator)
        fold_weight_norm(self.generator)

    def measure(self, waveform: Float[Tensor, "batch samples"]) -> Measured:
        """What the windows of a clip must know of all of it; both encoders take the same."""
        return self.content.measure(waveform)

    def hear(
        self,
        waveform: Float[Tensor, "1 samples"],
        measured: Measured,
        baseline: VoiceBaseline | None = None,
    ) -> tuple[Float[Tensor, "1 steps content"], Float[Tensor, "1 steps evidence"]]:
        """Content of a window, and the classifier's evidence; the front that both encoders share is run once.

        Raises:
            RequestError: if a voice baseline is not one of this model's.
        """
        if isinstance(self.emotion, WhisperEmotion):
            assert isinstance(self.content, WhisperContent)
            states = self.content.hidden_states(waveform, measured)  # (1, S, 2T, W)
            return states[:, -1], self.labels(rows_of_states(states), *self._baseline(baseline, states))
        _expect_no_baseline(baseline)
        from ecoface_model.hubert import hear_both

        content, rows = hear_both(self.content, self.emotion, waveform, measured)
        return content, self.labels(rows)

    def listen(
        self,
        waveform: Float[Tensor, "1 samples"],
        measured: Measured,
        baseline: VoiceBaseline | None = None,
    ) -> Float[Tensor, "1 steps evidence"]:
        """The evidence alone; of two HuBERTs, as the paper has them, the one for content is not asked.

        Raises:
            RequestError: as `hear`.
        """
        if isinstance(self.emotion, WhisperEmotion):
            return self.hear(waveform, measured, baseline)[1]
        _expect_no_baseline(baseline)
        return self.labels(self.emotion.front_rows(waveform, measured))

    def labels(
        self, rows: Float[Tensor, "1 frames row"], *baseline: Tensor | None
    ) -> Float[Tensor, "1 steps evidence"]:
        """Evidence for the labels, of what the front gives and a voice baseline as `of_front` takes it."""
        features = self.emotion.of_front(rows, *baseline)
        told = self.classifier.of_rows(self.emotion.relative(rows, *baseline))
        return self.classifier.evidence(features, told.repeat_interleave(FEATURES_PER_FRAME, dim=1))

    def sum_of_states(
        self, waveform: Float[Tensor, "1 samples"], measured: Measured, speech: Float[Tensor, " steps"]
    ) -> Float[Tensor, "states width"]:
        """Sum over a window's speech of the front's states, of which a voice baseline is made.

        Raises:
            RequestError: if the model knows no voice baseline.
        """
        if not isinstance(self.content, WhisperContent):
            raise RequestError("expected a model that knows voice baselines, found one without; leave it out")
        states = self.content.hidden_states(waveform, measured).float()  # (1, S, 2T, W)
        return (states * speech[:, None]).sum(dim=(0, 2))

    def _baseline(
        self, baseline: VoiceBaseline | None, states: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """As `WhisperEmotion.of_front` takes it."""
        if baseline is None:
            return None, None, None
        flat, number, trust = baseline.as_inputs(states.shape[1], states.shape[3])
        usual = torch.from_numpy(np.array(flat)).to(states)[None]
        return usual, torch.tensor([number], device=states.device), states.new_tensor([trust])

    def own_state(self) -> dict[str, Tensor]:
        """The state dict, where a tensor that two networks share stands once."""
        seen: set[int] = set()
        own = {}
        for name, tensor in self.state_dict(keep_vars=True).items():
            if id(tensor) not in seen:
                own[name] = tensor.detach()
            seen.add(id(tensor))
        return own


def _expect_no_baseline(baseline: VoiceBaseline | None) -> None:
    if baseline is not None:
        raise RequestError("expected no voice baseline, as this model knows none, found one; leave it out")
