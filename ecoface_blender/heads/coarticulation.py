"""What is said over time as mouth shapes that overlap: dominance of phones, closures of P B M, loudness.

Pure numpy. Phones are ARPAbet without stress, as a motion carries them: shares (T, n) of a classifier that is
often unsure, so everything here works on shares, never on segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.phones import SILENCE

BILABIALS, LABIODENTALS = ("P", "B", "M"), ("F", "V")


@dataclass(frozen=True)
class Sound:
    """How a phone takes the mouth from its neighbours, after Cohen & Massaro (1993)."""

    dominance: float
    """Against its neighbours'; a vowel's is about 1."""
    lead: float
    """Seconds by which its shape begins before it is heard."""
    trail: float
    """Seconds by which it ends after."""
    jaw: float
    """Degrees by which it opens the jaw in plain speech."""


def _sounds(**groups: tuple[str, float, float, float, float]) -> dict[str, Sound]:
    return {
        phone: Sound(dominance, lead, trail, jaw)
        for names, dominance, lead, trail, jaw in groups.values()
        for phone in names.split()
    }


SOUNDS = _sounds(
    silence=(SILENCE, 0.8, 0.12, 0.16, 0.0),
    bilabial=("P B M", 0.3, 0.10, 0.08, 1.5),
    labiodental=("F V", 1.2, 0.10, 0.08, 1.5),
    dental=("TH DH", 0.5, 0.09, 0.08, 3.5),
    alveolar=("T D N L", 0.3, 0.08, 0.07, 2.5),
    sibilant=("S Z", 0.8, 0.11, 0.10, 1.0),
    postalveolar=("SH ZH CH JH", 1.0, 0.14, 0.13, 1.0),
    velar=("K G NG", 0.25, 0.08, 0.07, 3.5),
    breath=("HH", 0.1, 0.08, 0.07, 3.5),
    rhotic=("R ER", 0.7, 0.12, 0.10, 2.5),
    glide_w=("W", 1.7, 0.16, 0.14, 1.0),
    close_front=("IY Y", 1.2, 0.12, 0.12, 2.5),
    near_close_front=("IH", 0.9, 0.11, 0.11, 3.5),
    mid_front=("EH EY", 1.0, 0.12, 0.12, 6.0),
    near_open_front=("AE", 1.0, 0.12, 0.12, 8.0),
    central=("AH", 0.6, 0.10, 0.10, 5.0),
    open=("AA AY AW", 1.1, 0.12, 0.12, 10.5),
    open_mid_back=("AO OY", 1.3, 0.14, 0.13, 8.0),
    mid_back=("OW", 1.5, 0.16, 0.15, 5.0),
    close_back=("UW", 1.7, 0.16, 0.15, 2.3),
    near_close_back=("UH", 1.2, 0.14, 0.13, 2.5),
)
"""Of all phones that a mouth can be asked for."""
GLIDES = {"AY": ("AA", "IH"), "AW": ("AA", "UW"), "EY": ("EH", "IH"), "OY": ("AO", "IH"), "OW": ("OW", "UW")}
"""What diphthongs begin as and end as."""
GLIDE_FROM = 0.6  # of a diphthong's length, from which on it goes over into its end
FALL = 1.3  # exponent of the decay of a dominance
SHARPEN = 1.7
"""Exponent that the shares are raised to: between two likely phones a mouth decides."""
CLOSED_FROM, CLOSED_AT = 0.15, 0.4
"""Shares of P, B and M together at which the lips begin to close and are closed."""
CLOSING, HELD, PARTING = 0.06, 0.02, 0.05  # seconds around the frame of a closure, HELD on either side
BACK = ("AO", "OW", "UH", "OY")
OPEN = ("AA", "AY", "AW", "AE")


def sharpened(phones: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Shares (T, len(SOUNDS)) in the order of `SOUNDS`, of shares (T, n) of the phones `names`.

    An AH beside AO and OW, and no clear AA, is a back vowel that the classifier is unsure of: as much
    of it as they have counts as AO.
    """
    column = {name: index for index, name in enumerate(names)}
    empty = np.zeros(len(phones))
    out = {name: phones[:, column[name]] if name in column else empty for name in SOUNDS}
    front = sum(out[name] for name in OPEN)
    back = np.minimum(out["AH"], sum(out[name] for name in BACK))
    back = back * (2 * out["AH"] / np.maximum(out["AH"] + front, 1e-6)).clip(0, 1)
    out["AH"], out["AO"] = out["AH"] - back, out["AO"] + back
    for name, (start, end) in GLIDES.items():
        share, glided = out[name], _glided(out[name])
        out[name] = empty if start != name else share
        out[start] = out[start] + share * (1 - glided) * (start != name) - share * glided * (start == name)
        out[end] = out[end] + share * glided
    shares = np.column_stack(list(out.values())).clip(0) ** SHARPEN  # differences may round below 0
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-6)


