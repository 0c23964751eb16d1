"""Baking: what is seen of a head, through all layers, as plain keys in one action."""

import bpy
import numpy as np

from . import keyframes, seen, simplify

MM = 1000.0


def bake(
    context: bpy.types.Context,
    head: bpy.types.Object,
    start: int | None = None,
    end: int | None = None,
    tolerance_mm: float | None = None,
) -> bpy.types.Action:
    """A new action with linear keys of every shape key, as seen through NLA and drivers.

    The NLA tracks are muted, since the action holds them; the action before is kept. Without `start` and
    `end` all that is animated is baked.

    Args:
        tolerance_mm: leave out the keys without which no vertex is farther than this from where it was seen,
            in millimetres of the head's own size in the world; None keys every frame.

    Raises:
        EcoFaceBlenderError: if this is no head, nothing moves it, or it cannot be animated now.
    """
    frames = seen.frames_asked(context, head, start, end)
    keys = head.data.shape_keys
    values, places = seen.key_values_and_places(context, head, frames)
    before = keys.animation_data.action if keys.animation_data else None
    metadata = keyframes.read_metadata(before) | {"baked_from": before.name} if before else {}
    kept = np.ones(values.shape, dtype=bool)
    if tolerance_mm is not None and len(frames) > 2:
        kept, error = simplify.needed_keys(values, _millimetres(context, head, places), tolerance_mm)
        metadata |= {"simplified_mm": tolerance_mm, "error_mm": round(error, 4)}
    names = tuple(block.name for block in keys.key_blocks[1:])
    channels = keyframes.key_channels(keys, names, values)
    action = keyframes.write_channels(channels, frames, f"{head.name} Baked", metadata)
    if not kept.all():
        keyframes.keep_keys(action, channels, frames, kept)
    animation = keys.animation_data
    for track in animation.nla_tracks:
        track.is_solo, track.mute = False, True
    animation.action_blend_type, animation.action_influence = "REPLACE", 1.0
    return action


def n_keys(action: bpy.types.Action) -> int:
    """How many keys all its curves have."""
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return sum(len(curve.keyframe_points) for bag in bags for curve in bag.fcurves)


def _millimetres(context: bpy.types.Context, head: bpy.types.Object, places: np.ndarray) -> np.ndarray:
    """(keys, V, 3): what each key moves at value 1, as large as the head ever is in the world."""
    largest = np.linalg.norm(places[:, :3, :3], ord=2, axis=(1, 2)).max()
    scale = MM * context.scene.unit_settings.scale_length * largest
    return scale * np.stack([seen.offsets(block) for block in head.data.shape_keys.key_blocks[1:]])
