"""The phones of a take as markers of the timeline: where each begins, in the scene's frames."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ..animation import actions
from ..core.npz import json_object
from ..core.phones import SILENCE
from ..errors import EcoFaceBlenderError
from ..sound import sequencer
from . import stored

MARKED = "ecoface_phones"
"""Custom property of a scene: JSON of the markers of ours, [name, frame] by head. Markers take no properties
of their own from Blender 5.0 on; one that was moved or renamed is the artist's."""
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
    placed = [(phone.name, round(phone.start)) for phone in phones]
    for name, frame in placed:
        scene.timeline_markers.new(name, frame=frame)
    scene[MARKED] = json.dumps(_marked(scene) | {speaker.name: placed})
    return len(placed)


def remove(scene: bpy.types.Scene, speaker: bpy.types.Object) -> int:
    """Take a speaker's markers away; gives how many there were."""
    known = _marked(scene)
    found = known.pop(speaker.name, [])
    ours = [tuple(each) for each in found if isinstance(each, list)] if isinstance(found, list) else []
    count = 0
    for marker in list(scene.timeline_markers):
        if (marker.name, marker.frame) in ours:
            ours.remove((marker.name, marker.frame))
            scene.timeline_markers.remove(marker)
            count += 1
    scene[MARKED] = json.dumps(known)
    return count


def _marked(scene: bpy.types.Scene) -> dict[str, Any]:
    """Markers of ours by head; none where the property was damaged by hand."""
    with suppress(ValueError):
        return json_object(str(scene.get(MARKED) or "{}"))
    return {}
