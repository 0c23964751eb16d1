"""A copy of a face as a file wants it: other keys, perhaps a jaw bone, in the units and axes asked for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from ..animation import actions
from ..channels import Channel, key_channels
from ..heads import dressing, own_bones
from ..takes.evaluated import Part
from . import bone_curves
from .modifiers import Shaped, shaped
from .shape_keys import Morph
from .skeletons import Bone
from .stand_in import stand_in

MOVED = 1e-6  # metres or parts of a rotation by which a head that stands still may differ


@dataclass(frozen=True)
class Written:
    """One mesh as a file gets it."""

    part: Part
    morphs: Sequence[Morph]
    bones: Sequence[Bone] = ()


@contextmanager
def copied(
    context: bpy.types.Context,
    meshes: Sequence[Written],
    frames: np.ndarray,
    space: np.ndarray,
    animation_only: bool = False,
) -> Iterator[list[bpy.types.Object]]:
    """Meshes (and rigs that they hang on) under the originals' names, animated; all gone afterwards.

    `space` (4, 4) leads from Blender's units and axes to the file's, and is applied to the shapes themselves,
    so that an object that stands at rest stays so. With `animation_only` a triangle stands in for each mesh.
    """
    made: list[bpy.types.ID] = []
    items, channels, pairs = [], [], []
    try:
        for mesh in meshes:
            original = mesh.part.item
            if animation_only:
                shape = stand_in(original, mesh.morphs, mesh.bones)
            else:
                shape = shaped(context, original, list(mesh.morphs), mesh.bones)
            copy = _mesh(context, original, shape, space, made)
            pairs += [(original, copy), (original.data, copy.data), *dressing.plain(copy.data, made)]
            carrier = copy
            if shape.bones:
                carrier, turns = _rig(context, original, shape.bones, space, copy, made)
                channels += turns
                items.append(carrier)
            items.append(copy)
            names = tuple(morph.name for morph in mesh.morphs)
            if names:
                values = np.column_stack([morph.values for morph in mesh.morphs])
                channels += key_channels(copy.data.shape_keys, names, values)
            channels += _place(carrier, space @ mesh.part.places @ np.linalg.inv(space))
        if channels:
            made.append(actions.write_channels(channels, frames, f"{meshes[0].part.item.name} Export"))
        with _names_lent(*pairs):
            yield items
    finally:
        bpy.data.batch_remove(made)


@contextmanager
def only_selected(context: bpy.types.Context, items: Sequence[bpy.types.Object]) -> Iterator[None]:
    """These are selected and nothing else, for a while."""
    view_layer = context.view_layer
    active = view_layer.objects.active
    selected = [item for item in view_layer.objects if item.select_get()]
    for item in selected:
        item.select_set(False)
    for item in items:
        item.select_set(True)
    view_layer.objects.active = items[-1]
    try:
        with context.temp_override(selected_objects=list(items), active_object=items[-1]):
            yield
    finally:
        for item in items:
            item.select_set(False)
        for item in selected:
            item.select_set(True)
        view_layer.objects.active = active


def _mesh(
    context: bpy.types.Context,
    head: bpy.types.Object,
    shape: Shaped,
    space: np.ndarray,
    made: list[bpy.types.ID],
) -> bpy.types.Object:
    """The head's mesh with these keys and no others, at rest."""
    mesh = shape.mesh
    made.append(mesh)
    copy = bpy.data.objects.new(head.name, mesh)
    made.append(copy)
    mesh.vertices.foreach_set("co", _in(space, shape.rest).ravel())
    mesh.update()
    context.scene.collection.objects.link(copy)
    if shape.morphs:
        copy.shape_key_add(name="Neutral", from_mix=False)
    for morph in shape.morphs:
        key = copy.shape_key_add(name=morph.name, from_mix=False)
        key.data.foreach_set("co", _in(space, shape.rest + morph.offsets).ravel())
        key.slider_max, key.slider_min = 10.0, -10.0
        key.value = 0.0
    return copy


