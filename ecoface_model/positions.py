"""Whisper's fixed positions, which no file holds. numpy only."""

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray

LONGEST_WINDOW = 30  # seconds, what Whisper was trained on


def sinusoids(length: int, dim: int) -> Float32[NDArray[np.float32], "length dim"]:
    """Sines in the first half of the channels, cosines in the second."""
    rates = 10_000.0 ** (-np.arange(dim // 2) / (dim // 2 - 1))
    angles = np.arange(length)[:, None] * rates  # (length, dim / 2)
    positions = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    return np.asarray(positions, np.float32)
