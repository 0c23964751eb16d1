"""The last half minute of a sound that goes on, and what it tells of the level and of pauses."""

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.backends.protocol import Backend, Measured
from ecoface_model.core.constants import FRAME_RATE, SAMPLES_PER_FRAME
from ecoface_model.core.emotion_label import TRACK_RATE
from ecoface_model.level import usual_gain, without_silences
from ecoface_model.postprocess.voice_activity import LevelGates, speaking

KEPT = 30 * FRAME_RATE  # frames
MEASURED_EVERY = FRAME_RATE  # frames after which the level is measured anew; at the beginning, every time
SHORT = 3 * FRAME_RATE  # frames that are such a beginning
GRID = 5  # frames that are whole points at 10 Hz


class SoundSoFar:
    """Samples from `first` on, a number of frames; memory does not grow with the length."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.first = 0
        self.samples = np.empty(0, np.float32)
        self._measured_at = -MEASURED_EVERY
        self._gain: np.float32 | None = None
        self._measured: Measured = np.zeros(0, np.float32)

    @property
    def n_samples(self) -> int:
        """Heard from the beginning on."""
        return self.first * SAMPLES_PER_FRAME + len(self.samples)

    def add(self, samples: Float32[NDArray[np.float32], " samples"]) -> None:
        """What comes next; of what is older than `KEPT`, nothing stays."""
        self.samples = np.concatenate([self.samples, samples])
        too_old = (len(self.samples) // SAMPLES_PER_FRAME - KEPT) // GRID * GRID  # frames
        if too_old > 0:
            self.samples = self.samples[too_old * SAMPLES_PER_FRAME :].copy()
            self.first += too_old

    def measure(self) -> Measured:
        """What the encoders take of all of it; from then on it is heard at the level that it has now."""
        now = self.n_samples // SAMPLES_PER_FRAME
        if now < SHORT or now - self._measured_at >= MEASURED_EVERY:
            self._gain = usual_gain(self.samples)
            self._measured = self._backend.measure(without_silences(self.samples, self._gain))
            self._measured_at = now
        return self._measured

    def heard(self, start: int, stop: int | None) -> Float32[NDArray[np.float32], " samples"]:
        """Samples of frames start..stop - 1 of those kept, at the usual level; up to now without `stop`."""
        end = None if stop is None else stop * SAMPLES_PER_FRAME
        part = self.samples[start * SAMPLES_PER_FRAME : end]
        return part if self._gain is None else part * self._gain

    def gates(self) -> LevelGates:
        """Where nobody speaks, of the frames kept."""
        return LevelGates.of(self.samples)

    def speech(self) -> Float32[NDArray[np.float32], " points"]:
        """Whether somebody speaks, at 10 Hz, of what is kept."""
        n_points = -(-len(self.samples) * TRACK_RATE // (SAMPLES_PER_FRAME * FRAME_RATE))
        return speaking(self.samples, n_points, TRACK_RATE)
