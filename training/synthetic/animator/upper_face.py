"""Brows, lids and nose: the emotion's pose, raises on pitch accents, blinks, and the small unrest of life.

The only place of the animator with chance in it; the mouth has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from training.data.phones import PAUSE, seconds
from training.data.utterance import Phone
from training.synthetic.animator.articulation import ramp
from training.synthetic.animator.channels import CHANNELS, INDEX
from training.synthetic.animator.emotions_table import Pose, Temper
from training.synthetic.animator.prosody_features import Accent, ProsodyFeatures
from training.synthetic.animator.styles import Style

_SETTLE_AFTER = 1.0  # s
_UNREST = {
    "brow_inner_up": 0.03,
    "brow_outer_up": 0.02,
    "brow_down": 0.02,
    "eye_squint": 0.02,
    "eye_blink": 0.01,
    "cheek_squint": 0.02,
    "nose_sneer": 0.01,
}
_IN_PAUSES = 0.6  # share of blinks
_RISE = 0.15  # s, by which a brow starts before its vowel


def bump(
    times: Float[NDArray[Any], " times"], start: float, peak: float, end: float
) -> Float[NDArray[Any], " times"]:
    """0 at start, 1 at peak, 0 at end, eased."""
    return ramp(times, peak, peak, max(peak - start, 0.02), max(end - peak, 0.02))


def smooth_noise(
    rng: np.random.Generator, times: Float[NDArray[Any], " times"], n: int
) -> Float[NDArray[Any], "times n"]:
    """Unrest of 0.2-1 Hz with unit size."""
    hertz = rng.uniform(0.2, 1.0, (6, n))
    phase = rng.uniform(0, 2 * np.pi, (6, n))
    waves: NDArray[Any] = np.sin(2 * np.pi * hertz * times[:, None, None] + phase).sum(axis=1) / np.sqrt(3)
    return waves


def accent_curve(
    accents: Sequence[Accent],
    share: float,
    time: float,
    times: Float[NDArray[Any], " times"],
    rng: np.random.Generator,
) -> Float[NDArray[Any], " times"]:
    """Raises on the strongest accents: from 150 ms before the vowel to a peak in its middle, 0.5 s in all."""
    rank = sorted(accents, key=lambda accent: -accent.strength * rng.uniform(0.8, 1.2))
    curve = np.zeros(len(times))
    for accent in rank[: round(min(share, 1.0) * len(rank) + 0.2)]:
        length = rng.uniform(0.4, 0.6) * time
        start = accent.start - _RISE * time
        size = (0.55 + 0.45 * accent.strength) * rng.uniform(0.85, 1.15)
        curve = np.maximum(
            curve, size * bump(times, start, accent.peak, max(start + length, accent.peak + 0.2))
        )
    return curve


def _blink_times(phones: Sequence[Phone], rate: float, first: float, rng: np.random.Generator) -> list[float]:
    """Starts of blinks: 60 % within 0.2 s of a phrase's end, the rest log-normal in between."""
    duration = phones[-1].end
    ends = [
        phone.start for phone in phones if phone.name == PAUSE and seconds(phone) > 0.15 and phone.start > 0
    ]
    chance = min(0.9, _IN_PAUSES * rate / 60 * duration / max(len(ends), 1))
    starts = [end + rng.uniform(0, 0.2) for end in ends if rng.random() < chance]
    mean = 60 / ((1 - _IN_PAUSES) * rate)
    now = -rng.uniform(0, mean)
    while True:
        now += mean * rng.lognormal(-0.18, 0.6)
        if now >= duration:
            break
        if all(abs(now - other) > 0.5 for other in starts):
            starts.append(now)
    return [start for start in sorted(starts) if first <= start < duration - 0.1]


def blink_curve(
    starts: Sequence[float], temper: Temper, times: Float[NDArray[Any], " times"], rng: np.random.Generator
) -> Float[NDArray[Any], " times"]:
    """How far the eyes are shut: two frames down, one shut, four or five up; 15 % partial, some double."""
    curve = np.zeros(len(times))
    for start in starts:
        depth = rng.uniform(0.5, 0.75) if rng.random() < 0.15 else 1.0
        length = temper.blink_time * rng.uniform(0.9, 1.15)
        repeats = 2 if rng.random() < temper.double_blinks else 1
        for k in range(repeats):
            shut = start + (0.075 + 0.34 * k) * length
            curve = np.maximum(curve, depth * ramp(times, shut, shut + 0.045, 0.075 * length, 0.18 * length))
    return curve


def _settling(
    share: float, onset: float, times: Float[NDArray[Any], " times"]
) -> Float[NDArray[Any], " times"]:
    """Full for the first second of a surprise, then the share that stays."""
    return share + (1 - share) * ramp(times, -1.0, onset + _SETTLE_AFTER, 1.0, 0.8)


