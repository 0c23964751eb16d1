"""The phones of a take as markers of the timeline: where each begins, in the scene's frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..animation import actions
from ..core.phones import SILENCE
from ..errors import EcoFaceBlenderError
from ..sound import sequencer
from . import stored

MARKER = "ecoface_phone"
"""Custom property of a marker of ours: the head that says it."""
CLOSING = ("P", "B", "M", "F", "V")
"""Phones that the lips are seen to make."""


@dataclass(frozen=True)
class Phone:
    """One that is said."""

    name: str
    start: float
    """Frame of the scene."""


def said_in(take: bpy.types.Action, scene: bpy.types.Scene) -> list[Phone]:
    """The phones of a take in order, pauses left out, where the sound has them in this scene.

    Raises:
        EcoFaceBlenderError: if the take was made without.
    """
    shares, story = stored.phones_of(take), actions.read_metadata(take)
    found = stored.motion_of(take)
    if shares is None or found is None:
        raise EcoFaceBlenderError(
            f"'{take.name}' was made by a model or version that tells no phones; press Regenerate."
        )
    rate = sequencer.scene_rate(scene)
    first = story["first_frame"]
    return [
        Phone(name, first + start / found[1] * rate)
        for name, start in runs(shares, story["phones"])
        if name != SILENCE
    ]


def runs(shares: np.ndarray, names: Sequence[str]) -> list[tuple[str, int]]:
    """Phones and the frames in which they begin, from shares (T, n): the largest leads."""
    leading = np.argmax(shares, axis=1)
    starts = [0, *(np.flatnonzero(np.diff(leading)) + 1)]
    return [(names[leading[start]], int(start)) for start in starts]


def mark(scene: bpy.types.Scene, speaker: bpy.types.Object, phones: Sequence[Phone]) -> int:
    """Put markers there in place of those of the same speaker; gives how many."""
    remove(scene, speaker)
    for phone in phones:
        marker = scene.timeline_markers.new(phone.name, frame=round(phone.start))
        marker[MARKER] = speaker.name
    return len(phones)


def remove(scene: bpy.types.Scene, speaker: bpy.types.Object) -> int:
    """Take a speaker's markers away; gives how many there were."""
    found = [each for each in scene.timeline_markers if each.get(MARKER) == speaker.name]
    for marker in found:
        scene.timeline_markers.remove(marker)
    return len(found)
