"""The curves of a motion that other heads can follow, by their names: ARKit's, visemes, the jaw's."""

from collections.abc import Collection
from functools import lru_cache

import numpy as np

from . import engine
from .arkit_curves import ArkitUnits, Poses, bounded_least_squares
from .arkit_names import ARKIT, OCULUS, VRM
from .head import load_head
from .jaw_keys import N_EXPRESSIONS, N_TURN, rotations

EXPRESSIONS = tuple(f"Expression {number:02}" for number in range(1, N_EXPRESSIONS + 1))
JAW = ("Jaw Pitch", "Jaw Yaw", "Jaw Roll")
"""Rotation vector in radians: opening, to the left, tilting."""
CORRECTIVES = tuple(f"Jaw Corrective {number}" for number in range(1, N_TURN + 1))
"""Entries of the jaw's rotation less the identity, row by row: FLAME's pose correctives of the jaw."""
NAMES = (*ARKIT, *OCULUS, *VRM, *JAW, *EXPRESSIONS, *CORRECTIVES)
"""Of all curves, in the order in which an artist looks for them."""


def _sides(**units: float) -> dict[str, float]:
    """Units by name; those that have sides get both."""
    out = {}
    for name, weight in units.items():
        out |= {each: weight for each in ((name,) if name in ARKIT else (f"{name}Left", f"{name}Right"))}
    return out


_POSES = {
    "viseme_PP": _sides(mouthClose=0.06, mouthPress=0.6, mouthRollLower=0.3, mouthRollUpper=0.3),
    "viseme_FF": _sides(jawOpen=0.06, mouthRollLower=0.6, mouthUpperUp=0.25),
    "viseme_TH": _sides(jawOpen=0.12, tongueOut=0.3, mouthUpperUp=0.1, mouthLowerDown=0.2),
    "viseme_DD": _sides(jawOpen=0.1, mouthUpperUp=0.15, mouthLowerDown=0.25),
    "viseme_kk": _sides(jawOpen=0.15, mouthLowerDown=0.2, mouthStretch=0.15),
    "viseme_CH": _sides(jawOpen=0.08, mouthFunnel=0.5, mouthPucker=0.2),
    "viseme_SS": _sides(jawOpen=0.04, mouthStretch=0.3, mouthSmile=0.15, mouthLowerDown=0.3),
    "viseme_nn": _sides(jawOpen=0.1, mouthUpperUp=0.1, mouthLowerDown=0.15),
    "viseme_RR": _sides(jawOpen=0.12, mouthFunnel=0.25, mouthPucker=0.15),
    "viseme_aa": _sides(jawOpen=0.5, mouthUpperUp=0.1, mouthLowerDown=0.2),
    "viseme_E": _sides(jawOpen=0.25, mouthStretch=0.3, mouthSmile=0.2, mouthLowerDown=0.2),
    "viseme_ih": _sides(jawOpen=0.15, mouthStretch=0.2, mouthSmile=0.35, mouthLowerDown=0.15),
    "viseme_oh": _sides(jawOpen=0.35, mouthFunnel=0.5, mouthPucker=0.2),
    "viseme_ou": _sides(jawOpen=0.15, mouthFunnel=0.3, mouthPucker=0.7),
    "vrm_blinkLeft": {"eyeBlinkLeft": 1.0},
    "vrm_blinkRight": {"eyeBlinkRight": 1.0},
    "vrm_happy": _sides(mouthSmile=0.8, cheekSquint=0.6, eyeSquint=0.3),
    "vrm_angry": _sides(browDown=0.9, eyeSquint=0.3, noseSneer=0.5, mouthPress=0.2, mouthFrown=0.2),
    "vrm_sad": _sides(browInnerUp=0.8, mouthFrown=0.6, mouthShrugLower=0.3),
    "vrm_relaxed": _sides(mouthSmile=0.4, eyeBlink=0.2),
    "vrm_surprised": _sides(browInnerUp=0.7, browOuterUp=0.8, eyeWide=0.7),
}
"""What the visemes and expressions of other conventions look like, in ARKit's units."""
_VOWELS = {"aa": "aa", "ih": "ih", "ou": "ou", "ee": "E", "oh": "oh"}  # VRM's, as visemes
_POSES |= {f"vrm_{vowel}": _POSES[f"viseme_{viseme}"] for vowel, viseme in _VOWELS.items()}


def curves(motion: np.ndarray, wanted: Collection[str]) -> dict[str, np.ndarray]:
    """The wanted curves (T,) of a motion (T, 53) of the reference head.

    Expression and jaw are the motion's own, whichever head it belongs to.
    """
    out = dict(zip((*EXPRESSIONS, *JAW), np.asarray(motion, np.float64).T, strict=True))
    wanted = set(wanted)
    if wanted & set(CORRECTIVES):
        turned = (rotations(motion[:, N_EXPRESSIONS:]) - np.eye(3)).reshape(-1, N_TURN)
        out |= dict(zip(CORRECTIVES, turned.T, strict=True))
    if wanted & set(ARKIT):
        units = reference_units()
        out |= dict(zip(units.names, units.curves(motion).T, strict=True))
    for names in (OCULUS, VRM):
        if wanted & set(names):
            posed = [name for name in names if name in _POSES]
            poses = _reference_poses(tuple(posed))
            out |= dict(zip(posed, bounded_least_squares(poses.gram, poses.products(motion)).T, strict=True))
    if "viseme_sil" in wanted:
        out["viseme_sil"] = np.clip(1 - sum(out[name] for name in OCULUS[1:]), 0, 1)
    if "vrm_blink" in wanted:
        out["vrm_blink"] = (out["vrm_blinkLeft"] + out["vrm_blinkRight"]) / 2
    return {name: out[name] for name in wanted}


def speaks_reference(names: Collection[str]) -> bool:
    """Whether curves of these names are of the reference head's motion, and of no other's."""
    return not set(names) <= {*EXPRESSIONS, *JAW, *CORRECTIVES}


@lru_cache(maxsize=1)
def reference_name() -> str:
    """Name of the head whose units ARKit's curves are."""
    return str(_reference()["name"])


@lru_cache(maxsize=1)
def reference_units() -> ArkitUnits:
    """ARKit's units of the reference head."""
    return ArkitUnits.of(_reference())


@lru_cache(maxsize=4)
def _reference_poses(names: tuple[str, ...]) -> Poses:
    head = _reference()
    column = {str(name): index for index, name in enumerate(head["arkit_names"])}
    table = np.zeros((len(names), len(column)))
    for row, name in zip(table, names, strict=True):
        for unit, weight in _POSES[name].items():
            row[column[unit]] = weight
    return Poses.of(head, np.einsum("pu,uvx->pvx", table, head["arkit_units"]))


@lru_cache(maxsize=1)
def _reference() -> dict[str, np.ndarray]:
    return load_head(engine.reference_head())
