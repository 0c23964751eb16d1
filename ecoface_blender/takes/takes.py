"""Takes: actions of our making that carry all that made them, and the motion that the model gave."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..animation import actions, layers
from ..animation import adjust as controls
from ..channels import Channel
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds, finding
from ..heads.head_turn import HeadTurn
from ..heads.rig import Rig
from ..request import GenerationRequest
from ..sound import sequencer
from . import names as take_names
from . import speech as spoken
from . import stored, turns

CROSSFADE = 0.2  # s, inside either end of a range that is made anew
TURN = ("head_motion", "gaze")
FACE = tuple(f.name for f in fields(controls.Settings) if f.name not in TURN)
"""Controls by what they are of, in the order in which a take keeps those that were applied."""


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
    }
    name = take_names.take_name(story)
    rig = face_kinds.known_rig(speaker)
    rig.make_editable()
    track = request.emotion_track and Path(request.emotion_track).read_bytes()
    settings = controls.Settings()
    aim = _aim(scene, speaker, rig, story, len(motion), rate)
    turn = turns.shown(rig, head, gaze, aim, len(motion), rate, settings)
    lowered = turns.lowered(turn, gaze)
    shown = (motion, rate, phones, upper, track or None, settings, turn, lowered)
    frames, channels = spoken.channels(rig, story, *shown)
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
    for key, curves in beside.items():
        stored.store_curves(action, key, curves)
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


def settings_of(take: bpy.types.Action) -> controls.Settings:
    """What the take's controls say."""
    return controls.Settings(
        **{f.name: getattr(take.ecoface_take, f.name) for f in fields(controls.Settings)}
    )


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
    take = played(speaker)
    found = take and stored.motion_of(take)
    if take is None or found is None:
        return
    scene = speaker.users_scene[0] if speaker.users_scene else bpy.context.scene
    story, rig = actions.read_metadata(take), face_kinds.known_rig(speaker)
    _renew(take, _aim(scene, speaker, rig, story, len(found[0]), found[1]))


def turn(speaker: bpy.types.Object) -> None:
    """Give the take that a speaker plays curves for bones that it got since; those it has stay as they are.

    Raises:
        EcoFaceBlenderError: if a bone's armature cannot be animated now.
    """
    take = played(speaker)
    found = take and stored.motion_of(take)
    if take is None or found is None:
        return
    rig, settings, (motion, rate) = face_kinds.known_rig(speaker), settings_of(take), found
    frames, channels = _base(take, rig, motion, rate, _beside(take), settings, stored.aim_of(take))
    later = settings.offset * actions.read_metadata(take)["scene_rate"]
    bones = [each for each in channels if isinstance(each.id_data, bpy.types.Object)]
    _complete(take, rig, frames + later, bones)


def _renew(take: bpy.types.Action, aim: np.ndarray | None) -> None:
    """Exchange what controls and target gave before for what they give now."""
    global _shown
    group = take.ecoface_take
    now, before = settings_of(take), _applied(group)
    aimed = stored.aim_of(take)
    found, speaker = stored.motion_of(take), speaker_of(take)
    same = now == before and np.array_equal(-1 if aim is None else aim, -1 if aimed is None else aimed)
    if found is None or speaker is None or same or not take.is_editable:
        return
    rig = face_kinds.known_rig(speaker)
    beside = _beside(take)
    frames, new = _base(take, rig, *found, beside, now, aim)
    was_aim = aimed
    if aim is None and aimed is not None:  # curves of head and eyes stay, at what the motion alone gives
        frames, new = _base(take, rig, *found, beside, now, None, turned=True)
    still = aimed is None and stored.head_of(take) is None and stored.gaze_of(take) is None
    kept = tuple(take.get(key) for key in (stored.MOTION, stored.HEAD, stored.GAZE))
    state = take.name, take[actions.METADATA], kept, len(new), take.get(stored.AIM)
    if _shown[0] == (*state, before):
        old = [replace(curve, values=values) for curve, values in zip(new, _shown[1], strict=True)]
    else:
        _, old = _base(take, rig, *found, beside, before, was_aim, turned=aim is not None)
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
    if rig.bones and edited(rig.speaker) is None:
        layers.make_way([rig.bones.armature])
    actions.add_channels(take, turned, frames)


