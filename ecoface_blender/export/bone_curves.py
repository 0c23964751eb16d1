"""How the bones of a file turn: their rest, what a pose bone is keyed with, and FBX's own curves of that."""

from collections.abc import Sequence

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector

from .skeletons import Bone

ORDER = "XYZ"  # of FBX's rotations


def rest_turn(bone: Bone, space: np.ndarray) -> np.ndarray:
    """(3, 3) axes of a bone at rest in its armature, without roll, in the file's `space` (4, 4)."""
    along = Vector(space[:3, :3] @ (bone.tail - bone.joint)).normalized()
    return np.array(bpy.types.Bone.MatrixFromAxisRoll(along, 0.0))


def posed(bone: Bone, rest: np.ndarray, space: np.ndarray) -> np.ndarray:
    """(frames, 3, 3) what turns the pose bone out of its rest, in its own axes."""
    assert bone.rotations is not None
    axes = space[:3, :3] / np.cbrt(np.linalg.det(space[:3, :3]))
    turns: np.ndarray = rest.T @ axes @ bone.rotations @ axes.T @ rest
    return turns


def degrees(bones: Sequence[Bone], space: np.ndarray) -> np.ndarray:
    """(frames, 3 n) of the n bones that turn: FBX's rotation about x, y and z, against the parent."""
    rests = {bone.name: rest_turn(bone, space) for bone in bones}
    curves = []
    for bone in bones:
        if bone.rotations is not None:
            rest = rests[bone.name]
            local = rests.get(bone.parent, np.eye(3)).T @ rest @ posed(bone, rest, space)
            curves.append(np.degrees(_eulers(local)))
    return np.hstack(curves) if curves else np.empty((0, 0))


def _eulers(turns: np.ndarray) -> np.ndarray:
    """(frames, 3) radians of rotation matrices, each frame's nearest to those before, as the exporter's."""
    out: list[Euler] = []
    for turn in turns:
        out.append(Matrix(turn).to_quaternion().to_euler(ORDER, *out[-1:]))
    return np.array(out)
