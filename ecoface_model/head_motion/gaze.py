"""Where the eyes look while somebody speaks, and when they look away. numpy only.

- A gaze rests on who is spoken to and leaves them now and then: for 3.1 s and 0.9 s on average while talking,
  7.9 s and 0.4 s while listening, in directions with known shares, by an exponential of 6.9 degrees (Lee,
  Badler and Badler 2002, "Eyes Alive"; of 9 here, since their small shifts are those within a face).
- Speakers look away as they begin to speak and back as they end (Kendon 1967); while they think of what comes
  next, upwards as often as down or aside (Andrist et al. 2014).
- While it rests on a face, it goes from eye to eye and to the mouth.
- A saccade of a size takes a time: 25 ms and 2.4 ms a degree (main sequence: Bahill et al. 1975; Lee 2002).
- The head takes a part of a gaze shift, slower, and of a large one all that is beyond some 10 degrees
  (Guitton and Volle 1987; Freedman and Sparks 1997); the eyes turn against all that the head does, so that
  the gaze stays where it rests (vestibulo-ocular reflex).

Sources from memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.head_motion.draws import steps
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import Melody, smooth

TALKING, LISTENING = (2.3, 0.93), (7.92, 0.43)
"""Seconds that a gaze rests on somebody, and is away: means of an exponential and of a gamma distribution.

While talking it comes to 3 s, since ends of phrases and pauses keep it on them."""
LONGEST_AWAY = 2.6  # seconds
SPREAD = 1.35  # its shape
AWAY, LEAST_AWAY, MOST_AWAY = 9.0, 3.5, 24.0  # degrees: the exponential's mean, and its ends
DIRECTIONS = (15.54, 6.46, 17.69, 7.44, 16.80, 7.89, 20.38, 7.79)
"""Per cent of shifts at 0, 45, 90 ... degrees: to the left, up and left, up ..."""
UPRIGHT = 0.7  # of a shift's size, upwards or down: eyes reach less far
THINKING = ((90, 25, 0.39), (270, 25, 0.29), (0, 20, 0.16), (180, 20, 0.16))
"""Direction, its spread in degrees, and share, of a gaze turned away in thought."""
FACE = ((-1.6, 0.5, 0.4), (1.6, 0.5, 0.4), (0.0, -2.4, 0.2))
"""Yaw and pitch in degrees, and share, of an eye, the other and the mouth of somebody 1.2 m away."""
DWELL = (0.95, 0.5)  # seconds on one of them: the log-normal's median, and its spread
SHORTEST = 0.25  # seconds of a fixation
BEGINS = 0.45  # seconds of silence after which somebody begins to speak anew
AWAY_AT_START, AWAY_IN_PAUSE = 0.5, 0.45  # shares
BACK = 0.25  # seconds before the end of speaking by which the gaze is back
SILENCE = 1.5  # seconds without speech that make a listener
SACCADE, PER_DEGREE = 0.025, 0.0024  # seconds, and seconds a degree: the main sequence
HEAD_SHARE = (0.30, 0.25)  # of yaw and pitch of a gaze that is turned away
EYES_ALONE = (10.5, 10.0)  # degrees of yaw and pitch, beyond which the head takes the rest
HEAD_TIME = 0.5  # seconds
FOLLOWS, FOLLOWS_LATER = 0.6, 0.2
"""Seconds over which a head follows eyes that stay aside, and by which it is later."""
LIMITS = (20.0, 14.0)  # degrees that eyes turn in the head


@dataclass(frozen=True)
class Fixation:
    """A place where the gaze rests, until the next."""

    time: float
    """Seconds at which the saccade to it begins."""
    yaw: float
    """Degrees to the face's left of who is spoken to."""
    pitch: float
    """Degrees up."""
    away: bool
    """Not on who is spoken to."""

    def size_from(self, other: "Fixation") -> float:
        """Degrees from another place to this."""
        return float(np.hypot(self.yaw - other.yaw, self.pitch - other.pitch))


