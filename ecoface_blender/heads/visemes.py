"""Sets of visemes: which mouth of a set a phone asks for, and what a line becomes in each of them.

Pure numpy. The weights come from what is said, never from the shape of our own face.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.phones import SILENCE
from . import coarticulation as spoken
from .coarticulation import SOUNDS


@dataclass(frozen=True)
class VisemeSet:
    """One convention of mouth shapes for speech."""

    title: str
    phones: Mapping[str, str]
    """Source name of a viseme: the phones that ask for it, "AA" or "AA*0.6"; a phone may ask for several."""
    closed: str = ""
    """The viseme of P, B and M, if the set has one; else its mouth is shut by none."""
    bite: str = ""
    """That of F and V."""
    silent: str = ""
    """That of silence: what all others leave of 1."""

    def table(self) -> np.ndarray:
        """(phones, visemes): what each of `SOUNDS` asks of the set."""
        row = {phone: index for index, phone in enumerate(SOUNDS)}
        out = np.zeros((len(row), len(self.phones)))
        for column, asked in enumerate(self.phones.values()):
            for each in asked.split():
                phone, _, share = each.partition("*")
                out[row[phone], column] = float(share or 1)
        return out


OCULUS = VisemeSet(
    "Oculus visemes",
    {
        "viseme_sil": "",
        "viseme_PP": "P B M",
        "viseme_FF": "F V",
        "viseme_TH": "TH*0.8 DH*0.8",
        "viseme_DD": "T*0.6 D*0.6",
        "viseme_kk": "K*0.5 G*0.5 NG*0.5",
        "viseme_CH": "CH JH SH ZH",
        "viseme_SS": "S*0.9 Z*0.9",
        "viseme_nn": "N*0.6 L*0.6",
        "viseme_RR": "R*0.8 ER*0.8",
        "viseme_aa": "AA AY AW AE*0.6 AH*0.7",
        "viseme_E": "EH EY AE*0.4",
        "viseme_ih": "IH*0.8 IY Y*0.8",
        "viseme_oh": "AO OW OY",
        "viseme_ou": "UW UH*0.9 W",
    },
    closed="viseme_PP",
    bite="viseme_FF",
    silent="viseme_sil",
)
VRM = VisemeSet(
    "VRM",
    {
        "vrm_aa": "AA AY AW AE*0.6 AH*0.6 K*0.15 G*0.15 NG*0.15",
        "vrm_ih": "IH*0.7 IY Y*0.7 S*0.4 Z*0.4 T*0.25 D*0.25 N*0.2 L*0.2",
        "vrm_ou": "UW UH*0.8 W*0.9 SH*0.5 ZH*0.5 CH*0.5 JH*0.5 R*0.3 ER*0.35 F*0.1 V*0.1",
        "vrm_ee": "EH EY AE*0.4 TH*0.3 DH*0.3 IH*0.1",
        "vrm_oh": "AO OW OY",
    },
)
PRESTON_BLAIR = VisemeSet(
    "Preston Blair",
    {
        "blair_AI": "AA AY AW AE*0.8 AH*0.7",
        "blair_E": "EH EY IH*0.8 IY AE*0.2",
        "blair_O": "AO OW OY",
        "blair_U": "UW UH*0.9",
        "blair_WQ": "W R*0.4 ER*0.4",
        "blair_etc": "T*0.6 D*0.6 K*0.6 G*0.6 NG*0.6 N*0.6 S*0.9 Z*0.9 CH SH JH ZH TH*0.8 DH*0.8 Y*0.6"
        " R*0.4 ER*0.4",
        "blair_L": "L*0.7",
        "blair_FV": "F V",
        "blair_MBP": "P B M",
        "blair_rest": "",
    },
    closed="blair_MBP",
    bite="blair_FV",
    silent="blair_rest",
)
DAZ = VisemeSet(
    "Daz visemes",
    {
        "daz_AA": "AA AY AW AE*0.4 AH*0.6",
        "daz_EH": "EH AE*0.6",
        "daz_EE": "EY",
        "daz_ER": "ER*0.9 R*0.6",
        "daz_F": "F V",
        "daz_IH": "IH*0.8 Y*0.4",
        "daz_IY": "IY Y*0.4",
        "daz_K": "K*0.6 G*0.6 NG*0.6",
        "daz_L": "L*0.7",
        "daz_M": "P B M",
        "daz_OW": "AO OW OY",
        "daz_S": "S*0.9 Z*0.9",
        "daz_SH": "SH ZH CH JH",
        "daz_T": "T*0.7 D*0.7 N*0.6",
        "daz_TH": "TH*0.8 DH*0.8",
        "daz_UW": "UW UH*0.9",
        "daz_W": "W",
    },
    closed="daz_M",
    bite="daz_F",
)
CHARACTER_CREATOR = VisemeSet(
    "Character Creator visemes",
    {
        "cc_Open": "AA AY AW AE*0.8 AH*0.7",
        "cc_Explosive": "P B M",
        "cc_Dental_Lip": "F V",
        "cc_Tight_O": "AO OW OY",
        "cc_Tight": "UW UH*0.9 W",
        "cc_Wide": "EH EY IH*0.9 IY Y*0.7 S*0.4 Z*0.4 AE*0.2",
        "cc_Affricate": "CH JH SH ZH R*0.4 ER*0.4",
        "cc_Lip_Open": "T*0.5 D*0.5 N*0.5 L*0.5 K*0.5 G*0.5 NG*0.5 TH*0.6 DH*0.6 S*0.4 Z*0.4",
    },
    closed="cc_Explosive",
    bite="cc_Dental_Lip",
)
SETS = (OCULUS, VRM, PRESTON_BLAIR, DAZ, CHARACTER_CREATOR)
NAMES = tuple(name for each in SETS for name in each.phones)
"""Sources of all sets."""

USUAL = 1.1  # of a viseme, in a voice of plain openness
SOFTEST = 0.3  # of it, in one that hardly opens the mouth
JAW_SHARE = {  # how much of a phone's look is the jaw, and how much the lips
    "AA": 0.9, "AY": 0.9, "AW": 0.9, "AE": 0.8, "AH": 0.8, "EH": 0.7, "EY": 0.7, "IH": 0.5, "IY": 0.3,
    "AO": 0.5, "OY": 0.5, "OW": 0.4, "UH": 0.3, "UW": 0.1, "W": 0.0, "Y": 0.3, "K": 0.8, "G": 0.8, "NG": 0.8,
    "T": 0.5, "D": 0.5, "N": 0.5, "L": 0.5, "TH": 0.5, "DH": 0.5, "HH": 0.8, "R": 0.2, "ER": 0.2,
}  # fmt: skip
"""Of phones that are not here all is the lips'."""


