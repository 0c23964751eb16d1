"""What a speaker does as it is seen, frame by frame: after actions, NLA tracks, drivers and edits by hand."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np

from ..animation.actions import METADATA, animated_frames, read_metadata
from ..channels import Channel
from ..core.constants import MOTION_DIM
from ..errors import EcoFaceBlenderError
from ..heads.head_turn import HeadTurn
from ..heads.jaw_shape_keys import PLAIN_KEYS
from ..heads.own_head import EXPRESSION_KEYS
from ..heads.rig import OWN, Rig


@dataclass(frozen=True)
class Part:
    """One mesh of a speaker over some frames."""

    item: bpy.types.Object
    keys: bpy.types.Key
    values: np.ndarray
    """(frames, keys) of all keys but the basis; a muted key is 0."""
    places: np.ndarray
    """(frames, 4, 4): where it is in the world."""


@dataclass(frozen=True)
class Seen:
    """What a speaker does over some frames."""

    parts: list[Part]
    """Every mesh whose keys a motion moves."""
    others: list[Channel]
    """What else a motion moves: bones."""
    turned: np.ndarray | None = None
    """(frames, 3, 3, 3) rotations of head, left and right eye along the head's axes, each against what it
    hangs on, constraints included; None where no bones turn them."""


def moved_by(rig: Rig) -> tuple[list[bpy.types.Object], list[Channel]]:
    """The meshes whose shape keys a motion moves on this speaker, and the curves of other things (bones)."""
    others = []
    if rig.jaw or any(row.kind == "BONE" for _, row in rig.rows):
        found = rig.channels(np.zeros((1, MOTION_DIM)))
        others = [channel for channel in found if not isinstance(channel.id_data, bpy.types.Key)]
    if turns_bones(rig):
        others += rig.turned(HeadTurn.of(None, None, 1))
    return list(rig.parts), others


def turns_bones(rig: Rig) -> bool:
    """Whether something of ours moves the bones of head and eyes: of another's character a body may, too."""
    if rig.bones is None:
        return False
    animation = rig.bones.armature.animation_data
    if rig.kind == OWN or animation is None:
        return animation is not None
    strips = [strip.action for track in animation.nla_tracks for strip in track.strips]
    return any(
        action is not None and METADATA in action and _moves(action, rig.bones.names)
        for action in (animation.action, *strips)
    )


def _moves(action: bpy.types.Action, bones: Sequence[str]) -> bool:
    paths = tuple(f'pose.bones["{name}"]' for name in bones)
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return any(curve.data_path.startswith(paths) for bag in bags for curve in bag.fcurves)


def frames_asked(context: bpy.types.Context, rig: Rig, start: int | None, end: int | None) -> np.ndarray:
    """The whole frames asked for; by default those that the speaker is animated in.

    Raises:
        EcoFaceBlenderError: if nothing moves it, or the frames are not in order.
    """
    items, others = moved_by(rig)
    if start is None or end is None:
        owners = [*(item.data.shape_keys for item in items), *(channel.id_data for channel in others)]
        moving = [owner for owner in owners if is_animated(owner)]
        spans = [animated_frames(owner, context.scene) for owner in moving or owners[:1]]
        start = min(first for first, _ in spans) if start is None else start
        end = max(last for _, last in spans) if end is None else end
    if end < start:
        raise EcoFaceBlenderError(f"Expected frames in order, found {start} to {end}; swap them.")
    return np.arange(start, end + 1, dtype=np.float64)


def see(context: bpy.types.Context, rig: Rig, frames: np.ndarray) -> Seen:
    """What a speaker does in these frames."""
    items, others = moved_by(rig)
    keys = [item.data.shape_keys for item in items]
    values = [np.empty((len(frames), len(each.key_blocks)), dtype=np.float32) for each in keys]
    curves = np.empty((len(frames), len(others)))
    places = np.empty((len(items), len(frames), 4, 4))
    bones = rig.bones if turns_bones(rig) else None
    turned = np.empty((len(frames), 3, 3, 3)) if bones else None
    muted = [[block.mute for block in each.key_blocks] for each in keys]
    with time_kept(context.scene, items, others), unshaped(keys):
        for row, frame in enumerate(frames):
            context.scene.frame_set(int(frame))
            depsgraph = context.evaluated_depsgraph_get()
            for each, item, value, place in zip(keys, items, values, places, strict=True):
                each.evaluated_get(depsgraph).key_blocks.foreach_get("value", value[row])
                place[row] = item.evaluated_get(depsgraph).matrix_world
            curves[row] = [value_of(channel, depsgraph) for channel in others]
            if bones and turned is not None:
                turned[row] = bones.seen(bones.armature.evaluated_get(depsgraph))
    for value, mute in zip(values, muted, strict=True):
        value[:, mute] = 0
    parts = [Part(*each) for each in zip(items, keys, (v[:, 1:] for v in values), places, strict=True)]
    moved = [replace(each, values=column) for each, column in zip(others, curves.T, strict=True)]
    return Seen(parts, moved, turned)


