"""What is to be generated, for every door alike: what a script, row or option says, else the panel."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ..emotion import reference as emotion_reference
from ..emotion import track as emotion_track
from ..emotion import voice_baseline
from ..engine.settings import EngineSettings
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds
from ..heads.chosen import chosen_head, named_head
from ..request import EMOTION_FIELDS, EMOTION_SOURCES, GenerationRequest
from ..sound import mixdown, named_files, scene_strips, sequencer
from . import sound_choice


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


def choice_shown(context: bpy.types.Context) -> sound_choice.SoundChoice | None:
    """What may be chosen of the strip that the panel names; None where it names none."""
    with suppress(EcoFaceBlenderError):
        return sound_choice.of_strip(chosen_strip(context, context.scene.ecoface.strip))
    return None


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


def request(
    context: bpy.types.Context, settings: EngineSettings, given: Mapping[str, Any], folder: str
) -> GenerationRequest:
    """What `given` says (by the names of a script's options), and the panel of what it leaves out.

    A packed sound, an emotion track and a performance are written into `folder`. With `as_played` False a
    file is heard as it is, by the engine's reader, whatever Blender would play of it.

    Raises:
        EcoFaceBlenderError: if something is missing or contradicts itself.
    """
    asked = voice(context, settings, given, folder)
    return replace(asked, **emotion_fields(context, settings, asked, folder, given))


def voice(
    context: bpy.types.Context, settings: EngineSettings, given: Mapping[str, Any], folder: str
) -> GenerationRequest:
    """As `request`, whatever emotion is asked for: what is said, by whom and when.

    Raises:
        EcoFaceBlenderError: if there is no such voice or head.
    """
    panel = _panel(context)
    speaker = named_head(context, given.get("head", ""))
    return GenerationRequest(
        scene=context.scene.name,
        speaker=speaker.name,
        head=face_kinds.known_rig(speaker).coefficients(settings),
        style=_said("style", given, panel) or None,
        seed=_said("seed", given, panel),
        temperature=_said("temperature", given, panel),
        idle=_said("idle", given, panel),
        head_motion=given.get("head_motion", 1.0),
        gaze=given.get("gaze", 1.0),
        **_sound(context, panel, given, folder),
    )


def emotion_fields(
    context: bpy.types.Context,
    settings: EngineSettings,
    asked: GenerationRequest,
    folder: str,
    given: Mapping[str, Any] | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """All fields of a request that say what emotion is asked for, whatever they were before.

    What a script has said in `given` is taken before the panel's. `seconds` is the length of the line, where
    it is known better than by itself. Files are written into `folder`.

    Raises:
        EcoFaceBlenderError: if something is missing or contradicts itself.
    """
    panel, given = _panel(context), given or {}
    fields: dict[str, Any] = dict.fromkeys(EMOTION_FIELDS)
    fields["emotion_first_second"] = 0.0
    fields |= {name: _said(name, given, panel) for name in ("strength", "upper", "mouth")}
    source, value = _emotion_source(panel, given)
    if source == "emotion":
        fields["emotion"] = value
    elif source == "emotion_track":
        fields["emotion_track"] = str(Path(folder) / "emotion_track.npz")
        speaker = context.scene.objects[asked.speaker]
        emotion_track.write_track(
            context.scene, speaker, asked.first_frame, seconds or asked.seconds, Path(fields["emotion_track"])
        )
    elif source == "emotion_from":
        fields |= emotion_reference.of_file(value, settings.flame, folder)
    elif source == "emotion_strip":
        fields |= emotion_reference.of_strip(context, value, folder)
        fields["reference_baseline"] = voice_baseline.of_strip(context, value)
    elif source == "emotion_head":
        fields |= emotion_reference.of_head(context, value, settings, folder)
    else:
        fields["baseline"] = voice_baseline.of_head(context.scene.objects[asked.speaker])
    return fields


def _panel(context: bpy.types.Context) -> bpy.types.PropertyGroup | None:
    """None where EcoFace runs without being an add-on, and all is given."""
    return getattr(context.scene, "ecoface", None)


def _said(name: str, given: Mapping[str, Any], panel: bpy.types.PropertyGroup | None) -> Any:
    """What a script says, else the panel."""
    return given[name] if name in given else getattr(panel, name)


def _emotion_source(panel: bpy.types.PropertyGroup, given: Mapping[str, Any]) -> tuple[str, Any]:
    """One of EMOTION_SOURCES and what was chosen of it; an empty name is the voice itself."""
    if any(name in given for name in EMOTION_SOURCES):
        said = {name: given[name] for name in EMOTION_SOURCES if given.get(name)}
        if len(said) > 1:
            found = " and ".join(f"{name} '{value}'" for name, value in said.items())
            raise EcoFaceBlenderError(f"Expected one source of emotion, found {found}; leave one out.")
        return next(iter(said.items()), ("", None))
    if panel.emotion_from == "LABEL":
        return "emotion", f"{panel.emotion}:{panel.intensity:.3g}"
    if panel.emotion_from == "TRACK":
        return "emotion_track", True
    if panel.emotion_from == "SPEECH":
        return "", None
    if reason := emotion_reference.what_is_missing(panel):
        raise EcoFaceBlenderError(reason)
    return {
        "FILE": ("emotion_from", panel.reference_file),
        "STRIP": ("emotion_strip", panel.reference_strip),
        "HEAD": ("emotion_head", panel.reference_head and panel.reference_head.name),
    }[panel.reference_from]


def _sound(
    context: bpy.types.Context, panel: bpy.types.PropertyGroup, given: Mapping[str, Any], folder: str
) -> dict[str, Any]:
    """The fields of a request that say what is heard, and when."""
    from_file = "sound" in given or ("strip" not in given and panel.sound_from == "FILE")
    if from_file:
        path = given.get("sound") or panel.sound
        if not path:
            raise EcoFaceBlenderError("Choose the sound file of a voice.")
        path = bpy.path.abspath(path)
        named_files.remember(path)
        choice = sound_choice.given_or(None if "sound" in given else panel.choice, given)
        as_it_is = not given.get("as_played", True)
        return {
            "sound": path,
            "mix": None if any(choice.values()) or as_it_is else _mix_of_file(path, folder),
            **choice,
            "first_frame": float(context.scene.frame_start),
            "add_strip": given.get("add_strip", "sound" not in given and panel.add_strip),
        }
    strip = chosen_strip(context, _said("strip", given, panel))
    choice = sound_choice.given_or(sound_choice.of_strip(strip), given)
    heard = sequencer.heard(strip, folder, as_played=not any(choice.values()))
    if any(choice.values()):
        sound_choice.expect_unaltered(strip, heard)
    return {
        **choice,
        "sound": str(heard.path),
        "first_second": heard.in_seconds,
        "seconds": heard.out_seconds - heard.in_seconds,
        "first_frame": scene_strips.scene_frame(context, heard.first_frame),
        "mix": heard.mix and str(heard.mix),
        "altered_strip": strip.name if heard.altered else None,
    }


def mix_again(context: bpy.types.Context, asked: GenerationRequest, folder: str) -> str | None:
    """The `mix` of a request whose own is gone with its job, written into `folder`.

    Raises:
        EcoFaceBlenderError: if its strip is gone or plays something else now.
    """
    if asked.altered_strip is None:
        return _mix_of_file(asked.sound, folder, asked.first_second, asked.seconds)
    strip = chosen_strip(context, asked.altered_strip)
    heard = sequencer.heard(strip, folder)
    seconds = heard.out_seconds - heard.in_seconds
    same = asked.seconds is not None and abs(seconds - asked.seconds) <= 1e-3
    if abs(heard.in_seconds - asked.first_second) > 1e-3 or not same or heard.mix is None:
        raise EcoFaceBlenderError(f"The strip '{strip.name}' was changed since the take; generate a new one.")
    return str(heard.mix)


def _mix_of_file(
    path: str, folder: str, first_second: float = 0.0, seconds: float | None = None
) -> str | None:
    """None where the engine hears the file as Blender plays it, or is to say what it is."""
    with suppress(EcoFaceBlenderError):
        mix = mixdown.unless_read_alike(Path(path), first_second, seconds, folder)
        return str(mix) if mix else None
    return None
