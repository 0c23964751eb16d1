"""Strands and bones whose head was deleted go with it; Blender leaves the objects under a deleted one."""

import bpy
from bpy.app.handlers import persistent

PART, OF = "ecoface_part", "ecoface_part_of"
"""Custom properties of an object that was made for a head: what it is, and the head's name then."""
_n_objects: dict[str, int] = {}
"""Of each scene, when it was last looked at."""


def sweep(scene: bpy.types.Scene) -> None:
    """Remove the strands and bones in a scene whose head is no longer there."""
    for item in [item for item in scene.objects if PART in item and _is_left_behind(item, scene)]:
        remove(item)


def remove(part: bpy.types.Object) -> None:
    """An object that was made for a head, with what it is made of."""
    data, materials = part.data, [slot.material for slot in part.material_slots if slot.material]
    bpy.data.objects.remove(part)
    bpy.data.batch_remove([block for block in (data,) if not block.users])
    bpy.data.batch_remove([material for material in materials if not material.users])


def _is_left_behind(item: bpy.types.Object, scene: bpy.types.Scene) -> bool:
    """No head above it, nor one of the name that its head had: not merely freed of its parent.

    Bones that carry anything are none.
    """
    if item.type == "ARMATURE" and (item.children or any(_follows(each, item) for each in scene.objects)):
        return False
    return scene.objects.get(item.parent.name if item.parent else item.get(OF, "")) is None


def _follows(item: bpy.types.Object, rig: bpy.types.Object) -> bool:
    return any(each.type == "ARMATURE" and each.object == rig for each in item.modifiers)


@persistent
def _notice(scene: bpy.types.Scene, _depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """Sweep once an object has gone; not at once, while Blender is at work on the scene."""
    n, before = len(scene.objects), _n_objects.get(scene.name, 0)
    _n_objects[scene.name] = n
    if n < before and not bpy.app.background:
        bpy.app.timers.register(_sweep_all, first_interval=0.0)


def _sweep_all() -> None:
    for scene in bpy.data.scenes:
        sweep(scene)


HANDLERS = (("depsgraph_update_post", _notice),)
