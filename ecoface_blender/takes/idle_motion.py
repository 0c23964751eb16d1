"""A face that only listens: blinks, a gaze on a face, breath, and what `responses` says it does. No bpy.

By rule: blinks as of people at rest, 17 a minute (Bentivoglio 1997), shut within 80 ms and open again in 200;
the gaze rests on the other's eyes and mouth for about a second at a time; saccades last 25 ms and 2.4 ms a
degree (the main sequence); the head sways slowly, shifts to another posture now and then, and nods at times
as listeners do (Hadar 1985), at the ends of phrases where somebody is heard.
Brows, cheeks and the mouth's corners are never quite still; how far they stir was chosen on pictures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.blink import left_shut
from ..core.head_pose import direction, gaze_along
from ..core.jaw_skinning import rotations
from ..heads.feelings import EMOTIONS
from . import responses
from .responses import Heard, step

BLINKS = (3.0, 0.55)  # seconds between two: the log-normal's median, and its spread
CLOSING, HELD, OPENING = 0.08, 0.06, 0.2  # seconds
BLINKS_APART = 1.2  # seconds at least: two at once look like a tic
BESIDE_LINES = (
    0.7  # seconds to either side of a line's ends in which no blink begins: the line may have its own
)
SILENT = 2.4  # seconds between two lines, from which on eyes blink in them at least once
BESIDE_LATER = 1.0  # seconds at most by which one that would is further away, so that not all are alike
DWELLS = (0.9, 0.5)  # seconds on one place, likewise
EYE_ANGLE = np.radians(1.8)
"""From between another's eyes to one of them, seen from a metre away."""
PLACES, LOOKED_AT = np.array([(1.0, 0.0), (-1.0, 0.0), (0.0, -1.7)]), (0.41, 0.41, 0.18)
"""Yaw and pitch of another's eyes and upper lip, in such angles, and how often each is looked at. Lids go
down with the eyes: who dwelt on a mouth near by would seem to fall asleep."""
AWAY, AWAY_SHARE = np.radians([9.0, 5.0]), 0.08
"""How far a listener looks aside, and how often."""
SWAY, SWAY_TIME = np.radians([1.2, 2.0, 1.2]), 1.6  # radians about x, y, z; seconds
UNREST, UNREST_TIME = np.radians([0.9, 1.1, 0.7]), 0.55
"""On top of it, so that there is no second in which a head is still."""
SHIFTS, SHIFT_TIME = (4.5, 0.45), (1.0, 1.8)  # seconds between two postures; and in which one is taken
POSTURE, MOST_POSTURE = np.radians([1.2, 2.2, 2.4]), 1.5
"""Standard deviations of a posture about x, y and z, and how many of them it is away at most."""
BREATH, BREATH_TIME = np.radians(0.45), 4.2
DRAWN, DRAWN_IN, LET_OUT = np.radians(1.0), 0.45, 0.3
"""Radians up with the breath drawn before a line; seconds in, and out again as the line begins."""
NODS = (5.5, 0.5)  # seconds between two where nobody is heard, likewise
STIRRED = {"browInnerUp": 0.12, "browOuterUp": 0.1, "cheekSquint": 0.1, "mouthSmile": 0.07}
"""Standard deviations of ARKit's units, both sides alike, about as much above rest."""
STIR_TIME = 0.9  # seconds


@dataclass(frozen=True)
class Idle:
    """Of every frame."""

    blink: np.ndarray
    """(T,) 0 open, 1 shut."""
    head: np.ndarray
    """(T, 3) axis-angle in radians."""
    gaze: np.ndarray
    """(T, 2) yaw and pitch in the head, radians, about whoever is looked at."""
    stirred: dict[str, np.ndarray]
    """(T,) weights of ARKit's units, each for both sides."""


def idle(
    n_frames: int,
    rate: float,
    seed: int,
    speaks: Sequence[float] = (),
    spoke: Sequence[float] = (),
    heard: Heard | None = None,
    eye_angle: float = EYE_ANGLE,
    felt: np.ndarray | None = None,
) -> Idle:
    """Some time of listening; the same seed gives the same.

    Args:
        speaks: seconds at which a line begins.
        spoke: seconds at which one ends.
        heard: what others say meanwhile; None if nobody does, then the head nods of its own accord.
        eye_angle: radians from between the eyes of who is looked at to one of them.
        felt: (T, EMOTIONS) what this head feels itself in its lines.
    """
    rng = np.random.RandomState(seed)
    seconds = np.arange(n_frames) / rate
    blink = np.zeros(n_frames)
    last, further = -BLINKS_APART, np.random.RandomState([seed, 5])
    starts: list[float] = []
    for start in _times(seconds, BLINKS, rng, BLINKS_APART):
        start = _beside(start, speaks, spoke, BESIDE_LATER * further.uniform())
        if start - last >= BLINKS_APART:
            starts.append(start)
            last = start
    for start in [*starts, *_in_silences(starts, speaks, spoke, further)]:
        blink = np.maximum(blink, _blink(seconds - start))
    head = _sway(seconds, SWAY, SWAY_TIME * rate, rng)
    head[:, 0] += BREATH * np.sin(2 * np.pi * seconds / BREATH_TIME + rng.uniform(0, 6))
    head += _sway(seconds, UNREST, UNREST_TIME * rate, np.random.RandomState([seed, 4]))
    head += _postures(seconds, np.random.RandomState([seed, 1]))
    head[:, 0] += _nods(seconds, heard, np.random.RandomState([seed, 2]))
    stirred = _stirred(n_frames, rate, rng)
    if heard is not None or felt is not None:
        said = heard or Heard([], np.zeros((n_frames, len(EMOTIONS))))
        own = None if felt is None else responses.own_mood(felt, seconds, speaks, spoke)
        for unit, shown in responses.units(
            said, seconds, rate, np.random.RandomState([seed, 3]), own
        ).items():
            stirred[unit] = stirred.get(unit, 0.0) + shown * (1 - blink if unit in responses.LIDS else 1.0)
    for start in speaks:
        since = seconds - start + LET_OUT
        head[:, 0] -= DRAWN * step((since + DRAWN_IN) / DRAWN_IN) * (1 - step(since / LET_OUT))
    looked = _looked(seconds, eye_angle, rng)
    in_head = rotations(head).transpose(0, 2, 1) @ direction(looked)[..., None]
    return Idle(blink, head, gaze_along(in_head[..., 0]), stirred)