def key_values(context: bpy.types.Context, rig: Rig, frames: np.ndarray) -> np.ndarray:
    """Values (frames, keys) of all keys of EcoFace's own head but the basis; a muted key is 0."""
    return see(context, rig, frames).parts[0].values


def provenance(rig: Rig) -> dict[str, Any]:
    """What made the speaker's keys: the metadata of its action, or of one in a strip below."""
    for item in moved_by(rig)[0]:
        if animation := item.data.shape_keys.animation_data:
            strips = [strip for track in reversed(animation.nla_tracks) for strip in track.strips]
            actions = [animation.action, *(strip.action for strip in strips)]
            told = (read_metadata(action) for action in actions if action is not None)
            if story := next(filter(None, told), None):
                return story
    return {}


def is_animated(owner: bpy.types.ID) -> bool:
    """Whether an action, a track or a driver moves a data-block."""
    animation = owner.animation_data
    return animation is not None and bool(animation.action or animation.nla_tracks or animation.drivers)


def value_of(channel: Channel, depsgraph: bpy.types.Depsgraph | None = None) -> float:
    """Of a curve's property, as evaluated or as it is."""
    owner = channel.id_data.evaluated_get(depsgraph) if depsgraph else channel.id_data
    found = owner.path_resolve(channel.path)
    return float(found if channel.index < 0 else found[channel.index])


def motion_of(head: bpy.types.Object, values: np.ndarray) -> np.ndarray:
    """The motion (frames, 53) that a head's key values (frames, keys) show, edits by hand included.

    The three plain jaw keys are proportional to the axis of the jaw's rotation times the sine of its angle.
    """
    column = {block.name: index for index, block in enumerate(head.data.shape_keys.key_blocks[1:])}
    sines = np.zeros((len(values), 3))
    for name, (axis, degrees) in PLAIN_KEYS.items():
        sines[:, axis] = values[:, column[name]] * np.sin(np.radians(degrees))
    sine = np.linalg.norm(sines, axis=1, keepdims=True)
    angle = np.arcsin(sine.clip(max=1))
    jaw = sines * np.divide(angle, sine, out=np.ones_like(sine), where=sine > 1e-9)
    return np.hstack([values[:, [column[name] for name in EXPRESSION_KEYS]], jaw])


@contextmanager
def frame_range(scene: bpy.types.Scene, frames: np.ndarray, rig: Rig) -> Iterator[None]:
    """The scene runs from the first to the last of these frames for a while."""
    before = scene.frame_start, scene.frame_end
    with time_kept(scene, *moved_by(rig)):
        scene.frame_start, scene.frame_end = int(frames[0]), int(frames[-1])
        try:
            yield
        finally:
            scene.frame_start, scene.frame_end = before


@contextmanager
def unshaped(keys: Iterable[bpy.types.Key]) -> Iterator[None]:
    """Keys are moved by their curves as ever, but shape no mesh: frames go by in a fraction of the time."""
    blocks = [block for each in keys if each.is_editable for block in each.key_blocks if not block.mute]
    for block in blocks:
        block.mute = True
    try:
        yield
    finally:
        for block in blocks:
            block.mute = False


@contextmanager
def time_kept(
    scene: bpy.types.Scene, items: Sequence[bpy.types.Object], others: Sequence[Channel]
) -> Iterator[None]:
    """Afterwards the scene is back in its frame, with what was moved but not keyed there where it was."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    keys = [item.data.shape_keys for item in items]
    values = [np.empty(len(each.key_blocks), dtype=np.float32) for each in keys]
    for each, value in zip(keys, values, strict=True):
        each.key_blocks.foreach_get("value", value)
    curves = [value_of(channel) for channel in others]
    try:
        yield
    finally:
        scene.frame_set(frame, subframe=subframe)
        for each, value in zip(keys, values, strict=True):
            each.key_blocks.foreach_set("value", value)
        for channel, number in zip(others, curves, strict=True):
            set_value(channel, number)


def set_value(channel: Channel, value: float) -> None:
    """Set a curve's property."""
    if channel.index < 0:
        holder, _, name = channel.path.rpartition(".")
        setattr(channel.id_data.path_resolve(holder) if holder else channel.id_data, name, value)
    else:
        channel.id_data.path_resolve(channel.path)[channel.index] = value
