"""Who says what in the showreel, and when: phrases of clips in turn, no words twice in a row."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

from ecoface_model.audio import read_sound
from ecoface_model.core.constants import FRAME_RATE, SAMPLES_PER_FRAME

SPEECH = Path("demo/speech.wav")
PHRASES = (0, 55, 91, 133)
"""Frames of SPEECH between which a phrase lies: unless to be rather cold hearted, and rather selfish, is to
be ill disposed."""
MOST_PHRASES = 2  # that are said in one line
STRONG = ("happy:1.2", "surprised:1.2", "angry:1.2", "sad:1.2", "disgust:1.2")
EMOTIONS = ("", *STRONG, "calm", "fearful:1.2", "happy:1.2")
"""Of the lines one after the other; the first is the speech's own. Their number is odd, so that each speaker
has all."""
OPENING = 1.8  # seconds before the first line
PAUSES = (0.7, 0.5, 1.0, 0.6, 0.85)
"""Seconds after the lines, one after the other, to the next: no two people take turns like a clock."""


@dataclass(frozen=True)
class Part:
    """What of a clip is said."""

    sound: Path
    start: int
    """Frames from the clip's beginning."""
    stop: int

    def shares_words(self, other: "Part") -> bool:
        """Whether both say something that is the same."""
        return self.sound == other.sound and self.start < other.stop and other.start < self.stop

    def read(self) -> np.ndarray:
        """(samples,) at SAMPLE_RATE."""
        return read_sound(self.sound)[self.start * SAMPLES_PER_FRAME : self.stop * SAMPLES_PER_FRAME]


@dataclass(frozen=True)
class Line:
    """What is said when."""

    speaker: int
    part: Part
    emotion: str
    first_frame: int

    @property
    def end_frame(self) -> int:
        """The frame after its last."""
        return self.first_frame + self.part.stop - self.part.start


def parts_of(sound: Path) -> list[Part]:
    """A clip's single phrases and those beside each other, where they are known; else the whole clip."""
    if sound != SPEECH:
        return [Part(sound, 0, ceil(len(read_sound(sound)) / SAMPLES_PER_FRAME))]
    last = len(PHRASES) - 1
    runs = [(first, first + n) for n in range(1, MOST_PHRASES + 1) for first in range(last - n + 1)]
    return [Part(sound, PHRASES[first], PHRASES[stop]) for first, stop in runs]


def dialogue(sounds: Sequence[Sequence[Path]], seconds: float) -> list[Line]:
    """Lines in turn until the time is over; each speaker goes through the parts of its own sounds.

    A line has no words of the one before; of the others it is said what was said least often, longer first.
    """
    pools = [[part for sound in own for part in parts_of(sound)] for own in sounds]
    lines: list[Line] = []
    said: Counter[Part] = Counter()
    first = round(OPENING * FRAME_RATE) + 1
    while not lines or first < seconds * FRAME_RATE:
        speaker = len(lines) % len(pools)
        new = [part for part in pools[speaker] if not lines or not part.shares_words(lines[-1].part)]
        part = min(new or pools[speaker], key=lambda each: (said[each], each.start - each.stop))
        said[part] += 1
        lines.append(Line(speaker, part, EMOTIONS[len(lines) % len(EMOTIONS)], first))
        pause = PAUSES[(len(lines) - 1) % len(PAUSES)]
        first = lines[-1].end_frame + round(pause * FRAME_RATE)
    return lines
