"""How well lips follow speech: pure functions of landmarks and phone times, as docs/results.md defines them.

*Aperture* is the mean vertical distance of the inner-lip landmark pairs 61-67, 62-66, 63-65, less the head's
rest gap; most metrics take it relative to the clip's 95th percentile. Frame k is the face at k / 25 s.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ecoface_model.core.constants import FRAME_RATE, LOWER_INNER, UPPER_INNER
from training.data.phones import BILABIALS, PAUSE, seconds
from training.data.utterance import Phone

OPEN_VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY")
ROUND, SPREAD = ("UW", "OW", "W", "UH"), ("IY", "EY", "EH", "S", "Z")
_CORNERS = (48, 54)
_LIP_MIDDLES = [51, 57, 62, 66]
_NEAR = 0.04  # s around a phone in which a closure counts
_CLEAR = 0.1  # s to the next sound or pause that would close the mouth anyway
_CLOSED = 0.15
_PAUSE = 0.15  # s; shorter pauses are not judged
_JITTER = 8.0  # Hz
_SHIFTS = range(-20, 21)  # in steps of 10 ms
_FINE = 100  # Hz


@dataclass(frozen=True)
class LipClip:
    """One clip to be judged."""

    landmarks: Float[NDArray[Any], "frames 68 3"]
    """Metres, y up, at 25 fps."""
    rest: float
    """Metres between the inner-lip landmarks when the lips just touch."""
    phones: Sequence[Phone]
    reference: Float[NDArray[Any], " frames"] | None = None
    """Relative aperture of the rule-based animator on the same phones."""
    in_lips: Float[NDArray[Any], " frames"] | None = None
    """mm that a lip is inside the other (`penetration`)."""
    in_teeth: Float[NDArray[Any], " frames"] | None = None
    """mm that a lip is inside the teeth."""

    @property
    def millimetres(self) -> Float[NDArray[Any], " frames"]:
        """Aperture in mm."""
        height = self.landmarks[:, :, 1]
        gap: NDArray[Any] = np.abs(height[:, UPPER_INNER] - height[:, LOWER_INNER]).mean(axis=1) - self.rest
        return 1000 * gap

    @property
    def opening(self) -> float:
        """95th percentile of the aperture in mm."""
        return float(np.percentile(self.millimetres, 95))

    @property
    def aperture(self) -> Float[NDArray[Any], " frames"]:
        """Aperture relative to the clip's 95th percentile."""
        return self.millimetres / max(self.opening, 1e-6)


@dataclass(frozen=True)
class Score:
    """One metric's value and how many things it was counted over."""

    value: float
    count: int


def _window(n_frames: int, start: float, end: float) -> slice:
    """Frames from start to end; at least the one nearest to the middle."""
    first, last = int(np.ceil(start * FRAME_RATE - 1e-6)), int(np.floor(end * FRAME_RATE + 1e-6))
    if last < first:
        first = last = round((start + end) / 2 * FRAME_RATE)
    first = min(max(first, 0), n_frames - 1)
    return slice(first, max(min(last, n_frames - 1), first) + 1)


def _alone(phones: Sequence[Phone], index: int, others: tuple[str, ...]) -> bool:
    """Whether no other phone of these names is within 0.1 s."""
    here = phones[index]
    return not any(
        phone.name in others
        and phone.start < here.end + _CLEAR - 1e-6
        and phone.end > here.start - _CLEAR + 1e-6
        for i, phone in enumerate(phones)
        if i != index
    )


def _bilabials(clip: LipClip) -> list[Phone]:
    """P, B, M at least 0.1 s from a pause."""
    return [
        phone
        for i, phone in enumerate(clip.phones)
        if phone.name in BILABIALS and _alone(clip.phones, i, (PAUSE,))
    ]


def _open_vowels(clip: LipClip) -> list[Phone]:
    """Open vowels with nothing near that closes the mouth."""
    closers = (*BILABIALS, "F", "V", "W", PAUSE)
    return [
        phone
        for i, phone in enumerate(clip.phones)
        if phone.name in OPEN_VOWELS and _alone(clip.phones, i, closers)
    ]


def _closed_share(clips: Sequence[LipClip], select: Callable[[LipClip], list[Phone]]) -> Score:
    """Share of phones whose least aperture within 40 ms is below 0.15."""
    closed = [
        float(clip.aperture[_window(len(clip.aperture), p.start - _NEAR, p.end + _NEAR)].min()) < _CLOSED
        for clip in clips
        for p in select(clip)
    ]
    return Score(float(np.mean(closed)) if closed else float("nan"), len(closed))


def closure(clips: Sequence[LipClip]) -> Score:
    """Share of P, B, M that really close."""
    return _closed_share(clips, _bilabials)


def false_closure(clips: Sequence[LipClip]) -> Score:
    """Share of open vowels that close though nothing asks for it."""
    return _closed_share(clips, _open_vowels)


def contrast(clips: Sequence[LipClip]) -> Score:
    """Closure less false closure."""
    shut, open_ = closure(clips), false_closure(clips)
    return Score(shut.value - open_.value, shut.count + open_.count)


def area_under_curve(
    positive: Float[NDArray[Any], " positives"], negative: Float[NDArray[Any], " negatives"]
) -> float:
    """Chance that a positive exceeds a negative, ties counted half."""
    if not len(positive) or not len(negative):
        return float("nan")
    difference = np.asarray(positive)[:, None] - np.asarray(negative)
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def _means(values: Float[NDArray[Any], " frames"], phones: Sequence[Phone]) -> list[float]:
    """Mean over each phone."""
    return [float(values[_window(len(values), p.start, p.end)].mean()) for p in phones]


