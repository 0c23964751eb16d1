"""The time after a line: silence in which the expression fades, the lips shut and the face goes on living."""

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FEATURES_PER_FRAME, FRAME_RATE, LONGEST_IDLE, SAMPLES_PER_FRAME
from ecoface_model.core.emotion_label import TRACK_RATE
from ecoface_model.core.errors import RequestError

HELD, FADES = 0.3, 1.0  # seconds for which an expression stays as it was, and over which it fades
LEFT = 0.2  # of it, that stays


def with_idle(
    waveform: Float32[NDArray[np.float32], " samples"], seconds: float
) -> Float32[NDArray[np.float32], " more"]:
    """The waveform and so many seconds of silence, from its last whole frame on.

    Raises:
        RequestError: if it is no such number of seconds.
    """
    if not 0 <= seconds <= LONGEST_IDLE:
        raise RequestError(
            f"expected 0 to {LONGEST_IDLE:g} seconds of idle after the sound, found {seconds:g};"
            " 1 or 2 are usual"
        )
    if not seconds:
        return waveform
    silence = SAMPLES_PER_FRAME * round(seconds * FRAME_RATE) - len(waveform) % SAMPLES_PER_FRAME
    return np.pad(waveform, (0, max(silence, 0)))


def shown_while_idle(spoken: int, frames: int) -> Float32[NDArray[np.float32], " frames"]:
    """How much of the emotion each frame shows when the sound ends after `spoken` frames."""
    seconds = (np.arange(frames) - spoken) / FRAME_RATE
    share = np.clip((seconds - HELD) / FADES, 0, 1)
    shown: NDArray[np.float32] = (1 - (1 - LEFT) * share * share * (3 - 2 * share)).astype(np.float32)
    return shown


def points_of(
    shown: Float32[NDArray[np.float32], " frames"], n_points: int
) -> Float32[NDArray[np.float32], " points"]:
    """The same at 10 Hz, in the middle of each point."""
    moments = (np.arange(n_points) + 0.5) * (FRAME_RATE / TRACK_RATE)
    return np.interp(moments, np.arange(len(shown)), shown).astype(np.float32)


def steps_of(
    shown: Float32[NDArray[np.float32], " frames"], window: range
) -> Float32[NDArray[np.float32], " steps"]:
    """The same at the 50 Hz steps of a window of frames; behind the end it is held."""
    frames = np.minimum(np.arange(window.start, window.stop), len(shown) - 1)
    return np.repeat(shown[frames], FEATURES_PER_FRAME)
