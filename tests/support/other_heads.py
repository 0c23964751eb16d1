"""Heads with ARKit's units that are not EcoFace's own, and a motion that opens and shuts their mouths."""

from functools import lru_cache

import numpy as np
from blender_support import REFERENCE_HEAD

from ecoface_blender.core.arkit import ArkitUnits
from ecoface_blender.heads.own_head import load_head
from ecoface_blender.heads.reference import ReferenceMouth
from ecoface_blender.heads.shape import HeadShape

ARRAYS = load_head(REFERENCE_HEAD)
NAMES = tuple(str(name) for name in ARRAYS["arkit_names"])


@lru_cache(maxsize=1)
def reference():
    return ReferenceMouth.of(ARRAYS)


@lru_cache(maxsize=1)
def own_units():
    return _shared(ARRAYS["arkit_units"].astype(np.float32))


def head_of(units, rest=None, bone=None, names=NAMES):
    """A head with such units (K, V, 3), in the reference's axes."""
    return HeadShape(ARRAYS["v_template"] if rest is None else rest, names, units, bone)


def pucker_that_opens():
    """As on many sculpts: the lips are parted by 5 mm at its end, and the sneer lifts the lip, too."""
    units = own_units().copy()
    jaw = units[NAMES.index("jawOpen")]
    units[NAMES.index("mouthPucker")] += 0.15 * jaw
    for side in ("Left", "Right"):
        units[NAMES.index(f"noseSneer{side}")] += 0.07 * jaw
    return head_of(units)


def other_strengths():
    gains = np.random.default_rng(0).uniform(0.6, 1.5, (len(NAMES), 1, 1)).astype(np.float32)
    wide = np.array([130, 90, 100], np.float32)  # in centimetres, and of another shape
    return head_of(own_units() * gains * wide, ARRAYS["v_template"] * wide)


def mouth_that_rests_open():
    rest = ARRAYS["v_template"] + 0.2 * own_units()[NAMES.index("jawOpen")]
    return head_of(own_units(), rest)


HEADS = {
    "its own": lambda: head_of(own_units()),
    "a pucker that opens": pucker_that_opens,
    "other strengths": other_strengths,
    "a mouth that rests open": mouth_that_rests_open,
}


@lru_cache(maxsize=1)
def babble():
    """A motion (T, 53) of units: a jaw that opens and shuts while the lips are puckered, bared and blink."""
    time = np.arange(150) / 25
    weights = np.zeros((len(time), len(NAMES)))

    def play(values, *units):
        for unit in units:
            weights[:, NAMES.index(unit)] = values

    play(0.35 * np.clip(np.sin(9 * time), 0, None), "jawOpen")
    play(0.7 * np.sin(2 * time) ** 2, "mouthPucker")
    play(0.5 * np.cos(2 * time) ** 2, "noseSneerLeft", "noseSneerRight")
    play(0.25 * np.sin(1.3 * time) ** 2, "mouthUpperUpLeft", "mouthLowerDownRight")
    play(0.04 + 0.3 * np.sin(1.3 * time) ** 2, "mouthPressLeft", "mouthPressRight")
    play(0.3 * np.cos(3 * time) ** 2, "mouthSmileLeft")
    play(0.7 * np.clip(np.sin(2.1 * time), 0, None) ** 4, "eyeBlinkLeft", "eyeBlinkRight")
    play(0.02 + 0.08 * np.sin(2 * time) ** 2, "mouthShrugLower")
    return _shared((weights @ ARRAYS["arkit_coefficients"]).astype(np.float32))


@lru_cache(maxsize=1)
def nominal():
    return _shared(ArkitUnits.of(ARRAYS).curves(babble(), single=True))


def _shared(array):
    """An array that tests have in common: none may write into it."""
    array.flags.writeable = False
    return array
