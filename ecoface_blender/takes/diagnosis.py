"""Why a face with keys is still: what Blender lets win over them, in the words of its editors."""

import bpy

from ..animation import layers
from ..heads import face_kinds
from ..heads import report as face_report
from . import stored, takes


def why_still(scene: bpy.types.Scene, speaker: bpy.types.Object) -> str | None:
    """The first thing that keeps the speaker's keys from being seen, in one sentence; None if nothing does.

    Asked at each redraw: it reads settings and evaluates nothing.
    """
    keys = speaker.data.shape_keys
    animation = keys.animation_data
    tracks = list(animation.nla_tracks) if animation else []
    if not takes.takes_of(speaker) and not (animation and (animation.action or tracks)):
        return None  # there are no keys yet
    if not face_kinds.known_rig(speaker).moved_keys:  # but bones
        return None
    return (
        _shown_otherwise(speaker)
        or _nothing_played(speaker, tracks)
        or _hidden_by_the_nla(speaker, tracks)
        or _without_curves(speaker)
        or _outside(scene, speaker)
    )


def _shown_otherwise(speaker: bpy.types.Object) -> str | None:
    """The object shows its keys in another way than by their values."""
    keys, name = speaker.data.shape_keys, speaker.name
    if speaker.mode == "EDIT":
        return f"'{name}' is in Edit Mode, which shows one shape key alone; leave it."
    if speaker.show_only_shape_key:
        shown = speaker.active_shape_key.name if speaker.active_shape_key else "none"
        return f"'{name}' shows its shape key '{shown}' alone; switch off the pin in Object Data, Shape Keys."
    if not keys.use_relative:
        return f"The shape keys of '{name}' are absolute; switch on Relative in Object Data, Shape Keys."
    names = face_kinds.known_rig(speaker).moved_keys
    muted = [each for each in names if keys.key_blocks[each].mute]
    if 2 * len(muted) > len(names):
        return (
            f"{len(muted)} of the {len(names)} shape keys of '{name}' are muted, the first is '{muted[0]}'; "
            "tick them in Object Data, Shape Keys."
        )
    driven = [curve for curve in keys.animation_data.drivers if not curve.mute] if keys.animation_data else []
    paths = {keys.key_blocks[each].path_from_id("value") for each in names}
    driven = [curve for curve in driven if curve.data_path in paths]
    if 2 * len(driven) > len(names):
        return f"Drivers move {len(driven)} shape keys of '{name}' and win over its keyframes; delete them."
    return face_report.why_cut(speaker)


def _nothing_played(speaker: bpy.types.Object, tracks: list[bpy.types.NlaTrack]) -> str | None:
    """There is a take, but not in the animation of this head."""
    keys, name = speaker.data.shape_keys, speaker.name
    animation = keys.animation_data
    if animation is None or not (animation.action or tracks):
        if speaker.override_library and speaker.override_library.is_system_override:
            return f"The override of '{name}' is not editable; choose Make Library Override again for it."
        if not keys.is_editable:
            return f"'{name}' is linked from another file; make it local, or override it."
        return f"'{name}' plays no action; click on a take."
    if animation.action and animation.action_slot is None:
        return (
            f"'{name}' plays the action '{animation.action.name}' without a slot; "
            "choose one in the Action editor, or click on a take."
        )
    return None


def _hidden_by_the_nla(speaker: bpy.types.Object, tracks: list[bpy.types.NlaTrack]) -> str | None:
    """The Nonlinear Animation editor keeps the action or the strips from playing."""
    keys, name = speaker.data.shape_keys, speaker.name
    animation = keys.animation_data
    if animation.use_tweak_mode:
        return f"A strip of '{name}' is in tweak mode in the Nonlinear Animation editor; leave it."
    solo = next((track for track in tracks if track.is_solo), None)
    if solo and (animation.action or not _takes_in(solo)):
        return f"Only the NLA track '{solo.name}' of '{name}' plays; switch off its star (solo)."
    if animation.action and not layers.strip_below(keys):
        if tracks and animation.use_nla and animation.action_influence == 0:
            return f"The influence of the action '{animation.action.name}' is 0; raise it in the NLA editor."
        return None
    if not animation.use_nla:
        return (
            f"'{name}' has its take in the NLA, which is switched off; switch the NLA on, or click on a take."
        )
    for track in tracks:
        strips = _takes_in(track)
        if strips and track.mute and not solo:
            return f"The NLA track '{track.name}' of '{name}' is muted; unmute it."
        if strips and all(strip.mute for strip in strips):
            return f"The NLA strip '{strips[0].name}' of '{name}' is muted; unmute it (H)."
    return None


def _without_curves(speaker: bpy.types.Object) -> str | None:
    """The action that is played has no curves that move the face."""
    keys, name = speaker.data.shape_keys, speaker.name
    animation = keys.animation_data
    action = animation.action
    if action is None or any(_takes_in(track) for track in animation.nla_tracks):
        return None
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    own = [bag for bag in bags if bag.slot_handle == animation.action_slot.handle]
    paths = {keys.key_blocks[each].path_from_id("value") for each in face_kinds.known_rig(speaker).moved_keys}
    curves = [curve for bag in own for curve in bag.fcurves if curve.data_path in paths]
    if not curves and stored.is_take(action):
        return (
            f"'{name}' plays the wrong slot '{animation.action_slot.name_display}' of '{action.name}'; "
            "choose another in the Action editor."
        )
    if not curves:
        return (
            f"'{name}' plays another action, '{action.name}', that does not move its face; click on a take."
        )
    muted = [curve for curve in curves if curve.mute]
    if 2 * len(muted) > len(curves):
        return (
            f"{len(muted)} of the {len(curves)} channels of '{action.name}' are muted; "
            "unmute them in the Graph editor."
        )
    return None


def _outside(scene: bpy.types.Scene, speaker: bpy.types.Object) -> str | None:
    """What is played is over, or begins later, than the scene's frames."""
    take = takes.played(speaker)
    if take is None:
        return None
    preview = scene.use_preview_range
    first = scene.frame_preview_start if preview else scene.frame_start
    last = scene.frame_preview_end if preview else scene.frame_end
    start, end = take.curve_frame_range
    if end < first or start > last:
        return (
            f"'{take.name}' speaks in frames {start:.0f} to {end:.0f}, outside the "
            f"{'preview range' if preview else 'scene'} ({first} to {last}); move either."
        )
    return None


def _takes_in(track: bpy.types.NlaTrack) -> list[bpy.types.NlaStrip]:
    return [strip for strip in track.strips if stored.is_take(strip.action)]
