"""The emotion of a voice that goes on, told from what was heard of it so far."""

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FEATURES_PER_FRAME
from ecoface_model.reference_emotion.calibration import Calibration
from ecoface_model.reference_emotion.sources import STEPS_PER_POINT, to_track
from ecoface_model.reference_emotion.speech_source import emotion_of_speech
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline


class StreamedEmotion:
    """Evidence at 10 Hz of the sound that is kept; those of frames that were not given yet are told anew."""

    def __init__(
        self,
        calibration: Calibration,
        prototypes: Float32[NDArray[np.float32], "emotions 3 feature"],
        baseline: VoiceBaseline | None,
    ) -> None:
        self._calibration, self._prototypes, self.baseline = calibration, prototypes, baseline
        self._first = 0  # point
        self._evidence = np.empty((0, calibration.width), np.float32)

    def add(
        self, window: range, evidence: Float32[NDArray[np.float32], "steps evidence"], from_frame: int
    ) -> None:
        """A window's evidence, which counts from a frame on, up to the window's end."""
        begin = FEATURES_PER_FRAME * window.start  # step
        point = max(FEATURES_PER_FRAME * from_frame // STEPS_PER_POINT, -(-begin // STEPS_PER_POINT))
        told = evidence[max(0, STEPS_PER_POINT * point - begin) :]
        if len(told):
            self._evidence = np.concatenate([self._evidence[: point - self._first], to_track(told)])

    def forget(self, before_frame: int) -> None:
        """Drop what no window to come can ask for; the frame is a whole point."""
        point = FEATURES_PER_FRAME * before_frame // STEPS_PER_POINT
        self._evidence = self._evidence[max(0, point - self._first) :].copy()
        self._first = max(point, self._first)

    def steps(
        self, window: range, speech: Float32[NDArray[np.float32], " points"]
    ) -> Float32[NDArray[np.float32], "steps feature"]:
        """Features over a window; `speech` is that of all the evidence, or longer."""
        offset = STEPS_PER_POINT * self._first
        steps = range(FEATURES_PER_FRAME * window.start - offset, FEATURES_PER_FRAME * window.stop - offset)
        n_points = min(len(self._evidence), len(speech))
        return emotion_of_speech(
            self._calibration, self._prototypes, self._evidence[:n_points], speech[:n_points], steps
        )
