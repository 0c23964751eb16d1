"""The least mesh that carries curves: an FBX has no animated shape keys without a mesh that has them."""

from collections.abc import Sequence
from dataclasses import replace

import bpy
import numpy as np

from .modifiers import Shaped
from .shape_keys import Morph
from .skeletons import Bone

SIZE = 0.01
"""Metres: of the triangle's sides, and of what each key lifts its first corner. A key that moves nothing is
left out by some importers, and its curve with it."""


def stand_in(item: bpy.types.Object, morphs: Sequence[Morph], bones: Sequence[Bone]) -> Shaped:
    """One triangle in the place of a mesh, with keys of its names; each bone turns a corner of it."""
    corners = SIZE * np.array([[0.0, 0, 0], [1, 0, 0], [0, 0, 1]])
    mesh = bpy.data.meshes.new(item.data.name)
    mesh.from_pydata(corners, [], [(0, 1, 2)])
    lifted = np.zeros_like(corners)
    lifted[0, 1] = -SIZE
    keys = [Morph(morph.name, lifted, morph.values) for morph in morphs]
    shares = np.arange(len(bones))[:, None] % len(corners) == np.arange(len(corners))  # (bones, 3)
    weights = shares / np.maximum(shares.sum(axis=0), 1)
    held = [replace(bone, weights=share) for bone, share in zip(bones, weights, strict=True)]
    return Shaped(mesh, corners, keys, tuple(held))