def _rig(
    context: bpy.types.Context,
    head: bpy.types.Object,
    bones: Sequence[Bone],
    space: np.ndarray,
    mesh_object: bpy.types.Object,
    made: list[bpy.types.ID],
) -> tuple[bpy.types.Object, list[Channel]]:
    """An armature that the mesh follows, and the curves of its bones."""
    data = bpy.data.armatures.new(f"{head.name} Rig")
    rig = bpy.data.objects.new(f"{head.name} Rig", data)
    made[:0] = [rig, data]
    context.scene.collection.objects.link(rig)
    with own_bones.edited(context, rig):
        for each in bones:
            bone = data.edit_bones.new(each.name)
            bone.parent = data.edit_bones.get(each.parent)
            bone.head, bone.tail = _in(space, each.joint), _in(space, each.tail)
    for each in bones:
        if (old := mesh_object.vertex_groups.get(each.name)) is not None:  # of the head's own armature
            mesh_object.vertex_groups.remove(old)
        group = mesh_object.vertex_groups.new(name=each.name)
        for index in np.flatnonzero(each.weights > 0):
            group.add([int(index)], float(each.weights[index]), "REPLACE")
    mesh_object.parent = rig
    modifier = mesh_object.modifiers.new("Rig", "ARMATURE")
    modifier.object = rig
    channels = []
    for each in bones:
        if each.rotations is not None:
            rest = np.array(data.bones[each.name].matrix_local)[:3, :3]
            quaternions = _quaternions(bone_curves.posed(each, rest, space))
            path = f'pose.bones["{each.name}"].rotation_quaternion'
            channels += [Channel(rig, path, index, quaternions[:, index]) for index in range(4)]
    return rig, channels


def _place(item: bpy.types.Object, places: np.ndarray) -> list[Channel]:
    """Put the object there; curves too where it moves."""
    item.rotation_mode = "QUATERNION"
    item.matrix_world = Matrix(places[0])
    if stands_still(places):
        return []
    parts = [Matrix(place).decompose() for place in places]
    columns = {
        "location": np.array([location for location, _, _ in parts]),
        "rotation_quaternion": _continuous(np.array([turn for _, turn, _ in parts])),
        "scale": np.array([scale for _, _, scale in parts]),
    }
    return [Channel(item, path, index, values[:, index])
            for path, values in columns.items() for index in range(values.shape[1])]  # fmt: skip


def stands_still(places: np.ndarray) -> bool:
    """Whether matrices (frames, 4, 4) are one and the same."""
    return bool(np.abs(places - places[0]).max() < MOVED * max(1.0, np.abs(places[0]).max()))


def _quaternions(turns: np.ndarray) -> np.ndarray:
    """(frames, 4) of rotation matrices (frames, 3, 3)."""
    return _continuous(np.array([Matrix(turn).to_quaternion() for turn in turns]))


def _continuous(quaternions: np.ndarray) -> np.ndarray:
    """Of the two quaternions of each rotation the one nearer to that before."""
    flips = np.cumprod(np.where((quaternions[1:] * quaternions[:-1]).sum(1) < 0, -1, 1))
    return quaternions * np.concatenate([[1], flips])[:, None]


def _in(space: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (.., 3) through a matrix (4, 4)."""
    return np.ascontiguousarray(points @ space[:3, :3].T + space[:3, 3], dtype=np.float32)


@contextmanager
def _names_lent(*pairs: tuple[bpy.types.ID, bpy.types.ID]) -> Iterator[None]:
    """The copies carry the originals' names for a while; linked originals keep theirs."""
    lent = [(original, copy, original.name) for original, copy in pairs if original.is_editable]
    for original, copy, name in lent:
        original.name = f"{name} (exporting)"
        copy.name = name
    try:
        yield
    finally:
        for original, copy, name in lent:
            copy.name = f"{name} (exported)"
            original.name = name
