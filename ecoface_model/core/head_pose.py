"""Head and gaze of a motion as other programs want them: angles, each eye's rotation, ARKit's eyeLook units.

numpy only. The axes are the head's: x to the face's left, y up, z out of the face.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .jaw_skinning import rotations

Array = NDArray[Any]

VERGENCE = 0.024
"""Radians by which each eye turns towards the nose: both look at somebody 1.2 m away."""
LOOK_ASIDE, LOOK_UP_DOWN = 0.76, 0.61
LOOK_AT_ONE = {"In": LOOK_ASIDE, "Out": LOOK_ASIDE, "Up": LOOK_UP_DOWN, "Down": LOOK_UP_DOWN}
"""Radians of an eye at 1 of eyeLookIn, Out, Up and Down, as Apple's tracker gives them (slopes in recordings
of Live Link Face)."""
LIDS = 0.6
"""eyeBlink per radian of an eye that looks down: our head's eyeLookDown has 0.18 of it at 0.26 radians."""

UP_SHUT, UP_OPEN = np.radians([-2.0, 16.5])
"""Radians to which eyes may look up under shut lids, and what is added at the lids' opening at rest.

There the white below our head's iris is two fifths of what is seen. Eyes do turn down in a blink, by a few
degrees and more from above (Collewijn et al. 1985; from memory)."""


def head_angles(head: Array) -> Array:
    """Yaw to the face's left, pitch up, roll to its right shoulder, (T, 3) radians, of axis-angles (T, 3).

    They turn one within the other in this order: R = Ry(yaw) Rx(-pitch) Rz(roll).
    """
    turned = rotations(head)
    yaw = np.arctan2(turned[:, 0, 2], turned[:, 2, 2])
    pitch = np.arcsin(np.clip(turned[:, 1, 2], -1, 1))
    roll = np.arctan2(turned[:, 1, 0], turned[:, 1, 1])
    return np.stack([yaw, pitch, roll], axis=1)


def axis_angles(angles: Array) -> Array:
    """The inverse of `head_angles`: axis-angles (T, 3) of yaw, pitch and roll (T, 3), in radians."""
    yaw, pitch, roll = np.asarray(angles, np.float64).T
    (cy, sy), (cx, sx), (cz, sz) = ((np.cos(a / 2), np.sin(a / 2)) for a in (yaw, -pitch, roll))
    # quaternion of Ry Rx Rz
    w = cy * cx * cz + sy * sx * sz
    x, y, z = cy * sx * cz + sy * cx * sz, sy * cx * cz - cy * sx * sz, cy * cx * sz - sy * sx * cz
    axis = np.stack([x, y, z], axis=1)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = 2 * np.arctan2(sine, w[:, None])
    # sin(a/2) of a tiny turn is half of it
    out: Array = axis * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 2.0)
    return out


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


def towards(gaze: Array) -> Array:
    """Rotation matrices (T, 3, 3) from straight ahead to yaw and pitch (T, 2): Ry(yaw) Rx(-pitch)."""
    yaw, pitch = np.asarray(gaze, dtype=np.float64).T
    zero = np.zeros_like(yaw)
    about_y, about_x = np.stack([zero, yaw, zero], axis=1), np.stack([-pitch, zero, zero], axis=1)
    out: Array = rotations(about_y) @ rotations(about_x)
    return out


def eye_angles(gaze: Array) -> Array:
    """Yaw to the face's left and pitch up (T, 2 eyes, 2) of the left eye and the right, which converge.

    Where the eyes' own are known (T, 2 eyes, 2) they are these.
    """
    if np.ndim(gaze) == 3:
        return np.asarray(gaze, np.float64)
    both = np.repeat(np.asarray(gaze, np.float64)[:, None], 2, axis=1)
    both[:, :, 0] += [-VERGENCE, VERGENCE]
    return both


def eye_rotations(gaze: Array) -> Array:
    """Rotation matrices (2 eyes, T, 3, 3) of the left eye and the right in the head: see `towards`."""
    return np.stack([towards(eye) for eye in eye_angles(gaze).swapaxes(0, 1)])


def eye_units(gaze: Array, at_one: Mapping[str, float] = LOOK_AT_ONE) -> dict[str, Array]:
    """ARKit's eight eyeLook units (T,) in 0..1 by Apple's names, of what `eye_angles` takes.

    `at_one` are the radians of each direction at value 1, of the face that has the units.
    """
    units = {}
    for side, outwards, (yaw, pitch) in zip(
        ("Left", "Right"), (1, -1), eye_angles(gaze).transpose(1, 2, 0), strict=True
    ):
        for name, angle in (
            ("Out", outwards * yaw),
            ("In", -outwards * yaw),
            ("Up", pitch),
            ("Down", -pitch),
        ):
            units[f"eyeLook{name}{side}"] = angle / at_one[name]
    return {name: np.clip(curve, 0, 1) for name, curve in units.items()}


def under_lids(gaze: Array, opened: Array) -> Array:
    """The gaze (..., 2) looking no further up than lids leave the iris in sight.

    Args:
        opened: (...) how far the lids are apart, 1 at rest.
    """
    out = np.array(gaze)
    most = UP_SHUT + UP_OPEN * np.maximum(opened, 0)
    out[..., 1] = np.minimum(out[..., 1], most)
    return out


def lid_follow(gaze: Array) -> Array:
    """Weight of eyeBlink (T,) by which the lids of our motions follow a gaze (T, 2): below 0 looking up."""
    follow: Array = -LIDS * np.asarray(gaze, np.float64)[:, 1]
    return follow
