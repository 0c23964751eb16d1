"""Lids of EcoFace's own head that go with its eyes: the skin's part of ARKit's eyeLookDown and eyeLookUp.

The eyes themselves are turned by bones; these keys move both eyes' lids as far as they look up or down.
"""

from collections.abc import Mapping

import bpy
import numpy as np

from ..channels import Channel, key_channels
from .head_turn import HeadTurn

KEYS = {"Lids Follow Down": "eyeLookDown", "Lids Follow Up": "eyeLookUp"}
PROPERTY = "ecoface_lids"
"""Of the mesh: the eyes' radians, down and up, at which the keys are 1."""
MOST = 1.6  # of a key: lids go no further
_EYES = (3, 4)  # joints
_SLIDER = 2.0


def add_keys(head: bpy.types.Object, arrays: Mapping[str, np.ndarray]) -> bool:
    """Give a head the keys, where its arrays tell what they are and it has none."""
    units = _units(arrays)
    if not units or any(name in head.data.shape_keys.key_blocks for name in KEYS):
        return False
    rest = np.empty(3 * len(head.data.vertices), dtype=np.float32)
    head.data.shape_keys.reference_key.data.foreach_get("co", rest)
    for name, (offsets, _) in units.items():
        x, y, z = offsets.T
        key = head.shape_key_add(name=name, from_mix=False)
        moved = rest.reshape(-1, 3) + np.stack([x, -z, y], axis=-1)
        key.data.foreach_set("co", np.ascontiguousarray(moved, dtype=np.float32).ravel())
        key.slider_max, key.slider_min = _SLIDER, 0.0
        key.value = 0.0
    head.data[PROPERTY] = [angle for _, angle in units.values()]
    return True


def channels(head: bpy.types.Object, turn: HeadTurn, opening: np.ndarray) -> list[Channel]:
    """The keys' curves; `opening` (T,) is how far the lids are open, 1 at rest: shut lids follow no eye."""
    blocks, angles = head.data.shape_keys.key_blocks, head.data.get(PROPERTY)
    if angles is None or len(angles) != len(KEYS) or any(name not in blocks for name in KEYS):
        return []
    pitch = (turn.left[:, 1] + turn.right[:, 1]) / 2
    signed = np.column_stack([-pitch, pitch]) / np.maximum(np.abs(np.array(angles)), 1e-3)
    values = signed.clip(0, MOST) * opening.clip(0, 1)[:, None]
    return key_channels(head.data.shape_keys, tuple(KEYS), values)


def _units(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, float]]:
    """By key: what it moves (V, 3) in FLAME's axes, and the eyes' radians of the unit; empty without units."""
    names = [str(name) for name in arrays.get("arkit_names", ())]
    eyes = arrays["weights"][:, _EYES] > 0.5
    out = {}
    for key, unit in KEYS.items():
        sides = [f"{unit}{side}" for side in ("Left", "Right")]
        if not eyes.any(axis=0).all() or not set(sides) <= set(names):
            return {}
        moved = np.sum([arrays["arkit_units"][names.index(side)] for side in sides], axis=0)
        angle = _pitch(arrays["v_template"][eyes[:, 0]], moved[eyes[:, 0]])
        if angle < np.radians(1):
            return {}
        out[key] = np.where(eyes.any(axis=1)[:, None], 0, moved).astype(np.float32), angle
    return out


def _pitch(points: np.ndarray, moved: np.ndarray) -> float:
    """Radians by which points (V, 3) turn about x, either way, as they move."""
    arms = (points - points.mean(axis=0))[:, 1:].astype(np.float64)
    after = arms + (moved - moved.mean(axis=0))[:, 1:]
    sine = (arms[:, 0] * after[:, 1] - arms[:, 1] * after[:, 0]).sum()
    return float(abs(np.arctan2(sine, (arms * after).sum())))
