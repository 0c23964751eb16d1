"""What the other heads of a scene say to a listener: phrases and moods of their takes, where these play."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..animation import actions
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds
from ..heads.feelings import EMOTIONS
from . import markers, speech, stored
from .responses import Heard


@dataclass(frozen=True)
class Played:
    """A take where a head plays it, itself or in a strip."""

    take: bpy.types.Action
    first: float
    """Frame of the scene."""
    last: float
    begins: float
    """Frame of the take that is at `first`."""
    scale: float
    """Frames of the scene to one of the take."""
    in_strip: bool = False

    @property
    def lead_in(self) -> float:
        """Frames of the scene that it plays before its line."""
        story = actions.read_metadata(self.take)
        longest = round(speech.MOST_LEAD_IN * story.get("scene_rate", 0.0))
        before = np.ceil(story.get("first_frame", self.begins)) - self.begins
        return float(np.clip(before, 0, longest) * self.scale)

    def in_scene(self, frame: np.ndarray | float) -> np.ndarray:
        """Where frames of the take are seen."""
        return np.asarray(self.first + (frame - self.begins) * self.scale)


def plays(speaker: bpy.types.Object) -> list[Played]:
    """The takes that a head plays, in the order in which they begin, each once."""
    found = {(one.first, one.last, one.take.name): one for one in _plays(speaker)}
    return [found[key] for key in sorted(found)]


def _plays(speaker: bpy.types.Object) -> Iterator[Played]:
    for owner in face_kinds.known_rig(speaker).owners:
        animation = owner.animation_data
        if animation is None:
            continue
        if stored.is_take(animation.action):
            first, last = animation.action.curve_frame_range
            yield Played(animation.action, first, last, first, 1.0)
        strips = [strip for track in animation.nla_tracks if not track.mute for strip in track.strips]
        for strip in strips:
            if not strip.mute and stored.is_take(strip.action):
                begins, scale = strip.action_frame_start, strip.scale
                yield Played(strip.action, strip.frame_start, strip.frame_end, begins, scale, in_strip=True)


def heard(
    scene: bpy.types.Scene, others: Sequence[bpy.types.Object], frames: np.ndarray, rate: float
) -> Heard | None:
    """What others say within these frames (T,) of a scene, its clock at 0 in the first; None if nothing."""
    said = [one for other in others for one in plays(other)]
    if not said:
        return None
    phrases = sorted(phrase for one in said for phrase in _phrases(scene, one))
    feelings = np.max([_feelings(one, frames) for one in said], axis=0)
    return Heard([((a - frames[0]) / rate, (b - frames[0]) / rate) for a, b in phrases], feelings)


def _phrases(scene: bpy.types.Scene, one: Played) -> list[tuple[float, float]]:
    """Frames of the scene from and to; the whole take where it tells no phones."""
    try:
        edges = [mark.start for mark in markers.phrases_in(one.take, scene)]
    except EcoFaceBlenderError:
        return [(one.first, one.last)]
    seen = one.in_scene(np.array(edges)).clip(one.first, one.last)
    return [(float(a), float(b)) for a, b in zip(seen[::2], seen[1::2], strict=True) if b > a]


def _feelings(one: Played, frames: np.ndarray) -> np.ndarray:
    """(T, EMOTIONS) of frames of the scene; nothing where the take does not play, or is damaged."""
    found, story = stored.motion_of(one.take), actions.read_metadata(one.take)
    if found is None:
        return np.zeros((len(frames), len(EMOTIONS)))
    motion, rate = found
    try:
        felt = speech.feelings(story, len(motion), rate, one.take.get(stored.TRACK))
    except EcoFaceBlenderError:
        return np.zeros((len(frames), len(EMOTIONS)))
    at = one.in_scene(story["first_frame"] + np.arange(len(motion)) / rate * story["scene_rate"])
    columns = [np.interp(frames, at, column) for column in felt.T]
    inside = (frames >= one.first) & (frames <= one.last)
    return np.where(inside[:, None], np.column_stack(columns), 0.0)
