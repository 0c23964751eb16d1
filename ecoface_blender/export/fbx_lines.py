"""FBX of many lines of one head: Blender's exporter writes mesh and keys once, each line gets its curves."""

import tempfile
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Euler

from ..heads.rig import Rig
from ..heads.shape_keys import shaping
from ..same_file import is_open, once
from ..sound import sequencer
from . import bone_curves
from .copy import Written, stands_still
from .fbx_pattern import STEP, Pattern

TURNED, FURTHER = np.array([0.5, 0.4, 0.45]), np.array([0.11, 0.07, 0.05])
"""Radians about x, y and z by which the first bone of the pattern is turned, more than any key's number of
percent, and each further one more."""
Write = Callable[[Path, list[Written], np.ndarray], None]
"""Has Blender's exporter write these meshes in these frames to a file."""


def pattern_of(
    context: bpy.types.Context,
    rig: Rig,
    meshes: Sequence[Written],
    options: Any,
    space: np.ndarray,
    write: Write,
) -> Pattern | None:
    """The file of these meshes but for their curves; None where the exporter has to write each line.

    That is in a scene that is not opened again for the next line, and of what is more than keys that move and
    bones that turn: a head that is carried about, modifiers that keys can only follow in some poses.
    """
    if not is_open() or any(_is_more_than_curves(mesh) for mesh in meshes):
        return None
    rate = sequencer.scene_rate(context.scene)
    said = (options.keys, options.target, options.animation_only)
    shapes = tuple(map(_shape_of, meshes))
    key: Hashable = ("FBX", rig.speaker.name, shapes, said, rate, context.scene.unit_settings.scale_length)

    def make() -> Pattern | None:
        first = max(0, context.scene.frame_current) + 1  # 0 before, and no time is FBX's own default of 0
        frames = np.array([first, first + 1], dtype=np.float64)
        numbered = _numbered(meshes)
        with tempfile.TemporaryDirectory(prefix="ecoface-") as folder:
            file = Path(folder) / "pattern.fbx"
            write(file, numbered, frames)
            try:
                return Pattern(file.read_bytes(), (first, first + 1), rate, turns_of(numbered, space))
            except ValueError:  # another Blender may write it otherwise
                return None

    return once(key, make)


def values_of(meshes: Sequence[Written]) -> np.ndarray:
    """(frames, keys) of all meshes, one after the other."""
    return np.column_stack([morph.values for mesh in meshes for morph in mesh.morphs])


def turns_of(meshes: Sequence[Written], space: np.ndarray) -> np.ndarray:
    """(frames, 3 bones) degrees of all bones that turn."""
    found = [bone_curves.degrees(mesh.bones, space) for mesh in meshes]
    turned = [each for each in found if each.size]
    return np.hstack(turned) if turned else np.empty((len(meshes[0].part.places), 0))


def _is_more_than_curves(mesh: Written) -> bool:
    return bool(shaping(mesh.part.item)) or not stands_still(mesh.part.places)


def _shape_of(mesh: Written) -> Hashable:
    """What of a mesh does not change from line to line."""
    bones = tuple(
        (bone.name, bone.parent, bone.joint.tobytes(), bone.tail.tobytes(), bone.weights.tobytes(),
         bone.rotations is None)
        for bone in mesh.bones
    )  # fmt: skip
    morphs = tuple((morph.name, morph.reach) for morph in mesh.morphs)
    return mesh.part.item.name, mesh.part.places[0].tobytes(), morphs, hash(bones)


def _numbered(meshes: Sequence[Written]) -> list[Written]:
    """The same with values that say which key or bone it is, as a Pattern expects them."""
    out, number, turned = [], 0, 0
    for mesh in meshes:
        morphs, bones = [], []
        for morph in mesh.morphs:
            number += 1
            morphs.append(replace(morph, values=np.array([0, number * STEP])))
        for bone in mesh.bones:
            if bone.rotations is not None:
                turned += 1
                turn = np.array(Euler(TURNED + turned * FURTHER).to_matrix())
                bone = replace(bone, rotations=np.stack([np.eye(3), turn]))
            bones.append(bone)
        still = replace(mesh.part, places=np.repeat(mesh.part.places[:1], 2, axis=0))
        out.append(replace(mesh, part=still, morphs=morphs, bones=bones))
    return out
