"""Where the words of a text are said, by the phones that were heard. No bpy.

Each word's spelling is read as a row of sounds that its letters may stand for, without a dictionary; the rows
are laid along the shares of phones by the best monotone path (Viterbi 1967), with pauses between words where
there are.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.phones import SILENCE, VOWELS
from ..errors import EcoFaceBlenderError

MOST = 25_000_000
"""Frames times sounds that are laid along one another: about five minutes of speech; memory."""
FITS = 0.58  # mean share of a text's sounds where somebody speaks; of another text it is below 0.5
_SPELT = {
    "tion": "SH AH N", "sion": "SH/ZH AH N", "cious": "SH AH S", "tious": "SH AH S", "ture": "CH ER/UH",
    "eigh": "EY", "igh": "AY", "ough": "AO/OW/AW/UW/AH F?", "augh": "AO/AE F?", "tch": "CH", "dge": "JH",
    "sch": "S/SH K?", "cc": "K S?", "th": "TH/DH", "ch": "CH/K/SH", "sh": "SH", "ph": "F", "gh": "G?",
    "ck": "K", "qu": "K W", "wh": "W/HH", "wr": "R", "kn": "N", "gn": "G? N", "mb": "M B?", "ng": "NG G?",
    "nk": "NG K", "x": "K/G S/Z", "sc": "S K?", "ps": "P? S", "ss": "S/SH/Z", "zz": "Z", "ll": "L",
    "tt": "T", "pp": "P", "bb": "B", "dd": "D", "ff": "F", "gg": "G", "mm": "M", "nn": "N", "rr": "R",
    "ee": "IY", "ea": "IY/EH/EY", "oo": "UW/UH/AH", "ou": "AW/AH/UW/OW", "ow": "OW/AW", "oi": "OY",
    "oy": "OY", "ai": "EY/EH", "ay": "EY", "au": "AO", "aw": "AO", "ei": "IY/EY/AY", "ey": "IY/EY",
    "ie": "IY/AY/EH", "oa": "OW", "oe": "OW/UW", "ue": "UW", "ui": "UW/IH", "eu": "UW", "ew": "UW/Y",
    "er": "ER/R R?", "ir": "ER/AY/IH R?", "ur": "ER/UH R?", "or": "AO/ER R/ER", "ar": "AA/EH/AO R/ER",
    "ear": "IH/ER/EH/IY R/ER", "our": "AW/AO R/ER", "air": "EH R/ER", "eer": "IH/IY R/ER",
    "oor": "AO/UH R/ER", "a": "AE/EY/AA/AH/AO", "e": "EH/IY/AH/IH", "i": "IH/AY/IY/AH",
    "o": "AA/OW/AO/AH/UW", "u": "AH/UW/UH", "y": "IY/AY/IH", "b": "B", "c": "K/S/SH", "d": "D/T/JH",
    "f": "F/V", "g": "G/JH", "h": "HH?", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N/NG", "p": "P",
    "q": "K", "r": "R/ER", "s": "S/Z/ZH", "t": "T/D", "v": "V", "w": "W?", "z": "Z/S",
}  # fmt: skip
"""What letters stand for: sounds after one another, each one of several; one with a `?` may be missing."""
_LONGEST = max(map(len, _SPELT))
_OTHER_VOWEL = 0.3  # share that counts of a vowel that is not one of those that letters stand for
_FLOOR = 0.02  # of a share: what was heard may be wrong
_SKIP, _SKIP_WEAK = np.log(0.02), np.log(0.5)
"""For a sound that is not heard at all, and for one that may be missing."""


@dataclass(frozen=True)
class Word:
    """A word that is said."""

    text: str
    start: int
    """Row of the shares in which it begins."""
    end: int
    """The first after it."""


@dataclass(frozen=True)
class Alignment:
    """A text along what is said."""

    words: list[Word]
    fit: float
    """Mean share, while somebody speaks, of the sounds that the text has there."""

    @property
    def fits(self) -> bool:
        """Whether this is what is said, for all that can be told."""
        return self.fit >= FITS


@dataclass(frozen=True)
class _Sound:
    word: int
    """-1 in a pause."""
    weights: np.ndarray
    """(n,) of the phones' shares."""
    skip: float


