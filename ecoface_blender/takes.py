"""Takes: actions of our making that carry all that made them, and the motion that the model gave."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from . import choices, controls, emotion_reference, head, keyframes, layers, sequencer, targets
from .errors import EcoFaceBlenderError

MOTION, UPPER, TRACK, PERFORMANCE = (
    "ecoface_motion",
    "ecoface_upper",
    "ecoface_emotion_track",
    "ecoface_performance",
)
"""Custom properties of a take: motion (T, 53) and `upper` (50, 50) as float32; files it was made of."""
MOTION_DIM = head.N_EXPRESSIONS + 3
CROSSFADE = 0.2  # s, inside either end of a range that is made anew


def receive(
    context: bpy.types.Context,
    line: choices.Line,
    motion: np.ndarray,
    rate: float,
    upper: np.ndarray,
    metadata: Mapping[str, Any],
) -> str:
    """Make a take of a motion (T, 53) and let the line's speaker play it; says in a sentence what it did.

    With `line.frames` only these change, in a copy of the take that is played. Whatever was played before is
    kept.

    Raises:
        EcoFaceBlenderError: if scene or speaker are no more what they were, or there is no take to change.
    """
    scene, speaker = stage(line)
    if line.frames:
        return _receive_range(scene, speaker, line, motion, rate, metadata)
    scene_rate = sequencer.scene_rate(scene)
    frames, at_frames = keyframes.resample_to_scene(motion, rate, scene_rate, line.first_frame)
    story = {
        **metadata,
        "first_frame": line.first_frame,
        "first_second": line.first_second,
        "motion_rate": rate,
        "scene_rate": scene_rate,
        "line": asdict(line),
    }
    name = take_name(line, metadata)
    targets.make_editable(speaker)
    channels = targets.channels(speaker, at_frames)
    targets.open_sliders(channels)
    with layers.aside(channel.id_data for channel in channels):
        action = keyframes.write_channels(channels, frames, name, story)
    action.use_fake_user = True
    _store(action, MOTION, np.asarray(motion, "<f4").tobytes())
    _store(action, UPPER, np.asarray(upper, "<f4").tobytes())
    for key, path in ((TRACK, line.emotion_track), (PERFORMANCE, line.emotion_from)):
        if path and Path(path).suffix.lower() == ".npz":  # of the job, and gone after it
            _store(action, key, Path(path).read_bytes())
    return f"{action.name}: frames {frames[0]:.0f} to {frames[-1]:.0f} ({len(motion) / rate:.1f} s)"


def take_name(line: choices.Line, metadata: Mapping[str, Any]) -> str:
    """After the sound, the style and the emotion; short enough for Blender to number it."""
    style, emotion = metadata.get("style") or "", str(metadata.get("emotion") or "").replace(":", " ")
    if line.emotion_from:
        emotion = f"like {line.emotion_head or line.emotion_strip or Path(line.emotion_from).stem}"
    return " ".join(f"{Path(line.sound).stem[:28]} {style} {emotion}".split())[:52]


def is_take(action: bpy.types.Action | None) -> bool:
    """Whether it carries the motion it was made of."""
    return action is not None and MOTION in action


def stored_motion(action: bpy.types.Action) -> tuple[np.ndarray, float] | None:
    """The motion (T, 53) as the model gave it, and its rate; None if this is no take of ours."""
    stored, story = action.get(MOTION), keyframes.read_metadata(action)
    if not isinstance(stored, bytes) or not stored or len(stored) % (4 * MOTION_DIM):
        return None
    return np.frombuffer(stored, "<f4").reshape(-1, MOTION_DIM), float(story.get("motion_rate", 25.0))


def takes_of(speaker: bpy.types.Object) -> list[bpy.types.Action]:
    """The takes that were made for this speaker, or that it plays."""
    return [action for action in bpy.data.actions if belongs(action, speaker)]


def belongs(action: bpy.types.Action, speaker: bpy.types.Object) -> bool:
    """Whether a take was made for this speaker, or is played by it."""
    if not is_take(action):
        return False
    made_for = keyframes.read_metadata(action).get("line", {}).get("speaker")
    return made_for == speaker.name or played(speaker) == action


def played(speaker: bpy.types.Object | None) -> bpy.types.Action | None:
    """The take that the speaker plays, under edits or not; None if it plays none, or something else."""
    owners = [speaker.data.shape_keys] if speaker and speaker.data.shape_keys else []
    if speaker and targets.mapped_rows(speaker):  # perhaps to bones alone
        owners += targets.owners(speaker)
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
    owners = targets.owners(speaker)
    for owner in owners:
        if reason := keyframes.why_not_animatable(owner):
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
            keyframes.assign(owner, take, slot)
        owner.update_tag()


def speaker_of(take: bpy.types.Action) -> bpy.types.Object | None:
    """Who plays a take, else whom it was made for; None if neither is there."""
    name = keyframes.read_metadata(take).get("line", {}).get("speaker")
    speakers = [item for item in bpy.data.objects if targets.is_face(item)]
    speakers.sort(key=lambda item: (played(item) != take, item.name != name))
    return speakers[0] if speakers and belongs(take, speakers[0]) else None


def line_again(context: bpy.types.Context, take: bpy.types.Action, folder: str) -> choices.Line:
    """The line that made a take; files that were the job's own are written into `folder` again.

    Raises:
        EcoFaceBlenderError: if what it was made of is not stored, or its sound is gone.
    """
    stored = keyframes.read_metadata(take).get("line")
    if not isinstance(stored, dict):
        raise EcoFaceBlenderError(f"'{take.name}' does not say what it was made of; generate a new take.")
    known = {field.name for field in fields(choices.Line)}
    line = choices.Line(**{name: value for name, value in stored.items() if name in known})
    changes: dict[str, Any] = {"add_strip": False, "frames": None, "scene": context.scene.name}
    if speaker := speaker_of(take):
        changes["speaker"] = speaker.name
    for key, field in ((TRACK, "emotion_track"), (PERFORMANCE, "emotion_from")):
        if key in take:
            changes[field] = str(Path(folder) / f"{field}.npz")
            Path(changes[field]).write_bytes(take[key])
    if not Path(line.sound).is_file():
        changes["sound"] = str(_same_sound(context, line, folder))
    if line.mix:
        changes["mix"] = choices.mix_again(context, replace(line, **changes), folder)
    if line.emotion_strip and not Path(line.emotion_from).is_file():
        with suppress(EcoFaceBlenderError):  # the engine says so, unless another emotion is asked for
            again = emotion_reference.of_strip(context, line.emotion_strip, folder)
            changes["emotion_from"] = again["emotion_from"]
    return replace(line, **changes)


def settings_of(take: bpy.types.Action) -> controls.Settings:
    """What the take's controls say."""
    return controls.Settings(
        **{f.name: getattr(take.ecoface_take, f.name) for f in fields(controls.Settings)}
    )


