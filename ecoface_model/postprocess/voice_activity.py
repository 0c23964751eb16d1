"""Where nobody speaks: pauses heard by level alone, so that lips may rest there."""

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.level import frame_levels, loud_and_quiet, nobody_speaks

QUIETEST = 60.0  # dB under speech; what is quieter counts as that
CLEAR = 25.0  # dB of speech over the room's noise, under which pauses are not told from it
SHARE = 0.25  # of the way from the room's level up to speech's: below it nobody speaks
SHORTEST = round(0.16 * FRAME_RATE)  # frames; stops close for less
AFTER = round(0.08 * FRAME_RATE)  # frames from the last sound to rest
BEFORE = round(0.12 * FRAME_RATE)  # frames by which lips part ahead of the next sound


def speaking(
    waveform: Float32[NDArray[np.float32], " samples"], n_points: int, rate: int
) -> Float32[NDArray[np.float32], " points"]:
    """Whether somebody speaks, 0 to 1, at the middle of each of n_points points, `rate` a second."""
    spoken = 1 - resting(waveform)
    moments = (np.arange(n_points) + 0.5) / rate * FRAME_RATE - 0.5  # frames
    return np.interp(moments, np.arange(len(spoken)), spoken).astype(np.float32)


def predicted_pauses(
    silence: Float32[NDArray[np.float32], " frames"],
) -> Float32[NDArray[np.float32], " frames"]:
    """How surely a pause of three frames or more is around each frame, 0 to 1, from the phones' silence.

    In noise the level tells no pauses; what is said does.
    """
    padded = np.pad(silence, 1, mode="edge")
    least: NDArray[np.float32] = np.minimum(np.minimum(padded[:-2], padded[2:]), silence)
    return least


def resting(waveform: Float32[NDArray[np.float32], " samples"]) -> Float32[NDArray[np.float32], " frames"]:
    """How far a mouth may rest in each frame, 0 to 1: 1 amid pauses, eased towards the speech around them."""
    level = frame_levels(waveform)
    n_frames = len(level)
    if nobody_speaks(waveform):
        return np.ones(n_frames, np.float32)
    speech, _ = loud_and_quiet(level)
    level = np.maximum(level, speech - QUIETEST)
    _, room = loud_and_quiet(level)
    gate = np.zeros(n_frames, np.float32)
    if speech - room < CLEAR:
        return gate
    quiet = level < room + SHARE * (speech - room)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(int)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start >= SHORTEST:
            place = np.arange(start, stop)
            rise = (place - start + 1) / AFTER if start > 0 else np.ones(stop - start)
            fall = (stop - place) / BEFORE if stop < n_frames else np.ones(stop - start)
            gate[start:stop] = np.minimum(np.minimum(rise, fall), 1)
    return gate
