"""FBX of many lines of one head: Blender's exporter writes mesh and keys once, each line gets its curves."""

import tempfile
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..heads.rig import Rig
from ..heads.shape_keys import shaping
from ..same_file import is_open, once
from ..sound import sequencer
from .copy import Written, stands_still
from .fbx_pattern import STEP, Pattern

Write = Callable[[Path, list[Written], np.ndarray], None]
"""Has Blender's exporter write these meshes in these frames to a file."""


def pattern_of(
    context: bpy.types.Context, rig: Rig, meshes: Sequence[Written], options: Any, write: Write
) -> Pattern | None:
    """The file of these meshes but for their curves; None where the exporter has to write each line.

    That is in a scene that is not opened again for the next line, and of what is more than keys that move: a
    bones that turn, a head that is carried about, modifiers that keys can only follow in some poses.
    """
    if not is_open() or any(_is_more_than_keys(mesh) for mesh in meshes):
        return None
    rate = sequencer.scene_rate(context.scene)
    shapes = tuple(
        (mesh.part.item.name, mesh.part.places[0].tobytes(), *((m.name, m.reach) for m in mesh.morphs))
        for mesh in meshes
    )
    said = (options.keys, options.target, options.animation_only)
    key: Hashable = ("FBX", rig.speaker.name, shapes, said, rate, context.scene.unit_settings.scale_length)

    def make() -> Pattern | None:
        first = max(0, context.scene.frame_current) + 1  # 0 before, and no time is FBX's own default of 0
        frames = np.array([first, first + 1], dtype=np.float64)
        with tempfile.TemporaryDirectory(prefix="ecoface-") as folder:
            file = Path(folder) / "pattern.fbx"
            write(file, _numbered(meshes), frames)
            try:
                return Pattern(file.read_bytes(), (first, first + 1), rate)
            except ValueError:  # another Blender may write it otherwise
                return None

    return once(key, make)


def values_of(meshes: Sequence[Written]) -> np.ndarray:
    """(frames, keys) of all meshes, one after the other."""
    return np.column_stack([morph.values for mesh in meshes for morph in mesh.morphs])


def _is_more_than_keys(mesh: Written) -> bool:
    return bool(mesh.bones) or bool(shaping(mesh.part.item)) or not stands_still(mesh.part.places)


def _numbered(meshes: Sequence[Written]) -> list[Written]:
    """The same with values that say which key it is, as a Pattern expects them."""
    out, number = [], 0
    for mesh in meshes:
        morphs = []
        for morph in mesh.morphs:
            number += 1
            morphs.append(replace(morph, values=np.array([0, number * STEP])))
        still = replace(mesh.part, places=np.repeat(mesh.part.places[:1], 2, axis=0))
        out.append(replace(mesh, part=still, morphs=morphs))
    return out
