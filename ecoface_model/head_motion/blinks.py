"""Blinks that go with gaze and speech: where the gaze meets those there are, and which to add. numpy only.

Large gaze shifts come with a blink, the surer the larger (Evinger et al. 1994), and speakers blink where
phrases end (Nakano and Kitazawa 2010). The generator makes blinks of its own: a gaze shift near one waits for
it, and where none is near, one is added, never beside another; and eyes that were open for long get one.
Sources from memory.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from ecoface_model.arrays import NDArray
from ecoface_model.core.blink import left_shut
from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.head_motion.draws import ease
from ecoface_model.head_motion.gaze import SHORTEST, Fixation
from ecoface_model.head_motion.melody import Melody

CLOSING = 0.7  # of its usual opening, below which an eye is on the way to a blink
BLINK = 0.4  # of it, below which it is a blink
NEAR = 0.4  # seconds from a gaze shift to a blink that it may wait for
LARGE = 6.0  # degrees of a gaze shift that blinks go with
SURE = 24.0  # degrees more, with which one always does
AT_ENDS, AT_LAST = 0.16, 0.4
"""Shares of phrase ends, and of those before a second of silence, that get a blink."""
BESIDE_ENDS, KEPT = (-0.3, 0.35), 0.15
"""Seconds from an end between which a blink of the motion's own belongs to it, and the share of these that is
left: the generator has one at nearly every end, which is a tic."""
PAUSE = 0.25  # seconds of silence that make an end
AFTER_ENDS = (0.0, 0.8)  # seconds from an end to its blink
APART = 1.4  # seconds between an added blink and any other
MOST = 4  # blinks within 10 s
OPEN = (2.3, 5.0)  # seconds after which eyes that stayed open blink
FIRST = (0.4, 2.8)  # seconds within which they do at first: nobody knows when they did before
LATER = (0.5, 1.2)  # seconds by which one that would meet an end comes later
LAST = 0.6  # seconds before its end, from which on none begins
DOWN, SHUT, UP = 0.09, 0.05, 0.2  # seconds


def blinks_in(
    openings: Float[NDArray[Any], "frames 2"], usual: Float[NDArray[Any], "frames 2"]
) -> list[float]:
    """Seconds at which the eyes begin to close for a blink, of their openings and what these usually are."""
    share = (openings / np.maximum(usual, 1e-6)).mean(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], share < CLOSING, [0]]))).reshape(-1, 2)
    starts = []
    for start, stop in edges:
        deep = start + np.flatnonzero(
            (share[start:stop] < BLINK) & (np.concatenate([[1.0], share[start : stop - 1]]) >= BLINK)
        )
        starts += [max(0.0, (frame - 2) / FRAME_RATE) for frame in deep]
    return starts


def dropped_at_ends(blinks: Sequence[float], melody: Melody, rng: np.random.RandomState) -> list[float]:
    """Those of a motion's own blinks that go: most of what lines and phrases end in."""
    ends = _ends(melody)
    return [blink for blink in blinks if _beside(blink, ends) and rng.uniform() >= KEPT]


def _ends(melody: Melody) -> list[float]:
    """Seconds at which phrases end in a pause, or in the end of all."""
    followed = [*melody.phrases, (melody.seconds + 1, melody.seconds + 1)]
    return [end for (_, end), (then, _) in itertools.pairwise(followed) if then - end > PAUSE]


def _beside(blink: float, ends: Sequence[float]) -> bool:
    return any(BESIDE_ENDS[0] < blink - end < BESIDE_ENDS[1] for end in ends)


def met(places: Sequence[Fixation], blinks: Sequence[float]) -> list[Fixation]:
    """Gaze shifts that are large begin with a blink that is near, if that keeps them in order."""
    moved = list(places)
    for k in range(1, len(moved)):
        if moved[k].size_from(moved[k - 1]) < LARGE or not blinks:
            continue
        nearest = min(blinks, key=lambda blink: abs(blink - moved[k].time))
        latest = moved[k + 1].time if k + 1 < len(moved) else np.inf
        fits = moved[k - 1].time + SHORTEST < nearest < latest - SHORTEST
        if abs(nearest - moved[k].time) < NEAR and fits:
            moved[k] = replace(moved[k], time=nearest + 0.5 / FRAME_RATE)
    return moved


def missing(
    places: Sequence[Fixation], blinks: Sequence[float], melody: Melody, rng: np.random.RandomState
) -> list[float]:
    """Seconds at which blinks should begin that are not there."""
    wanted = []
    for before, here in itertools.pairwise(places):
        size = before.size_from(here)
        if size >= LARGE and rng.uniform() < (size - LARGE + 4) / SURE:
            wanted.append(here.time - 0.04)
    silence = (melody.seconds, melody.seconds)
    for (_, end), (then, _) in itertools.pairwise([*melody.phrases, silence]):
        if then - end > PAUSE and rng.uniform() < (AT_LAST if then - end > 1 else AT_ENDS):
            wanted.append(end + rng.uniform(*AFTER_ENDS))
    all_of_them, added = sorted(blinks), []
    for time in sorted(wanted):
        apart = all(abs(time - other) > APART for other in all_of_them)
        crowd = sum(abs(time - other) < 5.0 for other in all_of_them)
        if apart and crowd < MOST and 0.1 < time < melody.seconds - DOWN - SHUT - UP:
            added.append(time)
            all_of_them.append(time)
    return sorted([*added, *_overdue(places, sorted(all_of_them), melody, rng)])


def _overdue(
    places: Sequence[Fixation], blinks: Sequence[float], melody: Melody, rng: np.random.RandomState
) -> Iterator[float]:
    """Blinks of eyes that would stay open for long, with a gaze shift if one is near; few at ends."""
    ends = _ends(melody)
    shifts = [place.time - 0.04 for place in places[1:]]
    latest = [*(blink - APART - NEAR for blink in blinks), melody.seconds - LAST]
    for before, until in zip([0.0, *blinks], latest, strict=True):
        due = before + rng.uniform(*(OPEN if before else FIRST))
        while due < until:
            here = min((shift for shift in shifts if abs(shift - due) < NEAR), default=due)
            if _beside(here, ends) and rng.uniform() >= KEPT:
                due += rng.uniform(*LATER)
                continue
            yield here
            due = here + rng.uniform(*OPEN)


def blink_curve(
    times: Sequence[float], seconds: Float[NDArray[Any], " frames"]
) -> Float[NDArray[np.float64], " frames"]:
    """How far the eyes are shut by blinks that begin at these times, 0 to 1: fast down, and up at once."""
    curve = np.zeros(len(seconds))
    for time in times:
        first, last = np.searchsorted(seconds, (time, time + DOWN + SHUT + UP))
        here = seconds[first:last] - time
        curve[first:last] = np.maximum(
            curve[first:last], ease(here / DOWN) * left_shut((here - DOWN - SHUT) / UP)
        )
    return curve
