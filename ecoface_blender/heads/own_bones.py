"""Neck and eyes of EcoFace's own head as bones: FLAME's joints and skinning weights in an armature.

The armature goes wherever the head's object goes. The jaw stays with the shape keys, which act before.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import bpy
import numpy as np

from ..core.jaw_skinning import JAW
from . import strays

RIG = "Rig"
"""What the armature is among the objects that are made for a head."""
ROOT, HEAD, EYES = "neck", "head", ("eye_L", "eye_R")
_GLOBAL, _NECK, _EYES = 0, 1, (3, 4)  # joints; what follows the jaw follows the head with it
_OUT = 0.6  # of the way from an eye's joint to its front that its bone is long
LEAST_WEIGHT = 1e-4
MODIFIER = "Neck and Eyes"


def weights_of(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """(V,) by bone: which share of each vertex follows it."""
    weights = arrays["weights"].astype(np.float64)
    out = {ROOT: weights[:, _GLOBAL], HEAD: weights[:, _NECK] + weights[:, JAW]}
    return out | {name: weights[:, joint] for name, joint in zip(EYES, _EYES, strict=True)}


def joints_of(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """(3,) by bone: where it turns, in FLAME's axes."""
    joints = arrays["J_regressor"].astype(np.float64) @ arrays["v_template"]
    return dict(zip((ROOT, HEAD, *EYES), joints[[_GLOBAL, _NECK, *_EYES]], strict=True))


def rig_of(head: bpy.types.Object) -> bpy.types.Object | None:
    """The armature that a head was given here; None of heads that have none, or another one."""
    for modifier in head.modifiers:
        if modifier.type == "ARMATURE" and modifier.object is not None and modifier.name == MODIFIER:
            return modifier.object
    return None


def why_no_bones(arrays: Mapping[str, np.ndarray]) -> str | None:
    """What keeps a head from having them, in one sentence; None if nothing does."""
    if not (weights_of(arrays)[HEAD] > LEAST_WEIGHT).any():
        return f"No vertex of '{arrays['name']}' follows a neck; choose another head."
    return None


def add_bones(
    context: bpy.types.Context, head: bpy.types.Object, arrays: Mapping[str, np.ndarray]
) -> bpy.types.Object:
    """An armature with neck and eyes that a head follows from now on; nothing moves until it is posed."""
    data = bpy.data.armatures.new(f"{head.name} {RIG}")
    rig = bpy.data.objects.new(f"{head.name} {RIG}", data)
    rig[strays.PART], rig[strays.OF] = RIG, head.name
    for collection in head.users_collection or (context.collection,):
        collection.objects.link(rig)
    data.display_type = "STICK"
    follow = rig.constraints.new("COPY_TRANSFORMS")
    follow.name, follow.target = "Head", head
    weights, joints = weights_of(arrays), joints_of(arrays)
    weights = {name: each for name, each in weights.items() if (each > LEAST_WEIGHT).any() or name == ROOT}
    tails = _tails(arrays, joints)
    with edited(context, rig):
        for name in weights:
            bone = data.edit_bones.new(name)
            bone.head, bone.tail = _point(joints[name]), _point(tails[name])
            bone.align_roll(_point(np.array([0.0, 0.0, 1.0] if name in (ROOT, HEAD) else [0.0, -1.0, 0.0])))
            above = {HEAD: ROOT}.get(name, HEAD)
            bone.parent = data.edit_bones.get(above) if name != ROOT else None
    for bone in rig.pose.bones:
        bone.rotation_mode = "XYZ"
        bone.lock_location = bone.lock_scale = (True, True, True)
    for name, share in weights.items():
        group = head.vertex_groups.new(name=name)
        followers = np.flatnonzero(share > LEAST_WEIGHT)
        followers = followers[np.argsort(share[followers], kind="stable")]
        values, first = np.unique(share[followers], return_index=True)
        for value, start, end in zip(values, first, [*first[1:], len(followers)], strict=False):
            group.add(followers[start:end].tolist(), float(value), "REPLACE")
    modifier = head.modifiers.new(MODIFIER, "ARMATURE")
    modifier.object = rig
    return rig


def _tails(arrays: Mapping[str, np.ndarray], joints: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Where the bones end, inside the head: their axes are FLAME's."""
    template = arrays["v_template"]
    up = np.array([0.0, max(0.3 * np.ptp(template[:, 1]), 1e-3), 0.0])
    out = {ROOT: joints[ROOT] + up, HEAD: joints[HEAD] + up}
    for name, joint in zip(EYES, _EYES, strict=True):
        follows = arrays["weights"][:, joint] > 0.5
        reach = template[follows, 2].max() - joints[name][2] if follows.any() else up[1]
        out[name] = joints[name] + [0.0, 0.0, _OUT * max(float(reach), 1e-3)]
    return out


def _point(flame: np.ndarray) -> tuple[float, float, float]:
    """From FLAME's axes to Blender's."""
    x, y, z = (float(each) for each in flame)
    return x, -z, y


@contextmanager
def edited(context: bpy.types.Context, rig: bpy.types.Object) -> Iterator[None]:
    """In Edit Mode of a rig, the only place in which bones are made."""
    view_layer, active = context.view_layer, context.view_layer.objects.active
    view_layer.objects.active = rig
    try:
        with context.temp_override(active_object=rig, object=rig):
            bpy.ops.object.mode_set(mode="EDIT")
            yield
            bpy.ops.object.mode_set(mode="OBJECT")
    finally:
        view_layer.objects.active = active
