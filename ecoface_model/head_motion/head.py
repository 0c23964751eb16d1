"""The head's turns while somebody speaks: nods on accents, sway with the melody, posture, breath. numpy only.

- Sway: the head rises and falls with F0 (Munhall et al. 2004, Graf et al. 2002).
- Nods and beats: quick turns whose peak is on an accented syllable, small on most, clear on some (Hadar et
  al. 1983; Graf et al. 2002: 2 to 5 degrees), prepared by a little turn the other way. Only small ones are as
  quick as 3.7 Hz; large ones go at 1.8 (Hadar et al. 1983).
- Posture: where a phrase begins after a pause, and within long ones, the head takes another position (Hadar
  et al. 1984: slow shifts between units of speech).
- Breath and unrest: what keeps a silent head from freezing; it is raised a little with the breath that is
  drawn before a phrase.

Typical rotations in conversation have standard deviations of 2 to 4 degrees and stay within about 10 (Busso
et al. 2007). Sources from memory; sizes are ours within them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.head_motion.draws import ease, steps, unrest
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import Accent, Melody, smooth

YAW, PITCH, ROLL = range(3)
"""Columns of angles as in `core.head_pose.head_angles`: to the left, up, to the right shoulder."""

SWAY = (0.38, 0.56, 0.24)  # degrees a semitone: yaw and roll to a side drawn for each phrase
WIDEST_SWAY = 7.0  # semitones
POSTURE = (3.4, 1.8, 1.9)  # degrees, standard deviations
POSTURE_TIME, TIME_PER_DEGREE = (0.6, 1.0), 0.04  # seconds of a shift, and what each degree of it adds
SHIFTS = 2.8  # seconds between shifts within long phrases, the mean
UNREST = (0.75, 0.5, 0.45)  # degrees, standard deviations
BREATHS = 0.24  # Hz
BREATH = 0.35  # degrees
DRAWN, DRAWN_IN, LET_OUT = 0.9, 0.5, 0.7  # degrees, and seconds before and after a phrase begins
DRAWN_AFTER = 0.45  # seconds of silence
NOD = (0.8, 3.3)  # degrees of a faint accent, and what the strongest has more
BEAT_LIMITS = (4.5, 5.0, 3.5)  # degrees that sway and nods together come near to, however strong an emotion
NOD_SHARE = 0.6  # of accents that are nodded clearly; the others by FAINT of it
FAINT = 0.3
RISE, RISE_PER_DEGREE = 0.16, 0.03  # seconds to a nod's peak, and what each degree of its size adds
FALL = 2.0  # times as long back
BEFORE = 0.25  # of a nod's size, the turn the other way that prepares it
LAG = 0.03  # seconds from a syllable's loudest point to the nod's peak
SILENT_POSTURE = 0.35  # of the usual posture, when a line is over
LIMITS = (16.0, 13.0, 9.0)  # degrees that no turn passes
LOWEST = 7.0  # degrees, likewise down: further the chin is in the collar
FAST = (18.0, 32.0)  # degrees a second: from the first on turns are smoothed, from the other on wholly
SMOOTHED = 0.56  # seconds over which

Angles = Float[NDArray[np.float64], "frames 3"]
Side = tuple[float, float, float, float]
"""A phrase's beginning and end in seconds, and how yaw and roll go with its melody."""


@dataclass(frozen=True)
class Nod:
    """A turn whose peak is on an accent."""

    peak: float
    """Seconds."""
    rise: float
    """Seconds to the peak; the turn the other way before it begins 2.2 times as long before."""
    fall: float
    """Seconds back."""
    turn: NDArray[np.float64]
    """(3,) degrees at the peak."""


def head_turns(melody: Melody, moods: Moods, n_frames: int, rng: np.random.RandomState) -> Angles:
    """Yaw, pitch and roll in degrees of every frame."""
    seconds = np.arange(n_frames) / FRAME_RATE
    posture = _posture(melody, moods, seconds, rng)
    swayed = sway(melody.contour, [(*phrase, *side(rng)) for phrase in melody.phrases], seconds)
    nods = nodded([nod_on(accent, moods, rng) for accent in melody.accents], seconds)
    breaths = drawn_breaths(melody.phrases, seconds)
    return all_together(posture, swayed + nods, breaths, idle(seconds, rng), moods, drawn_side(rng))


