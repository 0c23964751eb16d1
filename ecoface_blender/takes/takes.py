"""Takes: actions of our making that carry all that made them, and the motion that the model gave."""

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..animation import actions, layers
from ..animation import adjust as controls
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds, finding
from ..heads.rig import Rig
from ..request import GenerationRequest
from ..sound import sequencer
from . import curves, speech, stored
from . import names as take_names

CROSSFADE = 0.2  # s, inside either end of a range that is made anew


def receive(
    context: bpy.types.Context,
    request: GenerationRequest,
    motion: np.ndarray,
    rate: float,
    upper: np.ndarray,
    metadata: Mapping[str, Any],
    phones: np.ndarray | None = None,
    head: np.ndarray | None = None,
    gaze: np.ndarray | None = None,
) -> str:
    """Make a take of a motion (T, 53) and let the request's speaker play it; says in a sentence what it did.

    `phones` (T, n) uint8 are shares of those that the metadata name, `head` (T, 3) and `gaze` (T, 2) those of
    a `FlameMotion`. With `request.frames` only these change, in a copy of the take that is played. Whatever
    was played before is kept.

    Raises:
        EcoFaceBlenderError: if scene or speaker are no more what they were, or there is no take to change.
    """
    scene, speaker = stage(request)
    beside = {stored.PHONES: phones, stored.HEAD: head, stored.GAZE: gaze}
    if request.frames:
        return _receive_range(scene, speaker, request, motion, rate, metadata, beside)
    scene_rate = sequencer.scene_rate(scene)
    story = {
        **metadata,
        **take_names.shown_like(request),
        "first_frame": request.first_frame,
        "first_second": request.first_second,
        "motion_rate": rate,
        "scene_rate": scene_rate,
        "last_frame": request.first_frame + (len(motion) - 1) / rate * scene_rate,
        "line": request.stored(left_out=stored.BASELINES),
        **({speech.LEAD_IN: speech.MOST_LEAD_IN} if request.idle else {}),
    }
    name = take_names.take_name(story)
    rig = face_kinds.known_rig(speaker)
    rig.make_editable()
    track = request.emotion_track and Path(request.emotion_track).read_bytes()
    aim = curves.aim(scene, speaker, rig, story, len(motion), rate)
    usual = controls.Settings()
    frames, channels = curves.shown(rig, story, motion, rate, beside, upper, track or None, usual, aim)
    actions.open_sliders(channels)
    moved = {channel.id_data for channel in channels}
    layers.make_way(moved)
    with layers.aside(channel.id_data for channel in channels):
        action = actions.write_channels(channels, frames, name, story)
    _let_rest(rig, moved, action)
    _keep(action, request, motion, upper, beside | {stored.AIM: aim})
    return f"{action.name}: frames {frames[0]:.0f} to {frames[-1]:.0f} ({len(motion) / rate:.1f} s)"


def _keep(
    action: bpy.types.Action,
    request: GenerationRequest,
    motion: np.ndarray,
    upper: np.ndarray,
    beside: Mapping[str, np.ndarray | None],
) -> None:
    """Store with a take all that it was made of and is not in its metadata."""
    action.use_fake_user = True
    stored.number(action)
    stored.store(action, stored.MOTION, np.asarray(motion, "<f4").tobytes())
    stored.store(action, stored.UPPER, np.asarray(upper, "<f4").tobytes())
    for key, columns in beside.items():
        stored.store_curves(action, key, columns)
    for field in stored.BASELINES:
        if values := getattr(request, field):
            action[f"ecoface_{field}"] = json.dumps(values)
    for key, path in ((stored.TRACK, request.emotion_track), (stored.PERFORMANCE, request.emotion_from)):
        if path and Path(path).suffix.lower() == ".npz":  # of the job, and gone after it
            stored.store(action, key, Path(path).read_bytes())


def takes_of(speaker: bpy.types.Object) -> list[bpy.types.Action]:
    """The takes that were made for this speaker, or that it plays, in the order in which they were made."""
    return in_order(action for action in bpy.data.actions if belongs(action, speaker))


