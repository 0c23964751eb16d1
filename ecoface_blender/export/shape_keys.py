"""Which shape keys a file gets: as they are, split for engines, ARKit's, or those beside a jaw bone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import bpy
import numpy as np

from ..core.arkit import ArkitUnits
from ..core.constants import EXPRESSION_DIM
from ..core.jaw_skinning import JAW, N_TURN
from ..core.jaw_skinning import rotations as rotations_of
from ..errors import EcoFaceBlenderError, refusals_of_core
from ..heads import key_names as arkit_names
from ..heads import recognition
from ..heads.own_head import EXPRESSION_KEYS, head_name, key_names, to_blender
from ..heads.shape_keys import coordinates, offsets
from ..takes.evaluated import motion_of

Fetch = Callable[[], Mapping[str, np.ndarray]]
"""Gives the arrays of the head that is written, where they are needed."""
TO_BLENDER = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""As a matrix what `own_head.to_blender` does to FLAME's axes."""


@dataclass(frozen=True)
class Morph:
    """One key of the file."""

    name: str
    moved: np.ndarray | Callable[[], np.ndarray]
    """(V, 3) in the head's own space, read from the mesh where it is asked for."""
    values: np.ndarray
    """(frames,)"""
    reach: float = 1.0
    """What `moved` is multiplied by at value 1."""

    @property
    def offsets(self) -> np.ndarray:
        """(V, 3) at value 1, in the head's own space."""
        moved = self.moved() if callable(self.moved) else self.moved
        return moved if self.reach == 1 else self.reach * moved


@dataclass(frozen=True)
class JawBone:
    """The jaw as a bone, in Blender's axes and the head's own space."""

    joint: np.ndarray
    """(3,)"""
    weights: np.ndarray
    """(V,) how much each vertex follows it."""
    rotations: np.ndarray
    """(frames, 3, 3)"""


def whole_keys(keys: bpy.types.Key, values: np.ndarray) -> list[Morph]:
    """Every key as it is; values (frames, keys)."""
    blocks, read = keys.key_blocks[1:], _reader(keys)
    return [Morph(block.name, partial(read, block), v) for block, v in zip(blocks, values.T, strict=True)]


def _reader(keys: bpy.types.Key) -> Callable[[bpy.types.ShapeKey], np.ndarray]:
    """Gives the offsets (V, 3) of one of these keys."""
    basis = cache(lambda: coordinates(keys.reference_key))
    return lambda block: offsets(block, basis())


def named_keys(keys: bpy.types.Key, values: np.ndarray) -> list[Morph]:
    """The keys that are ARKit's, whatever their spelling, by Apple's names."""
    column = {block.name: index for index, block in enumerate(keys.key_blocks[1:])}
    known = arkit_names.matches(column, arkit_names.arkit)
    for row in recognition.rows_of(column, recognition.ARKIT_KIND):  # as other tools spell them
        if row.source in arkit_names.ARKIT and row.target not in known.values():
            known.setdefault(row.source, row.target)
    read = _reader(keys)
    return [
        Morph(unit, partial(read, keys.key_blocks[name]), values[:, column[name]].clip(0, 1))
        for unit, name in sorted(known.items())
    ]


def split_keys(keys: bpy.types.Key, values: np.ndarray) -> list[Morph]:
    """Each key that reaches below 0 or above 1 as `..._pos` and `..._neg`, valued 0..1.

    Their shapes at 1 are those of the slider's ends: the same in every file of this head.
    """
    morphs, read = [], _reader(keys)
    for block, value in zip(keys.key_blocks[1:], values.T, strict=True):
        morphs += split(block.name, partial(read, block), value, block.slider_min, block.slider_max)
    return morphs


