"""Head and gaze of a motion as other conventions tell them: Live Link Face's angles, ARKit's eyeLook units.

`FlameMotion.head` (T, 3) is the neck's axis-angle, `FlameMotion.gaze` (T, 2) both eyes' yaw and pitch in the
head; axes are the head's, x to the face's left, y up, z out of the face. numpy alone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .jaw_skinning import rotations

Array = NDArray[Any]

LOOK_AT_ONE = {"In": 0.62, "Out": 0.62, "Up": 0.42, "Down": 0.65}
"""Radians by which an eye is turned where ARKit's unit eyeLook... is 1; read off recordings of the app Live
Link Face, which have both the units and the angles."""


def live_link_rotations(head: Array | None, left: Array | None, right: Array | None) -> dict[str, Array]:
    """The columns HeadYaw ... RightEyeRoll of Live Link Face's files, (T,) radians; those that are known.

    The app tells head and eyes by opposite signs, as its recordings show: HeadYaw is to the face's left,
    HeadPitch up and HeadRoll towards the right shoulder, but LeftEyeYaw to the face's right and LeftEyePitch
    down. The head's are the angles of Ry(yaw) Rx(-pitch) Rz(roll).

    Args:
        head: (T, 3) axis-angles of the neck, `FlameMotion.head`; None where it does not turn.
        left: (T, 2) the left eye's yaw and pitch, `FlameMotion.gaze`; None where it does not turn.
        right: the right eye's, the same array where both look alike.
    """
    out: dict[str, Array] = {}
    if head is not None:
        turns = rotations(head)
        out["HeadYaw"] = np.arctan2(turns[:, 0, 2], turns[:, 2, 2])
        out["HeadPitch"] = np.arcsin(turns[:, 1, 2].clip(-1, 1))
        out["HeadRoll"] = np.arctan2(turns[:, 1, 0], turns[:, 1, 1])
    for eye, gaze in (("LeftEye", left), ("RightEye", right)):
        if gaze is not None:
            out |= {f"{eye}Yaw": -gaze[:, 0], f"{eye}Pitch": -gaze[:, 1], f"{eye}Roll": 0 * gaze[:, 0]}
    return out


def look_units(left: Array, right: Array, at_one: Mapping[str, float] = LOOK_AT_ONE) -> dict[str, Array]:
    """ARKit's eight units eyeLookInLeft ... eyeLookDownRight, (T,) in 0..1, of yaw and pitch (T, 2).

    `at_one` are the radians of each direction at value 1, of the face that has the units.
    """
    out: dict[str, Array] = {}
    for side, gaze, outwards in (("Left", left, 1), ("Right", right, -1)):
        yaw, pitch = outwards * gaze[:, 0], gaze[:, 1]
        for name, angle in (("In", -yaw), ("Out", yaw), ("Up", pitch), ("Down", -pitch)):
            out[f"eyeLook{name}{side}"] = (angle / at_one[name]).clip(0, 1)
    return out


def eye_rotation(gaze: Array) -> Array:
    """Axis-angles (T, 3) of an eye that looks along yaw and pitch (T, 2), without torsion (Listing's law)."""
    x, y, z = direction(gaze).T
    sine = np.hypot(x, y)
    angle = np.arctan2(sine, z)
    size = np.divide(angle, sine, out=np.ones_like(sine), where=sine > 1e-9)
    return np.stack([-y * size, x * size, np.zeros_like(x)], axis=-1)


def direction(gaze: Array) -> Array:
    """Unit vectors (T, 3) of yaw to the face's left and pitch up (T, 2)."""
    yaw, pitch = np.asarray(gaze, dtype=np.float64).T
    out: Array = np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], axis=-1)
    return out


def gaze_along(vectors: Array) -> Array:
    """Yaw and pitch (T, 2) of vectors (T, 3) of any length; the inverse of `direction`."""
    x, y, z = np.asarray(vectors, dtype=np.float64).T
    out: Array = np.stack([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))], axis=-1)
    return out