def in_order(actions_: Iterable[bpy.types.Action]) -> list[bpy.types.Action]:
    """Takes in the order in which they were made; those of older files first, by their names."""
    return sorted(actions_, key=lambda action: (stored.made(action), action.name))


def belongs(action: bpy.types.Action, speaker: bpy.types.Object) -> bool:
    """Whether a take was made for this speaker, or is played by it."""
    if not stored.is_take(action):
        return False
    made_for = actions.read_metadata(action).get("line", {}).get("speaker")
    return made_for == speaker.name or played(speaker) == action


def playing(speaker: bpy.types.Object) -> bpy.types.Action:
    """The take that the speaker plays.

    Raises:
        EcoFaceBlenderError: if it plays none.
    """
    if (take := played(speaker)) is None:
        raise EcoFaceBlenderError(f"'{speaker.name}' plays no take; generate one, or choose one first.")
    return take


def played(speaker: bpy.types.Object | None) -> bpy.types.Action | None:
    """The take that the speaker plays, under edits or not; None if it plays none, or something else."""
    for owner in _quick_owners(speaker) if speaker else ():
        action = owner.animation_data and owner.animation_data.action
        if strip := layers.strip_below(owner):
            action = strip.action
        if stored.is_take(action):
            return action
    return None


def edited(speaker: bpy.types.Object) -> bpy.types.ID | None:
    """The first data-block of a speaker that plays edits above a take; None if none does."""
    return next((owner for owner in _quick_owners(speaker) if layers.strip_below(owner)), None)


def _quick_owners(speaker: bpy.types.Object) -> list[bpy.types.ID]:
    """Where its take is looked for at each redraw: its own keys, or where the artist's mapping leads."""
    owners = [speaker.data.shape_keys] if speaker.data.shape_keys else []
    if face_kinds.mapped_rows(speaker) and (rig := face_kinds.rig_of(speaker)):  # perhaps to bones alone
        owners += rig.owners
    return owners


def play(speaker: bpy.types.Object, take: bpy.types.Action) -> None:
    """Let the speaker play a take; what it played is kept.

    Raises:
        EcoFaceBlenderError: if the take has no curves for it, or it cannot be animated now.
    """
    owners = face_kinds.known_rig(speaker).owners
    for owner in owners:
        if reason := actions.why_not_animatable(owner):
            raise EcoFaceBlenderError(reason)
    handles = [controls.slot_handle(take, owner, owner.animation_data) for owner in owners]
    slots = [next((slot for slot in take.slots if slot.handle == handle), None) for handle in handles]
    if not any(slots):
        raise EcoFaceBlenderError(f"'{take.name}' has no curves for '{speaker.name}'; choose another take.")
    _let_rest(face_kinds.known_rig(speaker), {o for o, s in zip(owners, slots, strict=True) if s}, take)
    layers.make_way(owner for owner, slot in zip(owners, slots, strict=True) if slot)
    for owner, slot in zip(owners, slots, strict=True):
        if slot is None:  # a part that was no part yet when the take was made
            continue
        before = owner.animation_data and owner.animation_data.action
        if before is not None:
            before.use_fake_user = True
        with layers.aside([owner]):
            actions.assign(owner, take, slot)
        owner.update_tag()


def speaker_of(take: bpy.types.Action) -> bpy.types.Object | None:
    """Who plays a take, else whom it was made for; None if neither is there."""
    name = actions.read_metadata(take).get("line", {}).get("speaker")
    speakers = [item for item in bpy.data.objects if face_kinds.is_face(item)]
    speakers.sort(key=lambda item: (played(item) != take, item.name != name))
    return speakers[0] if speakers and belongs(take, speakers[0]) else None


def _let_rest(rig: Rig, moved: set[bpy.types.ID], take: bpy.types.Action) -> None:
    """What another take of the speaker moves and this one does not goes back to rest."""
    for owner in rig.owners:
        animation = owner.animation_data
        if owner in moved or not isinstance(owner, bpy.types.Object) or animation is None:
            continue
        if stored.is_take(animation.action) and animation.action != take:
            animation.action.use_fake_user = True
            animation.action = None
            if rig.bones:
                rig.bones.rest()


