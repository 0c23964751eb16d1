"""Edits by hand in a layer: an action that is added on top of the take, which lies in a strip of the NLA.

A take that is made anew, or another one, goes into the strip; the edits above it stay as they are.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy

from ..errors import EcoFaceBlenderError
from . import actions

LAYER = "ecoface_edits"
"""Custom property of an action that holds edits."""


IDLE = "ecoface_idle"
"""Custom property of an action that fills silences, between takes."""


def is_idle(action: bpy.types.Action | None) -> bool:
    """Whether an action fills silences."""
    return action is not None and IDLE in action


def is_layer(action: bpy.types.Action | None) -> bool:
    """Whether an action holds edits of a take below it."""
    return action is not None and LAYER in action


def strip_below(owner: bpy.types.ID) -> bpy.types.NlaStrip | None:
    """The strip whose take the edits of a data-block are added to; None if it has none."""
    animation = owner.animation_data
    if animation is None or not is_layer(animation.action):
        return None
    strips = [strip for track in animation.nla_tracks for strip in track.strips]
    ours = [strip for strip in strips if _is_ours(strip) and not is_idle(strip.action)]
    return ours[-1] if ours else None


def add(take: bpy.types.Action) -> bpy.types.Action:
    """Push a take down into the NLA, and let all that plays it play an empty layer above.

    Raises:
        EcoFaceBlenderError: if something that plays it cannot be animated now.
    """
    owners = _players(take)
    for owner in owners:
        if reason := actions.why_not_animatable(owner):
            raise EcoFaceBlenderError(reason)
    layer = bpy.data.actions.new(f"Edits of {take.name}"[:60])
    layer[LAYER] = True
    for owner in owners:
        actions.push_down(owner)
        slot = layer.slots.new(owner.id_type, owner.name)
        actions.assign(owner, layer, slot)
        owner.animation_data.action_blend_type = _blending(owner)
    return layer


def remove(layer: bpy.types.Action) -> None:
    """Play the take below as before, and delete the edits.

    Raises:
        EcoFaceBlenderError: if something that plays it cannot be animated now.
    """
    owners = _players(layer)
    for owner in owners:
        if reason := actions.why_not_animatable(owner):
            raise EcoFaceBlenderError(reason)
    for owner in owners:
        strip, animation = strip_below(owner), owner.animation_data
        animation.action_blend_type = strip.blend_type if strip else "REPLACE"
        animation.action_influence = 1
        animation.action = None
        if strip is None:
            continue
        take, slot = strip.action, strip.action_slot
        track = next(track for track in animation.nla_tracks if strip in track.strips.values())
        track.strips.remove(strip)
        if not track.strips:
            animation.nla_tracks.remove(track)
        actions.assign(owner, take, slot)
        owner.update_tag()
    bpy.data.actions.remove(layer)


def make_way(owners: Iterable[bpy.types.ID]) -> None:
    """Let objects that are animated already, as a character's armature with a walk, play on below a take.

    What they play goes into a strip of the NLA, and the take is added to it.

    Raises:
        EcoFaceBlenderError: if one of them cannot be animated now.
    """
    for owner in owners:
        animation = owner.animation_data
        if not isinstance(owner, bpy.types.Object) or animation is None or is_layer(animation.action):
            continue
        if animation.action is not None and actions.METADATA not in animation.action:
            actions.push_down(owner)
        animation.action_blend_type = "COMBINE" if has_other_strips(owner) else "REPLACE"


def has_other_strips(owner: bpy.types.ID) -> bool:
    """Whether an owner has strips in the NLA that are no takes."""
    tracks = owner.animation_data.nla_tracks if owner.animation_data else ()
    return any(not _is_ours(strip) for track in tracks for strip in track.strips)


def _is_ours(strip: bpy.types.NlaStrip) -> bool:
    return strip.action is not None and actions.METADATA in strip.action


@contextmanager
def aside(owners: Iterable[bpy.types.ID]) -> Iterator[None]:
    """Take the edits of data-blocks off while an action is given to them; it goes into the strip below."""
    lifted = []
    for owner in {owner.as_pointer(): owner for owner in owners}.values():
        if strip := strip_below(owner):
            animation = owner.animation_data
            lifted.append(_Lifted(owner, strip, animation.action, animation.action_slot))
            animation.action = None
    try:
        yield
    finally:
        for each in lifted:
            each.put_back()


@dataclass(frozen=True)
class _Lifted:
    owner: bpy.types.ID
    strip: bpy.types.NlaStrip
    layer: bpy.types.Action
    slot: bpy.types.ActionSlot

    def put_back(self) -> None:
        animation = self.owner.animation_data
        action, slot = animation.action, animation.action_slot
        if action is not None:
            start, end = action.curve_frame_range
            animation.action = None
            self.strip.name = action.name
            self.strip.action, self.strip.action_slot = action, slot
            actions.set_span(self.strip, start, end)
        actions.assign(self.owner, self.layer, self.slot)
        self.owner.update_tag()


def _players(action: bpy.types.Action) -> list[bpy.types.ID]:
    """The shape keys and objects that play an action."""
    owners = (*bpy.data.shape_keys, *bpy.data.objects)
    return [owner for owner in owners if owner.animation_data and owner.animation_data.action == action]


def _blending(owner: bpy.types.ID) -> str:
    """Values of shape keys are added; rotations of bones would not stay rotations."""
    return "ADD" if isinstance(owner, bpy.types.Key) else "COMBINE"