def open_auc(clips: Sequence[LipClip]) -> Score:
    """Mean aperture in the phone: open vowels against P, B, M."""
    vowels = np.array([m for clip in clips for m in _means(clip.aperture, _open_vowels(clip))])
    shut = np.array([m for clip in clips for m in _means(clip.aperture, _bilabials(clip))])
    return Score(area_under_curve(vowels, shut), len(vowels) + len(shut))


def narrowness(clip: LipClip) -> Float[NDArray[Any], " frames"]:
    """Less the distance of the mouth's corners, metres."""
    left, right = (clip.landmarks[:, corner] for corner in _CORNERS)
    result: NDArray[Any] = -np.linalg.norm(left - right, axis=1)
    return result


def protrusion(clip: LipClip) -> Float[NDArray[Any], " frames"]:
    """How far the middle of the lips comes forward, metres."""
    result: NDArray[Any] = clip.landmarks[:, _LIP_MIDDLES, 2].mean(axis=1)
    return result


def rounding_auc(
    clips: Sequence[LipClip], measures: Sequence[Callable[[LipClip], NDArray[Any]]] = (narrowness, protrusion)
) -> Score:
    """Rounded against spread sounds, by whichever of the measures tells them apart best."""
    best, count = float("nan"), 0
    for measure in measures:
        values = [
            [m for clip in clips for m in _means(measure(clip), [p for p in clip.phones if p.name in names])]
            for names in (ROUND, SPREAD)
        ]
        best = float(np.fmax(best, area_under_curve(np.array(values[0]), np.array(values[1]))))
        count = len(values[0]) + len(values[1])
    return Score(best, count)


def pauses(clips: Sequence[LipClip]) -> Score:
    """Mean aperture of the frames in pauses longer than 0.15 s."""
    frames = [
        clip.aperture[_window(len(clip.aperture), phone.start, phone.end)]
        for clip in clips
        for phone in clip.phones
        if phone.name == PAUSE and seconds(phone) > _PAUSE
    ]
    return Score(float(np.concatenate(frames).mean()) if frames else float("nan"), len(frames))


def _fast_share(curves: Sequence[Float[NDArray[Any], " frames"]]) -> float:
    """Share of some curves' energy (their means left out) above 8 Hz."""
    high = total = 0.0
    for curve in curves:
        power = np.abs(np.fft.rfft(curve - curve.mean())) ** 2
        frequency = np.fft.rfftfreq(len(curve), 1 / FRAME_RATE)
        high += float(power[frequency > _JITTER].sum())
        total += float(power.sum())
    return high / max(total, 1e-12)


def jitter(clips: Sequence[LipClip]) -> Score:
    """Share of the aperture's energy (its mean left out) above 8 Hz."""
    return Score(_fast_share([clip.aperture for clip in clips]), len(clips))


def jitter_beyond_animator(clips: Sequence[LipClip]) -> Score:
    """Jitter less the rule-based animator's on the same phones."""
    curves = [clip.reference for clip in clips if clip.reference is not None]
    assert len(curves) == len(clips), "needs the reference's aperture"
    return Score(jitter(clips).value - _fast_share(curves), len(clips))


def _deepest(depths: Sequence[Float[NDArray[Any], " frames"] | None]) -> Score:
    """The greatest of some clips' depths; not a number where none was measured."""
    measured = [depth for depth in depths if depth is not None]
    if not measured:
        return Score(float("nan"), 0)
    return Score(float(np.concatenate(measured).max()), sum(map(len, measured)))


def lips_in_lips(clips: Sequence[LipClip]) -> Score:
    """mm of the deepest point of a lip in the other lip, over all frames."""
    return _deepest([clip.in_lips for clip in clips])


def lips_in_teeth(clips: Sequence[LipClip]) -> Score:
    """mm of the deepest point of a lip in the teeth, over all frames."""
    return _deepest([clip.in_teeth for clip in clips])


def opening(clips: Sequence[LipClip]) -> Score:
    """Median over clips of the 95th percentile of the aperture, mm."""
    return Score(float(np.median([clip.opening for clip in clips])), len(clips))


def _shifted(clips: Sequence[LipClip], shift: int) -> float:
    """Pooled correlation with the reference when the clips are `shift` steps of 10 ms late."""
    ours, theirs = [], []
    for clip in clips:
        assert clip.reference is not None, "lag and r need the reference's aperture"
        times = np.arange(len(clip.reference)) / FRAME_RATE
        fine = np.arange(0, times[-1] + 1e-9, 1 / _FINE)
        inside = (fine + shift / _FINE >= 0) & (fine + shift / _FINE <= times[-1])
        ours.append(np.interp(fine[inside] + shift / _FINE, times, clip.aperture))
        theirs.append(np.interp(fine[inside], times, clip.reference))
    return float(np.corrcoef(np.concatenate(ours), np.concatenate(theirs))[0, 1])


def correlation(clips: Sequence[LipClip]) -> Score:
    """Pooled correlation with the rule-based animator at no shift."""
    return Score(_shifted(clips, 0), sum(len(clip.aperture) for clip in clips))


def lag(clips: Sequence[LipClip]) -> Score:
    """Shift of the best correlation in ms; above 0 the lips are later than the rule-based animator's."""
    values = [_shifted(clips, shift) for shift in _SHIFTS]
    return Score(1000 * _SHIFTS[int(np.argmax(values))] / _FINE, sum(len(clip.aperture) for clip in clips))
