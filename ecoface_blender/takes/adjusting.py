"""A take that is there, brought up to its controls, its target and the bones of its face; edits stay."""

from dataclasses import fields, replace

import bpy
import numpy as np

from ..animation import actions, layers
from ..animation import adjust as controls
from ..channels import Channel
from ..heads import face_kinds
from ..heads.rig import Rig
from . import curves, stored, takes

TURN = ("head_motion", "gaze")
FACE = tuple(f.name for f in fields(controls.Settings) if f.name not in TURN)
"""Controls by what they are of, in the order in which a take keeps those that were applied."""


_shown: tuple[object, list[np.ndarray]] = (None, [])
"""What the last take that was adjusted shows, and the values of its curves: a slider moves on from there."""


def adjust(take: bpy.types.Action) -> None:
    """Bring the take's keys up to its controls; edits by hand stay."""
    _renew(take, stored.aim_of(take))


def look(speaker: bpy.types.Object) -> None:
    """Let the take that a speaker plays look at its target, where that is by now; edits by hand stay.

    Raises:
        EcoFaceBlenderError: if there are no keys yet for head and eyes, and none can be made.
    """
    take = takes.played(speaker)
    found = take and stored.motion_of(take)
    if take is None or found is None:
        return
    scene = speaker.users_scene[0] if speaker.users_scene else bpy.context.scene
    story, rig = actions.read_metadata(take), face_kinds.known_rig(speaker)
    _renew(take, curves.aim(scene, speaker, rig, story, len(found[0]), found[1]))


def turn(speaker: bpy.types.Object) -> None:
    """Give the take that a speaker plays curves for bones that it got since; those it has stay as they are.

    Raises:
        EcoFaceBlenderError: if a bone's armature cannot be animated now.
    """
    take = takes.played(speaker)
    found = take and stored.motion_of(take)
    if take is None or found is None:
        return
    rig, settings, (motion, rate) = face_kinds.known_rig(speaker), curves.settings_of(take), found
    frames, channels = curves.of_take(
        take, rig, motion, rate, curves.beside(take), settings, stored.aim_of(take)
    )
    later = settings.offset * actions.read_metadata(take)["scene_rate"]
    bones = [each for each in channels if isinstance(each.id_data, bpy.types.Object)]
    _complete(take, rig, frames + later, bones)


def _renew(take: bpy.types.Action, aim: np.ndarray | None) -> None:
    """Exchange what controls and target gave before for what they give now."""
    global _shown
    group = take.ecoface_take
    now, before = curves.settings_of(take), _applied(group)
    aimed = stored.aim_of(take)
    found, speaker = stored.motion_of(take), takes.speaker_of(take)
    same = now == before and np.array_equal(-1 if aim is None else aim, -1 if aimed is None else aimed)
    if found is None or speaker is None or same or not take.is_editable:
        return
    rig = face_kinds.known_rig(speaker)
    beside = curves.beside(take)
    frames, new = curves.of_take(take, rig, *found, beside, now, aim)
    if aim is None and aimed is not None:  # curves of head and eyes stay, at what the motion alone gives
        frames, new = curves.of_take(take, rig, *found, beside, now, None, turned=True)
    still = aimed is None and stored.head_of(take) is None and stored.gaze_of(take) is None
    kept = tuple(take.get(key) for key in (stored.MOTION, stored.HEAD, stored.GAZE))
    state = take.name, take[actions.METADATA], kept, len(new), take.get(stored.AIM)
    if _shown[0] == (*state, before):
        old = [replace(curve, values=values) for curve, values in zip(new, _shown[1], strict=True)]
    else:
        _, old = curves.of_take(take, rig, *found, beside, before, aimed, turned=aim is not None)
    scene_rate = actions.read_metadata(take)["scene_rate"]
    controls.move_keys(take, frames, old, new, before.offset * scene_rate, now.offset * scene_rate)
    if still and aim is not None:
        _complete(take, rig, frames + now.offset * scene_rate, new)
    stored.store_curves(take, stored.AIM, aim)
    _shown = (*state[:-1], take.get(stored.AIM), now), [curve.values for curve in new]
    group.applied = tuple(getattr(now, name) for name in FACE)
    group.applied_turn = tuple(getattr(now, name) for name in TURN)
    for owner in rig.owners:
        owner.update_tag()


def _complete(take: bpy.types.Action, rig: Rig, frames: np.ndarray, channels: list[Channel]) -> None:
    """Give a take that had none the curves of head and eyes."""
    turned = [each for each in channels if controls.find_curve(take, each) is None]
    if rig.bones and takes.edited(rig.speaker) is None:
        layers.make_way([rig.bones.armature])
    actions.add_channels(take, turned, frames)


def _applied(group: bpy.types.PropertyGroup) -> controls.Settings:
    """The controls for which the keys of a take were computed."""
    values = dict(zip((*FACE, *TURN), (*group.applied, *group.applied_turn), strict=True))
    return controls.Settings(**values)
