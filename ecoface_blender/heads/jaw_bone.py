"""Jaws that are bones: finding them, and the model's jaw rotation about a bone's own axes."""

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..channels import Channel
from ..core.constants import EXPRESSION_DIM
from ..core.jaw_skinning import rotations
from .key_names import words

_FIRST = ("jawmaster", "jaw", "lowerjaw", "jawlower", "jawroot")
"""The bones that an animator turns, in the order in which they are looked for, whatever stands before:
Rigify's control (its "jaw" is moved by it), CC_Base_JawRoot, Daz' lowerJaw, mixamorig:Jaw."""
_NOT_TURNED = {
    "mch",
    "org",
    "end",
    "tip",
    "upper",
    "left",
    "right",
    "top",
    "corner",
    "helper",
    "target",
    "ik",
}
UPRIGHT = Matrix(((1, 0, 0), (0, 0, -1), (0, 1, 0)))
"""FLAME's axes (left, up, forward) in those of a character that stands as Blender's do: z up, face to -y."""


def armature_of(mesh: bpy.types.Object) -> bpy.types.Object | None:
    """The armature that deforms a mesh, or is its parent."""
    deforming = [m.object for m in mesh.modifiers if m.type == "ARMATURE" and m.object is not None]
    parent = [mesh.parent] if mesh.parent and mesh.parent.type == "ARMATURE" else []
    return next(iter([*deforming, *parent]), None)


def find_jaw(armature: bpy.types.Object | None) -> str | None:
    """Name of the bone that turns the lower jaw; None if there is none."""
    found = []
    for bone in armature.data.bones if armature else ():
        spoken = words(bone.name)
        joined = "".join(spoken)
        if "jaw" not in joined or _NOT_TURNED & set(spoken):
            continue
        ends = ["".join(spoken[start:]) for start in range(len(spoken))]
        ranks = [_FIRST.index(end) for end in ends if end in _FIRST]
        rank = min(ranks) if ranks and "def" not in spoken else len(_FIRST) + ("def" in spoken)
        found.append((rank, len(bone.name), bone.name))
    return min(found)[2] if found else None


def rotation_channels(
    armature: bpy.types.Object, name: str, jaw: np.ndarray, meshes: list[bpy.types.Object]
) -> list[Channel]:
    """The jaw's rotation vectors (T, 3), in FLAME's axes, as curves of a pose bone in its rotation mode."""
    bone = armature.pose.bones[name]
    to_bone = bone.bone.matrix_local.to_3x3().inverted() @ face_axes(armature, name, meshes)
    to_bone = np.array(to_bone)
    return turn_channels(bone, to_bone @ rotations(jaw) @ to_bone.T)


def turn_channels(bone: bpy.types.PoseBone, turns: np.ndarray) -> list[Channel]:
    """Rotations (T, 3, 3) about a pose bone's own axes as curves in its rotation mode."""
    if bone.rotation_mode not in ("QUATERNION", "AXIS_ANGLE"):
        return _channels(bone, "rotation_euler", _eulers(turns, bone.rotation_mode))
    quaternions = [Matrix(turn).to_quaternion() for turn in turns]
    if bone.rotation_mode == "AXIS_ANGLE":
        pairs = [quaternion.to_axis_angle() for quaternion in quaternions]
        axes = [axis if angle > 1e-6 else Vector((0, 1, 0)) for axis, angle in pairs]
        values = np.array([(angle, *axis) for axis, (_, angle) in zip(axes, pairs, strict=True)])
        return _channels(bone, "rotation_axis_angle", values)
    return _channels(bone, "rotation_quaternion", np.array(quaternions))  # w > 0 for less than 180 degrees


def axis_channel(armature: bpy.types.Object, name: str, axis: str, values: np.ndarray) -> list[Channel]:
    """A turn (T,) in radians about one of a bone's own axes, as curves in its rotation mode."""
    bone = armature.pose.bones[name]
    number = "XYZ".index(axis)
    if bone.rotation_mode not in ("QUATERNION", "AXIS_ANGLE"):
        return [Channel(armature, bone.path_from_id("rotation_euler"), number, values)]
    unit = np.eye(3)[number]
    if bone.rotation_mode == "AXIS_ANGLE":
        turns = np.column_stack([values, np.tile(unit, (len(values), 1))])
        return _channels(bone, "rotation_axis_angle", turns)
    halves = np.column_stack([np.cos(values / 2), np.sin(values / 2)[:, None] * unit])
    return _channels(bone, "rotation_quaternion", halves)


def opening_axis(armature: bpy.types.Object, name: str, meshes: list[bpy.types.Object]) -> tuple[str, float]:
    """Which of a bone's own axes lies closest to the one that the jaw opens about, and its sign."""
    to_bone = armature.data.bones[name].matrix_local.to_3x3().inverted()
    left = to_bone @ face_axes(armature, name, meshes).col[0]
    number = int(np.argmax(np.abs(left)))
    return "XYZ"[number], float(np.sign(left[number]))


def face_axes(armature: bpy.types.Object, name: str, meshes: list[bpy.types.Object]) -> Matrix:
    """FLAME's axes (left, up, forward) as columns in the armature's space at rest, along its own axes.

    They are seen in the bones of the eyes against the chin; a rig without such stands as Blender's
    characters do, z up and face to -y.
    """
    eyes: dict[str, Vector] = {}
    for bone in armature.data.bones:
        spoken = words(bone.name)
        if "eye" in spoken and spoken[-1] in ("left", "right"):
            eyes.setdefault(spoken[-1], bone.head_local)
    if len(eyes) < 2:
        return UPRIGHT
    chin = _chin(armature, name, meshes)
    left = along_an_axis(eyes["left"] - eyes["right"])
    up = (eyes["left"] + eyes["right"]) / 2 - chin
    up = along_an_axis(up - up.dot(left) * left)
    return Matrix((left, up, left.cross(up))).transposed()


def _chin(armature: bpy.types.Object, name: str, meshes: list[bpy.types.Object]) -> Vector:
    """Middle of what follows the jaw most, in the armature's space; the bone's end without such a mesh."""
    points = []
    for mesh in meshes:
        group = mesh.vertex_groups.get(name)
        if group is None:
            continue
        to_armature = armature.matrix_world.inverted() @ mesh.matrix_world
        for vertex in mesh.data.vertices:
            if any(g.group == group.index and g.weight > 0.5 for g in vertex.groups):
                points.append(to_armature @ vertex.co)
    return sum(points, Vector()) / len(points) if points else armature.data.bones[name].tail_local


def along_an_axis(direction: Vector) -> Vector:
    """The unit vector along x, y or z, either way, that is closest to a direction."""
    number = int(np.argmax(np.abs(direction)))
    return Vector(np.eye(3)[number] * np.sign(direction[number]))


def _eulers(turns: np.ndarray, order: str) -> np.ndarray:
    """Angles (T, 3) without jumps of a whole turn."""
    out, before = np.empty((len(turns), 3)), None
    for row, turn in zip(out, turns, strict=True):
        before = Matrix(turn).to_euler(order, before) if before else Matrix(turn).to_euler(order)
        row[:] = before
    return out


def _channels(bone: bpy.types.PoseBone, name: str, values: np.ndarray) -> list[Channel]:
    path = bone.path_from_id(name)
    return [Channel(bone.id_data, path, index, column) for index, column in enumerate(values.T)]


def jaw_of(motion: np.ndarray) -> np.ndarray:
    """The jaw's rotation vectors (T, 3) of a motion (T, 53)."""
    return motion[:, EXPRESSION_DIM:]
