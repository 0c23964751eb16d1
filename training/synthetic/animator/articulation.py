"""Co-articulation: from phones to the curves of jaw and lips, before anything is forced to touch.

Every sound pulls towards its viseme with a dominance that rises before it and falls after it, value =
sum(D target) / sum(D) (Cohen & Massaro 1993, times after JALI); jaw, lips and tongue are pulled separately,
so that tongue sounds leave the lips to their neighbours and rounding starts early. Deterministic: the same
phones, loudness, emotion and style give the same mouth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from training.data.phones import BILABIALS, LABIODENTALS, PAUSE, seconds
from training.data.utterance import Phone
from training.synthetic.animator.channels import CHANNELS, INDEX, OPENING, PRESSES, ROUNDING, SPREAD, columns
from training.synthetic.animator.emotions_table import Pose
from training.synthetic.animator.prosody_features import RATE
from training.synthetic.animator.styles import Style
from training.synthetic.animator.visemes import GLIDES, OWN_JAW, ROUNDED, VISEMES, Viseme

_DRIVEN = columns((*OPENING, *SPREAD, *ROUNDING, "mouth_close"))
_HOLD = 0.75  # of a sound, over which it keeps its target
_SHORT_PAUSE = 0.12  # s; below, the mouth stays with the neighbours
_LONG_PAUSE = 0.2  # s; from here on an emotion shows its face of pauses
_JAW_CAP, _SHOUT_CAP = 15.0, 18.0  # degrees
_TONGUE_STRENGTH = 2.0
_SURVIVAL = {"opening": 0, "spread": 1, "presses": 2, "rest": 3}
_PRESS_SHARE = 0.35


@dataclass(frozen=True)
class Gate:
    """When a contact is forced (0 free .. 1 held), over the animator's times."""

    bilabial: Float[NDArray[Any], " times"]
    labiodental: Float[NDArray[Any], " times"]


@dataclass(frozen=True)
class Mouth:
    """Curves of the mouth at RATE."""

    weights: Float[NDArray[Any], "times channels"]
    jaw: Float[NDArray[Any], " times"]
    """Degrees."""
    gate: Gate
    pause: Float[NDArray[Any], " times"]
    """1 in pauses, 0 in speech."""


@dataclass(frozen=True)
class _Segment:
    """A sound, or one half of a diphthong."""

    start: float
    end: float
    viseme: Viseme
    name: str
    loudness: float
    """Factor on what a vowel opens."""


def time_grid(n_frames: int) -> Float[NDArray[Any], " times"]:
    """Times at RATE; every fourth is a frame."""
    return np.arange(4 * (n_frames - 1) + 1) / RATE


def loudness_factor(z: float) -> float:
    """How far a vowel opens by its level among the clip's vowels."""
    return float(np.clip(0.85 + 0.25 * z, 0.6, 1.35))


def _segments(phones: Sequence[Phone], vowel_loudness: dict[int, float]) -> list[_Segment]:
    """Sounds with diphthongs cut where they begin to glide."""
    result = []
    for i, phone in enumerate(phones):
        factor = loudness_factor(vowel_loudness[i]) if i in vowel_loudness else 1.0
        cut = phone.start + 2 / 3 * seconds(phone) if phone.name in GLIDES else phone.end
        result.append(_Segment(phone.start, cut, VISEMES[phone.name], phone.name, factor))
        if phone.name in GLIDES:
            result.append(_Segment(cut, phone.end, GLIDES[phone.name], phone.name, factor))
    return result


def _dominance(
    segments: list[_Segment], times: Float[NDArray[Any], " times"], lead: float
) -> Float[NDArray[Any], "segments times"]:
    """exp(-3 u^1.3), u = time outside [start, 75 % of the sound] over its lead or trail."""
    start = np.array([s.start for s in segments])[:, None]
    hold = np.array([s.start + _HOLD * (s.end - s.start) for s in segments])[:, None]
    before = np.array([s.viseme.lead for s in segments])[:, None] * lead
    after = np.array([s.viseme.trail for s in segments])[:, None] * lead
    outside = np.maximum(start - times, 0) / before + np.maximum(times - hold, 0) / after
    curve: NDArray[Any] = np.exp(-3 * np.minimum(outside, 6.0) ** 1.3)
    return curve


