"""Keys written into a layer of edits: a change that comes, is there at one frame, and goes."""

import bpy
import numpy as np
from mathutils import Quaternion

from ..channels import Channel

NEAR = 0.01
"""Frames within which two keys are the same moment."""


def add_at(layer: bpy.types.Action, change: Channel, frame: float, ease: float) -> None:
    """Add a change (its one value) to a layer at a frame; `ease` frames aside the layer stays as it is.

    Of a quaternion the change is one of its four numbers, which start at no turn, and replaces what is there.
    """
    curve = layer.fcurve_ensure_for_datablock(change.id_data, change.path, index=max(0, change.index))
    quaternion = change.path.endswith("rotation_quaternion")
    rest = 1.0 if quaternion and change.index == 0 else 0.0
    sides = [frame - ease, frame + ease]
    held = [(side, _value(curve, side, rest)) for side in sides if _key_at(curve, side) is None]
    value = float(change.values[0]) + (0.0 if quaternion else _value(curve, frame, rest))
    for at, shown in (*held, (frame, value)):
        point = curve.keyframe_points.insert(at, shown)
        point.interpolation = "BEZIER"
        point.handle_left_type = point.handle_right_type = "AUTO_CLAMPED"
    curve.update()


def turn_between(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The turn (4,) that Blender puts on top of one quaternion (4,) to have another."""
    return np.array(Quaternion(before).inverted() @ Quaternion(after))


def _value(curve: bpy.types.FCurve, frame: float, rest: float) -> float:
    return float(curve.evaluate(frame)) if len(curve.keyframe_points) else rest


def _key_at(curve: bpy.types.FCurve, frame: float) -> bpy.types.Keyframe | None:
    return next((point for point in curve.keyframe_points if abs(point.co.x - frame) <= NEAR), None)