def saccade_seconds(degrees: float) -> float:
    """How long a saccade takes."""
    return SACCADE + PER_DEGREE * degrees


def fixations(melody: Melody, moods: Moods, rng: np.random.RandomState) -> list[Fixation]:
    """Where the gaze rests from the beginning to the end, in order of time."""
    first, feature = _on(-1.0, moods, rng, len(FACE) - 1)  # an eye
    found, end = [first], 0.0
    for start, stop, thinking in [*_away(melody, moods, rng), (melody.seconds, melody.seconds, False)]:
        found += _looking_at(end + SHORTEST, start, feature, moods, rng)
        if stop > start:
            found += _looking_away(start, stop, thinking, moods, rng)
            back, feature = _on(stop, moods, rng)
            found.append(back)
        end = stop
    return found


def _away(melody: Melody, moods: Moods, rng: np.random.RandomState) -> list[tuple[float, float, bool]]:
    """When the gaze is turned away: from, to, in thought; in order and apart."""
    chosen: list[tuple[float, float, bool]] = []
    for start, stop, thinking in sorted(_away_wanted(melody, moods, rng)):
        if start > (chosen[-1][1] if chosen else 0.0) + 2 * SHORTEST and stop - start > SHORTEST:
            chosen.append((start, stop, thinking))
    return chosen


def _away_wanted(
    melody: Melody, moods: Moods, rng: np.random.RandomState
) -> Iterator[tuple[float, float, bool]]:
    before = 0.0
    if not melody.phrases or melody.phrases[0][0] > SILENCE:
        yield from _spells(
            0.0, melody.phrases[0][0] if melody.phrases else melody.seconds, LISTENING, moods, rng
        )
    for k, (start, end) in enumerate(melody.phrases):
        last = k + 1 == len(melody.phrases)
        following = melody.seconds if last else melody.phrases[k + 1][0]
        talks_on = not last and following - end < BEGINS
        back = end if talks_on else end - BACK
        if (start - before > BEGINS or k == 0) and rng.uniform() < AWAY_AT_START:
            first = max(start - rng.uniform(0.05, 0.35), 0.12)
            yield first, min(first + _length(TALKING[1] * moods.at("away", start), rng), back), False
        for spell in _spells(start, back, TALKING, moods, rng):
            yield spell[0], min(spell[1], back), spell[2]
        if not last and 0.6 < following - end < 2 * SILENCE and rng.uniform() < AWAY_IN_PAUSE:
            yield end + rng.uniform(0.1, 0.3), following + rng.uniform(0.1, 0.4), True
        elif following - end > SILENCE:
            yield from _spells(end, following, LISTENING, moods, rng)
        before = end


def _spells(
    start: float, end: float, means: tuple[float, float], moods: Moods, rng: np.random.RandomState
) -> Iterator[tuple[float, float, bool]]:
    """Looks away and back again, from a start to an end."""
    now = start
    while True:
        now += rng.exponential(means[0] * moods.at("hold", now))
        if now >= end:
            return
        length = _length(means[1] * moods.at("away", now), rng)
        yield now, now + length, False
        now += length


def _length(mean: float, rng: np.random.RandomState) -> float:
    """Seconds of a look away."""
    return float(np.clip(rng.gamma(SPREAD, mean / SPREAD), SHORTEST, LONGEST_AWAY))


def _on(
    time: float, moods: Moods, rng: np.random.RandomState, other_than: int | None = None
) -> tuple[Fixation, int]:
    """A look at somebody's face, and at which feature of it, another than the last one."""
    shares = np.array([0.0 if k == other_than else share for k, (*_, share) in enumerate(FACE)])
    feature = int(rng.choice(len(FACE), p=shares / shares.sum()))
    yaw, pitch = np.asarray(FACE[feature][:2]) + 0.25 * np.clip(rng.normal(size=2), -2, 2)
    return Fixation(time, float(yaw), float(pitch - 0.5 * moods.at("downcast", time)), False), feature


