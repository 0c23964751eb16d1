"""The line that made a take, to be spoken once more."""

import json
import math
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import bpy

from . import choices, emotion_reference, keyframes, sequencer, takes
from .errors import EcoFaceBlenderError


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
    if speaker := takes.speaker_of(take):
        changes["speaker"] = speaker.name
    for key, field in ((takes.TRACK, "emotion_track"), (takes.PERFORMANCE, "emotion_from")):
        if key in take:
            changes[field] = str(Path(folder) / f"{field}.npz")
            Path(changes[field]).write_bytes(take[key])
    for field in takes.BASELINES:
        if stored := take.get(f"ecoface_{field}"):
            changes[field] = json.loads(stored)
    if not Path(line.sound).is_file():
        changes["sound"] = str(_same_sound(context, line, folder))
    if line.mix:
        changes["mix"] = choices.mix_again(context, replace(line, **changes), folder)
    if line.emotion_strip and not Path(line.emotion_from).is_file():
        with suppress(EcoFaceBlenderError):  # the engine says so, unless another emotion is asked for
            again = emotion_reference.of_strip(context, line.emotion_strip, folder)
            changes["emotion_from"] = again["emotion_from"]
    return replace(line, **changes)


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
