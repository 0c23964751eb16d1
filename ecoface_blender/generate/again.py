"""The request that made a take, to be fulfilled once more."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ..animation import actions
from ..core.npz import json_object
from ..emotion import reference as emotion_reference
from ..errors import EcoFaceBlenderError
from ..request import EMOTION_FIELDS, GenerationRequest
from ..sound import named_files, packed, sequencer
from ..takes import stored, takes
from . import gather


def request_again(
    context: bpy.types.Context, take: bpy.types.Action, folder: str, *, emotion: bool = True
) -> GenerationRequest:
    """The request that made a take; files that were the job's own are written into `folder` again.

    Without `emotion` it is for another one to be asked for, and its own is left out.

    Raises:
        EcoFaceBlenderError: if what it was made of is not stored, or its files are gone or nobody's choice.
    """
    asked = GenerationRequest.from_stored(actions.read_metadata(take).get("line"), take.name)
    changes: dict[str, Any] = {"add_strip": False, "frames": None, "scene": context.scene.name}
    if speaker := takes.speaker_of(take):
        changes["speaker"] = speaker.name
    if not (named_files.may_be_read(context, asked.sound) and Path(asked.sound).is_file()):
        changes["sound"] = str(_same_sound(context, asked, folder))
    if asked.mix:
        changes["mix"] = gather.mix_again(context, replace(asked, **changes), folder)
    changes |= _emotion(context, take, asked, folder) if emotion else dict.fromkeys(EMOTION_FIELDS)
    return replace(asked, **changes)


def _emotion(
    context: bpy.types.Context, take: bpy.types.Action, asked: GenerationRequest, folder: str
) -> dict[str, Any]:
    """What of the emotion's fields is another file now, or lies with the take."""
    changes: dict[str, Any] = {}
    for field in stored.BASELINES:
        if values := take.get(f"ecoface_{field}"):
            changes[field] = _values(values, take)
    if asked.emotion_track:
        changes["emotion_track"] = _own_file(take, stored.TRACK, folder)
    source = asked.emotion_from
    if source and Path(source).suffix.lower() == ".npz":
        changes["emotion_from"] = _own_file(take, stored.PERFORMANCE, folder)
    elif source and not (named_files.may_be_read(context, source) and Path(source).is_file()):
        if not asked.emotion_strip:
            raise EcoFaceBlenderError(_not_to_be_read("recording of the emotion", source))
        again = emotion_reference.of_strip(context, asked.emotion_strip, folder)
        changes["emotion_from"] = again["emotion_from"]
    return changes


def _own_file(take: bpy.types.Action, key: str, folder: str) -> str:
    """A file that lies with the take, in `folder`; where the job had it is nothing to be read any more."""
    if not isinstance(data := take.get(key), bytes):
        raise EcoFaceBlenderError(
            f"'{take.name}' has lost the emotion that it was made with; choose another one, or generate a "
            "new take."
        )
    path = Path(folder) / f"{key.removeprefix('ecoface_')}.npz"
    path.write_bytes(data)
    return str(path)


def _not_to_be_read(what: str, path: str) -> str:
    return (
        f"The {what} of the take, '{path}', is not there, or neither the sequencer plays it nor the panel "
        "names it; add it as a strip, or choose it as a file, then make the take again."
    )


def _values(text: object, take: bpy.types.Action) -> object:
    """What a take's property holds as JSON."""
    try:
        return json_object(str(text))
    except ValueError as error:
        raise EcoFaceBlenderError(
            f"The voice baseline in '{take.name}' cannot be read; generate a new take."
        ) from error


def _same_sound(context: bpy.types.Context, asked: GenerationRequest, folder: str) -> Path:
    """The sound of a line whose file is not to be read, as a strip still plays it (packed, or moved)."""
    for strip in sequencer.sound_strips(context):
        try:
            heard = sequencer.heard(strip, folder)
        except EcoFaceBlenderError:  # a strip that plays nothing
            continue
        same_place = math.isclose(heard.in_seconds, asked.first_second, abs_tol=1e-3)
        same_name = packed.file_name(heard.path.name) == packed.file_name(asked.sound)
        if same_name and same_place:
            return heard.path
    if named_files.may_be_read(context, asked.sound):
        raise EcoFaceBlenderError(
            f"The sound '{asked.sound}' of the take is gone; put it back, then make it again."
        )
    raise EcoFaceBlenderError(_not_to_be_read("sound", asked.sound))