def all_together(
    slow: Angles,
    beats: Angles,
    breaths: Float[NDArray[Any], " frames"],
    resting: Angles,
    moods: Moods,
    towards: float,
) -> Angles:
    """Posture, sway and nods, breaths and unrest as moods have them; some turn to a side, -1 or 1."""
    size = moods.curves["size"][:, None]
    angles = size * slow + within(size * beats, BEAT_LIMITS)
    angles[:, PITCH] += breaths
    angles += resting * np.minimum(size, 1)
    angles[:, PITCH] -= moods.curves["pitch"]
    angles[:, YAW] += towards * moods.curves["aside"]
    angles[:, ROLL] += towards * moods.curves["tilt"]
    return in_reach(angles)


def drawn_side(rng: np.random.RandomState) -> float:
    """-1 or 1."""
    return -1.0 if rng.uniform() < 0.5 else 1.0


def within(angles: Float[NDArray[Any], "frames n"], limits: tuple[float, ...]) -> NDArray[np.float64]:
    """Angles that come near a limit slower and never pass it; far from it they are as they were."""
    most = np.asarray(limits)
    knee = 0.6 * most
    over = np.maximum(np.abs(angles) - knee, 0)
    room = most - knee
    soft: NDArray[np.float64] = np.sign(angles) * (
        np.minimum(np.abs(angles), knee) + room * np.tanh(over / room)
    )
    return soft


def in_reach(angles: Float[NDArray[Any], "frames 3"]) -> Angles:
    """Angles within what a neck does in talk: `LIMITS`, and down to `LOWEST`."""
    reached = within(angles, LIMITS)
    down = reached[:, PITCH] < 0
    reached[down, PITCH] = within(angles[down, PITCH, None], (LOWEST,))[:, 0]
    return reached


def not_tossed(angles: Angles) -> Angles:
    """Angles (degrees) as they are where they turn at people's speeds, and smoothed where they are faster."""
    if len(angles) < 2:
        return angles
    speed = np.linalg.norm(np.gradient(angles, axis=0), axis=1) * FRAME_RATE
    share = smooth(ease((speed - FAST[0]) / (FAST[1] - FAST[0])), SMOOTHED * FRAME_RATE)
    slower = np.stack([smooth(each, SMOOTHED * FRAME_RATE) for each in angles.T], axis=1)
    calm: NDArray[np.float64] = angles + np.minimum(2 * share, 1)[:, None] * (slower - angles)
    return calm


def side(rng: np.random.RandomState) -> tuple[float, float]:
    """How yaw and roll go with a phrase's melody."""
    yaw, roll = rng.uniform(0.3, 1.0, 2) * np.where(rng.uniform(size=2) < 0.5, -1, 1)
    return float(yaw), float(roll)


def sway(
    contour: Float[NDArray[Any], " frames"],
    phrases: Sequence[Side],
    seconds: Float[NDArray[Any], " frames"],
) -> Angles:
    """The melody as turns; each phrase has its side."""
    height = WIDEST_SWAY * np.tanh(contour / WIDEST_SWAY)
    sides = np.zeros((len(seconds), 2))
    for start, end, *drawn in phrases:
        first, last = np.searchsorted(seconds, (start - 0.2, end + 0.5))
        here = seconds[first:last]
        spoken = ease((here - start + 0.2) / 0.3) * ease((end + 0.5 - here) / 0.5)
        sides[first:last] += spoken[:, None] * drawn
    turns = np.stack([sides[:, 0], np.ones(len(seconds)), sides[:, 1]], axis=1)
    swayed: NDArray[np.float64] = height[:, None] * turns * SWAY
    return swayed


def nod_on(accent: Accent, moods: Moods, rng: np.random.RandomState) -> Nod:
    """The nod or beat on an accent."""
    clear = rng.uniform() < NOD_SHARE
    size = (NOD[0] + NOD[1] * accent.strength) * rng.uniform(0.65, 1.2)
    size *= moods.at("nods", accent.time) * (1.0 if clear else FAINT)
    slowness = rng.uniform(0.85, 1.2) / moods.at("speed", accent.time)
    rise = (RISE + RISE_PER_DEGREE * size * moods.at("size", accent.time)) * slowness
    return Nod(accent.time + LAG, rise, FALL * rise, size * _direction(rng))


def nodded(nods: Sequence[Nod], seconds: Float[NDArray[Any], " frames"]) -> Angles:
    """All nods together."""
    angles = np.zeros((len(seconds), 3))
    for nod in nods:
        peak, rise, fall = nod.peak, nod.rise, nod.fall
        first, last = np.searchsorted(seconds, (peak - 2.2 * rise, peak + fall))
        here = seconds[first:last]
        up = ease((here - (peak - rise)) / rise) * (1 - ease((here - peak) / fall))
        before = ease((here - (peak - 2.2 * rise)) / (1.2 * rise)) * (1 - ease((here - (peak - rise)) / rise))
        angles[first:last] += (up - BEFORE * before)[:, None] * nod.turn
    return angles