def _times(
    seconds: np.ndarray, every: tuple[float, float], rng: np.random.RandomState, least: float = 0.3
) -> list[float]:
    """Moments whose distances are log-normal, and no less than `least`."""
    found, last = [], float(seconds[-1]) if len(seconds) else 0.0
    moment = every[0] * rng.uniform(0.2, 1.0)
    while moment < last:
        found.append(moment)
        moment += max(least, float(every[0] * np.exp(every[1] * rng.standard_normal())))
    return found


def _beside(moment: float, speaks: Sequence[float], spoke: Sequence[float], further: float) -> float:
    """The moment, or one in the same silence that is far enough from the lines around it, and `further`."""
    for edge in speaks:
        if edge - BESIDE_LINES < moment < edge:
            return edge - BESIDE_LINES - further
    for edge in spoke:
        if edge - (CLOSING + HELD + OPENING) < moment < edge + BESIDE_LINES:
            return edge + BESIDE_LINES + further
    return moment


def _in_silences(
    blinks: Sequence[float], speaks: Sequence[float], spoke: Sequence[float], rng: np.random.RandomState
) -> Iterator[float]:
    """Blinks of silences between lines that have none: what falls into a line is not seen."""
    for end in spoke:
        begin = min((edge for edge in speaks if edge > end), default=end)
        if begin - end > SILENT and not any(end <= blink < begin for blink in blinks):
            yield rng.uniform(end + BESIDE_LINES, begin - BESIDE_LINES - (CLOSING + HELD + OPENING))


def _blink(since: np.ndarray) -> np.ndarray:
    """(T,) of one that begins at 0: faster down than up, and up at once, the slower the wider."""
    return step(since / CLOSING) * left_shut((since - CLOSING - HELD) / OPENING)


def _sway(seconds: np.ndarray, size: np.ndarray, frames: float, rng: np.random.RandomState) -> np.ndarray:
    """(T, 3) radians about x, y and z of slow noise, with standard deviations `size` (3,)."""
    width = max(frames / 2, 1e-3)
    noise = rng.standard_normal((len(seconds) + 1, 3)).cumsum(axis=0)[1:]  # walks, held by the filter below
    return size * _unit(_smooth(noise, width) - _smooth(noise, 4 * width))


def _postures(seconds: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """(T, 3) ways of holding the head, each kept until the next."""
    now = POSTURE * rng.standard_normal(3).clip(-MOST_POSTURE, MOST_POSTURE)
    held = np.tile(now, (len(seconds), 1))
    for start in _times(seconds, SHIFTS, rng, SHIFT_TIME[1]):
        then = POSTURE * rng.standard_normal(3).clip(-MOST_POSTURE, MOST_POSTURE)
        share = step((seconds - start) / rng.uniform(*SHIFT_TIME))[:, None]
        held, now = held + share * (then - now), then
    return held


def _nods(seconds: np.ndarray, heard: Heard | None, rng: np.random.RandomState) -> np.ndarray:
    """(T,) radians down: answers to what is heard, else now and then."""
    times = _times(seconds, NODS, rng) if heard is None else responses.nod_times(heard, rng)
    down = np.zeros(len(seconds))
    for start in times:
        down += responses.nod(seconds - start, rng)
    return down


def _stirred(n_frames: int, rate: float, rng: np.random.RandomState) -> dict[str, np.ndarray]:
    """Slow waves of each unit, never below rest."""
    width = max(STIR_TIME * rate / 2, 1e-3)
    waves = _unit(_smooth(rng.standard_normal((n_frames, len(STIRRED))), width))
    shown = (1 + waves).clip(0, 3) * list(STIRRED.values())
    return dict(zip(STIRRED, shown.T, strict=True))


def _looked(seconds: np.ndarray, eye_angle: float, rng: np.random.RandomState) -> np.ndarray:
    """(T, 2) yaw and pitch of the places that the gaze rests on, one after the other."""
    places = eye_angle * PLACES
    now = places[rng.choice(3, p=LOOKED_AT)]
    looked = np.tile(now, (len(seconds), 1))
    for start in _times(seconds, DWELLS, rng):
        place = places[rng.choice(3, p=LOOKED_AT)] + np.radians(rng.standard_normal(2) * 0.4)
        if rng.uniform() < AWAY_SHARE:
            place = AWAY * rng.uniform(-1, 1, 2)
        lasting = 0.025 + 0.0024 * np.degrees(np.linalg.norm(place - now))
        share = step((seconds - start) / lasting)[:, None]
        looked, now = (1 - share) * looked + share * place, place
    return looked


def _smooth(curves: np.ndarray, width: float) -> np.ndarray:
    """A Gaussian mean over frames (T, n); beyond the ends they hold."""
    reach = int(np.ceil(3 * width))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    padded = np.pad(curves, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(each, weights / weights.sum(), "valid") for each in padded.T], axis=1)


def _unit(curves: np.ndarray) -> np.ndarray:
    """As wide as a standard deviation of one."""
    return curves / np.maximum(curves.std(axis=0), 1e-9)
