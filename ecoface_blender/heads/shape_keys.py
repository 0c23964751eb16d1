"""A mesh's shape keys and its jaw's bone, read out of Blender."""

from collections.abc import Collection, Mapping

import bpy
import numpy as np

from ..same_file import once
from . import jaw_bone as jaw_bones
from .key_effects import moves_nothing
from .posed_bone import measured_jaw
from .retarget import Retarget
from .shape import HeadShape, JawBone, face_axes

OF_RIGS = {"ARMATURE", "COLLISION", "PARTICLE_SYSTEM"}
"""Modifiers that shape keys are not to follow."""
SLIDER = 1.0
"""ARKit's units end here, however far a slider goes."""


def retarget_of(
    item: bpy.types.Object, keys: Mapping[str, Collection[tuple[str, float]]], jaw: str | None
) -> Retarget | None:
    """What a mesh needs to follow the reference's lips and lids; None if its keys hold whole positions.

    Args:
        keys: names of its keys, and how far each follows, by the units of ARKit that they show; others keep
            the values they have, as far as nothing drives them.
        jaw: the bone that turns the jaw, if no key does.
    """
    asked = tuple((unit, tuple(targets)) for unit, targets in keys.items())
    return once(("retarget", item.name_full, asked, jaw), lambda: _retarget_of(item, keys, jaw))


def _retarget_of(
    item: bpy.types.Object, keys: Mapping[str, Collection[tuple[str, float]]], jaw: str | None
) -> Retarget | None:
    blocks = item.data.shape_keys.key_blocks
    if not item.data.shape_keys.use_relative or not keys:
        return None
    driven = driven_keys(item.data.shape_keys)
    moved = {name for targets in keys.values() for name, _ in targets}
    rest = coordinates(item.data.shape_keys.reference_key).astype(np.float64)
    for block in blocks[1:]:
        if not block.mute and block.value and block.name not in moved and block.name not in driven:
            rest += block.value * offsets(block)
    working = {
        unit: found
        for unit, targets in keys.items()
        if (found := [(blocks[name], gain) for name, gain in targets if _works(blocks[name], driven)])
    }
    if not working:
        return None
    basis = coordinates(item.data.shape_keys.reference_key)
    read = {
        unit: np.sum([gain * offsets(block, basis) for block, gain in found], axis=0)
        for unit, found in working.items()
    }
    axes = face_axes(rest, read)
    limits = np.array([min(_limit(block, gain) for block, gain in found) for found in working.values()])
    bone = jaw_bone(item, jaw, axes) if jaw else None
    shape = HeadShape(rest @ axes.T, tuple(read), np.stack(list(read.values())) @ axes.T, bone)
    return Retarget.of(shape, limits)


def opens(item: bpy.types.Object, key: str) -> bool:
    """Whether a key moves the mesh, and may be moved."""
    block = item.data.shape_keys.key_blocks[key]
    return _works(block, driven_keys(item.data.shape_keys)) and not moves_nothing(block)


def driven_keys(keys: bpy.types.Key) -> set[str]:
    """Names of keys whose values are driven."""
    drivers = keys.animation_data.drivers if keys.animation_data else ()
    paths = {driver.data_path for driver in drivers}
    return {block.name for block in keys.key_blocks if block.path_from_id("value") in paths}


def _works(block: bpy.types.ShapeKey, driven: Collection[str]) -> bool:
    return not block.mute and block.name not in driven


def _limit(block: bpy.types.ShapeKey, gain: float) -> float:
    """The largest weight of a unit that a key follows."""
    return min(block.slider_max / gain, SLIDER) if block.slider_max > 0 and gain > 0 else SLIDER


def shaping(item: bpy.types.Object) -> list[bpy.types.Modifier]:
    """The modifiers of a mesh that are seen and shape it aside."""
    return [each for each in item.modifiers if each.show_viewport and each.type not in OF_RIGS]


def jaw_bone(item: bpy.types.Object, name: str, axes: np.ndarray) -> JawBone | None:
    """The bone as it turns this mesh, itself or through others; None if it does not."""
    armature = jaw_bones.armature_of(item)
    if armature is None:
        return None
    if name not in item.vertex_groups:
        return measured_jaw(item, name, axes)
    to_mesh = item.matrix_world.inverted() @ armature.matrix_world
    joint = np.array(to_mesh @ armature.data.bones[name].head_local)
    return JawBone(bone_weights(item, armature, name), axes @ joint)


def bone_weights(item: bpy.types.Object, armature: bpy.types.Object, name: str) -> np.ndarray:
    """(V,) share of the bone, and of those below it, among all bones that deform each vertex."""
    below = {name, *(bone.name for bone in armature.data.bones[name].children_recursive)}
    deforming = {group.index: group.name for group in item.vertex_groups if group.name in armature.data.bones}
    ours, total = np.zeros(len(item.data.vertices)), np.zeros(len(item.data.vertices))
    for vertex in item.data.vertices:
        for each in vertex.groups:
            if each.group in deforming:
                total[vertex.index] += each.weight
                if deforming[each.group] in below:
                    ours[vertex.index] += each.weight
    return np.divide(ours, total, out=ours, where=total > 0)


def offsets(block: bpy.types.ShapeKey, basis: np.ndarray | None = None) -> np.ndarray:
    """(V, 3) from the key it is relative to, as far as its vertex group lets it move them.

    `basis` (V, 3) is the first key, which most are relative to, where it has been read.
    """
    by_basis = basis is not None and block.relative_key == block.id_data.reference_key
    moved = coordinates(block) - (basis if by_basis else coordinates(block.relative_key))
    return moved * _group_weights(block)[:, None] if block.vertex_group else moved


def _group_weights(block: bpy.types.ShapeKey) -> np.ndarray:
    """(V,) of the vertex group of a key; all of it where the group is gone, as Blender has it."""
    mesh = block.id_data.user
    item = next(item for item in bpy.data.objects if item.data == mesh)
    group = item.vertex_groups.get(block.vertex_group)
    if group is None:
        return np.ones(len(mesh.vertices), dtype=np.float32)
    found = np.zeros(len(mesh.vertices), dtype=np.float32)
    for vertex in mesh.vertices:
        for each in vertex.groups:
            if each.group == group.index:
                found[vertex.index] = each.weight
    return found


def coordinates(block: bpy.types.ShapeKey) -> np.ndarray:
    """(V, 3) of one key, in the object's space."""
    out = np.empty(len(block.data) * 3, dtype=np.float32)
    block.data.foreach_get("co", out)
    return out.reshape(-1, 3)
