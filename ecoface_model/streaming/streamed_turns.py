"""How the head of a voice that goes on turns: `head_motion.head`'s rules, asked as `streamed_gaze` asks.

A nod or another posture begins no sooner than the frames that are given now, and then stays.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.head_motion.draws import HEAD, draws, steps
from ecoface_model.head_motion.gaze import Fixation, head_share
from ecoface_model.head_motion.head import (
    Angles,
    Nod,
    all_together,
    drawn_breaths,
    drawn_side,
    idle,
    in_reach,
    nod_on,
    nodded,
    posture,
    shift_seconds,
    shift_times,
    side,
    sway,
)
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import APART, Accent
from ecoface_model.streaming.streamed_gaze import Span, recent
from ecoface_model.streaming.streamed_phrases import Phrase

SURE = 0.3  # seconds behind an accent, with which it is told
LATE = 1.0  # seconds by which a posture may come late
QUICKEST = 0.1  # seconds to the peak of a nod that comes late; a later one does not come
SIDE, NODS, UNREST, SHIFTS, SWAY = range(5)
"""Parts of the head's chance."""
KEPT = 8  # postures


class StreamedTurns:
    """Yaw, pitch and roll in degrees, before fast ones are smoothed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._towards = drawn_side(draws(seed, HEAD, SIDE))
        self._chance = draws(seed, HEAD, NODS)
        self._nods: list[Nod] = []
        self._nodded_until = -1.0
        self._postures: list[tuple[float, float, NDArray[np.float64]]] = [(-1.0, 1.0, np.zeros(3))]
        self._shifted = (0, 0)  # number of a phrase, and how many of its shifts were kept or are over

    def add(
        self,
        contour: Float[NDArray[np.float64], " frames"],
        accents: Sequence[Accent],
        phrases: Sequence[Phrase],
        moods: Moods,
        now: Span,
        known: float,
    ) -> Angles:
        """From the frames that are given `now` on, as many as the contour has."""
        first = round(now[0] * FRAME_RATE)
        seconds = (first + np.arange(len(contour))) / FRAME_RATE
        self._nod(accents, phrases, moods, now[0], known)
        self._shift(accents, phrases, moods, now, known)
        sides = [(p.start, p.end, *side(draws(self._seed, HEAD, SWAY, p.number))) for p in phrases]
        breaths = drawn_breaths([(p.start, p.end) for p in phrases], seconds)
        resting = idle(seconds, draws(self._seed, HEAD, UNREST))
        beats = sway(contour, sides, seconds) + nodded(self._nods, seconds)
        here = moods.part(range(first, first + len(contour)))
        return all_together(self._held(seconds), beats, breaths, resting, here, self._towards)

    def _nod(
        self, accents: Sequence[Accent], phrases: Sequence[Phrase], moods: Moods, now: float, known: float
    ) -> None:
        """Keep the nods on accents that are told from now on."""
        self._nods = [nod for nod in self._nods if nod.peak + nod.fall > now]
        for accent in accents:
            spoken = any(phrase.start <= accent.time <= phrase.end for phrase in phrases)
            if not spoken or not self._nodded_until + APART < accent.time <= known - SURE:
                continue
            self._nodded_until = accent.time
            nod = nod_on(accent, moods, self._chance)
            rise = min(nod.rise, (nod.peak - now) / 2.2)
            if rise >= QUICKEST:  # the later, the smaller, so that it is no faster
                self._nods.append(replace(nod, rise=rise, turn=rise / nod.rise * nod.turn))

    def _shift(
        self, accents: Sequence[Accent], phrases: Sequence[Phrase], moods: Moods, now: Span, known: float
    ) -> None:
        """Keep the postures that are taken from now on."""
        melody, origin = recent(phrases, accents, known, talk_to_come=False)
        zero, number = origin / FRAME_RATE, phrases[-1].number if phrases else 0
        done = self._shifted[1] if self._shifted[0] == number else 0
        found = shift_times(melody, draws(self._seed, HEAD, SHIFTS, number))
        for count, (time, kept) in enumerate(found[done:], done):
            chance = draws(self._seed, HEAD, SHIFTS, number, count + 1)
            time += zero
            before, taken = self._postures[-1], posture(kept, chance)
            took = shift_seconds(taken - before[2], moods, time, chance)
            begins = time - 0.3 * took
            earliest = max(now[0], before[0] + before[1])
            if max(begins, earliest) >= now[1]:
                break
            done = count + 1
            if begins > now[0] - LATE and (not phrases or time >= phrases[-1].start - 1e-6):
                turn = max(begins, earliest), took, taken
                self._postures = [*self._postures, turn][-KEPT:]
        self._shifted = number, done

    def _held(self, seconds: Float[NDArray[np.float64], " frames"]) -> Angles:
        """The postures and the ways between them."""
        times, took, points = zip(*self._postures, strict=True)
        return steps(np.stack(points), np.array(times), np.array(took), seconds)


def with_gaze(angles: Angles, amount: float, places: Sequence[Fixation], moods: Moods, first: int) -> Angles:
    """The turns with what the head takes of gazes that are turned away."""
    turned = angles.copy()
    turned[:, :2] += amount * head_share(places, moods, (first + np.arange(len(angles))) / FRAME_RATE)
    return in_reach(turned)
