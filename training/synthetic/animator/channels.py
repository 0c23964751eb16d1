"""The animator's controls, most of them for both sides, and how they become a frame's 53 numbers."""

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ecoface_model.core.constants import EXPRESSION_DIM

_PAIRS = {
    "brow_outer_up": "browOuterUp",
    "brow_down": "browDown",
    "cheek_squint": "cheekSquint",
    "eye_squint": "eyeSquint",
    "eye_wide": "eyeWide",
    "eye_blink": "eyeBlink",
    "nose_sneer": "noseSneer",
    "smile": "mouthSmile",
    "stretch": "mouthStretch",
    "frown": "mouthFrown",
    "upper_lip_up": "mouthUpperUp",
    "lower_lip_down": "mouthLowerDown",
    "press": "mouthPress",
}
_SINGLES = {
    "brow_inner_up": "browInnerUp",
    "pucker": "mouthPucker",
    "funnel": "mouthFunnel",
    "roll_upper": "mouthRollUpper",
    "roll_lower": "mouthRollLower",
    "shrug_lower": "mouthShrugLower",
    "mouth_close": "mouthClose",
    "tongue_out": "tongueOut",
    "jaw_left": "jawLeft",
    "jaw_right": "jawRight",
    "mouth_left": "mouthLeft",
    "mouth_right": "mouthRight",
}
CHANNELS = (*_PAIRS, *_SINGLES)
INDEX = {name: i for i, name in enumerate(CHANNELS)}

OPENING = ("upper_lip_up", "lower_lip_down")
SPREAD = ("stretch", "smile")
ROUNDING = ("pucker", "funnel")
PRESSES = ("press", "roll_upper", "roll_lower", "shrug_lower")
LOPSIDED = (
    "nose_sneer",
    "upper_lip_up",
    "smile",
    "frown",
    "cheek_squint",
    "brow_down",
    "eye_squint",
    "stretch",
    "brow_outer_up",
)
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
