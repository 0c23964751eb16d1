"""Emotions keyed on a head: their weights and intensity as animated properties of its object.

Each change of emotion is a key of all of them, with a moving-hold key at the beginning of its transition.
They lie in an action of their own: Blender by itself would put them into the take that the face plays, with
which they would be deleted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..channels import Channel
from ..core.constants import EMOTIONS
from ..errors import EcoFaceBlenderError
from . import adjust
from .actions import METADATA, assign, why_not_animatable

INTENSITY = "intensity"
NAMES = (*EMOTIONS, INTENSITY)
EMOTION_ITEMS = [(name, name.title(), "") for name in EMOTIONS]
"""As menus list them."""
MOST = {name: 1.0 for name in EMOTIONS} | {INTENSITY: 2.0}
HOLD = "MOVING_HOLD"
HOLD_NUMBER = bpy.types.Keyframe.bl_rna.properties["type"].enum_items[HOLD].value
NEAR = 0.01
"""Frames within which two keys are the same moment."""


@dataclass(frozen=True)
class Change:
    """A keyed moment of the track."""

    frame: float
    values: Mapping[str, float]
    """Of all NAMES."""

    def __str__(self) -> str:
        shown = {name: self.values[name] for name in EMOTIONS if self.values[name] >= 0.005}
        whole = max(1.0, sum(shown.values()))  # more than 1 in all is scaled down by the engine
        shown = {name: round(100 * weight / whole) for name, weight in shown.items()}
        if sum(shown.values()) < 99:
            shown["neutral"] = 100 - sum(shown.values()) + shown.pop("neutral", 0)
        parts = sorted(shown.items(), key=lambda part: -part[1])
        mix = ", ".join(name.title() if share >= 99 else f"{name.title()} {share}%" for name, share in parts)
        return mix if mix == "Neutral" else f"{mix} ({self.values[INTENSITY]:.3g})"


def path_of(name: str) -> str:
    """RNA path of an emotion or the intensity from the head's object."""
    return f"ecoface_emotions.{name}"


def curves(speaker: bpy.types.Object) -> dict[str, bpy.types.FCurve]:
    """The curves of the head's action that move its emotions, by their names."""
    action = speaker.animation_data and speaker.animation_data.action
    if not action:
        return {}
    found = {
        name: adjust.find_curve(action, Channel(speaker, path_of(name), -1, _NO_VALUES)) for name in NAMES
    }
    return {name: curve for name, curve in found.items() if curve is not None}


def changed_frames(speaker: bpy.types.Object) -> list[float]:
    """Frames of the keyed moments in order, without the holds before transitions; read at each redraw."""
    moments, held = [np.zeros(0)], [np.zeros(0)]
    for curve in curves(speaker).values():
        points = curve.keyframe_points
        kinds = np.empty(len(points), dtype=np.int32)
        points.foreach_get("type", kinds)
        frames = adjust.read(points, "co")[:, 0].round(2)
        moments.append(frames[kinds != HOLD_NUMBER])
        held.append(frames[kinds == HOLD_NUMBER])
    return np.setdiff1d(np.concatenate(moments), np.concatenate(held)).tolist()


def change_at(speaker: bpy.types.Object, frame: float) -> Change:
    """What is felt at a keyed moment."""
    return Change(frame, _values_at(speaker, curves(speaker), frame))


def key(speaker: bpy.types.Object, frame: float, values: Mapping[str, float], transition: float) -> None:
    """Key the emotions at a frame, where they have come in from those before for `transition` frames.

    `values` may leave out what is 0, and the intensity if it stays.

    Raises:
        EcoFaceBlenderError: if the head's object cannot be keyed now.
    """
    _prepare(speaker)
    _clear(speaker, frame)
    found = curves(speaker)
    before, after = _neighbours(found, frame)
    new = (
        dict.fromkeys(EMOTIONS, 0.0)
        | {INTENSITY: _values_at(speaker, found, frame)[INTENSITY]}
        | dict(values)
    )
    held_on = after is None or _is_hold(found, after)
    start = frame - transition
    if before is not None and transition > NEAR and start > before + NEAR:
        _insert(speaker, start, _values_at(speaker, found, before if held_on else start), HOLD)
    _insert(speaker, frame, new, "KEYFRAME")
    if after is not None and held_on:
        _insert(speaker, after, new, HOLD)
    _show(speaker)


def replace(speaker: bpy.types.Object, moments: Sequence[tuple[float, Mapping[str, float]]]) -> None:
    """Key moments in order, straight from one to the next; of the keys that were there between, none stays.

    Raises:
        EcoFaceBlenderError: if the head's object cannot be keyed now.
    """
    _prepare(speaker)
    (first, _), (last, felt_last) = moments[0], moments[-1]
    for frame in {point.co.x for curve in curves(speaker).values() for point in curve.keyframe_points}:
        if first - NEAR <= frame <= last + NEAR:
            _delete(speaker, curves(speaker), frame)
    for frame, values in moments:
        _insert(speaker, frame, values, "KEYFRAME", "LINEAR")
    found = curves(speaker)
    _, after = _neighbours(found, last)
    if after is not None and _is_hold(found, after):
        _insert(speaker, after, felt_last, HOLD)
    _show(speaker)