def words_of(text: str) -> list[str]:
    """The words of a text, as they are written."""
    return re.findall(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*", text)


def aligned(text: str, shares: np.ndarray, names: Sequence[str]) -> Alignment:
    """The text's words in order, each where it is said.

    Args:
        shares: (T, n) of the phones that `names` tells, 0 to 1.

    Raises:
        EcoFaceBlenderError: if there are no words, or too many for the time.
    """
    written = words_of(text)
    sounds = list(_sounds(written, names))
    if not written:
        raise EcoFaceBlenderError("Expected the text of the line, found no word; write what is said.")
    if len(written) > len(shares) or len(sounds) * len(shares) > MOST:
        raise EcoFaceBlenderError(
            f"Expected the text of this take, found {len(written)} words for {len(shares)} frames; "
            "write what is said in it, and split what is longer than five minutes."
        )
    path = _best_path(sounds, shares)
    found = []
    for number, word in enumerate(written):
        at = [t for t, state in enumerate(path) if sounds[state].word == number]
        if at:
            found.append(Word(word, at[0], at[-1] + 1))
    speaks = shares @ np.array([float(name != SILENCE) for name in names]) > 0.5
    meant = np.array([row @ sounds[state].weights for row, state in zip(shares, path, strict=True)])
    return Alignment(found, float(meant[speaks].mean()) if speaks.any() else 0.0)


def _sounds(written: Sequence[str], names: Sequence[str]) -> Iterator[_Sound]:
    silence = np.array([float(name == SILENCE) for name in names])
    yield _Sound(-1, silence, _SKIP_WEAK)
    for number, word in enumerate(written):
        for said in _spoken(word):
            weak = said.endswith("?")
            meant = said.rstrip("?").split("/")
            other = _OTHER_VOWEL if set(meant) & set(VOWELS) else 0.0
            weights = [1.0 if n in meant else other if n in VOWELS else 0.0 for n in names]
            yield _Sound(number, np.array(weights), _SKIP_WEAK if weak else _SKIP)
        yield _Sound(-1, silence, 0.0)


def _spoken(word: str) -> list[str]:
    """ "the" as ["TH/DH", "EH/IY/AH/IH"]: letters as they may sound, a last e and its like perhaps not."""
    plain = unicodedata.normalize("NFKD", word.lower())  # an umlaut as its letter
    letters = re.sub(r"[^a-z]", "", plain)
    said: list[str] = []
    at = 0
    while at < len(letters):
        size = next((n for n in range(_LONGEST, 0, -1) if letters[at : at + n] in _SPELT), 0)
        part = letters[at : at + size]
        sounds = _SPELT[part].split()
        if part == "y" and at == 0:
            sounds = ["Y"]
        if part == "e" and at + 1 == len(letters) and len(said) > 1:
            sounds = ["AH/IY?"]
        if part == "e" and letters[at:] in ("es", "ed") and len(said) > 1:
            sounds = ["IH/AH?"]
        if (part == "u" and at == 0) or part in ("ew", "ue"):
            sounds = ["Y?", *sounds]
        said += sounds
        at += max(size, 1)
    return said or ["AH"]


def _best_path(sounds: Sequence[_Sound], shares: np.ndarray) -> list[int]:
    """The sound of each frame: from the first to the last, none twice, some of them not at all."""
    weights = np.stack([each.weights for each in sounds]).T.astype(np.float32)
    likely = np.log(shares.astype(np.float32) @ weights + np.float32(_FLOOR))  # (T, sounds)
    skip = np.array([each.skip for each in sounds])
    n = len(sounds)
    before = np.concatenate([[0.0], np.cumsum(skip)])  # cost of skipping all before
    best = likely[0] + before[:n]
    came = np.zeros(likely.shape, np.int32)
    for t in range(1, len(likely)):
        entered, source = _entered(best, skip)
        stays = best >= entered
        came[t] = np.where(stays, np.arange(n), source)
        best = np.where(stays, best, entered) + likely[t]
    last = int(np.argmax(best + before[n] - before[1:]))
    path = [last]
    for t in range(len(likely) - 1, 0, -1):
        path.append(int(came[t, path[-1]]))
    return path[::-1]


def _entered(best: np.ndarray, skip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best way into each sound from an earlier one, and which that was; those between are skipped."""
    cost = np.concatenate([[0.0], np.cumsum(skip)])
    n = len(best)
    gain = best - cost[1:]  # from s to k costs cost[k] - cost[s + 1]
    running = np.maximum.accumulate(gain)
    where = np.maximum.accumulate(np.where(gain >= running, np.arange(n), 0))
    entered = np.full(n, -np.inf)
    entered[1:] = running[:-1] + cost[1:n]
    return entered, np.concatenate([[0], where[:-1]])
