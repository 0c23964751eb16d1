"""What is to be spoken, by whom and how: gathered from the panel or from a script as plain values."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import bpy

from . import emotion_reference, emotion_track, scene_strips, sequencer, targets, voice_baseline
from .chosen import chosen_head, why_no_head
from .errors import EcoFaceBlenderError
from .settings import engine_settings
from .worker import protocol

EMOTION_SOURCES = ("emotion", "emotion_from", "emotion_strip", "emotion_head", "emotion_track")
"""By which a script names the source of the emotion."""
EMOTION_FIELDS = (*EMOTION_SOURCES, "emotion_seconds", "baseline", "reference_baseline")
"""Of a Line: those that say where the emotion comes from, None where they say nothing."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is spoken by whom and how, as plain values."""

    scene: str
    speaker: str
    """Name of the head's object."""
    head: str
    """Name of the head, whose coefficients its keys speak."""
    sound: str
    first_second: float = 0.0
    seconds: float | None = None
    first_frame: float
    """Scene time of first_second; need not be whole."""
    style: str | None = None
    emotion: str | None = None
    emotion_track: str | None = None
    """An .npz of emotions over time, as `emotion_track.write_track` makes it."""
    emotion_from: str | None = None
    """A sound, or an .npz of a performance."""
    emotion_strip: str | None = None
    """The strip that plays emotion_from, where it comes from one."""
    emotion_head: str | None = None
    """The head whose performance is in emotion_from, where it is one's."""
    emotion_first_second: float = 0.0
    emotion_seconds: float | None = None
    strength: float = 1.0
    """Of the emotion; so for the upper face and the mouth."""
    upper: float = 1.0
    mouth: float = 1.0
    baseline: dict[str, Any] | None = None
    """How the voice usually sounds, where its own emotion is shown; the engine's values."""
    reference_baseline: dict[str, Any] | None = None
    """The same of the voice in emotion_from."""
    seed: int = 0
    temperature: float = 1.0
    frames: tuple[int, int] | None = None
    """Of the take that is played, which alone are made anew; None makes a new take."""
    add_strip: bool = False
    mix: str | None = None
    """A file of exactly what is to be spoken, where Blender plays `sound` otherwise than it is read."""
    altered_strip: str | None = None
    """The strip that is mixed down in `mix`, where it plays `sound` at another speed or fades it."""

    def generate_values(self, result: Path, head_file: str | None) -> dict[str, Any]:
        """Of the worker's request Generate, whose motion goes to `result`: this line's own by their names."""
        asked = {field.name for field in fields(protocol.Generate)}
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name in asked}
        return own | self.part | {"result": str(result), "head_file": head_file}

    @property
    def part(self) -> dict[str, Any]:
        """Which part of which file is spoken, as the engine is asked for it."""
        first_second = 0.0 if self.mix else self.first_second
        return {"sound": self.mix or self.sound, "first_second": first_second, "seconds": self.seconds}


def default_strip(context: bpy.types.Context) -> bpy.types.Strip | None:
    """The active strip with sound, or the only one, if there is such.

    Of a movie it is its sound strip, of a meta strip the only one inside. Movies without a sound strip count
    where they are active, or where there is no sound strip at all.
    """
    strips = sequencer.voice_strips(context)
    if not strips:
        return None
    active = sequencer.sequencer_scene(context).sequence_editor.active_strip
    inside = [strip for strip in strips if active and sequencer.is_inside(strip, active)]
    sounds = [strip for strip in strips if strip.type == "SOUND"]
    return next((found[0] for found in (inside, sounds or strips) if len(found) == 1), None)


def chosen_strip(context: bpy.types.Context, name: str = "") -> bpy.types.Strip:
    """The named sound strip, else the default one.

    Raises:
        EcoFaceBlenderError: if there is no such.
    """
    strips = sequencer.voice_strips(context)
    if name:
        chosen = next((strip for strip in strips if strip.name == name), None)
        refusal = f"Expected a sound strip '{name}', found none; choose another."
    else:
        chosen = default_strip(context)
        refusal = "There are several sound strips; choose the one with the voice."
    if not strips:
        refusal = "Add the voice to the sequencer as a sound strip, or choose a file instead."
    if chosen is None:
        raise EcoFaceBlenderError(refusal)
    return chosen