@dataclass(frozen=True)
class _Pull:
    """How strongly each segment holds each moment; called, it gives sum(D T) / sum(D)."""

    dominance: Float[NDArray[Any], "segments times"]
    factor: Float[NDArray[Any], " segments"]
    """On every articulator's strength."""

    def __call__(
        self, strength: Sequence[float] | NDArray[Any], targets: Float[NDArray[Any], "segments n"]
    ) -> Float[NDArray[Any], "times n"]:
        pulls = self.dominance * (self.factor * np.asarray(strength))[:, None]
        values: NDArray[Any] = pulls.T @ targets / (pulls.sum(axis=0)[:, None] + 1e-12)
        return values


def _pause_strength(segment: _Segment) -> float:
    """Factor on a pause's dominance: weak when short, closing the mouth in time when long."""
    if segment.name != PAUSE:
        return 1.0
    return float(np.clip(0.4 + (segment.end - segment.start - _SHORT_PAUSE) / 0.08, 0.4, 3.0))


def _jaw_targets(
    segments: list[_Segment], pose: Pose, style: Style, gain: float
) -> Float[NDArray[Any], "n 2"]:
    """Degrees each sound asks for, and what the emotion adds while it shows."""
    targets = []
    for segment in segments:
        if segment.name == PAUSE:
            targets.append((style.rest_jaw, gain * pose.jaw_pause))
        elif segment.name in OWN_JAW:
            targets.append((segment.viseme.jaw, 0.0))
        else:
            factor = segment.loudness * style.jaw * (1 + gain * (pose.factors[0] - 1))
            targets.append((segment.viseme.jaw * factor, gain * pose.jaw_speech))
    return np.array(targets)


def _lip_targets(
    segments: list[_Segment], pose: Pose, style: Style, gain: float
) -> Float[NDArray[Any], "segments channels"]:
    """Weights each sound asks for, with loudness, emotion and style."""
    opening, spread, rounding = (1 + gain * (factor - 1) for factor in pose.factors[1:])
    targets = np.zeros((len(segments), len(CHANNELS)))
    for row, segment in zip(targets, segments, strict=True):
        for name, weight in segment.viseme.lips.items():
            row[INDEX[name]] = weight
        row[columns(OPENING)] *= opening * style.lips * np.sqrt(segment.loudness)
        row[columns(SPREAD)] *= spread * style.spread
        row[columns(ROUNDING)] *= rounding * style.rounding
    return targets


def _survival(segment: _Segment) -> tuple[float, float, float, float]:
    """Shares of an emotion's opening, spread, presses and rest that a sound lets through."""
    if segment.name == PAUSE:
        return 1.0, 1.0, 1.0, 1.0
    if segment.name in BILABIALS:
        return 0.0, 0.7, 1.0, 1.0
    if segment.name in LABIODENTALS:
        return 0.0, 0.7, 0.0, 0.7
    if segment.name in ROUNDED:
        return 0.6, 0.4, _PRESS_SHARE, 0.6
    return 0.85, 0.85, _PRESS_SHARE, 0.85


def _survival_by_channel(shares: Float[NDArray[Any], "times 4"]) -> Float[NDArray[Any], "times channels"]:
    """The shares, spread over the channels they are about."""
    result = np.repeat(shares[:, _SURVIVAL["rest"], None], len(CHANNELS), axis=1)
    for kind, names in (("opening", (*OPENING, "funnel")), ("spread", SPREAD), ("presses", PRESSES)):
        result[:, columns(names)] = shares[:, _SURVIVAL[kind], None]
    return result


def ramp(
    times: Float[NDArray[Any], " times"], start: float, end: float, rise: float, fall: float
) -> Float[NDArray[Any], " times"]:
    """1 from start to end, with cosine ramps before and after."""
    outside = np.maximum(start - times, 0) / rise + np.maximum(times - end, 0) / fall
    curve: NDArray[Any] = 0.5 + 0.5 * np.cos(np.pi * np.minimum(outside, 1))
    return curve


def contact_gate(
    phones: Sequence[Phone], names: tuple[str, ...], times: Float[NDArray[Any], " times"]
) -> Float[NDArray[Any], " times"]:
    """1 while a contact is held: at least 50 ms, so that a frame of 25 a second always sees it."""
    gate = np.zeros(len(times))
    for before, phone, after in zip((None, *phones[:-1]), phones, (*phones[1:], None), strict=True):
        if phone.name in names:
            rise = 0.16 if before is not None and before.name == PAUSE else 0.06  # no gasp before it
            fall = 0.12 if after is not None and after.name == PAUSE else 0.06
            start, end = phone.start + 0.1 * seconds(phone), phone.start + _HOLD * seconds(phone)
            widen = max(0.0, 0.05 - (end - start)) / 2
            gate = np.maximum(gate, ramp(times, start - widen, end + widen, rise, fall))
    return gate