def remove(speaker: bpy.types.Object, frame: float) -> bool:
    """Take away the keys at a frame, so that the emotion before holds on; False if there are none.

    Raises:
        EcoFaceBlenderError: if the head's object cannot be keyed now.
    """
    _prepare(speaker)
    if not _clear(speaker, frame):
        return False
    found = curves(speaker)
    before, after = _neighbours(found, frame)
    if after is not None and _is_hold(found, after):
        if before is None:
            _delete(speaker, found, after)
        else:
            _insert(speaker, after, _values_at(speaker, found, before), HOLD)
    _show(speaker)
    return True


def leave(take: bpy.types.Action) -> None:
    """Take emotions out of a take in which an older file has them: it is deleted, or laid into the NLA."""
    for item in bpy.data.objects:
        if item.animation_data and item.animation_data.action == take and curves(item):
            _own_action(item)


_NO_VALUES = np.zeros(0)


def _prepare(speaker: bpy.types.Object) -> None:
    """Give the head an action for its emotions that is no take.

    Raises:
        EcoFaceBlenderError: if the head's object cannot be keyed now.
    """
    if reason := why_not_animatable(speaker):
        raise EcoFaceBlenderError(reason)
    action = speaker.animation_data and speaker.animation_data.action
    if action is None or METADATA in action:
        _own_action(speaker)


def _own_action(speaker: bpy.types.Object) -> None:
    """A new action for the head's object; what a take holds for it goes there."""
    animation = speaker.animation_data_create()
    take, slot = animation.action, animation.action_slot
    if take is None or slot is None:
        action = bpy.data.actions.new(f"Emotions of {speaker.name}")
        assign(speaker, action, action.slots.new("OBJECT", speaker.name))
        return
    action = take.copy()
    action.name, action.use_fake_user = f"Emotions of {speaker.name}", False
    for name in list(action.keys()):
        del action[name]
    for other in [each for each in action.slots if each.handle != slot.handle]:
        action.slots.remove(other)
    assign(speaker, action, action.slots[0])
    take.slots.remove(slot)


def _values_at(
    speaker: bpy.types.Object, found: Mapping[str, bpy.types.FCurve], frame: float
) -> dict[str, float]:
    """All values at a frame, by the curves where there are any."""
    group = speaker.ecoface_emotions
    values = {name: found[name].evaluate(frame) if name in found else getattr(group, name) for name in NAMES}
    return {name: min(max(value, 0.0), MOST[name]) for name, value in values.items()}


def _neighbours(found: Mapping[str, bpy.types.FCurve], frame: float) -> tuple[float | None, float | None]:
    """Frames of the last key before and the first key after a frame."""
    frames = [point.co.x for curve in found.values() for point in curve.keyframe_points]
    before = max((each for each in frames if each < frame - NEAR), default=None)
    return before, min((each for each in frames if each > frame + NEAR), default=None)


def _points(found: Mapping[str, bpy.types.FCurve], frame: float) -> Iterable[tuple[str, bpy.types.Keyframe]]:
    """The keys at a frame, with their curves' names."""
    for name, curve in found.items():
        yield from ((name, point) for point in curve.keyframe_points if abs(point.co.x - frame) <= NEAR)


def _is_hold(found: Mapping[str, bpy.types.FCurve], frame: float) -> bool:
    return all(point.type == HOLD for _, point in _points(found, frame))


def _insert(
    speaker: bpy.types.Object,
    frame: float,
    values: Mapping[str, float],
    kind: str,
    interpolation: str = "BEZIER",
) -> None:
    """Keys of all values; those with Bezier curves ease in and out without overshoot."""
    group = speaker.ecoface_emotions
    for name, value in values.items():
        setattr(group, name, value)
        speaker.keyframe_insert(path_of(name), frame=frame, group="Emotion", keytype=kind)
    found = curves(speaker)
    for _, point in _points(found, frame):
        point.interpolation = interpolation
        point.handle_left_type = point.handle_right_type = "AUTO_CLAMPED"
    for curve in found.values():
        curve.update()


def _delete(speaker: bpy.types.Object, found: Mapping[str, bpy.types.FCurve], frame: float) -> bool:
    """Take away the keys at a frame, and curves that are then empty."""
    at = [(name, point.co.x) for name, point in _points(found, frame)]
    for name, exactly in at:
        speaker.keyframe_delete(path_of(name), frame=exactly)
    return bool(at)


def _clear(speaker: bpy.types.Object, frame: float) -> bool:
    """Take away the keys at a frame, and the hold from which they came in; False if there are none."""
    found = curves(speaker)
    if not _delete(speaker, found, frame):
        return False
    found = curves(speaker)
    before, _ = _neighbours(found, frame)
    if before is not None and _is_hold(found, before):
        _delete(speaker, found, before)
    return True


def _show(speaker: bpy.types.Object) -> None:
    """Let the properties show their values at the scene's frame, not those that were keyed last."""
    speaker.update_tag(refresh={"TIME"})
