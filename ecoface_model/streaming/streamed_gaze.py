"""Where the eyes of a voice that goes on look, and the blinks that go with it: `head_motion.gaze`'s rules.

The rules are asked anew about the last two phrases whenever more was heard, with the same chance for the same
phrase. Of what they give, what begins in the frames that are given now is kept for good.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.head_motion.blinks import (
    AFTER_ENDS,
    APART,
    AT_ENDS,
    AT_LAST,
    LARGE,
    OPEN,
    PAUSE,
    SURE,
    met,
)
from ecoface_model.head_motion.draws import BLINKS, GAZE, draws
from ecoface_model.head_motion.gaze import SHORTEST, Fixation, fixations
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import SHORTEST_PAUSE, Accent, Melody
from ecoface_model.streaming.streamed_phrases import Phrase

Span = tuple[float, float]
"""Seconds from and to."""
KEPT = 60  # fixations


def recent(
    phrases: Sequence[Phrase], accents: Sequence[Accent], known: float, talk_to_come: bool
) -> tuple[Melody, int]:
    """The last two phrases as rules want them, and the frame that their time counts from.

    With `talk_to_come` a silence at the end is one between phrases.
    """
    here = phrases[-2:]
    origin = round((here[0].start - 1) * FRAME_RATE) if len(here) > 1 and here[0].start > 1 else 0
    zero = origin / FRAME_RATE
    spoken = [(phrase.start - zero, phrase.end - zero) for phrase in here]
    end = known - zero
    if talk_to_come and spoken and end - spoken[-1][1] > SHORTEST_PAUSE:
        spoken.append((end, end + 1))
        end += 1
    shifted = tuple(replace(accent, time=accent.time - zero) for accent in accents)
    return Melody(np.zeros(0), shifted, tuple(spoken), end), origin


class StreamedGaze:
    """Fixations that were kept, and those that are to come as far as it is known."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.kept = [Fixation(-1.0, -1.6, 0.5, False)]

    def add(
        self, phrases: Sequence[Phrase], moods: Moods, now: Span, known: float, blinks: Sequence[float]
    ) -> list[Fixation]:
        """All of them, when frames of the seconds `now` are given and blinks of the motion are known."""
        last = self.kept[-1]
        coming = self._coming(self._proposed(phrases, moods, known), now[0])
        there = [blink for blink in blinks if blink >= now[0]]
        shifted = met([last, *coming], there)[1:]
        begun = sum(
            min(each.time, before.time) < now[1] for each, before in zip(shifted, coming, strict=True)
        )
        before = self.kept
        self.kept = [*self.kept, *shifted[:begun]][-KEPT:]
        return [*before, *shifted]

    def _proposed(self, phrases: Sequence[Phrase], moods: Moods, known: float) -> list[Fixation]:
        melody, origin = recent(phrases, (), known, talk_to_come=True)
        number = phrases[-1].number if phrases else 0
        found = fixations(melody, moods.later(origin), draws(self._seed, GAZE, number))
        return [replace(each, time=each.time + origin / FRAME_RATE) for each in found]

    def _coming(self, proposed: Sequence[Fixation], now: float) -> list[Fixation]:
        """Those that begin from now on; a look away that is over by now ends now."""
        last = self.kept[-1]
        soonest = max(now, last.time + SHORTEST)
        coming = [each for each in proposed if each.time >= soonest]
        current = [each for each in proposed if each.time < soonest]
        over = last.away and current and not current[-1].away
        if over and (not coming or coming[0].time > soonest + SHORTEST):
            coming.insert(0, replace(current[-1], time=soonest))
        return coming


class StreamedBlinks:
    """Blinks that are added to the motion's own."""

    def __init__(self, seed: int) -> None:
        self._chance = draws(seed, BLINKS, 0)
        self._wanted: list[float] = []
        self._last = 0.0
        self._open = self._chance.uniform(*OPEN)
        self.added: list[float] = []
        """Seconds of those of the last moment."""

    def add(
        self, places: Sequence[Fixation], phrases: Sequence[Phrase], now: Span, own: Sequence[float]
    ) -> None:
        """Add those that begin `now`; `own` are known for a while after it."""
        self._wanted += [*self._at_shifts(places, now), *self._at_ends(phrases, now)]
        self._last = max([self._last, *(blink for blink in own if blink < now[0])])
        self.added = [blink for blink in self.added if blink > now[0] - 1]
        while True:
            due = max(self._last + self._open, now[0])
            time = min([due, *self._wanted])
            if time >= now[1]:
                return
            self._wanted = [each for each in self._wanted if each > time]
            near = [blink for blink in own if blink < now[1] + APART]
            if all(abs(time - other) > APART for other in (*near, self._last)):
                self.added.append(time)
                self._last = time
            else:
                self._last = max([self._last, *(blink for blink in own if blink < time + APART)])
            self._open = self._chance.uniform(*OPEN)

    def _at_shifts(self, places: Sequence[Fixation], now: Span) -> list[float]:
        found = []
        for before, here in itertools.pairwise(places):
            size, time = before.size_from(here), here.time - 0.04
            if now[0] <= time < now[1] and size >= LARGE:
                found += [time] if self._chance.uniform() < (size - LARGE + 4) / SURE else []
        return found

    def _at_ends(self, phrases: Sequence[Phrase], now: Span) -> list[float]:
        found = []
        for phrase, then in itertools.zip_longest(phrases, phrases[1:]):
            if not now[0] <= phrase.end < now[1] or (then is not None and then.start - phrase.end < PAUSE):
                continue
            if self._chance.uniform() < (AT_LAST if then is None else AT_ENDS):
                found.append(phrase.end + self._chance.uniform(*AFTER_ENDS))
        return found