@dataclass(frozen=True, kw_only=True)
class Mood:
    """What the upper face is to show, and whose it is."""

    pose: Pose
    temper: Temper
    style: Style
    intensity: float

    @property
    def felt(self) -> float:
        """How far an emotion's way of moving has taken over, 0..1."""
        return min(self.intensity, 1.0)

    def accents(self) -> dict[str, float]:
        """What an accent adds, by channel."""
        calm, moved = Temper().accent, self.temper.accent
        return {
            name: (1 - self.felt) * calm.get(name, 0.0) + self.felt * moved.get(name, 0.0)
            for name in sorted({*calm, *moved})
        }


def upper_face(
    phones: Sequence[Phone],
    prosody: ProsodyFeatures,
    mood: Mood,
    envelope: Float[NDArray[Any], " times"],
    times: Float[NDArray[Any], " times"],
    rng: np.random.Generator,
) -> tuple[Float[NDArray[Any], "times channels"], Float[NDArray[Any], " times"]]:
    """Everything above the mouth: weights to add to the mouth's own, and how far blinks shut the eyes."""
    weights = np.zeros((len(times), len(CHANNELS)))
    style, temper, felt = mood.style, mood.temper, mood.felt
    first = next((phone.start for phone in phones if phone.name != PAUSE), 0.0)
    settled = _settling(temper.settle, first, times)
    for name, weight in mood.pose.upper.items():
        weights[:, INDEX[name]] += style.expressivity * weight * envelope * settled
    weights[:, INDEX["brow_inner_up"]] += temper.tremble * felt * envelope * np.sin(2 * np.pi * 5 * times)
    share = style.brow_share * (1 + felt * (temper.accent_share - 1))
    slowness = 1 + felt * (temper.accent_time - 1)
    raises = style.brow_gain * accent_curve(prosody.accents, share, slowness, times, rng)
    for name, size in mood.accents().items():
        weights[:, INDEX[name]] += size * raises
    if prosody.question:
        _ask(weights, phones, style, times)
    _rest(weights, style)
    noise = smooth_noise(rng, times, len(_UNREST))
    for column, (name, size) in zip(noise.T, _UNREST.items(), strict=True):
        weights[:, INDEX[name]] += size * column
    rate = style.blinks * (1 + felt * (temper.blinks - 1))
    first_blink = first + felt * temper.first_blink if temper.first_blink else 0.0
    blinks = blink_curve(_blink_times(phones, rate, first_blink, rng), temper, times, rng)
    return _within_limits(weights), blinks


def _ask(
    weights: Float[NDArray[Any], "times channels"],
    phones: Sequence[Phone],
    style: Style,
    times: Float[NDArray[Any], " times"],
) -> None:
    """Brows stay up at the end of a question."""
    end = max(phone.end for phone in phones if phone.name != PAUSE)
    raised = style.brow_gain * ramp(times, end - 0.25, end + 0.3, 0.4, 0.5)
    weights[:, INDEX["brow_inner_up"]] += 0.35 * raised
    weights[:, INDEX["brow_outer_up"]] += 0.2 * raised


def _rest(weights: Float[NDArray[Any], "times channels"], style: Style) -> None:
    """Where this speaker's brows and lids are at rest."""
    weights[:, INDEX["eye_blink"]] += max(style.lids, 0.0)
    weights[:, INDEX["eye_wide"]] += max(-style.lids, 0.0)
    weights[:, INDEX["brow_inner_up"]] += max(style.brow_rest, 0.0)
    weights[:, INDEX["brow_outer_up"]] += 0.5 * max(style.brow_rest, 0.0)
    weights[:, INDEX["brow_down"]] += max(-style.brow_rest, 0.0)


def _within_limits(weights: Float[NDArray[Any], "times channels"]) -> Float[NDArray[Any], "times channels"]:
    """What this head's cheeks and brows can do without folding."""
    lids = [INDEX["eye_blink"], INDEX["eye_wide"]]
    weights[:, lids] = np.maximum(weights[:, lids], 0)
    inner = weights[:, INDEX["brow_inner_up"]]
    high = 1.3 + 0.6 * np.tanh(np.maximum(inner - 1.3, 0) / 0.6)  # at most 1.9
    weights[:, INDEX["brow_inner_up"]] = np.where(inner > 1.3, high, np.maximum(inner, -0.3))
    weights[:, INDEX["brow_outer_up"]] = np.clip(weights[:, INDEX["brow_outer_up"]], -0.4, 0.8)
    weights[:, INDEX["brow_down"]] = np.clip(weights[:, INDEX["brow_down"]], -0.1, 1.4)
    weights[:, INDEX["nose_sneer"]] = np.clip(weights[:, INDEX["nose_sneer"]], -0.1, 1.9)
    squint = np.maximum(weights[:, INDEX["cheek_squint"]] + weights[:, INDEX["eye_squint"]], 1e-6)
    too_much = np.minimum(1.5 / squint, 1.0)
    weights[:, INDEX["cheek_squint"]] *= too_much
    weights[:, INDEX["eye_squint"]] *= too_much
    return weights
