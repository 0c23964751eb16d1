"""Keys by which a face looks about, ARKit's eyeLook...: their curves, and whether they turn the eyes."""

from collections.abc import Collection, Sequence

import bpy
import numpy as np

from ..core.head_pose import eye_units
from .head_bones import HeadBones
from .head_turn import HeadTurn
from .mapping import Row
from .shape_keys import offsets

UNITS = frozenset(eye_units(np.zeros((1, 2))))
LEAST = 1e-4  # of a mesh's size that an eye must be moved by


def curves(turn: HeadTurn, wanted: Collection[str]) -> dict[str, np.ndarray]:
    """The wanted units (T,) of where the eyes look."""
    return {name: curve for name, curve in eye_units(turn.eyes).items() if name in wanted}


def turn_eyes(bones: HeadBones, rows: Sequence[tuple[bpy.types.Object, Row]]) -> bool:
    """Whether the eyeLook keys among a face's rows turn what hangs on the bones of its eyes.

    On many characters they move the lids alone, and bones turn the eyes.
    """
    looks = [(part, row.target) for part, row in rows if row.kind == "KEY" and row.source in UNITS]
    if not looks or bones.eyes is None:
        return bool(looks)
    return any(_moves_eye(part, key, bones) for part, key in looks)


def _moves_eye(part: bpy.types.Object, key: str, bones: HeadBones) -> bool:
    groups = {part.vertex_groups[name].index for name in _deforming(bones) if name in part.vertex_groups}
    if not groups:
        return False
    moved = offsets(part.data.shape_keys.key_blocks[key])
    size = max(part.dimensions) / max(max(part.matrix_world.to_scale()), 1e-9)
    far = np.flatnonzero(np.abs(moved).max(axis=1) > LEAST * size)
    vertices = part.data.vertices
    return any(g.group in groups and g.weight > 0.5 for index in far for g in vertices[int(index)].groups)


def _deforming(bones: HeadBones) -> list[str]:
    """The eyes' bones, those below them, and Rigify's that deform in their stead."""
    out = []
    for name in bones.eyes or ():
        bone = bones.armature.data.bones[name]
        out += [name, *(child.name for child in bone.children_recursive)]
        out += [f"DEF-{name.removeprefix('MCH-').removeprefix('ORG-')}"]
    return out
