"""The only place that touches actions and F-curves."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ..channels import Channel, key_channels
from ..errors import EcoFaceBlenderError
from ..heads.own_head import key_names, why_not_a_head
from .metadata import MOST_FRAME, understood

SLIDER_MOST = 10.0  # what Blender lets a shape key's slider reach
METADATA = "ecoface"
"""Custom property of an action: JSON of everything that made it."""
LINEAR = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value


def resample_to_scene(
    motion: np.ndarray, motion_fps: float, scene_fps: float, start_frame: float
) -> tuple[np.ndarray, np.ndarray]:
    """The scene's whole frames that lie within the motion, and the motion (N, 53) at their times.

    Motion frame i belongs to i / motion_fps seconds after `start_frame`, which need not be whole: values are
    interpolated, times never rounded. The last motion frame holds until the motion ends.

    Raises:
        EcoFaceBlenderError: if these are more frames than a scene of Blender's has.
    """
    first = int(np.ceil(start_frame - 1e-6))
    end = start_frame + len(motion) / motion_fps * scene_fps
    if end > MOST_FRAME:
        raise EcoFaceBlenderError(
            f"Expected keys up to frame {MOST_FRAME}, Blender's last, found some up to frame {end:.0f}; "
            "speak it earlier or in parts, or give the scene fewer frames a second."
        )
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
    """A new action with linear keys (frames, keys) on the head's shape keys, ordered as `own_head.key_names`.

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
    return write_channels(key_channels(keys, names, values), frames, name, metadata)


def write_channels(
    channels: Sequence[Channel],
    frames: np.ndarray,
    name: str,
    metadata: Mapping[str, Any] | None = None,
) -> bpy.types.Action:
    """A new action with linear keys, a slot for each data-block of the channels, which all then use it.

    The actions that they had are kept, with fake users. If it fails nothing has changed.

    Raises:
        EcoFaceBlenderError: if there is no channel, or a data-block cannot be animated now.
    """
    owners = list({channel.id_data.as_pointer(): channel.id_data for channel in channels}.values())
    if not owners:
        raise EcoFaceBlenderError(
            "Expected curves to write, found none; choose a head whose keys are mapped."
        )
    assert all(channel.values.shape == (len(frames),) for channel in channels)
    for owner in owners:
        if reason := why_not_animatable(owner):
            raise EcoFaceBlenderError(reason)
    before = [_Before.of(owner) for owner in owners]
    action = bpy.data.actions.new(name)
    try:
        write_metadata(action, metadata or {})
        for owner in owners:  # explicit slots: Blender by itself may give two meshes the same one
            slot = action.slots.new(owner.id_type, _owner(owner))
            assign(owner, action, slot)
        for channel in channels:
            curve = action.fcurve_ensure_for_datablock(
                channel.id_data, channel.path, index=max(0, channel.index)
            )
            _fill(curve, frames, channel.values)
    except BaseException:
        for each in before:
            each.restore()
        bpy.data.actions.remove(action)
        raise
    for each in before:
        if each.action is not None:
            each.action.use_fake_user = True
    for owner in owners:
        owner.update_tag()
    return action


def add_channels(action: bpy.types.Action, channels: Sequence[Channel], frames: np.ndarray) -> None:
    """More curves with linear keys in an action, which their data-blocks play from now on if they play none.

    Raises:
        EcoFaceBlenderError: if a data-block cannot be animated now.
    """
    owners = list({channel.id_data.as_pointer(): channel.id_data for channel in channels}.values())
    for owner in owners:
        if reason := why_not_animatable(owner):
            raise EcoFaceBlenderError(reason)
    for owner, slot in add_curves(action, channels, frames):
        if owner.animation_data_create().action is None:
            assign(owner, action, slot)
        owner.update_tag()


def add_curves(
    action: bpy.types.Action, channels: Sequence[Channel], frames: np.ndarray
) -> list[tuple[bpy.types.ID, bpy.types.ActionSlot]]:
    """Curves with linear keys of channels that an action lacks, played by nobody yet; their owners' slots."""
    slots: dict[int, tuple[bpy.types.ID, bpy.types.ActionSlot]] = {}
    for channel in channels:
        owner = channel.id_data
        if owner.as_pointer() not in slots:
            kind, name = owner.id_type, _owner(owner)
            there = [s for s in action.slots if s.target_id_type == kind and s.name_display == name]
            slots[owner.as_pointer()] = owner, there[0] if there else action.slots.new(kind, name)
        bag = _channelbag(action, slots[owner.as_pointer()][1])
        if bag.fcurves.find(channel.path, index=max(0, channel.index)) is None:
            curve = bag.fcurves.new(channel.path, index=max(0, channel.index))
            _fill(curve, frames, channel.values)
    return list(slots.values())