def _applied(group: bpy.types.PropertyGroup) -> controls.Settings:
    """The controls for which the keys of a take were computed."""
    values = dict(zip((*FACE, *TURN), (*group.applied, *group.applied_turn), strict=True))
    return controls.Settings(**values)


def _aim(
    scene: bpy.types.Scene, speaker: bpy.types.Object, rig: Rig, story: Mapping[str, Any], n: int, rate: float
) -> np.ndarray | None:
    """Where the speaker's target is (T, 3) at the times of a take's motion; None if it looks at nothing."""
    target = turns.target_of(speaker)
    if target is None:
        return None
    moments = story["first_frame"] + np.arange(n) / rate * story["scene_rate"]
    return turns.aim_at(scene, rig, target, moments).astype(np.float32)


def _beside(take: bpy.types.Action) -> dict[str, np.ndarray | None]:
    """What a take keeps beside its motion."""
    return {
        stored.PHONES: stored.phones_of(take),
        stored.HEAD: stored.head_of(take),
        stored.GAZE: stored.gaze_of(take),
    }


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


def _base(
    take: bpy.types.Action,
    rig: Rig,
    motion: np.ndarray,
    rate: float,
    beside: Mapping[str, np.ndarray | None],
    settings: controls.Settings,
    aim: np.ndarray | None,
    story: Mapping[str, Any] | None = None,
    turned: bool = False,
) -> tuple[np.ndarray, list[Channel]]:
    """The frames of a take, offset aside, and what the settings make of its motion and phones there.

    With `turned` there are curves of head and eyes even where nothing tells of them.
    """
    story = story or actions.read_metadata(take)
    upper = stored.upper_of(take)
    assert upper is not None, "of a whole take"
    head, gaze = beside[stored.HEAD], beside[stored.GAZE]
    turn = turns.shown(rig, head, gaze, aim, len(motion), rate, settings)
    if turn is None and turned:
        turn = HeadTurn.of(None, None, len(motion))
    phones, track = beside[stored.PHONES], take.get(stored.TRACK)
    lowered = turns.lowered(turn, gaze)
    return spoken.channels(rig, story, motion, rate, phones, upper, track, settings, turn, lowered)


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
    later = settings_of(take).offset * scene_rate
    start, end = request.frames
    share = partial(_share, start=start, end=end, fade=CROSSFADE * scene_rate)
    at = first_frame + np.arange(len(old)) / old_rate * scene_rate  # scene time of the stored motion
    new_at = request.first_frame + np.arange(len(motion)) / rate * scene_rate
    new = np.column_stack([np.interp(at, new_at, column) for column in motion.T])
    before = _beside(take)
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
    aim = stored.aim_of(take)
    frames, channels = _base(
        take, face_kinds.known_rig(speaker), new, old_rate, beside, settings_of(take), aim, story
    )
    copy = take.copy()
    copy.use_fake_user = True
    stored.number(copy)
    copy.name = take_names.renamed(take.name, made_by, story)
    play(speaker, copy)
    controls.blend_keys(copy, frames + later, channels, share)
    stored.store(copy, stored.MOTION, ((1 - taken) * old + taken * new).astype("<f4").tobytes())
    for key, curves in beside.items():
        was = before[key]
        mixed = None if curves is None or was is None else (1 - taken) * was + taken * curves
        stored.store_curves(copy, key, mixed)  # without, what was told of it before goes
    actions.write_metadata(copy, story)
    return f"{copy.name}: frames {start} to {end} are new"


def _at(
    moments: np.ndarray, curves: np.ndarray | None, wanted: np.ndarray, before: np.ndarray | None
) -> np.ndarray | None:
    """Curves (n, k) of some moments (n,) at others (T,), where the take has had such; else as before."""
    if before is None:
        return None
    if curves is None:
        return None if before.dtype == np.uint8 else before
    return np.column_stack([np.interp(wanted, moments, column) for column in curves.T])


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