def _direction(rng: np.random.RandomState) -> NDArray[np.float64]:
    """Which way a beat goes: mostly down, sometimes up or aside."""
    kind, turn = rng.uniform(), rng.uniform(-1, 1, 2)
    if kind < 0.72:
        return np.array([0.25 * turn[0], -1.0, 0.2 * turn[1]])
    if kind < 0.84:
        return np.array([0.2 * turn[0], 0.7, 0.2 * turn[1]])
    side = 1.0 if turn[0] > 0 else -1.0
    return np.array([0.8 * side, -0.35, 0.35 * side * turn[1]])


def drawn_breaths(
    phrases: Sequence[tuple[float, float]], seconds: Float[NDArray[Any], " frames"]
) -> NDArray[np.float64]:
    """Degrees by which the head rises with breaths in before phrases."""
    raised, before = np.zeros(len(seconds)), 0.0
    for start, end in phrases:
        if start - before > DRAWN_AFTER:
            drawn = ease((seconds - (start - DRAWN_IN)) / (0.8 * DRAWN_IN))
            raised += DRAWN * drawn * (1 - ease((seconds - start) / LET_OUT))
        before = end
    return raised


def _posture(
    melody: Melody, moods: Moods, seconds: NDArray[np.float64], rng: np.random.RandomState
) -> Angles:
    """Positions that are held, and shifts between them."""
    points, times, took = [np.zeros(3)], [-1.0], [1.0]
    for time, kept in shift_times(melody, rng):
        points.append(posture(kept, rng))
        took.append(shift_seconds(points[-1] - points[-2], moods, time, rng))
        times.append(time - 0.3 * took[-1])
    in_order = np.maximum.accumulate(times)
    until = np.diff(in_order, append=np.inf)
    return steps(np.stack(points), in_order, np.minimum(took, until), seconds)


def shift_seconds(turn: NDArray[np.float64], moods: Moods, time: float, rng: np.random.RandomState) -> float:
    """How long a shift by (3,) degrees takes, which begins about a time."""
    size = float(np.linalg.norm(turn)) * moods.at("size", time)
    return float(rng.uniform(*POSTURE_TIME) + TIME_PER_DEGREE * size) / moods.at("speed", time)


def posture(kept: float, rng: np.random.RandomState) -> NDArray[np.float64]:
    """(3,) degrees of a position, of which so much is taken."""
    drawn: NDArray[np.float64] = np.clip(rng.normal(size=3), -1.8, 1.8) * POSTURE * kept
    return drawn


def shift_times(melody: Melody, rng: np.random.RandomState) -> list[tuple[float, float]]:
    """Seconds at which the posture shifts, and how much of one is taken."""
    times: list[tuple[float, float]] = []
    before = -1.0
    for k, (start, end) in enumerate(melody.phrases):
        if start - before > 0.3 and rng.uniform() < 0.8:
            times.append((start, 1.0))
        now = start + 0.6 * SHIFTS + rng.exponential(0.5 * SHIFTS)
        while now < end - 0.8:
            near = min((a.time for a in melody.accents if abs(a.time - now) < 0.4), default=now)
            times.append((near, 1.0))
            now += 0.6 * SHIFTS + rng.exponential(0.5 * SHIFTS)
        before = end
        following = melody.phrases[k + 1][0] if k + 1 < len(melody.phrases) else melody.seconds
        if following - end > 0.7:  # a long pause: back, nearly
            times.append((end + 0.25, SILENT_POSTURE))
            now = end + 3.5 + rng.exponential(2.0)
            while now < following - 1.0:
                times.append((now, SILENT_POSTURE))
                now += 2.5 + rng.exponential(2.5)
    if not melody.phrases:
        now = 1.0 + rng.exponential(2.0)
        while now < melody.seconds - 1.0:
            times.append((now, SILENT_POSTURE))
            now += 2.5 + rng.exponential(2.5)
    return times


def idle(seconds: NDArray[np.float64], rng: np.random.RandomState) -> Angles:
    """Breath, and slow unrest that never stops."""
    noise = np.stack([unrest(rng, seconds, 0.07, 0.5) for _ in range(3)], axis=1) * UNREST
    drift = 0.6 * unrest(rng, seconds, 0.02, 0.06)  # breaths are not all alike
    noise[:, PITCH] += BREATH * np.sin(2 * np.pi * BREATHS * seconds + drift)
    return noise