def adjust(take: bpy.types.Action) -> None:
    """Bring the take's keys up to its controls; edits by hand stay."""
    group = take.ecoface_take
    now, before = settings_of(take), controls.Settings(*group.applied)
    found, speaker = stored_motion(take), speaker_of(take)
    if found is None or speaker is None or now == before or not take.is_editable:
        return
    frames, old = _base(take, speaker, *found, before)
    _, new = _base(take, speaker, *found, now)
    scene_rate = keyframes.read_metadata(take)["scene_rate"]
    controls.move_keys(take, frames, old, new, before.offset * scene_rate, now.offset * scene_rate)
    group.applied = tuple(asdict(now).values())
    for owner in targets.owners(speaker):
        owner.update_tag()


def _base(
    take: bpy.types.Action,
    speaker: bpy.types.Object,
    motion: np.ndarray,
    rate: float,
    settings: controls.Settings,
) -> tuple[np.ndarray, list[keyframes.Channel]]:
    """The frames of a take, offset aside, and what the settings make of its motion there."""
    story = keyframes.read_metadata(take)
    upper = np.frombuffer(take[UPPER], "<f4").reshape(head.N_EXPRESSIONS, -1)
    shown = controls.adjusted(motion, rate, upper, settings)
    frames, at_frames = keyframes.resample_to_scene(shown, rate, story["scene_rate"], story["first_frame"])
    return frames, targets.channels(speaker, at_frames)


