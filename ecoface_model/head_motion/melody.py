"""What head and eyes follow in a voice: its melody, its accents, and where its phrases lie. numpy only.

Head motion goes with F0 and loudness: in Munhall et al. (2004) linear functions of it explained 63 % of one
speaker's F0 variance; Hadar et al. (1983) found rapid head movements on stressed syllables and stillness in
pauses. Both from memory, as all sources of this room.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE, SAMPLE_RATE, exact_div
from ecoface_model.head_motion.pitch import PITCH_RATE, pitch

SHORTEST_PAUSE = 0.2  # seconds; what is shorter parts no phrases
SHORTEST_PHRASE = 0.12  # seconds
APART = 0.26  # seconds between accents
LEAST = -0.2  # standard deviations over the mean syllable, from which on one is an accent
HELD = 0.25  # seconds after the voice over which the melody falls back to its middle
SMOOTH = 0.32  # seconds over which the melody is averaged: a head is no faster
PHRASE = 1.5  # seconds over which an accent's pitch is compared with that around it
_LEVEL_HOP = exact_div(SAMPLE_RATE, PITCH_RATE)


@dataclass(frozen=True)
class Accent:
    """A syllable that stands out of its phrase."""

    time: float
    """Seconds: its loudest point."""
    strength: float
    """0 to 1 within the clip."""


@dataclass(frozen=True)
class Melody:
    """A voice as head and eyes follow it."""

    contour: Float[NDArray[np.float64], " frames"]
    """Semitones over the voice's middle, smooth, at 25 Hz; 0 where nobody speaks."""
    accents: tuple[Accent, ...]
    """In order of time."""
    phrases: tuple[tuple[float, float], ...]
    """Beginnings and ends in seconds, in order."""
    seconds: float
    """Length of the sound."""

    @classmethod
    def of(
        cls,
        waveform: Float32[NDArray[np.float32], " samples"],
        rest: Float32[NDArray[np.float32], " frames"],
        f0: Float[NDArray[Any], " times"] | None = None,
    ) -> "Melody":
        """Of mono speech at 16 kHz; `rest` says at 25 Hz where nobody speaks, 0 to 1; `f0` is its `pitch`."""
        seconds = len(rest) / FRAME_RATE
        phrases = _phrases(rest)
        if not phrases:
            return cls(np.zeros(len(rest)), (), (), seconds)
        f0 = pitch(waveform) if f0 is None else f0
        semitones, voiced = 12 * np.log2(f0 / 100), np.isfinite(f0)
        if not voiced.any():
            return cls(np.zeros(len(rest)), (), phrases, seconds)
        semitones = semitones - np.nanmedian(semitones)
        filled = _filled(semitones, voiced)
        frames = np.arange(len(rest)) / FRAME_RATE * PITCH_RATE
        contour = np.interp(frames, np.arange(len(filled)), smooth(filled, SMOOTH * PITCH_RATE))
        return cls(contour, _accents(waveform, semitones, voiced), phrases, seconds)


def smooth(curve: Float[NDArray[Any], " n"], width: float) -> Float[NDArray[np.float64], " n"]:
    """A curve through a Hann window that is `width` points wide; its ends are held."""
    half = max(1, round(width / 2))
    window = np.hanning(2 * half + 1)
    padded = np.pad(np.asarray(curve, np.float64), half, mode="edge")
    out: NDArray[np.float64] = np.convolve(padded, window / window.sum(), mode="valid")
    return out


def _phrases(rest: Float32[NDArray[np.float32], " frames"]) -> tuple[tuple[float, float], ...]:
    """Where somebody speaks, in seconds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], rest < 0.5, [0]])))
    phrases: list[tuple[float, float]] = []
    for start, stop in edges.reshape(-1, 2) / FRAME_RATE:
        if phrases and start - phrases[-1][1] < SHORTEST_PAUSE:
            phrases[-1] = phrases[-1][0], float(stop)
        else:
            phrases.append((float(start), float(stop)))
    return tuple(each for each in phrases if each[1] - each[0] >= SHORTEST_PHRASE)


def _filled(
    semitones: Float[NDArray[np.float64], " times"], voiced: NDArray[np.bool_]
) -> Float[NDArray[np.float64], " times"]:
    """The melody also between voiced sounds: a straight line, or back to its middle over a pause."""
    times = np.arange(len(semitones))
    known = np.flatnonzero(voiced)
    line = np.interp(times, known, semitones[known])
    after = times - known[np.maximum(np.searchsorted(known, times, side="right") - 1, 0)]
    before = known[np.minimum(np.searchsorted(known, times), len(known) - 1)] - times
    away: NDArray[Any] = np.minimum(np.where(after < 0, np.inf, after), np.where(before < 0, np.inf, before))
    return np.asarray(line * np.clip(1 - away / (HELD * PITCH_RATE), 0, 1), np.float64)


def _accents(
    waveform: Float32[NDArray[np.float32], " samples"],
    semitones: Float[NDArray[np.float64], " times"],
    voiced: NDArray[np.bool_],
) -> tuple[Accent, ...]:
    """Syllables over the mean of pitch and loudness that none within APART outdoes."""
    n = len(semitones)
    power = _power(waveform)[:n]
    level = smooth(10 * np.log10(np.pad(power, (0, n - len(power))) + 1e-7), 0.08 * PITCH_RATE)
    inner = level[1:-1]
    peaks = 1 + np.flatnonzero((inner > level[:-2]) & (inner >= level[2:]) & voiced[1:-1])  # syllables
    if not len(peaks):
        return ()
    known = np.where(voiced, semitones, 0.0)
    weight = smooth(voiced.astype(float), PHRASE * PITCH_RATE)
    around = smooth(known, PHRASE * PITCH_RATE) / np.maximum(weight, 1e-3)
    near = np.lib.stride_tricks.sliding_window_view(np.pad(np.where(voiced, semitones, -99.0), 3), 7)
    height = near.max(axis=1)[peaks] - around[peaks]
    prominence = 0.6 * _scores(height, 1.0) + 0.4 * _scores(level[peaks], 2.0)
    times = peaks / PITCH_RATE
    chosen = []
    for k, (time, value) in enumerate(zip(times, prominence, strict=True)):
        first, last = np.searchsorted(times, (time - APART, time + APART))
        if value > LEAST and value >= prominence[first:last].max():
            chosen.append(k)
    top = float(np.percentile(prominence[chosen], 95)) if chosen else 1.0
    return tuple(Accent(float(times[k]), _strength(float(prominence[k]), top)) for k in chosen)


def _power(waveform: Float32[NDArray[np.float32], " samples"]) -> Float32[NDArray[np.float32], " hops"]:
    """Sum of squares of each hop, the last one as far as there."""
    whole = len(waveform) // _LEVEL_HOP * _LEVEL_HOP
    hops, rest = waveform[:whole].reshape(-1, _LEVEL_HOP), waveform[whole:]
    return np.append(np.einsum("hs,hs->h", hops, hops), rest @ rest)


def _strength(prominence: float, top: float) -> float:
    """0 at LEAST, 1 at the clip's top."""
    return min((prominence - LEAST) / max(top - LEAST, 1e-6), 1.0)


def _scores(values: Float[NDArray[Any], " n"], least: float) -> Float[NDArray[Any], " n"]:
    """z-scores; a spread under `least` counts as that much."""
    score: NDArray[Any] = (values - values.mean()) / max(float(values.std()), least)
    return score
