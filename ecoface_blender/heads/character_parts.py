"""Which meshes belong to the same character: teeth, tongue, brows and lashes move with the face."""

import bpy
import numpy as np
from mathutils import Vector

from . import jaw_bone, own_head


def character_parts(item: bpy.types.Object) -> list[bpy.types.Object]:
    """Other meshes of the same character: named by the artist, under the same armature or parent, or at the
    same place in the same collection.

    Of several that share their keys one is enough.
    """
    near = set(item.children_recursive)
    for top in {jaw_bone.armature_of(item), item.parent} - {None}:
        near.update(top.children_recursive)
    near.update(user for user in _deformed_by(jaw_bone.armature_of(item)))
    box = _box(item)
    scenes = [scene.collection for scene in bpy.data.scenes]
    for collection in item.users_collection:
        if collection not in scenes:
            near.update(other for other in collection.objects if _within(other, box))
    near.update(named_parts(item))
    seen, out = {item.data.shape_keys}, []
    for other in sorted(near, key=lambda each: each.name):
        keys = other.data.shape_keys if other.type == "MESH" else None
        if keys is not None and keys not in seen and not own_head.is_head(other):
            seen.add(keys)
            out.append(other)
    return out


def named_parts(item: bpy.types.Object) -> list[bpy.types.Object]:
    """Further meshes that the artist has said belong to this face."""
    group = getattr(item, "ecoface_mapping", None)
    return [part.object for part in group.parts if part.object] if group is not None else []


def _deformed_by(armature: bpy.types.Object | None) -> list[bpy.types.Object]:
    if armature is None:
        return []
    return [
        item for item in bpy.data.objects if item.type == "MESH" and jaw_bone.armature_of(item) == armature
    ]


def _box(item: bpy.types.Object) -> np.ndarray:
    """Corners (2, 3) in the world, an eighth of its size larger on each side."""
    corners = np.array([item.matrix_world @ Vector(corner) for corner in item.bound_box])
    low, high = corners.min(axis=0), corners.max(axis=0)
    return np.stack([low - (high - low) / 8, high + (high - low) / 8])


def _within(item: bpy.types.Object, box: np.ndarray) -> bool:
    if item.type != "MESH":
        return False
    middle = np.mean([item.matrix_world @ Vector(corner) for corner in item.bound_box], axis=0)
    return bool((middle >= box[0]).all() and (middle <= box[1]).all())
