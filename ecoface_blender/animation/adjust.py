"""How much of a take is shown, and when: computed anew from its stored motion, without the model.

A key's value is what the settings make of the stored motion plus what the artist has added by hand. So a new
setting adds the difference between what it gives and what the one before gave, and hand edits stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..channels import Channel
from ..core.constants import EXPRESSION_DIM

UNTOUCHED = 1e-5
"""Keys within this of what the settings gave are not the artist's, and follow exactly."""


@dataclass(frozen=True)
class Settings:
    """Of one take."""

    jaw: float = 1.0
    lips: float = 1.0
    upper: float = 1.0
    head_motion: float = 1.0
    gaze: float = 1.0
    smoothing: float = 0.0
    """Seconds, standard deviation of a Gaussian in time."""
    offset: float = 0.0
    """Seconds later."""


def adjusted(motion: np.ndarray, rate: float, upper: np.ndarray, settings: Settings) -> np.ndarray:
    """The motion (T, 53) with these amounts; `upper` (50, 50) tells the upper face from lips and cheeks."""
    expression, jaw = motion[:, :EXPRESSION_DIM], motion[:, EXPRESSION_DIM:]
    above = expression @ upper
    shown = settings.upper * above + settings.lips * (expression - above)
    return smoothed(np.hstack([shown, settings.jaw * jaw]), rate, settings.smoothing)


def smoothed(motion: np.ndarray, rate: float, seconds: float) -> np.ndarray:
    """A Gaussian mean in time; the ends hold."""
    width = seconds * rate
    if width < 1e-3:
        return motion
    reach = int(np.ceil(3 * width))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    weights /= weights.sum()
    held = np.pad(motion, ((reach, reach), (0, 0)), mode="edge")
    return sum(weight * held[i : i + len(motion)] for i, weight in enumerate(weights))


def find_curve(action: bpy.types.Action, channel: Channel) -> bpy.types.FCurve | None:
    """The action's curve for a channel, whichever slot it is in; None where the artist has removed it."""
    animation = channel.id_data.animation_data
    handle = slot_handle(action, channel.id_data, animation)
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                if bag.slot_handle == handle:
                    return bag.fcurves.find(channel.path, index=max(0, channel.index))
    return None


def slot_handle(action: bpy.types.Action, data: bpy.types.ID, animation: bpy.types.AnimData | None) -> int:
    """Which of the action's slots this data-block plays, or would play; 0 if none."""
    if animation:
        if animation.action == action and animation.action_slot:
            return animation.action_slot.handle
        for strip in (strip for track in animation.nla_tracks for strip in track.strips):
            if strip.action == action and strip.action_slot:
                return strip.action_slot.handle
    fitting = [slot for slot in action.slots if slot.target_id_type == data.id_type]
    named = [slot for slot in fitting if slot.name_display == getattr(data, "user", data).name]
    return (named or fitting)[0].handle if fitting else 0


def move_keys(
    action: bpy.types.Action,
    frames: np.ndarray,
    before: Sequence[Channel],
    after: Sequence[Channel],
    frames_earlier: float,
    frames_later: float,
) -> None:
    """Exchange what the settings gave before for what they give now, under the artist's edits.

    `frames` are those of the channels' values, to which the keys were shifted by `frames_earlier` and now
    will be by `frames_later`.
    """
    for old, new in zip(before, after, strict=True):
        curve = find_curve(action, old)
        if curve is None or not len(curve.keyframe_points):
            continue
        points = curve.keyframe_points
        co = read(points, "co")
        at = co[:, 0] - frames_earlier
        was, becomes = np.interp(at, frames, old.values), np.interp(at, frames, new.values)
        edit = co[:, 1] - was
        edit[np.abs(edit) < UNTOUCHED * (1 + np.abs(was))] = 0
        moved = np.column_stack([at + frames_later, becomes + edit])
        for side in ("handle_left", "handle_right"):
            points.foreach_set(side, (read(points, side) + moved - co).astype(np.float32).ravel())
        points.foreach_set("co", moved.astype(np.float32).ravel())
        curve.update()


def blend_keys(
    action: bpy.types.Action,
    frames: np.ndarray,
    new: Sequence[Channel],
    share: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Let the keys take `share(frames)` (0..1) of the new values; those with a share of 0 stay exactly."""
    for channel in new:
        curve = find_curve(action, channel)
        if curve is None:
            continue
        points = curve.keyframe_points
        co = read(points, "co")
        taken = share(co[:, 0])
        inside = taken > 0
        to = np.interp(co[:, 0], frames, channel.values)
        change = np.zeros_like(co)
        change[inside, 1] = (taken * (to - co[:, 1]))[inside]
        for name in ("handle_left", "handle_right", "co"):
            points.foreach_set(name, (read(points, name) + change).astype(np.float32).ravel())
        curve.update()


def read(points: bpy.types.FCurveKeyframePoints, name: str) -> np.ndarray:
    """(keys, 2) of all keys at once."""
    out = np.empty(2 * len(points), dtype=np.float32)
    points.foreach_get(name, out)
    return out.reshape(-1, 2).astype(np.float64)
