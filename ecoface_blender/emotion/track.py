"""The emotions of a head over time, as the engine reads them: from its curves, or as the scene plays them."""

import math
from pathlib import Path

import bpy
import numpy as np

from ..animation.emotion_keys import MOST, NAMES, changed_frames, curves, path_of
from ..core.constants import EMOTIONS
from ..core.emotion_label import TRACK_RATE
from ..errors import EcoFaceBlenderError
from ..sound import sequencer


def why_no_track(speaker: bpy.types.Object) -> str | None:
    """Why the head has no emotions over time, in one sentence; None if it has."""
    group = speaker.ecoface_emotions
    animation = speaker.animation_data
    moved = curves(speaker) or _is_moved_otherwise(speaker) or (animation and animation.nla_tracks)
    if moved or any(getattr(group, name) for name in EMOTIONS):
        return None
    return (
        f"No emotion is keyed on '{speaker.name}'; go to a frame and click an emotion in Emotion Track, "
        "or click Listen."
    )


def sample(scene: bpy.types.Scene, speaker: bpy.types.Object, frames: np.ndarray) -> np.ndarray:
    """Values (frames, NAMES) at frames that need not be whole, within what the engine takes.

    Curves are read where only the head's action moves them. Drivers and NLA strips need the scene in each
    frame; it comes back to where it was.
    """
    if _is_moved_otherwise(speaker):
        values = _played(scene, speaker, frames)
    else:
        found, group = curves(speaker), speaker.ecoface_emotions
        values = np.empty((len(frames), len(NAMES)))
        for column, name in enumerate(NAMES):
            curve = found.get(name)
            if curve is not None and not curve.mute and len(curve.keyframe_points):
                values[:, column] = [curve.evaluate(frame) for frame in frames]
            else:
                values[:, column] = getattr(group, name)
    return values.clip(0.0, [MOST[name] for name in NAMES])


def write_track(
    scene: bpy.types.Scene, speaker: bpy.types.Object, first_frame: float, seconds: float | None, path: Path
) -> None:
    """The head's emotions from a frame on, as the engine reads them; without `seconds` until the last key.

    Raises:
        EcoFaceBlenderError: if the head has none.
    """
    if reason := why_no_track(speaker):
        raise EcoFaceBlenderError(reason)
    rate = sequencer.scene_rate(scene)
    if seconds is None:
        last = max([scene.frame_end, *changed_frames(speaker)])
        seconds = max(0.0, (last - first_frame) / rate)
    n_points = math.ceil(seconds * TRACK_RATE) + 1
    values = sample(scene, speaker, first_frame + np.arange(n_points) / TRACK_RATE * rate)
    weights, intensity = values[:, :-1].astype(np.float32), values[:, -1].astype(np.float32)
    np.savez(path, weights=weights, intensity=intensity, rate=TRACK_RATE)


def _is_moved_otherwise(speaker: bpy.types.Object) -> bool:
    """Whether drivers or NLA strips take part in the head's emotions."""
    animation = speaker.animation_data
    if animation is None:
        return False
    paths = {path_of(name) for name in NAMES}
    if any(curve.data_path in paths and not curve.mute for curve in animation.drivers):
        return True
    strips = [strip for track in animation.nla_tracks if not track.mute for strip in track.strips]
    return animation.use_nla and any(strip.action and not strip.mute for strip in strips)


def _played(scene: bpy.types.Scene, speaker: bpy.types.Object, frames: np.ndarray) -> np.ndarray:
    """Values (frames, NAMES) as the scene plays them."""
    group, (now, subframe) = speaker.ecoface_emotions, (scene.frame_current, scene.frame_subframe)
    before = {name: getattr(group, name) for name in NAMES}
    values = np.empty((len(frames), len(NAMES)))
    try:
        for row, frame in enumerate(frames):
            whole = math.floor(frame)
            scene.frame_set(whole, subframe=float(frame - whole))
            values[row] = [getattr(group, name) for name in NAMES]
    finally:
        scene.frame_set(now, subframe=subframe)
        for name, value in before.items():  # moved sliders that were not keyed yet
            setattr(group, name, value)
    return values