def _channelbag(action: bpy.types.Action, slot: bpy.types.ActionSlot) -> bpy.types.ActionChannelbag:
    """Of a slot, in the action's first strip."""
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def keep_keys(
    action: bpy.types.Action, channels: Sequence[Channel], frames: np.ndarray, kept: np.ndarray
) -> None:
    """Leave of the channels' keys only those that are marked in `kept` (frames, channels)."""
    for channel, keep in zip(channels, kept.T, strict=True):
        curve = action.fcurve_ensure_for_datablock(channel.id_data, channel.path, index=max(0, channel.index))
        curve.keyframe_points.clear()
        _fill(curve, frames[keep], channel.values[keep])


def assign(owner: bpy.types.ID, action: bpy.types.Action, slot: bpy.types.ActionSlot) -> None:
    """Let a data-block play a slot of an action."""
    animation = owner.animation_data_create()
    animation.action = action
    animation.action_slot = slot


def plays(owner: bpy.types.ID, action: bpy.types.Action) -> bool:
    """Whether a data-block plays an action itself, not in a strip."""
    return owner.animation_data is not None and owner.animation_data.action == action


def push_down(owner: bpy.types.ID) -> bpy.types.NlaStrip:
    """Move the data-block's action to a strip on a new NLA track, where it plays as before.

    Raises:
        EcoFaceBlenderError: if it cannot be animated now, or has no action.
    """
    if reason := why_not_animatable(owner):
        raise EcoFaceBlenderError(reason)
    animation = owner.animation_data
    if animation is None or animation.action is None:
        raise EcoFaceBlenderError(f"'{_owner(owner)}' plays no action that could be pushed down.")
    action, slot = animation.action, animation.action_slot
    start, end = action.curve_frame_range
    track = animation.nla_tracks.new()
    track.name = action.name
    strip = track.strips.new(action.name, math.floor(start), action)
    strip.action_slot = slot
    set_span(strip, start, end)  # keys of a shifted take are between frames
    strip.blend_type, strip.influence = animation.action_blend_type, animation.action_influence
    strip.extrapolation = animation.action_extrapolation
    animation.action = None
    return strip


def set_span(strip: bpy.types.NlaStrip, start: float, end: float) -> None:
    """Let a strip play these frames of its action, in the same frames of the scene.

    A new strip of shape keys has a span of 0 to 1, and Blender lets neither end of a span pass the other.
    """
    strip.action_frame_start = min(start, strip.action_frame_start)
    strip.action_frame_end, strip.action_frame_start = end, start
    strip.frame_start_ui, strip.frame_end_ui = start, end


def write_metadata(action: bpy.types.Action, metadata: Mapping[str, Any]) -> None:
    """Store with an action what made it."""
    action[METADATA] = json.dumps(dict(metadata))


def read_metadata(action: bpy.types.Action) -> dict[str, Any]:
    """What was stored with an action of ours; empty for others, without what was damaged by hand."""
    return understood(action.get(METADATA))


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


def _owner(data: bpy.types.ID) -> str:
    """The name by which the artist knows it: shape keys go by their mesh's."""
    user = getattr(data, "user", None)
    return user.name if user else data.name


def _fill(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray) -> None:
    """All keys of one curve at once; one by one would be quadratic."""
    points = curve.keyframe_points
    points.add(len(frames))
    points.foreach_set("co", np.column_stack([frames, values]).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(frames), LINEAR, dtype=np.int32))
    curve.update()


def why_not_animatable(data: bpy.types.ID) -> str | None:
    """What keeps a data-block from being keyed now, in one sentence; None if nothing does."""
    owner = _owner(data)
    if not data.is_editable:
        return f"'{owner}' is linked from another file; make it local, or override it."
    if data.animation_data and data.animation_data.use_tweak_mode:
        return f"A strip of '{owner}' is in tweak mode in the Nonlinear Animation editor; leave it first."
    return None


@dataclass(frozen=True)
class _Before:
    """The animation of a data-block as it was."""

    owner: bpy.types.ID
    had_animation: bool
    action: bpy.types.Action | None
    slot: bpy.types.ActionSlot | None

    @classmethod
    def of(cls, owner: bpy.types.ID) -> "_Before":
        animation = owner.animation_data
        if animation is None:
            return cls(owner, False, None, None)
        return cls(owner, True, animation.action, animation.action_slot)

    def restore(self) -> None:
        if not self.had_animation:
            self.owner.animation_data_clear()
            return
        self.owner.animation_data.action = self.action
        if self.slot is not None:
            self.owner.animation_data.action_slot = self.slot


def open_sliders(curves: Iterable[Channel]) -> None:
    """Widen sliders that would cut their curves: Blender clamps what it animates to them."""
    for curve in curves:
        if not isinstance(curve.id_data, bpy.types.Key) or not len(curve.values):
            continue
        key = curve.id_data.path_resolve(curve.path.rpartition(".")[0])
        with suppress(AttributeError, TypeError):  # of linked keys, which cannot be animated either
            if curve.values.max() > key.slider_max:
                key.slider_max = min(SLIDER_MOST, float(np.ceil(curve.values.max())))
            if curve.values.min() < key.slider_min:
                key.slider_min = max(-SLIDER_MOST, float(np.floor(curve.values.min())))