def _receive_range(
    scene: bpy.types.Scene,
    speaker: bpy.types.Object,
    request: GenerationRequest,
    motion: np.ndarray,
    rate: float,
    metadata: Mapping[str, Any],
    made_beside: Mapping[str, np.ndarray | None],
) -> str:
    """A copy of the take that is played, in which the frames of the line are new."""
    take = played(speaker)
    if take is None:
        raise EcoFaceBlenderError(f"'{speaker.name}' plays no take of which frames could be made anew.")
    found = stored.motion_of(take)
    if found is None or request.frames is None:
        raise EcoFaceBlenderError(f"The motion in '{take.name}' is damaged; generate a new take.")
    old, old_rate = found
    story = actions.read_metadata(take)
    scene_rate, first_frame = story["scene_rate"], story["first_frame"]
    later = curves.settings_of(take).offset * scene_rate
    start, end = request.frames
    share = partial(_share, start=start, end=end, fade=CROSSFADE * scene_rate)
    at = first_frame + np.arange(len(old)) / old_rate * scene_rate  # scene time of the stored motion
    new_at = request.first_frame + np.arange(len(motion)) / rate * scene_rate
    new = np.column_stack([np.interp(at, new_at, column) for column in motion.T])
    before = curves.beside(take)
    if metadata.get("phones") != story.get("phones"):
        before |= {stored.PHONES: None}
    beside = {key: _at(new_at, made_beside[key], at, before[key]) for key in before}
    taken = share(at + later)[:, None]
    if not taken.any():
        raise EcoFaceBlenderError(
            f"Frames {start} to {end} lie outside the take '{take.name}'; choose others."
        )
    made = {"frames": [start - later, end - later], **metadata, **take_names.shown_like(request)}
    made_by, story = story, story | {"parts": [*story.get("parts", []), made]}
    frames, channels = curves.of_take(
        take,
        face_kinds.known_rig(speaker),
        new,
        old_rate,
        beside,
        curves.settings_of(take),
        stored.aim_of(take),
        story,
    )
    copy = take.copy()
    copy.use_fake_user = True
    stored.number(copy)
    copy.name = take_names.renamed(take.name, made_by, story)
    play(speaker, copy)
    controls.blend_keys(copy, frames + later, channels, share)
    stored.store(copy, stored.MOTION, ((1 - taken) * old + taken * new).astype("<f4").tobytes())
    for key, columns in beside.items():
        was = before[key]
        mixed = None if columns is None or was is None else (1 - taken) * was + taken * columns
        stored.store_curves(copy, key, mixed)  # without, what was told of it before goes
    actions.write_metadata(copy, story)
    return f"{copy.name}: frames {start} to {end} are new"


def _at(
    moments: np.ndarray, columns: np.ndarray | None, wanted: np.ndarray, before: np.ndarray | None
) -> np.ndarray | None:
    """Columns (n, k) of some moments (n,) at others (T,), where the take has had such; else as before."""
    if before is None:
        return None
    if columns is None:
        return None if before.dtype == np.uint8 else before
    return np.column_stack([np.interp(wanted, moments, column) for column in columns.T])


def _share(frames: np.ndarray, start: int, end: int, fade: float) -> np.ndarray:
    """(T,) 0 to 1, how much of what was made anew from `start` to `end` shows in these frames (T,)."""
    inside = np.minimum(frames - start, end - frames)
    return np.where(inside >= -1e-4, ((inside + 1) / (min(fade, max(end - start, 1) / 2) + 1)).clip(0, 1), 0)


def stage(request: GenerationRequest) -> tuple[bpy.types.Scene, bpy.types.Object]:
    """Scene and speaker of a line, which may have gone since it was started."""
    scene = bpy.data.scenes.get(request.scene)
    speaker = scene and finding.named(scene, request.speaker)
    if scene is None or speaker is None:
        gone = f"scene '{request.scene}'" if scene is None else f"head '{request.speaker}'"
        raise EcoFaceBlenderError(f"The {gone} is gone: it was deleted or renamed meanwhile; generate again.")
    return scene, speaker
