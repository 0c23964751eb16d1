"""Baking: what is seen of a face, through all layers, as plain keys in one action."""

import itertools

import bpy
import numpy as np

from ..animation import actions, simplify
from ..channels import key_channels
from ..heads import face_kinds
from ..heads.shape_keys import offsets
from . import evaluated

MM = 1000.0


def bake(
    context: bpy.types.Context,
    speaker: bpy.types.Object,
    start: int | None = None,
    end: int | None = None,
    tolerance_mm: float | None = None,
) -> bpy.types.Action:
    """A new action with linear keys of every shape key and jaw bone, as seen through NLA and drivers.

    The NLA tracks are muted, since the action holds them; the action before is kept. Without `start` and
    `end` all that is animated is baked.

    Args:
        tolerance_mm: leave out the keys without which no vertex is farther than this from where it was seen,
            in millimetres of its size in the world; None keys every frame. Bones keep all keys.

    Raises:
        EcoFaceBlenderError: if this is no speaker, nothing moves it, or it cannot be animated now.
    """
    rig = face_kinds.known_rig(speaker)
    frames = evaluated.frames_asked(context, rig, start, end)
    shown = evaluated.see(context, rig, frames)
    owners = [*(part.keys for part in shown.parts), *(channel.id_data for channel in shown.others)]
    before = owners[0].animation_data and owners[0].animation_data.action
    metadata = evaluated.provenance(rig) | ({"baked_from": before.name} if before else {})
    kept = [np.ones(part.values.shape, dtype=bool) for part in shown.parts]
    if tolerance_mm is not None and len(frames) > 2 and kept:
        values = np.hstack([part.values for part in shown.parts])
        together, error = simplify.needed_keys(values, _millimetres(context, shown), tolerance_mm)
        kept = np.split(together, np.cumsum([each.shape[1] for each in kept])[:-1], axis=1)
        metadata |= {"simplified_mm": tolerance_mm, "error_mm": round(error, 4)}
    channels = [
        key_channels(part.keys, tuple(block.name for block in part.keys.key_blocks[1:]), part.values)
        for part in shown.parts
    ]
    everything = [*itertools.chain(*channels), *shown.others]
    action = actions.write_channels(everything, frames, f"{speaker.name} Baked", metadata)
    for each, keep in zip(channels, kept, strict=True):
        if not keep.all():
            actions.keep_keys(action, each, frames, keep)
    for owner in set(owners):
        _play_alone(owner)
    return action


def n_keys(action: bpy.types.Action) -> int:
    """How many keys all its curves have."""
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return sum(len(curve.keyframe_points) for bag in bags for curve in bag.fcurves)


def _play_alone(owner: bpy.types.ID) -> None:
    """Nothing but the action: it holds all that the layers showed. What else an armature does plays on."""
    animation = owner.animation_data
    for track in animation.nla_tracks:
        ours = all(strip.action and actions.METADATA in strip.action for strip in track.strips)
        if not isinstance(owner, bpy.types.Object) or ours:
            track.is_solo, track.mute = False, True
    animation.action_blend_type, animation.action_influence = "REPLACE", 1.0


def _millimetres(context: bpy.types.Context, shown: evaluated.Seen) -> np.ndarray:
    """(all keys, all vertices, 3): what each key moves at value 1, as large as it ever is in the world."""
    unit = MM * context.scene.unit_settings.scale_length
    counts = [(part.values.shape[1], len(part.item.data.vertices)) for part in shown.parts]
    out = np.zeros((sum(k for k, _ in counts), sum(v for _, v in counts), 3), dtype=np.float32)
    row = column = 0
    for part, (_, n_vertices) in zip(shown.parts, counts, strict=True):
        scale = unit * np.linalg.norm(part.places[:, :3, :3], ord=2, axis=(1, 2)).max()
        for block in part.keys.key_blocks[1:]:
            out[row, column : column + n_vertices] = scale * offsets(block)
            row += 1
        column += n_vertices
    return out
