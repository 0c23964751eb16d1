"""The phones that the motion generator tells, and that a motion carries over time: ARPAbet without stress."""

import numpy as np
from numpy.typing import NDArray

SILENCE = "SIL"
"""The phone of a pause."""
VOWELS = frozenset(["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])
_CONSONANT_NAMES = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
CONSONANTS = frozenset(_CONSONANT_NAMES.split())
PHONES = (SILENCE, *sorted(VOWELS | CONSONANTS))
"""Silence first: the 40 classes, in the order of the generator's phone head."""


def in_bytes(shares: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """Shares (T, n) of phones as a motion carries them, 0 to 255; None where the model does not tell them."""
    return np.round(255 * shares).astype(np.uint8) if shares.shape[1] else None