def what_is_missing(context: bpy.types.Context) -> str | None:
    """What the panel's choices lack, in one sentence; a script may give it instead."""
    settings = context.scene.ecoface
    if reason := why_no_voice(context):
        return reason
    if settings.emotion_from == "REFERENCE":
        return emotion_reference.what_is_missing(settings)
    speaker = chosen_head(context)
    return emotion_track.why_no_track(speaker) if settings.emotion_from == "TRACK" and speaker else None


def why_no_voice(context: bpy.types.Context) -> str | None:
    """Why the panel's choices name no voice, in one sentence."""
    settings = context.scene.ecoface
    try:
        if settings.sound_from == "FILE" and not settings.sound:
            return "Choose the sound file of a voice."
        if settings.sound_from == "STRIP":
            chosen_strip(context, settings.strip)
    except EcoFaceBlenderError as error:
        return str(error)
    return None


def line_from_panel(context: bpy.types.Context, given: Mapping[str, Any], folder: str) -> Line:
    """What the panel says, except where `given` (what a script has said) says otherwise.

    A packed sound is written into `folder`.

    Raises:
        EcoFaceBlenderError: if something is missing or contradicts itself.
    """
    line = voice_from_panel(context, given, folder)
    return replace(line, **emotion_fields(context, line, folder, given))


def voice_from_panel(context: bpy.types.Context, given: Mapping[str, Any], folder: str) -> Line:
    """As `line_from_panel`, whatever emotion is asked for: what is said, by whom and when.

    Raises:
        EcoFaceBlenderError: if there is no such voice or head.
    """
    settings = context.scene.ecoface
    speaker = chosen_head(context, given.get("head", ""))
    if speaker is None:
        raise EcoFaceBlenderError("Expected a head of that name in this scene, found none; add one.")
    sound = _sound(context, settings, given, folder)
    files = engine_settings(context)
    return Line(
        scene=context.scene.name,
        speaker=speaker.name,
        head=targets.coefficients(speaker, files.flame, files.model),
        style=given.get("style", settings.style) or None,
        seed=given.get("seed", settings.seed),
        temperature=given.get("temperature", settings.temperature),
        **sound,
    )


