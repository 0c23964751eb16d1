"""Takes: actions of our making that carry all that made them, and the motion that the model gave."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..animation import actions, layers
from ..animation import adjust as controls
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds, own_head, rigs
from ..request import GenerationRequest
from ..sound import sequencer
from . import names as take_names
from . import speech as spoken

MOTION, PHONES, UPPER, TRACK, PERFORMANCE = (
    "ecoface_motion",
    "ecoface_phones",
    "ecoface_upper",
    "ecoface_emotion_track",
    "ecoface_performance",
)
"""Custom properties of a take: motion (T, 53) and `upper` (50, 50) as float32, phones (T, n) as bytes; files
it was made of."""
BASELINES = ("baseline", "reference_baseline")
"""Fields of a request that a take keeps in properties of their own: its panel reads the others often."""
MOTION_DIM = own_head.N_EXPRESSIONS + 3
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
        "line": request.stored(left_out=BASELINES),
    }
    name = take_names.take_name(story)
    rigs.make_editable(speaker)
    track = request.emotion_track and Path(request.emotion_track).read_bytes()
    shown = (motion, rate, phones, upper, track or None, controls.Settings())
    frames, channels = spoken.channels(speaker, story, *shown)
    rigs.open_sliders(channels)
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
    _store(action, MOTION, np.asarray(motion, "<f4").tobytes())
    _store(action, UPPER, np.asarray(upper, "<f4").tobytes())
    if phones is not None:
        _store(action, PHONES, np.asarray(phones, np.uint8).tobytes())
    for field in BASELINES:
        if values := getattr(request, field):
            action[f"ecoface_{field}"] = json.dumps(values)
    for key, path in ((TRACK, request.emotion_track), (PERFORMANCE, request.emotion_from)):
        if path and Path(path).suffix.lower() == ".npz":  # of the job, and gone after it
            _store(action, key, Path(path).read_bytes())


def read_motion(
    path: Path,
) -> tuple[np.ndarray, float, np.ndarray, dict[str, Any], np.ndarray | None]:
    """Motion (T, 53), its rate, `upper` (50, 50), metadata and phones from the file that the engine wrote.

    Phones are shares (T, n), 0 to 255, of those that the metadata name; None where the model tells none.
    """
    with np.load(path, allow_pickle=False) as arrays:
        return (
            arrays["motion"],
            float(arrays["fps"]),
            arrays["upper"],
            json.loads(str(arrays["metadata"])),
            arrays.get("phones"),
        )


def heard_in(take: bpy.types.Action) -> dict[str, Any] | None:
    """What the engine heard of the emotion that the take shows, as it told; None if it was not heard."""
    heard = actions.read_metadata(take).get("heard")
    return heard if isinstance(heard, dict) else None


def describe(speaker: bpy.types.Object) -> str | None:
    """What made the keys that the head has now; None if they are not ours."""
    animation = speaker.data.shape_keys.animation_data
    action = animation and animation.action
    made_by = actions.read_metadata(action) if action else {}
    if not {"style", "emotion", "seed"} <= made_by.keys():
        return None
    return f"{action.name}: {take_names.description(made_by)}"


def is_take(action: bpy.types.Action | None) -> bool:
    """Whether it carries the motion it was made of."""
    return action is not None and MOTION in action


def stored_motion(action: bpy.types.Action) -> tuple[np.ndarray, float] | None:
    """The motion (T, 53) as the model gave it, and its rate; None if this is no take of ours."""
    stored, story = action.get(MOTION), actions.read_metadata(action)
    if not isinstance(stored, bytes) or not stored or len(stored) % (4 * MOTION_DIM):
        return None
    return np.frombuffer(stored, "<f4").reshape(-1, MOTION_DIM), float(story.get("motion_rate", 25.0))


def stored_phones(action: bpy.types.Action) -> np.ndarray | None:
    """Shares (T, n) uint8 of the phones that its metadata name; None of takes that were made without."""
    stored, names = action.get(PHONES), actions.read_metadata(action).get("phones")
    if not isinstance(stored, bytes) or not names or len(stored) % len(names):
        return None
    phones = np.frombuffer(stored, np.uint8).reshape(-1, len(names))
    found = stored_motion(action)
    return phones if found is not None and len(found[0]) == len(phones) else None


def takes_of(speaker: bpy.types.Object) -> list[bpy.types.Action]:
    """The takes that were made for this speaker, or that it plays."""
    return [action for action in bpy.data.actions if belongs(action, speaker)]


def belongs(action: bpy.types.Action, speaker: bpy.types.Object) -> bool:
    """Whether a take was made for this speaker, or is played by it."""
    if not is_take(action):
        return False
    made_for = actions.read_metadata(action).get("line", {}).get("speaker")
    return made_for == speaker.name or played(speaker) == action


def played(speaker: bpy.types.Object | None) -> bpy.types.Action | None:
    """The take that the speaker plays, under edits or not; None if it plays none, or something else."""
    owners = [speaker.data.shape_keys] if speaker and speaker.data.shape_keys else []
    if speaker and face_kinds.mapped_rows(speaker):  # perhaps to bones alone
        owners += rigs.owners(speaker)
    for owner in owners:
        action = owner.animation_data and owner.animation_data.action
        if strip := layers.strip_below(owner):
            action = strip.action
        if is_take(action):
            return action
    return None


def play(speaker: bpy.types.Object, take: bpy.types.Action) -> None:
    """Let the speaker play a take; what it played is kept.

    Raises:
        EcoFaceBlenderError: if the take has no curves for it, or it cannot be animated now.
    """
    owners = rigs.owners(speaker)
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
    found, speaker = stored_motion(take), speaker_of(take)
    if found is None or speaker is None or now == before or not take.is_editable:
        return
    phones = stored_phones(take)
    frames, new = _base(take, speaker, *found, phones, now)
    state = take.name, take[actions.METADATA], take[MOTION], len(new)
    if _shown[0] == (*state, before):
        old = [replace(curve, values=values) for curve, values in zip(new, _shown[1], strict=True)]
    else:
        _, old = _base(take, speaker, *found, phones, before)
    _shown = (*state, now), [curve.values for curve in new]
    scene_rate = actions.read_metadata(take)["scene_rate"]
    controls.move_keys(take, frames, old, new, before.offset * scene_rate, now.offset * scene_rate)
    group.applied = tuple(asdict(now).values())
    for owner in rigs.owners(speaker):
        owner.update_tag()


def _base(
    take: bpy.types.Action,
    speaker: bpy.types.Object,
    motion: np.ndarray,
    rate: float,
    phones: np.ndarray | None,
    settings: controls.Settings,
    story: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, list[actions.Channel]]:
    """The frames of a take, offset aside, and what the settings make of its motion and phones there."""
    story = story or actions.read_metadata(take)
    upper = np.frombuffer(take[UPPER], "<f4").reshape(own_head.N_EXPRESSIONS, -1)
    return spoken.channels(speaker, story, motion, rate, phones, upper, take.get(TRACK), settings)


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
    old, old_rate = stored_motion(take)
    story = actions.read_metadata(take)
    scene_rate, first_frame = story["scene_rate"], story["first_frame"]
    later = settings_of(take).offset * scene_rate
    start, end = request.frames
    share = partial(_share, start=start, end=end, fade=CROSSFADE * scene_rate)
    at = first_frame + np.arange(len(old)) / old_rate * scene_rate  # scene time of the stored motion
    new_at = request.first_frame + np.arange(len(motion)) / rate * scene_rate
    new = np.column_stack([np.interp(at, new_at, column) for column in motion.T])
    before = stored_phones(take)
    said = None
    if phones is not None and before is not None and metadata.get("phones") == story.get("phones"):
        said = np.column_stack([np.interp(at, new_at, column) for column in phones.T])
    taken = share(at + later)[:, None]
    if not taken.any():
        raise EcoFaceBlenderError(
            f"Frames {start} to {end} lie outside the take '{take.name}'; choose others."
        )
    made = {"frames": [start - later, end - later], **metadata, **take_names.shown_like(request)}
    made_by, story = story, story | {"parts": [*story.get("parts", []), made]}
    frames, channels = _base(take, speaker, new, old_rate, said, settings_of(take), story)
    copy = take.copy()
    copy.use_fake_user = True
    copy.name = take_names.renamed(take.name, made_by, story)
    play(speaker, copy)
    controls.blend_keys(copy, frames + later, channels, share)
    _store(copy, MOTION, ((1 - taken) * old + taken * new).astype("<f4").tobytes())
    if said is not None:
        mixed = np.round((1 - taken) * before + taken * said)
        _store(copy, PHONES, mixed.astype(np.uint8).tobytes())
    elif PHONES in copy:  # of what was said there before
        del copy[PHONES]
    actions.write_metadata(copy, story)
    return f"{copy.name}: frames {start} to {end} are new"


def _share(frames: np.ndarray, start: int, end: int, fade: float) -> np.ndarray:
    """(T,) 0 to 1, how much of what was made anew from `start` to `end` shows in these frames (T,)."""
    inside = np.minimum(frames - start, end - frames)
    return np.where(inside >= -1e-4, ((inside + 1) / (min(fade, max(end - start, 1) / 2) + 1)).clip(0, 1), 0)


def _store(action: bpy.types.Action, key: str, data: bytes) -> None:
    """Into a new custom property: Blender cuts bytes at their first zero where it replaces others."""
    if key in action:
        del action[key]
    action[key] = data


def stage(request: GenerationRequest) -> tuple[bpy.types.Scene, bpy.types.Object]:
    """Scene and speaker of a line, which may have gone since it was started."""
    scene = bpy.data.scenes.get(request.scene)
    speaker = scene and rigs.named(scene, request.speaker)
    if scene is None or speaker is None:
        gone = f"scene '{request.scene}'" if scene is None else f"head '{request.speaker}'"
        raise EcoFaceBlenderError(f"The {gone} is gone: it was deleted or renamed meanwhile; generate again.")
    return scene, speaker
