"""The animator's controls: short names for ARKit's units, and how they become a frame's 53 numbers."""

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ecoface_model.core.constants import EXPRESSION_DIM

_PAIRS = {
    "BO": "browOuterUp", "BD": "browDown", "CS": "cheekSquint", "ES": "eyeSquint", "EW": "eyeWide",
    "EB": "eyeBlink", "NS": "noseSneer", "Sm": "mouthSmile", "St": "mouthStretch", "Fr": "mouthFrown",
    "UU": "mouthUpperUp", "LD": "mouthLowerDown", "Pr": "mouthPress",
}  # fmt: skip
_SINGLES = {
    "BI": "browInnerUp", "Pk": "mouthPucker", "Fn": "mouthFunnel", "RU": "mouthRollUpper",
    "RL": "mouthRollLower", "SL": "mouthShrugLower", "MC": "mouthClose", "TO": "tongueOut",
    "JL": "jawLeft", "JR": "jawRight", "ML": "mouthLeft", "MR": "mouthRight",
}  # fmt: skip
CHANNELS = (*_PAIRS, *_SINGLES)
INDEX = {name: i for i, name in enumerate(CHANNELS)}

OPENING = ("UU", "LD")
SPREAD = ("St", "Sm")
ROUNDING = ("Pk", "Fn")
PRESSES = ("Pr", "RU", "RL", "SL")
LOPSIDED = ("NS", "UU", "Sm", "Fr", "CS", "BD", "ES", "St", "BO")
"""Channels in which people's two sides differ."""


def columns(names: tuple[str, ...]) -> list[int]:
    """Indices of channels."""
    return [INDEX[name] for name in names]


def mixing_matrix(
    arkit_names: tuple[str, ...], arkit_coefficients: Float[NDArray[Any], "units 53"], asymmetry: float
) -> Float[NDArray[Any], "channels 53"]:
    """What one of each channel adds to a frame; the left side moves by 1 + asymmetry, the right by 1 -."""
    row = {name: arkit_coefficients[i] for i, name in enumerate(arkit_names)}
    matrix = np.zeros((len(CHANNELS), arkit_coefficients.shape[1]))
    for name, unit in _PAIRS.items():
        lead = asymmetry if name in LOPSIDED else 0.0
        matrix[INDEX[name]] = (1 + lead) * row[unit + "Left"] + (1 - lead) * row[unit + "Right"]
    for name, unit in _SINGLES.items():
        matrix[INDEX[name]] = row[unit]
    return matrix


def jaw_row(
    arkit_names: tuple[str, ...], arkit_coefficients: Float[NDArray[Any], "units 53"]
) -> Float[NDArray[Any], "53"]:
    """What one degree of the jaw adds to a frame: the unit jawOpen, per degree of its rotation."""
    unit = arkit_coefficients[arkit_names.index("jawOpen")]
    row: NDArray[Any] = unit / np.degrees(unit[EXPRESSION_DIM])
    return row