def emotion_fields(
    context: bpy.types.Context,
    line: Line,
    folder: str,
    given: Mapping[str, Any] | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """All fields of a Line that say what emotion the panel asks for, whatever they were before.

    What a script has said in `given` is taken before the panel's. `seconds` is the length of the line, where
    it is known better than by itself. Files are written into `folder`.

    Raises:
        EcoFaceBlenderError: if something is missing or contradicts itself.
    """
    settings, given = context.scene.ecoface, given or {}
    fields: dict[str, Any] = dict.fromkeys(EMOTION_FIELDS)
    fields["emotion_first_second"] = 0.0
    fields |= {name: given.get(name, getattr(settings, name)) for name in ("strength", "upper", "mouth")}
    source, value = _emotion_source(settings, given)
    flame = engine_settings(context).flame
    if source == "emotion":
        fields["emotion"] = value
    elif source == "emotion_track":
        fields["emotion_track"] = str(Path(folder) / "emotion_track.npz")
        speaker = context.scene.objects[line.speaker]
        emotion_track.write_track(
            context.scene, speaker, line.first_frame, seconds or line.seconds, Path(fields["emotion_track"])
        )
    elif source == "emotion_from":
        fields |= emotion_reference.of_file(value, flame, folder)
    elif source == "emotion_strip":
        fields |= emotion_reference.of_strip(context, value, folder)
        fields["reference_baseline"] = voice_baseline.of_strip(context, value)
    elif source == "emotion_head":
        fields |= emotion_reference.of_head(context, value, flame, folder)
    else:
        fields["baseline"] = voice_baseline.of_head(context.scene.objects[line.speaker])
    return fields


def _emotion_source(settings, given: Mapping[str, Any]) -> tuple[str, Any]:
    """One of EMOTION_SOURCES and what was chosen of it; an empty name is the voice itself."""
    if any(name in given for name in EMOTION_SOURCES):
        said = {name: given[name] for name in EMOTION_SOURCES if given.get(name)}
        if len(said) > 1:
            found = " and ".join(f"{name} '{value}'" for name, value in said.items())
            raise EcoFaceBlenderError(f"Expected one source of emotion, found {found}; leave one out.")
        return next(iter(said.items()), ("", None))
    if settings.emotion_from == "LABEL":
        return "emotion", f"{settings.emotion}:{settings.intensity:.3g}"
    if settings.emotion_from == "TRACK":
        return "emotion_track", True
    if settings.emotion_from == "SPEECH":
        return "", None
    if reason := emotion_reference.what_is_missing(settings):
        raise EcoFaceBlenderError(reason)
    return {
        "FILE": ("emotion_from", settings.reference_file),
        "STRIP": ("emotion_strip", settings.reference_strip),
        "HEAD": ("emotion_head", settings.reference_head and settings.reference_head.name),
    }[settings.reference_from]


def _sound(context, settings, given: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The fields of a Line that say what is heard, and when."""
    from_file = "sound" in given or ("strip" not in given and settings.sound_from == "FILE")
    if from_file:
        path = given.get("sound") or settings.sound
        if not path:
            raise EcoFaceBlenderError("Choose the sound file of a voice.")
        path = bpy.path.abspath(path)
        return {
            "sound": path,
            "mix": _mix_of_file(path, folder),
            "first_frame": float(context.scene.frame_start),
            "add_strip": "sound" not in given and settings.add_strip,
        }
    strip = chosen_strip(context, given.get("strip", settings.strip))
    heard = sequencer.heard(strip, folder)
    return {
        "sound": str(heard.path),
        "first_second": heard.in_seconds,
        "seconds": heard.out_seconds - heard.in_seconds,
        "first_frame": scene_strips.scene_frame(context, heard.first_frame),
        "mix": heard.mix and str(heard.mix),
        "altered_strip": strip.name if heard.altered else None,
    }


def mix_again(context: bpy.types.Context, line: Line, folder: str) -> str | None:
    """The `mix` of a line whose own is gone with its job, written into `folder`.

    Raises:
        EcoFaceBlenderError: if its strip is gone or plays something else now.
    """
    if line.altered_strip is None:
        return _mix_of_file(line.sound, folder, line.first_second, line.seconds)
    strip = chosen_strip(context, line.altered_strip)
    heard = sequencer.heard(strip, folder)
    seconds = heard.out_seconds - heard.in_seconds
    if abs(heard.in_seconds - line.first_second) > 1e-3 or abs(seconds - line.seconds) > 1e-3:
        raise EcoFaceBlenderError(f"The strip '{strip.name}' was changed since the take; generate a new one.")
    return str(heard.mix)


def _mix_of_file(path: str, folder: str, first_second: float = 0.0, seconds: float | None = None):
    """None where the engine hears the file as Blender plays it, or is to say what it is."""
    with suppress(EcoFaceBlenderError):
        mix = sequencer.mix_of_file(Path(path), first_second, seconds, folder)
        return mix and str(mix)
    return None


def why_no_keys(context: bpy.types.Context) -> str | None:
    """Why there is nothing to bake or export, in one sentence."""
    speaker = chosen_head(context)
    if speaker is None:
        return why_no_head(context)
    animation = speaker.data.shape_keys.animation_data
    if animation is None or not (animation.action or animation.nla_tracks or animation.drivers):
        return f"Nothing moves '{speaker.name}' yet; generate lip sync first."
    return None