def _receive_range(
    scene: bpy.types.Scene,
    speaker: bpy.types.Object,
    line: choices.Line,
    motion: np.ndarray,
    rate: float,
    metadata: Mapping[str, Any],
) -> str:
    """A copy of the take that is played, in which the frames of the line are new."""
    take = played(speaker)
    if take is None:
        raise EcoFaceBlenderError(f"'{speaker.name}' plays no take of which frames could be made anew.")
    old, old_rate = stored_motion(take)
    story = keyframes.read_metadata(take)
    scene_rate, first_frame = story["scene_rate"], story["first_frame"]
    later = settings_of(take).offset * scene_rate
    start, end = line.frames

    def share(frames: np.ndarray) -> np.ndarray:
        fade = min(CROSSFADE * scene_rate, max(end - start, 1) / 2)
        inside = np.minimum(frames - start, end - frames)
        return np.where(inside >= -1e-4, ((inside + 1) / (fade + 1)).clip(0, 1), 0)

    at = first_frame + np.arange(len(old)) / old_rate * scene_rate  # scene time of the stored motion
    new_at = line.first_frame + np.arange(len(motion)) / rate * scene_rate
    new = np.column_stack([np.interp(at, new_at, column) for column in motion.T])
    taken = share(at + later)[:, None]
    if not taken.any():
        raise EcoFaceBlenderError(
            f"Frames {start} to {end} lie outside the take '{take.name}'; choose others."
        )
    frames, channels = _base(take, speaker, new, old_rate, settings_of(take))
    copy = take.copy()
    copy.use_fake_user = True
    play(speaker, copy)
    controls.blend_keys(copy, frames + later, channels, share)
    _store(copy, MOTION, ((1 - taken) * old + taken * new).astype("<f4").tobytes())
    parts = [*story.get("parts", []), {"frames": [start, end], **metadata}]
    keyframes.write_metadata(copy, story | {"parts": parts})
    return f"{copy.name}: frames {start} to {end} are new"


def _store(action: bpy.types.Action, key: str, data: bytes) -> None:
    """Into a new custom property: Blender cuts bytes at their first zero where it replaces others."""
    if key in action:
        del action[key]
    action[key] = data


def stage(line: choices.Line) -> tuple[bpy.types.Scene, bpy.types.Object]:
    """Scene and speaker of a line, which may have gone since it was started."""
    scene = bpy.data.scenes.get(line.scene)
    speaker = scene and targets.named(scene, line.speaker)
    if scene is None or speaker is None:
        gone = f"scene '{line.scene}'" if scene is None else f"head '{line.speaker}'"
        raise EcoFaceBlenderError(f"The {gone} is gone: it was deleted or renamed meanwhile; generate again.")
    return scene, speaker


def _same_sound(context: bpy.types.Context, line: choices.Line, folder: str) -> Path:
    """The sound of a line whose file is not there any more, as a strip still plays it (packed, or moved)."""
    for strip in sequencer.sound_strips(context):
        try:
            heard = sequencer.heard(strip, folder)
        except EcoFaceBlenderError:  # a strip that plays nothing
            continue
        same_place = math.isclose(heard.in_seconds, line.first_second, abs_tol=1e-3)
        if heard.path.name == Path(line.sound).name and same_place:
            return heard.path
    raise EcoFaceBlenderError(
        f"The sound '{line.sound}' of the take is gone; put it back, then make it again."
    )
