"""Where the phrases of a voice that goes on lie; what began before the frames that were given stays."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.head_motion.melody import SHORTEST_PAUSE, SHORTEST_PHRASE

LONGEST = 10.0  # seconds of a phrase or a silence, which is parted then: so that nothing grows
KEPT = 4  # phrases
FRAME = 1 / FRAME_RATE


@dataclass(frozen=True)
class Phrase:
    """A stretch of speech, or, without a length, a mark amid a long silence."""

    number: int
    """From 1 on."""
    start: float
    """Seconds."""
    end: float
    """Seconds; of one that goes on, as far as it was heard."""


class StreamedPhrases:
    """The last few phrases."""

    def __init__(self) -> None:
        self._final: list[Phrase] = []
        self._frame = 0

    def add(self, rest: Float32[NDArray[np.float32], " frames"], n_final: int) -> list[Phrase]:
        """Where nobody speaks (0 to 1) from the next frame on, of which so many frames will not change.

        Gives the last phrases as far as it is known.
        """
        speaking = rest < 0.5
        for number in range(n_final):
            _hear(self._final, (self._frame + number) * FRAME, bool(speaking[number]))
        self._final = self._final[-KEPT:]
        self._frame += n_final
        phrases = list(self._final)
        for number in range(n_final, len(speaking)):
            _hear(phrases, (self._frame + number - n_final) * FRAME, bool(speaking[number]))
        return [p for p in phrases if p.start == p.end or p.end - p.start >= SHORTEST_PHRASE - 1e-6]


def _hear(phrases: list[Phrase], time: float, speaks: bool) -> None:
    """One frame more."""
    last = phrases[-1] if phrases else Phrase(0, 0.0, 0.0)
    if speaks and phrases and time - last.end < SHORTEST_PAUSE - 1e-6 and time - last.start < LONGEST:
        phrases[-1] = replace(last, end=time + FRAME)
    elif speaks:
        phrases.append(Phrase(last.number + 1, time, time + FRAME))
    elif time - last.end > LONGEST - 1e-6:
        phrases.append(Phrase(last.number + 1, time, time))