@dataclass(frozen=True)
class Articulation:
    """What is said in each frame, whichever set says it."""

    weights: np.ndarray
    """(T, phones) of `SOUNDS`, at most 1 together: co-articulated, as loud as the voice."""
    closed: np.ndarray
    """(T,) how far P, B and M shut the lips."""
    shut: np.ndarray
    """(T,) how far they or silence do."""

    @property
    def speaking(self) -> np.ndarray:
        """(T,) how far the mouth is open in speech."""
        return self.weights.sum(axis=1)

    @classmethod
    def of(
        cls,
        phones: np.ndarray,
        names: Sequence[str],
        rate: float,
        jaw: np.ndarray,
        controls: tuple[float, float] = (1.0, 1.0),
    ) -> "Articulation":
        """From shares (T, n) of the named phones and the jaw's degrees (T,), at `rate` frames a second.

        `controls` are what Jaw and Lips multiply.
        """
        sure = spoken.dominances(spoken.sharpened(phones, names), rate)
        closed = spoken.closures(phones, names, rate)
        wide = USUAL * spoken.openness(jaw, sure, rate)
        of_jaw = np.array([JAW_SHARE.get(phone, 0.0) for phone in SOUNDS])
        of_lips = 1 - of_jaw
        loud = np.outer(wide.clip(SOFTEST, 1), of_jaw) + np.outer((0.5 + wide / 2).clip(0, 1), of_lips)
        asked = np.maximum(controls[0] * of_jaw + controls[1] * of_lips, 0)
        silent = list(SOUNDS).index(SILENCE)
        lips = [list(SOUNDS).index(phone) for phone in spoken.BILABIALS]
        weights = sure * loud * asked
        weights[:, [silent, *lips]] = 0  # they shut the mouth, and need no share of it
        rest = 1 - sure[:, lips].sum(axis=1)
        weights /= np.maximum(rest, 0.5)[:, None]  # beside a closure the vowel is the neighbours' whole mouth
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1)
        weights *= (1 - closed)[:, None]
        return cls(weights, closed * min(controls[1], 1), np.maximum(closed, sure[:, silent]))


def viseme_curves(said: Articulation, visemes: VisemeSet) -> dict[str, np.ndarray]:
    """Weights (T,) in 0..1 of each viseme of a set, by its source's name; together at most 1."""
    values = said.weights @ visemes.table()
    out = dict(zip(visemes.phones, values.T, strict=True))
    if visemes.closed:
        out[visemes.closed] = out[visemes.closed] + said.closed
    if visemes.silent:
        out[visemes.silent] = (1 - values.sum(axis=1) - said.closed).clip(0, 1)
    return out


FALLBACK = (SILENCE, "M", "AA", "IH", "OW", "UW")


def phones_of_shape(opening: np.ndarray, rounding: np.ndarray, jaw: np.ndarray) -> np.ndarray:
    """Shares (T, 6) of `FALLBACK` for motions of which nobody has told the phones.

    A mouth that is shut for long is silence, for a moment an M; an open one is a vowel, by how far the jaw is
    down and how round the lips are.

    Args:
        opening: (T,) how far the lips are apart, 1 as in plain speech.
        rounding: (T,) how far they are pushed forward and narrowed, 0 to 1.
        jaw: (T,) degrees.
    """
    open_, low, round_ = opening.clip(0, 1), (jaw / 8).clip(0, 1), rounding.clip(0, 1)
    shut = 1 - open_
    pause = spoken.smooth(shut, 4.0)
    mouths = [(1 - round_) * low, (1 - round_) * (1 - low), round_ * low, round_ * (1 - low)]
    return np.column_stack([pause * shut, (1 - pause) * shut, *(open_ * each for each in mouths)])
