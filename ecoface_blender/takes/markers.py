"""The phones of a take, its phrases, or its words, as markers of the timeline, in the scene's frames."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..animation import actions
from ..core.npz import json_object
from ..core.phones import SILENCE
from ..errors import EcoFaceBlenderError
from ..sound import sequencer
from . import stored, words

MARKED = "ecoface_phones"
"""Custom property of a scene: JSON of the markers of ours, [name, frame] by head. Markers take no properties
of their own from Blender 5.0 on; one that was moved or renamed is the artist's."""
CLOSING = ("P", "B", "M", "F", "V")
"""Phones that the lips are seen to make."""
TEXT = "ecoface_text"
"""Custom property of a take: what is said in it, as somebody wrote it."""
MOST_TEXT = 100_000  # characters
PAUSE = 0.2  # seconds of silence that part phrases; the stop of a P or a T is shorter


@dataclass(frozen=True)
class Mark:
    """A phone or a word that is said, or where a phrase begins or ends."""

    name: str
    start: float
    """Frame of the scene."""


def said_in(take: bpy.types.Action, scene: bpy.types.Scene) -> list[Mark]:
    """The phones of a take in order, pauses left out, where the sound has them in this scene.

    Raises:
        EcoFaceBlenderError: if the take was made without.
    """
    return [phone for phone in _runs_of(take, scene)[:-1] if phone.name != SILENCE]


def phrases_in(take: bpy.types.Action, scene: bpy.types.Scene) -> list[Mark]:
    """Where the phrases of a take begin and end: what is said between pauses, whatever the words are.

    Raises:
        EcoFaceBlenderError: if the take was made without phones.
    """
    phones, longest = _runs_of(take, scene), PAUSE * sequencer.scene_rate(scene)
    spans: list[list[float]] = []
    for phone, after in pairwise(phones):
        if phone.name == SILENCE:
            continue
        if spans and phone.start - spans[-1][1] < longest - 1e-6:
            spans[-1][1] = after.start
        else:
            spans.append([phone.start, after.start])
    named = [(f"phrase {k}", start, f"phrase {k} end", end) for k, (start, end) in enumerate(spans, 1)]
    return [Mark(*each) for begins, start, ends, end in named for each in ((begins, start), (ends, end))]


def words_in(take: bpy.types.Action, scene: bpy.types.Scene, text: str) -> tuple[list[Mark], bool]:
    """Where the words of a text are said in a take, and whether it sounds like what is said there.

    Raises:
        EcoFaceBlenderError: if the take was made without phones, or this is no text of it.
    """
    shares, step = _told(take, scene)
    story = actions.read_metadata(take)
    found = words.aligned(text[:MOST_TEXT], shares / 255, story["phones"])
    return [Mark(word.text, story["first_frame"] + word.start * step) for word in found.words], found.fits


def text_of(take: bpy.types.Action) -> str:
    """What is said in a take: as written for it, else in a text file beside its sound; empty if neither."""
    known = take.get(TEXT)
    if isinstance(known, str) and known:
        return known[:MOST_TEXT]
    sound = str(actions.read_metadata(take).get("line", {}).get("sound", ""))
    path = Path(sound).with_suffix(".txt") if Path(sound).name else None
    try:
        if path is None or not path.is_file():
            return ""
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return " ".join(file.read(MOST_TEXT).split())
    except OSError:  # it may not be read: then it is to be written or pasted
        return ""


def _runs_of(take: bpy.types.Action, scene: bpy.types.Scene) -> list[Mark]:
    """The phones of a take in order, pauses too, and behind them its end, a pause."""
    shares, step = _told(take, scene)
    story = actions.read_metadata(take)
    said = [*runs(shares, story["phones"]), (SILENCE, len(shares))]
    return [Mark(name, story["first_frame"] + start * step) for name, start in said]


def _told(take: bpy.types.Action, scene: bpy.types.Scene) -> tuple[np.ndarray, float]:
    """Shares (T, n) of a take's phones, 0 to 255, and the scene's frames from one to the next."""
    shares, found = stored.phones_of(take), stored.motion_of(take)
    if shares is None or found is None:
        raise EcoFaceBlenderError(
            f"'{take.name}' was made by a model or version that tells no phones; press Regenerate Take."
        )
    return shares, sequencer.scene_rate(scene) / found[1]


def runs(shares: np.ndarray, names: Sequence[str]) -> list[tuple[str, int]]:
    """Phones and the frames in which they begin, from shares (T, n): the largest leads."""
    leading = np.argmax(shares, axis=1)
    starts = [0, *(np.flatnonzero(np.diff(leading)) + 1)]
    return [(names[leading[start]], int(start)) for start in starts]


def mark(scene: bpy.types.Scene, speaker: bpy.types.Object, phones: Sequence[Mark]) -> int:
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
