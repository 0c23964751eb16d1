"""What the face follows in a voice beside its sounds: loudness, pitch, and the accents they make."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ecoface_model.core.constants import SAMPLE_RATE, exact_div
from ecoface_model.core.phones import VOWELS
from ecoface_model.head_motion.pitch import pitch
from training.data.phones import middle, phrases, seconds
from training.data.utterance import Phone

RATE = 100  # Hz, of loudness, pitch and everything the animator computes before it samples frames
_HOP = exact_div(SAMPLE_RATE, RATE)


@dataclass(frozen=True)
class Accent:
    """A vowel that stands out of its phrase."""

    start: float
    peak: float
    """Seconds: the vowel's start and middle."""
    strength: float
    """0..1 within the clip."""


@dataclass(frozen=True)
class ProsodyFeatures:
    """The voice of one clip as the animator sees it."""

    vowel_loudness: dict[int, float]
    """z-score of each vowel's level among the clip's vowels, by the phone's index."""
    accents: tuple[Accent, ...]
    """In order of time."""
    question: bool
    """Whether the voice ends rising, as yes/no questions do."""


def _frames(
    waveform: Float[NDArray[Any], " samples"], window: int, hop: int, count: int
) -> Float[NDArray[Any], "count window"]:
    """Windows centred on multiples of the hop, zeros outside."""
    padded = np.pad(waveform, (window // 2, window + hop))
    short = max(0, (count - 1) * hop + window - len(padded))
    padded = np.pad(padded, (0, short))
    return np.lib.stride_tricks.sliding_window_view(padded, window)[: (count - 1) * hop + 1 : hop]


def loudness(waveform: Float[NDArray[Any], " samples"]) -> Float[NDArray[Any], " times"]:
    """Level in dB over windows of 25 ms, at RATE."""
    count = len(waveform) // _HOP + 1
    power = np.mean(
        _frames(waveform, exact_div(SAMPLE_RATE, 40), _HOP, count).astype(np.float64) ** 2, axis=1
    )
    decibels: NDArray[Any] = 10 * np.log10(power + 1e-10)
    return decibels


def _z(values: Float[NDArray[Any], " n"], least: float) -> Float[NDArray[Any], " n"]:
    """z-scores; a spread under `least` counts as that much."""
    score: NDArray[Any] = (values - values.mean()) / max(float(values.std()), least)
    return score


def listen(waveform: Float[NDArray[Any], " samples"], phones: Sequence[Phone]) -> ProsodyFeatures:
    """Loudness of the vowels, accents and the final rise of one clip."""
    vowels = [i for i, phone in enumerate(phones) if phone.name in VOWELS]
    if not vowels:
        return ProsodyFeatures({}, (), False)
    level, f0 = loudness(waveform), pitch(waveform, RATE)
    semitones = 12 * np.log2(f0 / 100)
    middle = float(np.nanmedian(semitones)) if np.isfinite(semitones).any() else 0.0
    semitones = np.where(np.isfinite(semitones), semitones, middle)
    loud = np.array([_over(level, phones[i], np.mean) for i in vowels])
    height = np.array([_over(semitones, phones[i], np.max) for i in vowels])
    length = np.array([min(seconds(phones[i]), 0.3) for i in vowels])
    z_loud = _z(loud, 2.0)
    prominence = 0.5 * _z(height, 1.0) + 0.35 * z_loud + 0.15 * _z(length, 0.02)
    return ProsodyFeatures(
        dict(zip(vowels, z_loud.tolist(), strict=True)),
        _accents([phones[i] for i in vowels], prominence),
        _ends_rising(semitones, phones),
    )


def _over(
    track: Float[NDArray[Any], " times"], phone: Phone, statistic: Callable[[NDArray[Any]], Any]
) -> float:
    """A statistic of a track over a phone."""
    first = min(int(phone.start * RATE), len(track) - 1)
    return float(statistic(track[first : max(int(phone.end * RATE), first + 1)]))


def _accents(vowels: Sequence[Phone], prominence: Float[NDArray[Any], " vowels"]) -> tuple[Accent, ...]:
    """Vowels above the mean that no neighbour within 0.3 s outdoes."""
    chosen = [
        (vowel, p)
        for vowel, p in zip(vowels, prominence.tolist(), strict=True)
        if p > 0
        and all(
            p >= other
            for near, other in zip(vowels, prominence.tolist(), strict=True)
            if abs(middle(near) - middle(vowel)) < 0.3
        )
    ]
    top = max((p for _, p in chosen), default=1.0)
    return tuple(Accent(vowel.start, middle(vowel), p / top) for vowel, p in chosen)


def _ends_rising(semitones: Float[NDArray[Any], " times"], phones: Sequence[Phone]) -> bool:
    """Whether the last phrase ends at least three semitones above its middle."""
    start, end = phrases(phones)[-1]
    last = semitones[max(0, int((end - 0.2) * RATE)) : int(end * RATE)]
    before = semitones[int(max(start, end - 1.2) * RATE) : max(1, int((end - 0.3) * RATE))]
    return bool(len(last) and len(before) and np.median(last) > np.median(before) + 3)