def pause_curve(
    phones: Sequence[Phone], times: Float[NDArray[Any], " times"]
) -> Float[NDArray[Any], " times"]:
    """1 in pauses long enough for an emotion to show, with soft ends inside the pause."""
    curve = np.zeros(len(times))
    for phone in phones:
        if phone.name == PAUSE and seconds(phone) >= _LONG_PAUSE:
            first, last = phone.start <= 0, phone.end >= times[-1]
            start = -1.0 if first else phone.start + 0.12
            end = times[-1] + 1.0 if last else phone.end - 0.08
            curve = np.maximum(curve, ramp(times, start, max(start, end), 0.12, 0.08))
    return curve


def _smooth(curves: Float[NDArray[Any], "times n"]) -> Float[NDArray[Any], "times n"]:
    """A short Hann window against kinks that 25 frames a second could not show."""
    kernel = np.hanning(9)[1:-1] / np.hanning(9).sum()
    padded = np.pad(curves, ((3, 3), (0, 0)), mode="edge")
    smoothed: NDArray[Any] = np.sum([kernel[k] * padded[k : k + len(curves)] for k in range(7)], axis=0)
    return smoothed


def _jaw(
    segments: list[_Segment], pull: "_Pull", pose: Pose, style: Style, envelope: Float[NDArray[Any], " times"]
) -> Float[NDArray[Any], " times"]:
    """Degrees of the jaw."""
    targets = _jaw_targets(segments, pose, style, style.expressivity)
    curves = _smooth(pull([segment.viseme.jaw_strength for segment in segments], targets))
    cap = np.interp(pose.factors[0], (1.1, 1.35), (_JAW_CAP, _SHOUT_CAP))
    result: NDArray[Any] = np.minimum(curves[:, 0] + envelope * curves[:, 1], cap)
    return result


def _lips(
    segments: list[_Segment], pull: "_Pull", pose: Pose, style: Style
) -> Float[NDArray[Any], "times channels"]:
    """Weights of lips and tongue that the sounds ask for."""
    targets = _lip_targets(segments, pose, style, style.expressivity)
    tongue = [_TONGUE_STRENGTH if "tongue_out" in segment.viseme.lips else 1.0 for segment in segments]
    weights = np.zeros((pull.dominance.shape[1], len(CHANNELS)))
    weights[:, _DRIVEN] = pull([s.viseme.lip_strength for s in segments], targets[:, _DRIVEN])
    weights[:, columns(("tongue_out",))] = pull(tongue, targets[:, columns(("tongue_out",))])
    return _smooth(weights)


def _felt(
    pose: Pose,
    gain: float,
    shares: Float[NDArray[Any], "times 4"],
    pause: Float[NDArray[Any], " times"],
) -> Float[NDArray[Any], "times channels"]:
    """What an emotion at its apex does to the mouth, as far as the sounds let it."""
    speaking, in_pause = np.zeros(len(CHANNELS)), np.zeros(len(CHANNELS))
    for name, weight in pose.mouth.items():
        speaking[INDEX[name]] = gain * weight
    for name, weight in pose.pause.items():
        in_pause[INDEX[name]] = gain * weight
    return _smooth(speaking * _survival_by_channel(shares) + in_pause * pause[:, None])


def articulate(
    phones: Sequence[Phone],
    vowel_loudness: dict[int, float],
    pose: Pose,
    style: Style,
    envelope: Float[NDArray[Any], " times"],
    times: Float[NDArray[Any], " times"],
) -> Mouth:
    """The mouth's curves for one utterance; `envelope` says how strongly the emotion shows (0..1)."""
    segments = _segments(phones, vowel_loudness)
    pull = _Pull(
        _dominance(segments, times, style.lead), np.array([_pause_strength(segment) for segment in segments])
    )
    shares = pull(np.ones(len(segments)), np.array([_survival(segment) for segment in segments]))
    pause = pause_curve(phones, times)
    weights = _lips(segments, pull, pose, style)
    weights += envelope[:, None] * _felt(pose, style.expressivity, shares, pause)
    weights[:, INDEX["upper_lip_up"]] += style.upper_teeth * (1 - pause) * shares[:, _SURVIVAL["opening"]]
    corner = INDEX["smile"] if style.corner > 0 else INDEX["frown"]
    weights[:, corner] += abs(style.corner) * shares[:, _SURVIVAL["spread"]]
    gate = Gate(contact_gate(phones, BILABIALS, times), contact_gate(phones, LABIODENTALS, times))
    return Mouth(weights, _jaw(segments, pull, pose, style, envelope), gate, pause)
