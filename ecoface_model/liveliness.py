"""Head, gaze and lids beside a motion that is ready, or ready in parts, by the voice and its emotion."""

from typing import Any

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import MOTION_DIM
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import Melody
from ecoface_model.head_motion.performance import Liveliness, Performance, perform, with_lids
from ecoface_model.idle import points_of
from ecoface_model.postprocess.settling import Settling, rest_in
from ecoface_model.postprocess.voice_activity import LevelGates
from ecoface_model.reference_emotion.inputs import EmotionInputs
from ecoface_model.reference_emotion.sources import EmotionSource
from ecoface_model.reference_emotion.speech_source import SpeechSource


def make_alive(
    waveform: NDArray[np.float32],
    joined: Float32[NDArray[np.float32], "frames channels"],
    motion: Float32[NDArray[np.float32], "frames 53"],
    source: EmotionSource | SpeechSource,
    inputs: EmotionInputs,
    settling: Settling,
    metadata: dict[str, Any],
    shown: Float32[NDArray[np.float32], " frames"] | None,
    liveliness: Liveliness,
) -> Performance:
    """The motion with its head and gaze; `shown` is how much of the emotion each frame shows, None is all."""
    if not (liveliness.head_motion or liveliness.gaze):
        return Performance(None, None, motion)
    felt = inputs.felt(source, len(motion)) * np.float32(metadata["amounts"]["strength"])
    if shown is not None:
        felt = felt * points_of(shown, len(felt))[:, None]
    melody = Melody.of(waveform, rest_in(LevelGates.of(waveform), joined))
    moods = Moods.of(felt, len(motion), metadata["style"])
    return perform(motion, melody, moods, settling.lids, metadata["seed"], liveliness)


class AliveInParts:
    """Head, gaze and lids of a clip's parts, before all of its motion is there.

    They are those of the whole clip by its level and by what was told of its emotion when the first part was
    asked for: with a label nearly the same. Of blinks there are the generator's own.
    """

    def __init__(
        self,
        waveform: NDArray[np.float32],
        source: EmotionSource | SpeechSource,
        inputs: EmotionInputs,
        settling: Settling,
        metadata: dict[str, Any],
        shown: Float32[NDArray[np.float32], " frames"] | None,
        liveliness: Liveliness,
    ) -> None:
        """As for `make_alive`."""
        self._waveform, self._source, self._inputs, self._settling = waveform, source, inputs, settling
        self._metadata, self._shown, self._liveliness = metadata, shown, liveliness
        self._whole: Performance | None = None

    def __call__(self, frames: range, motion: Float32[NDArray[np.float32], "part 53"]) -> Performance:
        """The motion of these frames with its head and gaze."""
        if self._whole is None:
            self._whole = self._performed()
        part = slice(frames.start, frames.stop)
        head = None if self._whole.head is None else self._whole.head[part]
        if self._whole.gaze is None:
            return Performance(head, None, motion)
        gaze = self._whole.gaze[part]
        if self._settling.lids is not None:
            motion = with_lids(motion, self._settling.lids, gaze, np.zeros(len(motion)))
        return Performance(head, gaze, motion)

    def _performed(self) -> Performance:
        """Of the whole clip, beside a motion that does nothing."""
        rest = LevelGates.of(self._waveform).rest(None)
        still = np.zeros((len(rest), MOTION_DIM), np.float32)
        if not (self._liveliness.head_motion or self._liveliness.gaze):
            return Performance(None, None, still)
        if isinstance(self._source, SpeechSource):
            felt = self._source.amounts_so_far()
        else:
            felt = self._inputs.felt(self._source, len(rest))
        felt = felt * np.float32(self._metadata["amounts"]["strength"])
        if self._shown is not None:
            felt = felt * points_of(self._shown, len(felt))[:, None]
        moods = Moods.of(felt, len(rest), self._metadata["style"])
        melody = Melody.of(self._waveform, rest)
        return perform(still, melody, moods, None, self._metadata["seed"], self._liveliness)