def split(
    name: str, moved: np.ndarray | Callable[[], np.ndarray], value: np.ndarray, low: float, high: float
) -> list[Morph]:
    """One key of the reach from `low` to `high` as keys of 0..1."""
    name = name.replace(" ", "")
    if (low, high) == (0.0, 1.0):
        return [Morph(name, moved, value.clip(0, 1))]
    halves = [("pos", high)] * (high > 0) + [("neg", low)] * (low < 0)
    return [Morph(f"{name}_{suffix}", moved, (value / r).clip(0, 1), r) for suffix, r in halves]


def arkit_keys(head: bpy.types.Object, values: np.ndarray, arrays: Mapping[str, np.ndarray]) -> list[Morph]:
    """ARKit's 52, with the shapes of the head's own units.

    Raises:
        EcoFaceBlenderError: if the arrays are of another head, or it has no units.
    """
    curves = arkit_curves(head, motion_of(head, values), arrays)
    shapes = to_blender(arrays["arkit_units"])
    return [Morph(name, shape, curve) for (name, curve), shape in zip(curves.items(), shapes, strict=True)]


def arkit_curves(
    head: bpy.types.Object, motion: np.ndarray, arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """ARKit's 52 curves (frames,) in 0..1 of a motion (frames, 53), by the head's own units.

    Raises:
        EcoFaceBlenderError: if the arrays are of another head, or it has no units.
    """
    check_arrays(head, arrays)
    with refusals_of_core():
        units = ArkitUnits.of(arrays)
    return dict(zip(units.names, units.curves(motion, single=True).T, strict=True))


def keys_beside_bone(
    head: bpy.types.Object, values: np.ndarray, arrays: Mapping[str, np.ndarray], safe: bool
) -> tuple[list[Morph], JawBone]:
    """All keys but the jaw's, keys for what FLAME corrects at the jaw, and the jaw itself as a bone.

    Together they are exact skinning (Eq. 2), which the jaw's own keys follow within half a millimetre.

    Raises:
        EcoFaceBlenderError: if the arrays are of another head.
    """
    check_arrays(head, arrays)
    blocks = head.data.shape_keys.key_blocks
    motion = motion_of(head, values)
    rotations = rotations_of(motion[:, EXPRESSION_DIM:])
    of_jaw = set(key_names(head)) - set(EXPRESSION_KEYS)
    read, columns = _reader(head.data.shape_keys), []
    reaches: list[tuple[str, np.ndarray | Callable[[], np.ndarray], float, float]] = []
    for block, value in zip(blocks[1:], values.T, strict=True):
        if block.name not in of_jaw:  # expressions, and keys that the artist has added
            reaches.append((block.name, partial(read, block), block.slider_min, block.slider_max))
            columns.append(value)
    correctives = arrays["posedirs"][:, :, (JAW - 1) * N_TURN : JAW * N_TURN]
    for entry in range(N_TURN):
        if correctives[:, :, entry].any():
            corrected = to_blender(correctives[:, :, entry])
            reaches.append((f"Jaw Corrective {entry + 1}", corrected, -1.0, 1.0))
            columns.append((rotations - np.eye(3)).reshape(-1, N_TURN)[:, entry])
    morphs = []
    for (name, moved, low, high), value in zip(reaches, columns, strict=True):
        morphs += split(name, moved, value, low, high) if safe else [Morph(name, moved, value)]
    joint = arrays["J_regressor"][JAW] @ arrays["v_template"]
    turned = TO_BLENDER @ rotations @ TO_BLENDER.T
    return morphs, JawBone(to_blender(joint), arrays["weights"][:, JAW], turned)


def check_arrays(head: bpy.types.Object, arrays: Mapping[str, np.ndarray]) -> None:
    """See that the arrays are those that this head was made of.

    Raises:
        EcoFaceBlenderError: if they are not.
    """
    n_vertices = len(head.data.vertices)
    if str(arrays["name"]) != head_name(head) or len(arrays["v_template"]) != n_vertices:
        raise EcoFaceBlenderError(
            f"'{head.name}' is a head '{head_name(head)}' of {n_vertices} vertices, but the preferences name "
            f"'{arrays['name']}' of {len(arrays['v_template'])}; choose the file that it was made of there."
        )
