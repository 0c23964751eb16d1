"""Looks of our own head: faces of another sex, age and skin, as numbers, and putting one on a head."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

TABLE = Path(__file__).with_name("look_table.json")
DEFAULT, SHAVED = "Average", "shaved"
Colour = tuple[float, float, float]
"""Linear RGB, 0..1."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """One person: the face's identity and what its surfaces are."""

    name: str
    identity: np.ndarray
    """(100,) coefficients of the head's identity directions, standard deviations."""
    skin: Colour
    lips: Colour
    hair: Colour
    brow: Colour
    iris: Colour
    """At its rim."""
    iris_inner: Colour
    blood: float
    """How red skin is where blood is near, 1 usual."""
    mottle: float
    """How uneven its pigment is, 1 usual."""
    beard: float
    """Shade of a shaved beard, 0..1."""
    age: float
    """Depth of wrinkles at rest, as a share of the deepest."""
    cut: str
    """Of the hair: one of `hair.CUTS`, or SHAVED."""
    lashes: float
    """Length of the lashes, 1 usual."""

    @property
    def scalp(self) -> Colour:
        """What is seen of the scalp from afar."""
        share = 0.25 if self.cut == SHAVED else 1.0
        red, green, blue = share * np.array(self.hair) + (1 - share) * np.array(self.skin)
        return float(red), float(green), float(blue)


_COLOURS = ("skin", "lips", "hair", "brow", "iris", "iris_inner")


@cache
def looks() -> dict[str, Look]:
    """All looks by name, the default first."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    return {name: _look(name, values) for name, values in table.items()}


def of_face(number: int) -> str:
    """Which look the face of a number has: the first ones their own, others one of these in turn."""
    names = tuple(looks())
    return names[number % len(names)]


def _look(name: str, values: dict[str, Any]) -> Look:
    rest: dict[str, Any] = {key: float(value) for key, value in values.items() if isinstance(value, float)}
    rest |= {key: linear(values[key]) for key in _COLOURS}
    return Look(name=name, identity=np.array(values["identity"]), cut=values["cut"], **rest)


def linear(srgb: list[int]) -> Colour:
    """Linear RGB of an sRGB colour in 0..255."""
    s = np.array(srgb) / 255
    red, green, blue = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    return float(red), float(green), float(blue)
