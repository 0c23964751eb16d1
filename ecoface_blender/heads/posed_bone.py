"""What a rig's control does to a mesh, measured: the control is turned and the mesh looked at.

Controls such as Rigify's jaw_master deform nothing themselves: bones that do follow them by constraints.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

import bpy
import numpy as np

from ..core.jaw_skinning import rotations
from . import jaw_bone
from .shape import JawBone

TURNED = 0.3  # radians: about as far as speech opens a jaw
UNEXPLAINED = 0.35
"""Share of what moves that may move otherwise than about the control's joint."""
LEAST = 0.1  # of the turn, that something must follow

_REST: dict[str, tuple[float, ...]] = {
    "location": (0, 0, 0), "rotation_quaternion": (1, 0, 0, 0), "rotation_euler": (0, 0, 0),
    "rotation_axis_angle": (0, 0, 1, 0), "scale": (1, 1, 1),
}  # fmt: skip
_Key = tuple[object, ...]


def measured_jaw(item: bpy.types.Object, name: str, axes: np.ndarray) -> JawBone | None:
    """The jaw's control as it turns a mesh that follows its armature; None if it does not turn it.

    Args:
        axes: rows (3, 3) left, up and forward of the face, in the mesh's space.
    """
    armature = jaw_bone.armature_of(item)
    if armature is None or name not in armature.pose.bones:
        return None
    key = _state(item, armature)
    return _measured(key, item.name_full, armature.name_full, name, tuple(axes.ravel().tolist()))


@lru_cache(maxsize=16)
def _measured(
    _state: _Key, item_name: str, armature_name: str, name: str, rows: tuple[float, ...]
) -> JawBone | None:
    item, armature = _named(item_name), _named(armature_name)
    axes = np.reshape(rows, (3, 3))
    jaw = np.array([[TURNED, 0.0, 0.0]])
    try:
        with _at_rest(item, armature):
            still = _vertices(item)
            for channel in jaw_bone.rotation_channels(armature, name, jaw, [item]):
                channel.id_data.path_resolve(channel.path)[channel.index] = channel.values[0]
            turned = _vertices(item)
    except AttributeError:  # Blender lets nothing be changed while it draws
        return None
    if len(still) != len(item.data.vertices) or len(turned) != len(still):
        return None
    to_mesh = item.matrix_world.inverted() @ armature.matrix_world
    joint = axes @ np.array(to_mesh @ armature.data.bones[name].head_local)
    return fitted(still @ axes.T, (turned - still) @ axes.T, rotations(jaw)[0], joint)


def fitted(rest: np.ndarray, moved: np.ndarray, turn: np.ndarray, joint: np.ndarray) -> JawBone | None:
    """The shares of a turn (3, 3) about a joint (3,) by which points (V, 3) moved; None if it was no turn."""
    arms = rest - joint
    whole = arms @ turn.T - arms
    size = np.square(whole).sum(axis=1)
    shares = np.divide((whole * moved).sum(axis=1), size, out=np.zeros(len(rest)), where=size > 1e-12)
    shares = shares.clip(0, 1)
    total = float(np.square(moved).sum())
    if total <= 0 or shares.max() < LEAST:
        return None
    unexplained = float(np.square(moved - shares[:, None] * whole).sum()) / total
    return JawBone(shares, joint) if unexplained < UNEXPLAINED else None


def _vertices(item: bpy.types.Object) -> np.ndarray:
    """(V, 3) as they are seen, in the object's space."""
    bpy.context.view_layer.update()
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    out = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
    mesh.vertices.foreach_get("co", out)
    evaluated.to_mesh_clear()
    return out.reshape(-1, 3).astype(np.float64)


@contextmanager
def _at_rest(item: bpy.types.Object, armature: bpy.types.Object) -> Iterator[None]:
    """The armature unposed, and no modifier on the mesh but armatures, for a while."""
    poses = [(bone, [tuple(getattr(bone, name)) for name in _REST]) for bone in armature.pose.bones]
    others = [each for each in item.modifiers if each.type != "ARMATURE" and each.show_viewport]
    try:
        for modifier in others:
            modifier.show_viewport = False
        for bone, _ in poses:
            _set(bone, _REST.values())
        yield
    finally:
        for modifier in others:
            modifier.show_viewport = True
        for bone, pose in poses:
            _set(bone, pose)
        bpy.context.view_layer.update()


def _set(bone: bpy.types.PoseBone, pose: Iterable[Sequence[float]]) -> None:
    for name, values in zip(_REST, pose, strict=True):
        setattr(bone, name, values)


def _state(item: bpy.types.Object, armature: bpy.types.Object) -> _Key:
    """What the measurement depends on, as far as it is read quickly."""
    weights = hash(
        tuple((each.group, each.weight) for vertex in item.data.vertices for each in vertex.groups)
    )
    bones = hash(tuple(value for bone in armature.data.bones for value in bone.head_local))
    constraints = sum(len(bone.constraints) for bone in armature.pose.bones)
    return item.session_uid, armature.session_uid, len(item.data.vertices), weights, bones, constraints


def _named(name: str) -> bpy.types.Object:
    return next(item for item in bpy.data.objects if item.name_full == name)
