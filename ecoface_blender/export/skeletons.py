"""The bones that a file gets beside its keys: neck, head and eyes where they turn, the jaw if asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ..heads import own_bones, shape_keys
from ..heads.rig import Rig

BONE_LENGTH = 0.5  # of the way from the jaw's joint to the farthest vertex that follows it
STILL = 1e-6  # by which the rotations of a head that does not turn may differ from none
TO_BLENDER = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""As a matrix what `own_head.to_blender` does to FLAME's axes."""


@dataclass(frozen=True)
class Bone:
    """A bone of the file, in Blender's axes and the head's own space."""

    name: str
    parent: str
    """Empty of the first one."""
    joint: np.ndarray
    """(3,) where it turns."""
    tail: np.ndarray
    """(3,) where it ends."""
    weights: np.ndarray
    """(V,) how much each vertex follows it; all bones of a vertex together are 1."""
    rotations: np.ndarray | None = None
    """(frames, 3, 3) against its parent; None of one that rests."""


def skeleton(
    head: bpy.types.Object, turned: np.ndarray | None, jaw: Bone | None, eyes: bool = True
) -> tuple[Bone, ...]:
    """The bones of a file of EcoFace's own head: neck, head and eyes where they turn, and the jaw if wanted.

    Args:
        turned: (frames, 3, 3, 3) as `Seen.turned`.
        eyes: whether bones turn the eyes, and not keys.
    """
    rig = own_bones.rig_of(head)
    if turned is None or rig is None or np.abs(turned - np.eye(3)).max() < STILL:
        if jaw is None:
            return ()
        up = np.array([0.0, 0.0, np.linalg.norm(jaw.tail - jaw.joint) / BONE_LENGTH])
        return Bone(own_bones.HEAD, "", np.zeros(3), up, 1 - jaw.weights), jaw
    weights = vertex_weights(head, [bone.name for bone in rig.data.bones])
    if not eyes:
        weights[own_bones.HEAD] += sum(weights.pop(name, 0) for name in own_bones.EYES)
    if jaw is not None:
        share = np.minimum(jaw.weights, weights[own_bones.HEAD])
        jaw = replace(jaw, weights=share)
        weights[own_bones.HEAD] = weights[own_bones.HEAD] - share
    rest = 1 - np.sum([*weights.values(), *([jaw.weights] if jaw else [])], axis=0)
    weights[own_bones.ROOT] = weights[own_bones.ROOT] + rest.clip(0)
    in_blender = TO_BLENDER @ turned @ TO_BLENDER.T
    turns = dict(zip((own_bones.HEAD, *own_bones.EYES), in_blender.swapaxes(0, 1), strict=True))
    bones = []
    for name, share in weights.items():
        bone = rig.data.bones[name]
        parent = bone.parent.name if bone.parent else ""
        ends = np.array(bone.head_local), np.array(bone.tail_local)
        bones.append(Bone(name, parent, *ends, share, turns.get(name)))
    return (*bones, *([jaw] if jaw else []))


def vertex_weights(item: bpy.types.Object, names: Sequence[str]) -> dict[str, np.ndarray]:
    """(V,) by the names of vertex groups, in all 1 at most where some are more."""
    number = {group.index: group.name for group in item.vertex_groups if group.name in names}
    out = {name: np.zeros(len(item.data.vertices)) for name in names}
    for vertex in item.data.vertices:
        for each in vertex.groups:
            if each.group in number:
                out[number[each.group]][vertex.index] = each.weight
    whole = np.maximum(sum(out.values()), 1)
    return {name: weights / whole for name, weights in out.items()}


def skeleton_of_another(rig: Rig, item: bpy.types.Object, turned: np.ndarray | None) -> tuple[Bone, ...]:
    """The bones of a mesh of another maker's face: what its own bones of head and eyes turn of it.

    `turned` (frames, 3, 3, 3) is as `Seen.turned`; what else the body does is not in it.
    """
    if turned is None or rig.bones is None or np.abs(turned - np.eye(3)).max() < STILL:
        return ()
    armature = rig.bones.armature
    to_mesh = np.array(item.matrix_world.inverted_safe() @ armature.matrix_world)
    axes = to_mesh[:3, :3] @ rig.bones.axes
    axes = axes / np.cbrt(np.linalg.det(axes))
    found = {}
    names = (rig.bones.head, *(rig.bones.eyes or (None, None)))
    for name, own, turns in zip(names, (own_bones.HEAD, *own_bones.EYES), turned.swapaxes(0, 1), strict=True):
        if name is not None:
            weights = shape_keys.bone_weights(item, armature, name)
            bone = armature.data.bones[name]
            joint, tail = (to_mesh[:3] @ (*end, 1) for end in (bone.head_local, bone.tail_local))
            found[own] = Bone(own, own_bones.ROOT, joint, tail, weights, axes @ turns @ axes.T)
    eyes = np.sum([found[name].weights for name in own_bones.EYES if name in found], axis=0)
    if own_bones.HEAD in found:
        head = found[own_bones.HEAD]
        found = {name: replace(bone, parent=own_bones.HEAD) for name, bone in found.items()}
        found[own_bones.HEAD] = replace(head, weights=(head.weights - eyes).clip(0))
    moved = np.sum([bone.weights for bone in found.values()], axis=0)
    if not moved.any():  # other bones deform in their stead
        return ()
    top = next(iter(found.values())).joint
    below = top - (found[own_bones.HEAD].tail - top if own_bones.HEAD in found else [0.0, 0.0, 0.1])
    root = Bone(own_bones.ROOT, "", below, top, (1 - moved).clip(0))
    return root, *found.values()
