"""What shows the emotion of a line: a file, a strip, or a head, as fields of a GenerationRequest."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ..engine.settings import EngineSettings
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds, finding
from ..sound import named_files, sequencer
from . import reference_motion


def strips(context: bpy.types.Context) -> list[bpy.types.Strip]:
    """Strips with sound, movies too, in the order of the sequencer's sounds."""
    sounds = sequencer.voice_strips(context)
    editor = sequencer.sequencer_scene(context).sequence_editor
    movies = [strip for strip in (editor.strips_all if editor else ()) if strip.type == "MOVIE"]
    return sounds + [movie for movie in movies if movie not in sounds]


def of_file(path: str, flame: str, folder: str) -> dict[str, Any]:
    """A sound or movie, whole, or a performance as .npz; `flame` is the FLAME head of the preferences.

    Raises:
        EcoFaceBlenderError: if there is no such file, or it holds no performance.
    """
    file = Path(bpy.path.abspath(path))
    named_files.remember(str(file))
    if file.suffix.lower() == ".npz":
        file = reference_motion.from_file(file, flame, folder)
    return {"emotion_from": str(file)}


def of_strip(context: bpy.types.Context, name: str, folder: str) -> dict[str, Any]:
    """The part of a strip that is heard, or would be if it were not muted; a reference mostly is.

    A packed sound, and what is played at another speed, is written into a folder inside `folder`.

    Raises:
        EcoFaceBlenderError: if there is no such strip, or nothing of it would be heard.
    """
    strip = next((strip for strip in strips(context) if strip.name == name), None)
    if strip is None:
        raise EcoFaceBlenderError(
            f"Expected a sound or movie strip '{name}', found none; choose the reference again."
        )
    inside = Path(folder) / "reference"  # the voice may be a packed sound, too
    inside.mkdir(exist_ok=True)
    with _unmuted(sequencer.own_sound(strip) or strip):
        heard = sequencer.heard(strip, inside)
    fields = {"emotion_strip": name}
    if heard.altered and heard.mix:
        return fields | {"emotion_from": str(heard.mix)}
    return fields | {
        "emotion_from": str(heard.path),
        "emotion_first_second": heard.in_seconds,
        "emotion_seconds": heard.out_seconds - heard.in_seconds,
    }


@contextmanager
def _unmuted(strip: bpy.types.Strip) -> Iterator[None]:
    """The strip, what it lies in, and their channels sound for a while."""
    silent, inner = [], strip
    while inner:
        outer = inner.parent_meta()
        channel = (outer or strip.id_data.sequence_editor).channels[inner.channel]
        silent += [each for each in (inner, channel) if each.mute]
        inner = outer
    try:
        for each in silent:
            each.mute = False
        yield
    finally:
        for each in silent:
            each.mute = True


def of_head(context: bpy.types.Context, name: str, settings: EngineSettings, folder: str) -> dict[str, Any]:
    """What a head of this file does now.

    Raises:
        EcoFaceBlenderError: if there is no such head, nothing moves it, or its keys cannot be read.
    """
    named = bpy.data.objects.get(name)
    performer = finding.speaking_mesh(named)
    if performer is None:
        found = face_kinds.why_not_a_face(named) if named else None
        raise EcoFaceBlenderError(
            found or f"Expected a head '{name}' as the emotion's reference, found none."
        )
    path = reference_motion.of_head(context, face_kinds.known_rig(performer), settings, folder)
    return {"emotion_from": str(path), "emotion_head": name}


def what_is_missing(settings: bpy.types.PropertyGroup) -> str | None:
    """What the panel's choice of a reference lacks, in one sentence."""
    if settings.reference_from == "FILE" and not settings.reference_file:
        return "Choose the recording or the performance whose emotion is to be shown."
    if settings.reference_from == "STRIP" and not settings.reference_strip:
        return "Choose the strip whose emotion is to be shown."
    if settings.reference_from == "HEAD" and settings.reference_head is None:
        return "Choose the head whose performance is to be the emotion's reference."
    return None