def dominances(shares: np.ndarray, rate: float) -> np.ndarray:
    """Weights (T, phones) that sum to 1 in each frame: every phone against all around it."""
    seconds = np.arange(-int(0.3 * rate), int(0.3 * rate) + 1) / rate
    strength = np.array([sound.dominance for sound in SOUNDS.values()])
    lead = np.array([sound.lead for sound in SOUNDS.values()])
    trail = np.array([sound.trail for sound in SOUNDS.values()])
    out = np.zeros_like(shares)
    for later in seconds:  # of a frame after the phone; before it where negative
        span = lead if later < 0 else trail
        kernel = np.exp(-3.0 * (abs(later) / span) ** FALL)
        out = np.maximum(out, _shifted(shares, round(later * rate)) * kernel)
    out = _eased(out * strength)
    return out / np.maximum(out.sum(axis=1, keepdims=True), 1e-6)


def closures(phones: np.ndarray, names: Sequence[str], rate: float) -> np.ndarray:
    """How far P, B and M shut the lips (T,), 1 at their centre."""
    found = phones[:, [index for index, name in enumerate(names) if name in BILABIALS]].sum(axis=1)
    shut = ((found - CLOSED_FROM) / (CLOSED_AT - CLOSED_FROM)).clip(0, 1)
    out = np.zeros(len(shut))
    for step in range(-int(np.ceil(0.1 * rate)), int(np.ceil(0.1 * rate)) + 1):
        away = abs(step) / rate - HELD
        eased = np.cos(np.pi * min(max(away, 0) / (CLOSING if step < 0 else PARTING), 1)) / 2 + 0.5
        out = np.maximum(out, _shifted(shut[:, None], step)[:, 0] * eased)
    return out


def openness(jaw: np.ndarray, weights: np.ndarray, rate: float) -> np.ndarray:
    """How wide this voice speaks (T,), 1 as in plain speech: the jaw's degrees (T,) against usual ones."""
    usual = weights @ np.array([sound.jaw for sound in SOUNDS.values()])
    jaw = np.maximum(jaw - RESTING_JAW, 0)
    return ((smooth(jaw, 0.12 * rate) + 0.4) / (smooth(usual, 0.12 * rate) + 0.4)).clip(0, 2)


RESTING_JAW = 1.0  # degrees at which the reference's lips rest


def smooth(values: np.ndarray, width: float) -> np.ndarray:
    """A Gaussian mean of (T,) over `width` frames; the ends hold."""
    reach = int(np.ceil(3 * width))
    if reach < 1:
        return values
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), weights / weights.sum(), mode="valid")


def _glided(share: np.ndarray) -> np.ndarray:
    """How far a diphthong of these shares (T,) has gone over into its end, 0 to 1."""
    before, after = _run(share), _run(share[::-1])[::-1]
    done = before / np.maximum(before + after - share, 1e-6)
    rest = ((done - GLIDE_FROM) / (1 - GLIDE_FROM)).clip(0, 1)
    return rest * rest * (3 - 2 * rest)


def _run(share: np.ndarray) -> np.ndarray:
    """What has gathered of a phone (T,) since it was last gone."""
    total = np.cumsum(share)
    gone = np.where(share < 0.05, total, 0)
    return total - np.maximum.accumulate(gone)


def _shifted(values: np.ndarray, steps: int) -> np.ndarray:
    """Values (T, n) `steps` frames later; the ends hold."""
    return values[np.clip(np.arange(len(values)) - steps, 0, len(values) - 1)]


def _eased(values: np.ndarray) -> np.ndarray:
    """Without the corners that a maximum leaves: a mean of three frames, 1 2 1."""
    return (_shifted(values, 1) + 2 * values + _shifted(values, -1)) / 4