def _looking_at(
    start: float, end: float, at: int, moods: Moods, rng: np.random.RandomState
) -> Iterator[Fixation]:
    """Looks from feature to feature of a face, of which the first is looked at already."""
    now, feature = start, at
    while True:
        dwell = DWELL[0] * np.exp(DWELL[1] * np.clip(rng.normal(), -2, 2)) / moods.at("darting", now)
        now += max(float(dwell), SHORTEST)
        if now > end - SHORTEST:
            return
        fixation, feature = _on(now, moods, rng, feature)
        yield fixation


def _looking_away(
    start: float, end: float, thinking: bool, moods: Moods, rng: np.random.RandomState
) -> Iterator[Fixation]:
    """A look elsewhere, and perhaps a second one near it."""
    size = float(np.clip(LEAST_AWAY + rng.exponential(AWAY - LEAST_AWAY), LEAST_AWAY, MOST_AWAY))
    if thinking:
        degrees, spread, _ = THINKING[rng.choice(len(THINKING), p=[share for *_, share in THINKING])]
        angle = np.radians(degrees + spread * rng.uniform(-1, 1))
    else:
        share = np.asarray(DIRECTIONS) / sum(DIRECTIONS)
        angle = np.radians(45 * rng.choice(len(DIRECTIONS), p=share) + rng.uniform(-15, 15))
    yaw, pitch = size * float(np.cos(angle)), UPRIGHT * size * float(np.sin(angle))
    first = Fixation(start, yaw, pitch - moods.at("downcast", start), True)
    yield first
    again = start + rng.uniform(0.45, 0.7) * max(end - start, 2 * SHORTEST)
    if end - again > SHORTEST and rng.uniform() < 0.5:
        shift = rng.exponential(1.6) * np.array([1.0, UPRIGHT]) * rng.choice([-1, 1], 2)
        yield replace(first, time=again, yaw=first.yaw + float(shift[0]), pitch=first.pitch + float(shift[1]))


def gaze_curve(
    places: Sequence[Fixation], seconds: Float[NDArray[Any], " frames"]
) -> Float[NDArray[np.float64], "frames 2"]:
    """Yaw and pitch in degrees of the gaze itself, whatever the head does."""
    points = np.array([(each.yaw, each.pitch) for each in places])
    times = np.array([each.time for each in places])
    sizes = np.linalg.norm(np.diff(points, axis=0, prepend=points[:1]), axis=1)
    return steps(points, times, SACCADE + PER_DEGREE * sizes, seconds)


def head_share(
    places: Sequence[Fixation], moods: Moods, seconds: Float[NDArray[Any], " frames"]
) -> Float[NDArray[np.float64], "frames 2"]:
    """Yaw and pitch in degrees that the head takes of gazes that are turned away."""
    turns = [places[0]]
    for each in places[1:]:
        if each.away != turns[-1].away:
            turns.append(each)
    goals = np.array([(each.yaw, each.pitch) if each.away else (0.0, 0.0) for each in turns])
    taken = np.maximum(np.abs(goals) * HEAD_SHARE, np.abs(goals) - EYES_ALONE)
    points = np.sign(goals) * taken
    times = np.array([each.time for each in turns])
    took = np.array([HEAD_TIME / moods.at("speed", time) for time in times])
    return steps(points, times, np.minimum(took, np.diff(times, append=np.inf)), seconds)


def head_after_eyes(
    places: Sequence[Fixation],
    turns: Float[NDArray[Any], "frames 3"],
    seconds: Float[NDArray[Any], " frames"],
) -> Float[NDArray[np.float64], "frames 2"]:
    """Yaw and pitch in degrees by which a head follows eyes that are far aside in it."""
    in_head = gaze_curve(places, seconds) - turns[:, :2]
    beyond = np.sign(in_head) * np.maximum(np.abs(in_head) - EYES_ALONE, 0)
    later = round(FOLLOWS_LATER * FRAME_RATE)
    beyond = np.concatenate([beyond[:1].repeat(later, axis=0), beyond])[: len(beyond)]
    return np.stack([smooth(each, FOLLOWS * FRAME_RATE) for each in beyond.T], axis=1)
