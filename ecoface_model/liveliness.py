"""Head, gaze and lids beside a motion that is ready, or ready in parts, by the voice and its emotion."""

from concurrent.futures import Executor
from typing import Any

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import MOTION_DIM
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import Melody
from ecoface_model.head_motion.performance import Liveliness, Performance, perform, with_lids
from ecoface_model.head_motion.pitch import pitch
from ecoface_model.idle import points_of
from ecoface_model.postprocess.eyelids import EyelidContact
from ecoface_model.postprocess.settling import Settling, rest_in
from ecoface_model.postprocess.voice_activity import LevelGates
from ecoface_model.reference_emotion.inputs import EmotionInputs
from ecoface_model.reference_emotion.sources import Amounts, EmotionSource
from ecoface_model.reference_emotion.speech_source import SpeechSource


class Alive:
    """What turns the head and moves the eyes of one clip, asked about all of it or about its parts."""

    def __init__(
        self,
        waveform: Float32[NDArray[np.float32], " samples"],
        gates: LevelGates,
        source: EmotionSource | SpeechSource,
        inputs: EmotionInputs,
        settling: Settling,
        metadata: dict[str, Any],
        shown: Float32[NDArray[np.float32], " frames"] | None,
        liveliness: Liveliness,
        pool: Executor | None,
    ) -> None:
        """`gates` are the waveform's; `shown` is how much of the emotion each frame shows, None is all.

        The voice's pitch is looked for by the pool, beside its other work.
        """
        self._waveform, self._source, self._inputs, self._settling = waveform, source, inputs, settling
        self._metadata, self._shown, self._liveliness = metadata, shown, liveliness
        self._gates = gates
        self._told: Performance | None = None
        self._pitch = pool.submit(pitch, waveform) if pool is not None and self._moves else None

    def whole(
        self,
        joined: Float32[NDArray[np.float32], "frames channels"],
        motion: Float32[NDArray[np.float32], "frames 53"],
    ) -> Performance:
        """The motion of the clip with its head, gaze and lids."""
        if not self._moves:
            return Performance(None, None, motion)
        felt = self._inputs.felt(self._source, len(motion))
        return self._performed(motion, rest_in(self._gates, joined), felt, self._settling.lids)

    def part(self, frames: range, motion: Float32[NDArray[np.float32], "part 53"]) -> Performance:
        """The motion of some frames with its head and gaze, before all of the clip is there.

        They are those of the whole clip by its level and by what was told of its emotion when the first part
        was asked for: with a label nearly the same. Of blinks there are the generator's own.
        """
        if self._told is None:
            self._told = self._told_so_far()
        part = slice(frames.start, frames.stop)
        head = None if self._told.head is None else self._told.head[part]
        if self._told.gaze is None:
            return Performance(head, None, motion)
        gaze = self._told.gaze[part]
        if self._settling.lids is not None:
            motion = with_lids(motion, self._settling.lids, gaze, np.zeros(len(motion)))
        return Performance(head, gaze, motion)

    @property
    def _moves(self) -> bool:
        return bool(self._liveliness.head_motion or self._liveliness.gaze)

    def _told_so_far(self) -> Performance:
        """Of the whole clip, beside a motion that does nothing."""
        rest = self._gates.rest(None)
        still = np.zeros((len(rest), MOTION_DIM), np.float32)
        if not self._moves:
            return Performance(None, None, still)
        if isinstance(self._source, SpeechSource):
            felt = self._source.amounts_so_far()
        else:
            felt = self._inputs.felt(self._source, len(rest))
        return self._performed(still, rest, felt, None)

    def _performed(
        self,
        motion: Float32[NDArray[np.float32], "frames 53"],
        rest: Float32[NDArray[np.float32], " frames"],
        felt: Amounts,
        lids: EyelidContact | None,
    ) -> Performance:
        felt = felt * np.float32(self._metadata["amounts"]["strength"])
        if self._shown is not None:
            felt = felt * points_of(self._shown, len(felt))[:, None]
        moods = Moods.of(felt, len(motion), self._metadata["style"])
        f0 = None if self._pitch is None else self._pitch.result()
        melody = Melody.of(self._waveform, rest, f0)
        return perform(motion, melody, moods, lids, self._metadata["seed"], self._liveliness)
