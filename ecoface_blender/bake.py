"""Baking: what is seen of a face, through all layers, as plain keys in one action."""

import itertools

import bpy
import numpy as np

from . import keyframes, seen, simplify

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
    frames = seen.frames_asked(context, speaker, start, end)
    shown = seen.see(context, speaker, frames)
    before = shown.keys[0].animation_data and shown.keys[0].animation_data.action
    metadata = seen.story_of(speaker) | ({"baked_from": before.name} if before else {})
    kept = [np.ones(values.shape, dtype=bool) for values in shown.values]
    if tolerance_mm is not None and len(frames) > 2:
        values, offsets = np.hstack(shown.values), _millimetres(context, speaker, shown)
        together, error = simplify.needed_keys(values, offsets, tolerance_mm)
        kept = np.split(together, np.cumsum([len(each.T) for each in shown.values])[:-1], axis=1)
        metadata |= {"simplified_mm": tolerance_mm, "error_mm": round(error, 4)}
    channels = [
        keyframes.key_channels(keys, tuple(block.name for block in keys.key_blocks[1:]), values)
        for keys, values in zip(shown.keys, shown.values, strict=True)
    ]
    everything = [*itertools.chain(*channels), *shown.others]
    action = keyframes.write_channels(everything, frames, f"{speaker.name} Baked", metadata)
    for each, keep in zip(channels, kept, strict=True):
        if not keep.all():
            keyframes.keep_keys(action, each, frames, keep)
    for owner in {channel.id_data for channel in everything}:
        _play_alone(owner.animation_data)
    return action


def n_keys(action: bpy.types.Action) -> int:
    """How many keys all its curves have."""
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return sum(len(curve.keyframe_points) for bag in bags for curve in bag.fcurves)


def _play_alone(animation: bpy.types.AnimData) -> None:
    """Nothing but the action: it holds all that the layers showed."""
    for track in animation.nla_tracks:
        track.is_solo, track.mute = False, True
    animation.action_blend_type, animation.action_influence = "REPLACE", 1.0


def _millimetres(context: bpy.types.Context, speaker: bpy.types.Object, shown: seen.Seen) -> np.ndarray:
    """(all keys, all vertices, 3): what each key moves at value 1, as large as it ever is in the world."""
    unit = MM * context.scene.unit_settings.scale_length
    largest = np.linalg.norm(shown.places[:, :3, :3], ord=2, axis=(1, 2)).max()
    counts = [len(keys.key_blocks[0].data) for keys in shown.keys]
    ends, blocks = np.cumsum(counts), [keys.key_blocks[1:] for keys in shown.keys]
    out = np.zeros((sum(map(len, blocks)), ends[-1], 3), dtype=np.float32)
    row = 0
    for keys, end, count, each in zip(shown.keys, ends, counts, blocks, strict=True):
        users = [item for item in context.scene.objects if item.data == keys.user and item != speaker]
        scales = [np.linalg.norm(np.array(item.matrix_world)[:3, :3], ord=2) for item in users]
        scale = unit * max([largest, *scales] if speaker.data == keys.user else scales or [largest])
        for block in each:
            out[row, end - count : end] = scale * seen.offsets(block)
            row += 1
    return out
