"""The only place that touches actions and F-curves."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import bpy
import numpy as np

from .errors import EcoFaceBlenderError
from .head import key_names, why_not_a_head

METADATA = "ecoface"
"""Custom property of an action: JSON of everything that made it."""
LINEAR = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value


def resample_to_scene(
    motion: np.ndarray, motion_fps: float, scene_fps: float, start_frame: float
) -> tuple[np.ndarray, np.ndarray]:
    """The scene's whole frames that lie within the motion, and the motion (N, 53) at their times.

    Motion frame i belongs to i / motion_fps seconds after `start_frame`, which need not be whole: values are
    interpolated, times never rounded. The last motion frame holds until the motion ends.
    """
    first = int(np.ceil(start_frame - 1e-6))
    end = start_frame + len(motion) / motion_fps * scene_fps
    frames = np.arange(first, max(first + 1, int(np.ceil(end - 1e-6))), dtype=np.float64)
    at = ((frames - start_frame) / scene_fps * motion_fps).clip(0, len(motion) - 1)
    before = np.floor(at).astype(int)
    after = np.minimum(before + 1, len(motion) - 1)
    share = (at - before)[:, None]
    return frames, (1 - share) * motion[before] + share * motion[after]


def write_action(
    head: bpy.types.Object,
    values: np.ndarray,
    frames: np.ndarray,
    name: str,
    metadata: Mapping[str, Any] | None = None,
) -> bpy.types.Action:
    """A new action with linear keys (frames, keys) on the head's shape keys, ordered as `head.key_names`.

    It becomes the head's action; the one before is kept, with a fake user. If it fails nothing has changed.

    Raises:
        EcoFaceBlenderError: if the head's keys are not whole or cannot be animated now.
    """
    if reason := why_not_a_head(head):
        raise EcoFaceBlenderError(reason)
    return write_keys(head.data.shape_keys, key_names(head), values, frames, name, metadata)


def write_keys(
    keys: bpy.types.Key,
    names: tuple[str, ...],
    values: np.ndarray,
    frames: np.ndarray,
    name: str,
    metadata: Mapping[str, Any] | None = None,
) -> bpy.types.Action:
    """As `write_action`, on the named key blocks of any shape keys."""
    assert values.shape == (len(frames), len(names)), (values.shape, len(frames), len(names))
    if reason := _why_not_animatable(keys):
        raise EcoFaceBlenderError(reason)
    had_animation = keys.animation_data is not None
    animation = keys.animation_data_create()
    before, slot_before = animation.action, animation.action_slot
    action = bpy.data.actions.new(name)
    try:
        action[METADATA] = json.dumps(dict(metadata or {}))
        animation.action = action  # before its first curve, so that the slot is made for these keys
        for column, each in enumerate(names):
            path = keys.key_blocks[each].path_from_id("value")
            _fill(action.fcurve_ensure_for_datablock(keys, path), frames, values[:, column])
    except BaseException:
        _restore(keys, before, slot_before, had_animation)
        bpy.data.actions.remove(action)
        raise
    if before is not None:
        before.use_fake_user = True
    keys.update_tag()
    return action


def read_metadata(action: bpy.types.Action) -> dict[str, Any]:
    """What was stored with an action of ours; empty for others and where the text was damaged by hand."""
    with suppress(KeyError, TypeError, ValueError):
        stored = json.loads(action[METADATA])
        if isinstance(stored, dict):
            return stored
    return {}


def animated_frames(keys: bpy.types.Key, scene: bpy.types.Scene) -> tuple[int, int]:
    """First and last frame in which anything moves these shape keys; the scene's where drivers do.

    Raises:
        EcoFaceBlenderError: if nothing does.
    """
    animation = keys.animation_data
    spans = []
    if animation and animation.action and animation.action.layers:
        spans.append(animation.action.curve_frame_range[:])
    if animation:
        strips = [s for track in animation.nla_tracks if not track.mute for s in track.strips if not s.mute]
        spans += [(strip.frame_start, strip.frame_end) for strip in strips]
        if animation.drivers:
            spans.append((scene.frame_start, scene.frame_end))
    if not spans:
        raise EcoFaceBlenderError(f"Nothing moves '{_owner(keys)}' yet; generate lip sync first.")
    return math.floor(min(start for start, _ in spans)), math.ceil(max(end for _, end in spans))


def _owner(keys: bpy.types.Key) -> str:
    return keys.user.name if keys.user else keys.name


def _fill(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray) -> None:
    """All keys of one curve at once; one by one would be quadratic."""
    points = curve.keyframe_points
    points.add(len(frames))
    points.foreach_set("co", np.column_stack([frames, values]).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(frames), LINEAR, dtype=np.int32))
    curve.update()


def _why_not_animatable(keys: bpy.types.Key) -> str | None:
    owner = _owner(keys)
    if not keys.is_editable:
        return f"'{owner}' is linked from another file; make it local, or override it."
    if keys.animation_data and keys.animation_data.use_tweak_mode:
        return f"A strip of '{owner}' is in tweak mode in the Nonlinear Animation editor; leave it first."
    return None


def _restore(keys: bpy.types.Key, action: bpy.types.Action | None, slot: Any, had_animation: bool) -> None:
    if not had_animation:
        keys.animation_data_clear()
        return
    keys.animation_data.action = action
    if slot is not None:
        keys.animation_data.action_slot = slot
