"""Modifiers in files of shape keys: each key as Mirror, Subdivision and the like show it, if they can."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ..errors import EcoFaceBlenderError
from ..heads.shape_keys import coordinates, shaping
from .shape_keys import Morph
from .skeletons import Bone

OVER_TIME = {"CLOTH", "SOFT_BODY", "FLUID", "DYNAMIC_PAINT", "EXPLODE", "MESH_CACHE", "MESH_SEQUENCE_CACHE"}
"""What depends on frames before, and is in no key."""
STEP = 0.01  # of the head's size: offsets are measured at most so far, where seams of mirrors stay welded
ALIKE = 4e-4  # of its size by which the keys' sum may differ from what is seen
CHECKED = 5  # frames, those in which most moves
_GROUP = "EcoFace bone {}"


@dataclass(frozen=True)
class Shaped:
    """A mesh at rest and its keys, modifiers applied."""

    mesh: bpy.types.Mesh
    """Without keys; whoever asks for it removes it."""
    rest: np.ndarray
    """(V, 3)"""
    morphs: list[Morph]
    bones: tuple[Bone, ...]


def shaped(
    context: bpy.types.Context, item: bpy.types.Object, morphs: list[Morph], bones: Sequence[Bone]
) -> Shaped:
    """A mesh's keys (and bones) after its modifiers.

    Raises:
        EcoFaceBlenderError: if keys that add up cannot show what a modifier does.
    """
    rest = coordinates(item.data.shape_keys.key_blocks[0])
    modifiers = shaping(item)
    if not modifiers:
        return Shaped(bpy.data.meshes.new_from_object(item), rest, list(morphs), tuple(bones))
    if any(each.type in OVER_TIME for each in modifiers):
        raise EcoFaceBlenderError(_refusal(item, modifiers))
    morphs = [replace(morph, moved=morph.offsets, reach=1.0) for morph in morphs]  # read once
    with _stage(context, item, modifiers, bones) as stage:
        after = _seen(context, stage, rest)
        offsets = (_offset(context, stage, rest, after, morph.offsets) for morph in morphs)
        shapes = [shape for shape in offsets if shape is not None]
        if len(shapes) < len(morphs) or not _adds_up(context, stage, rest, after, morphs, shapes):
            raise EcoFaceBlenderError(_refusal(item, modifiers))
        _put(stage, rest)
        depsgraph = context.evaluated_depsgraph_get()
        mesh = bpy.data.meshes.new_from_object(
            stage.evaluated_get(depsgraph), preserve_all_data_layers=True, depsgraph=depsgraph
        )
        bones = _spread(stage, mesh, bones)
    moved = [replace(morph, moved=shape) for morph, shape in zip(morphs, shapes, strict=True)]
    return Shaped(mesh, after, moved, tuple(bones))


def _refusal(item: bpy.types.Object, modifiers: list[bpy.types.Modifier]) -> str:
    names = ", ".join(f"'{each.name}'" for each in modifiers)
    return (
        f"Shape keys cannot follow the modifiers {names} of '{item.name}': write an Alembic, "
        "or apply them or switch them off in the viewport."
    )


@contextmanager
def _stage(
    context: bpy.types.Context,
    item: bpy.types.Object,
    modifiers: Sequence[bpy.types.Modifier],
    bones: Sequence[Bone],
) -> Iterator[bpy.types.Object]:
    """A copy of a mesh where it stands, without keys, with these modifiers alone; gone afterwards."""
    stage = item.copy()
    stage.data = item.data.copy()
    place = item.evaluated_get(context.evaluated_depsgraph_get()).matrix_world.copy()
    try:
        stage.shape_key_clear()
        stage.animation_data_clear()
        stage.constraints.clear()
        stage.parent, stage.matrix_world = None, place
        names = {each.name for each in modifiers}
        for each in [each for each in stage.modifiers if each.name not in names]:
            stage.modifiers.remove(each)
        for bone in bones:
            group = stage.vertex_groups.new(name=_GROUP.format(bone.name))
            for index in np.flatnonzero(bone.weights):
                group.add([int(index)], float(bone.weights[index]), "REPLACE")
        context.scene.collection.objects.link(stage)
        yield stage
    finally:
        bpy.data.batch_remove([stage.data, stage])


def _put(stage: bpy.types.Object, points: np.ndarray) -> None:
    stage.data.vertices.foreach_set("co", np.ascontiguousarray(points, dtype=np.float32).ravel())
    stage.data.update()


def _seen(context: bpy.types.Context, stage: bpy.types.Object, points: np.ndarray) -> np.ndarray:
    """(V', 3) what the modifiers make of points (V, 3)."""
    _put(stage, points)
    evaluated = stage.evaluated_get(context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    out = np.empty(3 * len(mesh.vertices), dtype=np.float32)
    mesh.vertices.foreach_get("co", out)
    evaluated.to_mesh_clear()
    return out.reshape(-1, 3)


def _offset(
    context: bpy.types.Context,
    stage: bpy.types.Object,
    rest: np.ndarray,
    after: np.ndarray,
    offsets: np.ndarray,
) -> np.ndarray | None:
    """(V', 3) of one key; None if it changes how many vertices there are."""
    furthest = max(np.abs(offsets).max(), 1e-12)
    share = min(1.0, STEP * np.ptp(rest, axis=0).max() / furthest)
    found = _seen(context, stage, rest + share * offsets)
    return (found - after) / share if len(found) == len(after) else None


def _adds_up(
    context: bpy.types.Context,
    stage: bpy.types.Object,
    rest: np.ndarray,
    after: np.ndarray,
    morphs: Sequence[Morph],
    shapes: Sequence[np.ndarray],
) -> bool:
    """Whether the keys' sum is what is seen, in the frames in which they move most."""
    values = np.stack([morph.values for morph in morphs], axis=1)  # (frames, keys)
    size = np.array([np.abs(morph.offsets).max() for morph in morphs])
    for frame in np.argsort(np.abs(values) @ size)[-CHECKED:]:
        posed = rest + sum(value * morph.offsets for value, morph in zip(values[frame], morphs, strict=True))
        expected = after + sum(value * shape for value, shape in zip(values[frame], shapes, strict=True))
        found = _seen(context, stage, posed)
        if len(found) != len(after) or np.abs(found - expected).max() > ALIKE * np.ptp(rest, axis=0).max():
            return False
    return True


def _spread(stage: bpy.types.Object, mesh: bpy.types.Mesh, bones: Sequence[Bone]) -> list[Bone]:
    """The bones with weights (V',) of their groups, as modifiers have spread them."""
    names = {stage.vertex_groups[_GROUP.format(bone.name)].index: bone.name for bone in bones}
    out = {bone.name: np.zeros(len(mesh.vertices)) for bone in bones}
    for vertex in mesh.vertices if bones else ():
        for each in vertex.groups:
            if each.group in names:
                out[names[each.group]][vertex.index] = each.weight
    return [replace(bone, weights=out[bone.name]) for bone in bones]
