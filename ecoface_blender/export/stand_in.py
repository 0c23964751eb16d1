"""The least mesh that carries curves: an FBX has no animated shape keys without a mesh that has them."""

from collections.abc import Sequence
from dataclasses import replace

import bpy
import numpy as np

from .modifiers import Shaped
from .shape_keys import JawBone, Morph

SIZE = 0.01
"""Metres: of the triangle's sides, and of what each key lifts its first corner. A key that moves nothing is
left out by some importers, and its curve with it."""


def stand_in(item: bpy.types.Object, morphs: Sequence[Morph], jaw: JawBone | None) -> Shaped:
    """One triangle in the place of a mesh, with keys of its names; the jaw's bone turns a corner of it."""
    corners = SIZE * np.array([[0.0, 0, 0], [1, 0, 0], [0, 0, 1]])
    mesh = bpy.data.meshes.new(item.data.name)
    mesh.from_pydata(corners, [], [(0, 1, 2)])
    lifted = np.zeros_like(corners)
    lifted[0, 1] = -SIZE
    if jaw is not None:
        jaw = replace(jaw, weights=np.array([1.0, 0, 0]))
    return Shaped(mesh, corners, [Morph(morph.name, lifted, morph.values) for morph in morphs], jaw)
