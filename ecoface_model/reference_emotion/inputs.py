"""The doors by which an emotion comes in: labels, a voice that is heard, a performance that is seen."""

from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model.checkpoint import Model
from ecoface_model.core.constants import FEATURES_PER_FRAME, FRAME_RATE
from ecoface_model.core.emotion_label import EmotionLabel, EmotionTrack
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.device import full_precision
from ecoface_model.flame import FlameHead
from ecoface_model.reference_emotion.sources import (
    EmotionSource,
    MixedEmotion,
    ReferenceEmotion,
    SteadyEmotion,
    mixed,
    visual_to_audio,
)
from ecoface_model.reference_emotion.speech_emotion import SpeechEmotion
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from ecoface_model.renderer.grey import GreyFaces
from ecoface_model.windowed_encoder import Progress, WindowedEncoder

BLINK_FREE = 11
"""Points at 10 Hz over which a seen performance's mood is taken: a blink is less than half of them."""

Asked = str | EmotionTrack | EmotionSource | None
Reference = NDArray[np.float32] | FlameMotion | None


class EmotionInputs:
    """What a model makes of an emotion that is asked for."""

    def __init__(self, model: Model, encoder: WindowedEncoder, head: FlameFile | None) -> None:
        """`head` is the model's, if it is one that can be seen."""
        self.model, self.encoder, self.head = model, encoder, head
        self.prototypes = model.prototypes.to(encoder.device)

    def source(
        self,
        emotion: Asked,
        emotion_from: Reference,
        baseline: VoiceBaseline | None,
        frames: int,
        progress: Progress | None,
    ) -> tuple[EmotionSource | None, SpeechEmotion | None]:
        """What was asked for, None being the speech itself; and what was heard in a reference."""
        if emotion is not None and emotion_from is not None:
            raise RequestError("expected an emotion or a clip to take it from, found both; leave one out")
        if isinstance(emotion, str | EmotionTrack):
            return self.named(emotion), None
        n_steps = FEATURES_PER_FRAME * frames
        if isinstance(emotion_from, FlameMotion):
            return ReferenceEmotion(self.of_motion(emotion_from, progress), n_steps), None
        if emotion_from is not None:
            heard = self.encoder.listen(emotion_from, baseline, progress)
            return ReferenceEmotion(self.of_speech(heard), n_steps), heard
        return emotion, None

    def named(self, emotion: str | EmotionTrack) -> EmotionSource:
        """Of one label, or of labels over time."""
        if isinstance(emotion, str) and "@" not in emotion:
            return SteadyEmotion(self.prototypes, EmotionLabel.parse(emotion))
        track = EmotionTrack.parse(emotion) if isinstance(emotion, str) else emotion
        return MixedEmotion(self.prototypes, track)

    def of_speech(self, heard: SpeechEmotion) -> Float[Tensor, "points feature"]:
        """Features of the labels that a voice's emotion is like, mixed, at 10 Hz."""
        device = self.encoder.device
        shares, intensity = torch.from_numpy(heard.shares), torch.from_numpy(heard.intensity)
        return mixed(self.prototypes, shares.to(device), intensity.to(device))

    def of_motion(
        self, performance: FlameMotion, progress: Progress | None
    ) -> Float[Tensor, "points feature"]:
        """What the visual encoder sees of a performance, at 10 Hz, as its mood is heard in speech."""
        owner, device = performance.metadata.get("head"), self.encoder.device
        if self.head is None or owner != self.head.name:
            raise RequestError(
                f"expected a performance of '{self.model.info['head']}', as a head that EcoFace knows, "
                f"found one of '{owner}'; give its sound instead"
            )
        motion = torch.from_numpy(performance.resample(float(FRAME_RATE)).motion).to(device)
        with full_precision(device):
            seen = self.encoder.from_motion(self._faces, motion, progress)
        return visual_to_audio(
            _median_in_time(seen), self.model.visual_prototypes.to(device), self.prototypes
        )

    @cached_property
    def _faces(self) -> GreyFaces:
        """How a performance is looked at; made when the first one is, as that takes a second."""
        assert self.head is not None
        size = self.model.networks.config.visual.image_size
        return GreyFaces(FlameHead.from_file(self.head), size).to(self.encoder.device)


def _median_in_time(seen: Float[Tensor, "points feature"]) -> Float[Tensor, "points feature"]:
    """Each point's median over `BLINK_FREE` points: a mood lasts, and a blink is no surprise."""
    padded = torch.nn.functional.pad(seen.T[None], [BLINK_FREE // 2] * 2, mode="replicate")[0]
    return padded.unfold(1, BLINK_FREE, 1).median(dim=-1).values.T


def describe(emotion: Asked, emotion_from: Reference) -> str:
    """Where the emotion came from, for the metadata."""
    if isinstance(emotion, str):
        return emotion if "@" in emotion else str(EmotionLabel.parse(emotion))
    if isinstance(emotion, EmotionTrack):
        return "from an emotion track"
    if isinstance(emotion_from, FlameMotion):
        return "from a performance"
    if emotion_from is not None:
        return "from another clip"
    return "from the speech" if emotion is None else "given"
