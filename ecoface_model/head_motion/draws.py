"""Chance by a seed, the same with every numpy; and curves that rise and fall without a jerk. numpy only."""

from typing import Any

import numpy as np
from jaxtyping import Float

from ecoface_model.arrays import NDArray

HEAD, GAZE, BLINKS = range(3)
"""Streams of chance, so that one does not change with what another draws."""


def draws(seed: int, stream: int, *part: int) -> np.random.RandomState:
    """Numbers of a stream, or of a numbered part of it.

    numpy keeps `RandomState`'s as they are for ever, unlike `Generator`'s.
    """
    return np.random.RandomState(np.array([seed & 0xFFFFFFFF, seed >> 32, stream, *part], np.uint32))


def ease(share: Float[NDArray[Any], " n"]) -> Float[NDArray[np.float64], " n"]:
    """From 0 to 1 with minimum jerk (Flash and Hogan 1985), held outside."""
    s = np.clip(share, 0.0, 1.0)
    eased: NDArray[np.float64] = s * s * s * (10 + s * (6 * s - 15))
    return eased


def unrest(
    rng: np.random.RandomState, seconds: Float[NDArray[Any], " frames"], slowest: float, fastest: float
) -> Float[NDArray[np.float64], " frames"]:
    """Smooth noise of frequencies between these, in Hz, with a standard deviation of 1."""
    n = 7
    hertz = slowest * (fastest / slowest) ** ((np.arange(n) + rng.uniform(0, 1, n)) / n)
    size = hertz**-0.5
    size *= np.sqrt(2 / np.square(size).sum())
    phase = rng.uniform(0, 2 * np.pi, n)
    waves = np.zeros(len(seconds))
    for f, a, p in zip(hertz, size, phase, strict=True):
        waves += a * np.sin(2 * np.pi * f * seconds + p)
    return waves


def steps(
    points: Float[NDArray[Any], "n d"],
    times: Float[NDArray[Any], " n"],
    took: Float[NDArray[Any], " n"],
    seconds: Float[NDArray[Any], " frames"],
) -> Float[NDArray[np.float64], "frames d"]:
    """From point to point, beginning at the times and taking so long, none longer than to the next."""
    now = np.maximum(np.searchsorted(times, seconds, side="right") - 1, 0)
    before = points[np.maximum(now - 1, 0)]
    share = ease((seconds - times[now]) / np.maximum(took[now], 1e-3))
    stepped: NDArray[np.float64] = before + share[:, None] * (points[now] - before)
    return stepped
