"""Takes: actions of our making that carry all that made them, and the motion that the model gave."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
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
from ..heads.rig import Rig
from ..request import GenerationRequest
from ..sound import sequencer
from . import names as take_names
from . import speech as spoken
from . import stored

CROSSFADE = 0.2  # s, inside either end of a range that is made anew


def receive(
    context: bpy.types.Context,
    request: GenerationRequest,
    motion: np.ndarray,
    rate: float,
    upper: np.ndarray,
    metadata: Mapping[str, Any],
    phones: np.ndarray | None = None,
) -> str:
    """Make a take of a motion (T, 53) and let the request's speaker play it; says in a sentence what it did.

    `phones` (T, n) uint8 are shares of those that the metadata name. With `request.frames` only these
    change, in a copy of the take that is played. Whatever was played before is kept.

    Raises:
        EcoFaceBlenderError: if scene or speaker are no more what they were, or there is no take to change.
    """
    scene, speaker = stage(request)
    if request.frames:
        return _receive_range(scene, speaker, request, motion, rate, metadata, phones)
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
    shown = (motion, rate, phones, upper, track or None, controls.Settings())
    frames, channels = spoken.channels(rig, story, *shown)
    actions.open_sliders(channels)
    with layers.aside(channel.id_data for channel in channels):
        action = actions.write_channels(channels, frames, name, story)
    _keep(action, request, motion, upper, phones)
    return f"{action.name}: frames {frames[0]:.0f} to {frames[-1]:.0f} ({len(motion) / rate:.1f} s)"


def _keep(
    action: bpy.types.Action,
    request: GenerationRequest,
    motion: np.ndarray,
    upper: np.ndarray,
    phones: np.ndarray | None,
) -> None:
    """Store with a take all that it was made of and is not in its metadata."""
    action.use_fake_user = True
    stored.number(action)
    stored.store(action, stored.MOTION, np.asarray(motion, "<f4").tobytes())
    stored.store(action, stored.UPPER, np.asarray(upper, "<f4").tobytes())
    if phones is not None:
        stored.store(action, stored.PHONES, np.asarray(phones, np.uint8).tobytes())
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
    global _shown
    group = take.ecoface_take
    now, before = settings_of(take), controls.Settings(*group.applied)
    found, speaker = stored.motion_of(take), speaker_of(take)
    if found is None or speaker is None or now == before or not take.is_editable:
        return
    phones, rig = stored.phones_of(take), face_kinds.known_rig(speaker)
    frames, new = _base(take, rig, *found, phones, now)
    state = take.name, take[actions.METADATA], take[stored.MOTION], len(new)
    if _shown[0] == (*state, before):
        old = [replace(curve, values=values) for curve, values in zip(new, _shown[1], strict=True)]
    else:
        _, old = _base(take, rig, *found, phones, before)
    _shown = (*state, now), [curve.values for curve in new]
    scene_rate = actions.read_metadata(take)["scene_rate"]
    controls.move_keys(take, frames, old, new, before.offset * scene_rate, now.offset * scene_rate)
    group.applied = tuple(asdict(now).values())
    for owner in rig.owners:
        owner.update_tag()


def _base(
    take: bpy.types.Action,
    rig: Rig,
    motion: np.ndarray,
    rate: float,
    phones: np.ndarray | None,
    settings: controls.Settings,
    story: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, list[Channel]]:
    """The frames of a take, offset aside, and what the settings make of its motion and phones there."""
    story = story or actions.read_metadata(take)
    upper = stored.upper_of(take)
    assert upper is not None, "of a whole take"
    return spoken.channels(rig, story, motion, rate, phones, upper, take.get(stored.TRACK), settings)


def _receive_range(
    scene: bpy.types.Scene,
    speaker: bpy.types.Object,
    request: GenerationRequest,
    motion: np.ndarray,
    rate: float,
    metadata: Mapping[str, Any],
    phones: np.ndarray | None,
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
    before = stored.phones_of(take)
    said = None
    if phones is not None and before is not None and metadata.get("phones") == story.get("phones"):
        said = np.column_stack([np.interp(at, new_at, column) for column in phones.T])
    taken = share(at + later)[:, None]
    if not taken.any():
        raise EcoFaceBlenderError(
            f"Frames {start} to {end} lie outside the take '{take.name}'; choose others."
        )
    mixed = None if said is None or before is None else np.round((1 - taken) * before + taken * said)
    made = {"frames": [start - later, end - later], **metadata, **take_names.shown_like(request)}
    made_by, story = story, story | {"parts": [*story.get("parts", []), made]}
    frames, channels = _base(
        take, face_kinds.known_rig(speaker), new, old_rate, said, settings_of(take), story
    )
    copy = take.copy()
    copy.use_fake_user = True
    stored.number(copy)
    copy.name = take_names.renamed(take.name, made_by, story)
    play(speaker, copy)
    controls.blend_keys(copy, frames + later, channels, share)
    stored.store(copy, stored.MOTION, ((1 - taken) * old + taken * new).astype("<f4").tobytes())
    if mixed is not None:
        stored.store(copy, stored.PHONES, mixed.astype(np.uint8).tobytes())
    elif stored.PHONES in copy:  # of what was said there before
        del copy[stored.PHONES]
    actions.write_metadata(copy, story)
    return f"{copy.name}: frames {start} to {end} are new"


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
