"""Kinds of sounds, and small questions about a row of phones."""

from collections.abc import Sequence

from ecoface_model.core.phones import SILENCE
from training.data.utterance import Phone

PAUSE = SILENCE
BILABIALS = ("P", "B", "M")
LABIODENTALS = ("F", "V")


def seconds(phone: Phone) -> float:
    """How long a sound lasts."""
    return phone.end - phone.start


def middle(phone: Phone) -> float:
    """The second in the middle of a sound."""
    return (phone.start + phone.end) / 2


def phrases(phones: Sequence[Phone], pause: float = 0.2) -> list[tuple[float, float]]:
    """Start and end of each stretch of speech without a pause of this many seconds."""
    result: list[tuple[float, float]] = []
    for phone in phones:
        if phone.name == PAUSE:
            continue
        if result and phone.start - result[-1][1] < pause:
            result[-1] = (result[-1][0], phone.end)
        else:
            result.append((phone.start, phone.end))
    return result
