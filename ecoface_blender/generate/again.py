"""The request that made a take, to be fulfilled once more."""

import math
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ..animation import actions
from ..core.npz import json_object
from ..emotion import reference as emotion_reference
from ..errors import EcoFaceBlenderError
from ..request import GenerationRequest
from ..sound import sequencer
from ..takes import stored, takes
from . import gather


def request_again(context: bpy.types.Context, take: bpy.types.Action, folder: str) -> GenerationRequest:
    """The request that made a take; files that were the job's own are written into `folder` again.

    Raises:
        EcoFaceBlenderError: if what it was made of is not stored, or its sound is gone.
    """
    asked = GenerationRequest.from_stored(actions.read_metadata(take).get("line"), take.name)
    changes: dict[str, Any] = {"add_strip": False, "frames": None, "scene": context.scene.name}
    if speaker := takes.speaker_of(take):
        changes["speaker"] = speaker.name
    for key, field in ((stored.TRACK, "emotion_track"), (stored.PERFORMANCE, "emotion_from")):
        if isinstance(take.get(key), bytes):
            changes[field] = str(Path(folder) / f"{field}.npz")
            Path(changes[field]).write_bytes(take[key])
    for field in stored.BASELINES:
        if values := take.get(f"ecoface_{field}"):
            changes[field] = _values(values, take)
    if not Path(asked.sound).is_file():
        changes["sound"] = str(_same_sound(context, asked, folder))
    if asked.mix:
        changes["mix"] = gather.mix_again(context, replace(asked, **changes), folder)
    if asked.emotion_strip and not Path(asked.emotion_from or "").is_file():
        with suppress(EcoFaceBlenderError):  # the engine says so, unless another emotion is asked for
            again = emotion_reference.of_strip(context, asked.emotion_strip, folder)
            changes["emotion_from"] = again["emotion_from"]
    return replace(asked, **changes)


def _values(text: object, take: bpy.types.Action) -> object:
    """What a take's property holds as JSON."""
    try:
        return json_object(str(text))
    except ValueError as error:
        raise EcoFaceBlenderError(
            f"The voice baseline in '{take.name}' cannot be read; generate a new take."
        ) from error


def _same_sound(context: bpy.types.Context, asked: GenerationRequest, folder: str) -> Path:
    """The sound of a line whose file is not there any more, as a strip still plays it (packed, or moved)."""
    for strip in sequencer.sound_strips(context):
        try:
            heard = sequencer.heard(strip, folder)
        except EcoFaceBlenderError:  # a strip that plays nothing
            continue
        same_place = math.isclose(heard.in_seconds, asked.first_second, abs_tol=1e-3)
        if heard.path.name == Path(asked.sound).name and same_place:
            return heard.path
    raise EcoFaceBlenderError(
        f"The sound '{asked.sound}' of the take is gone; put it back, then make it again."
    )
