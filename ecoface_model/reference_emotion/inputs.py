"""The doors by which an emotion comes in: labels, a voice that is heard, a performance that is seen."""

from functools import cached_property

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FEATURES_PER_FRAME, FRAME_RATE
from ecoface_model.core.emotion_label import EmotionLabel, EmotionTrack
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.reference_emotion.sources import (
    Amounts,
    EmotionSource,
    MixedEmotion,
    ReferenceEmotion,
    SteadyEmotion,
    amounts_in,
    amounts_of,
    mixed,
    visual_to_audio,
)
from ecoface_model.reference_emotion.speech_emotion import SpeechEmotion
from ecoface_model.reference_emotion.speech_source import SpeechSource
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from ecoface_model.renderer.pictures import GreyPictures
from ecoface_model.windowed_encoder import Progress, WindowedEncoder

BLINK_FREE = 11
"""Points at 10 Hz over which a seen performance's mood is taken: a blink is less than half of them."""

Asked = str | EmotionTrack | EmotionSource | None
Reference = NDArray[np.float32] | FlameMotion | None


class EmotionInputs:
    """What a model makes of an emotion that is asked for."""

    def __init__(self, encoder: WindowedEncoder, head: FlameFile | None) -> None:
        """`head` is the model's, if it is one that can be seen."""
        self.model, self.encoder, self.head = encoder.backend.facts, encoder, head
        self.prototypes = self.model.prototypes

    def source(
        self,
        emotion: Asked,
        emotion_from: Reference,
        baseline: VoiceBaseline | None,
        frames: int | None,
        progress: Progress | None,
    ) -> tuple[EmotionSource | None, SpeechEmotion | None]:
        """What was asked for, None being the speech itself; and what was heard in a reference.

        A reference is laid over so many frames; without their number it keeps its own pace.
        """
        if emotion is not None and emotion_from is not None:
            raise RequestError("expected an emotion or a clip to take it from, found both; leave one out")
        if isinstance(emotion, str | EmotionTrack):
            return self.named(emotion), None
        n_steps = None if frames is None else FEATURES_PER_FRAME * frames
        if isinstance(emotion_from, FlameMotion):
            return ReferenceEmotion(self.of_motion(emotion_from, progress), n_steps), None
        if emotion_from is not None:
            heard = self.encoder.listen(emotion_from, baseline, progress)
            return ReferenceEmotion(self.of_speech(heard), n_steps), heard
        return emotion, None

    def felt(self, source: EmotionSource | SpeechSource, frames: int) -> Amounts:
        """How much of each emotion a source asks for, at 10 Hz; of the speech itself, once it was heard."""
        if isinstance(source, SpeechSource):
            return source.amounts()
        return amounts_of(source, self.prototypes, FEATURES_PER_FRAME * frames)

    def amounts_in(self, features: Float32[NDArray[np.float32], "steps feature"]) -> Amounts:
        """How much of each emotion features at 50 Hz hold, at 10 Hz."""
        return amounts_in(features, self.prototypes)

    def named(self, emotion: str | EmotionTrack) -> EmotionSource:
        """Of one label, or of labels over time."""
        if isinstance(emotion, str) and "@" not in emotion:
            return SteadyEmotion(self.prototypes, EmotionLabel.parse(emotion))
        track = EmotionTrack.parse(emotion) if isinstance(emotion, str) else emotion
        return MixedEmotion(self.prototypes, track)

    def of_speech(self, heard: SpeechEmotion) -> Float32[NDArray[np.float32], "points feature"]:
        """Features of the labels that a voice's emotion is like, mixed, at 10 Hz."""
        return mixed(self.prototypes, heard.shares, heard.intensity)

    def of_motion(
        self, performance: FlameMotion, progress: Progress | None
    ) -> Float32[NDArray[np.float32], "points feature"]:
        """What the visual encoder sees of a performance, at 10 Hz, as its mood is heard in speech."""
        owner = performance.metadata.get("head")
        if self.head is None or owner != self.head.name:
            raise RequestError(
                f"expected a performance of '{self.model.info['head']}', as a head that EcoFace knows, "
                f"found one of '{owner}'; give its sound instead"
            )
        motion = np.asarray(performance.resample(float(FRAME_RATE)).motion, np.float32)
        seen = self.encoder.from_motion(self._pictures, motion, progress)
        return visual_to_audio(_median_in_time(seen), self.model.visual_prototypes, self.prototypes)

    @cached_property
    def _pictures(self) -> GreyPictures:
        """How a performance is looked at; made when the first one is."""
        assert self.head is not None
        return GreyPictures(self.head, self.model.config.visual.image_size)


def _median_in_time(
    seen: Float32[NDArray[np.float32], "points feature"],
) -> Float32[NDArray[np.float32], "points feature"]:
    """Each point's median over `BLINK_FREE` points: a mood lasts, and a blink is no surprise."""
    half = BLINK_FREE // 2
    padded = np.pad(seen, ((half, half), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, BLINK_FREE, axis=0)
    median: NDArray[np.float32] = np.partition(windows, half, axis=2)[..., half]
    return median


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
