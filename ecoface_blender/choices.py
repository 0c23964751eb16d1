"""What is to be spoken, by whom and how: gathered from the panel or from a script as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import bpy

from . import head, sequencer
from .errors import EcoFaceBlenderError

NO_HEAD = "Add a head, or choose the one to speak."


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
    """An .npz of emotions over time, as `emotion_track.write` makes it."""
    emotion_from: str | None = None
    """A sound, or an .npz of a performance."""
    emotion_first_second: float = 0.0
    emotion_seconds: float | None = None
    strength: float = 1.0
    """Of the emotion; so for the upper face and the mouth."""
    upper: float = 1.0
    mouth: float = 1.0
    seed: int = 0
    temperature: float = 1.0
    frames: tuple[int, int] | None = None
    """Of the take that is played, which alone are made anew; None makes a new take."""
    add_strip: bool = False


def chosen_head(context: bpy.types.Context, name: str = "") -> bpy.types.Object | None:
    """The named head, else the panel's, the active one, or the only one in the scene, if there is one."""
    if name:
        candidates = [context.scene.objects.get(name)]
    else:
        panel = getattr(context.scene, "ecoface", None)
        candidates = [panel and panel.head, context.view_layer.objects.active]
        heads = head.find_heads(context)
        candidates += heads if len(heads) == 1 else []
    # A head that was deleted from the scene lives on in the panel's choice.
    there = (c for c in candidates if c is not None and context.scene.objects.get(c.name) == c)
    return next((c for c in there if head.why_not_a_head(c) is None), None)


def default_strip(context: bpy.types.Context) -> bpy.types.Strip | None:
    """The active sound strip, or the only one, if there is such."""
    strips = sequencer.sound_strips(context)
    if len(strips) > 1:
        active = sequencer.sequencer_scene(context).sequence_editor.active_strip
        strips = [strip for strip in strips if strip == active]
    return strips[0] if strips else None


def chosen_strip(context: bpy.types.Context, name: str = "") -> bpy.types.Strip:
    """The named sound strip, else the default one.

    Raises:
        EcoFaceBlenderError: if there is no such.
    """
    strips = sequencer.sound_strips(context)
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
    try:
        if settings.sound_from == "FILE" and not settings.sound:
            return "Choose the sound file of a voice."
        if settings.sound_from == "STRIP":
            chosen_strip(context, settings.strip)
    except EcoFaceBlenderError as error:
        return str(error)
    if settings.emotion_from == "CLIP" and not settings.clip:
        return "Choose the recording whose emotion is to be shown."
    return None


def line_from_panel(context: bpy.types.Context, given: Mapping[str, Any], folder: str) -> Line:
    """What the panel says, except where `given` (what a script has said) says otherwise.

    A packed sound is written into `folder`.

    Raises:
        EcoFaceBlenderError: if something is missing or contradicts itself.
    """
    settings = context.scene.ecoface
    speaker = chosen_head(context, given.get("head", ""))
    if speaker is None:
        raise EcoFaceBlenderError("Expected a head of that name in this scene, found none; add one.")
    emotion, emotion_from = _emotion(settings, given)
    return Line(
        scene=context.scene.name,
        speaker=speaker.name,
        head=head.head_name(speaker),
        style=given.get("style", settings.style) or None,
        emotion=emotion,
        emotion_from=emotion_from,
        seed=given.get("seed", settings.seed),
        temperature=given.get("temperature", settings.temperature),
        **_sound(context, settings, given, folder),
    )


def emotion_fields(context: bpy.types.Context) -> dict[str, Any]:
    """All fields of a Line that say what emotion the panel asks for, whatever they were before.

    Raises:
        EcoFaceBlenderError: if something is missing or contradicts itself.
    """
    emotion, emotion_from = _emotion(context.scene.ecoface, {})
    own = {"emotion": emotion, "emotion_from": emotion_from}
    names = ("emotion_track", "emotion_first_second", "emotion_seconds", "strength", "upper", "mouth")
    defaults = {field.name: field.default for field in fields(Line) if field.name in names}
    return defaults | own


def _sound(context, settings, given: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The fields of a Line that say what is heard, and when."""
    from_file = "sound" in given or ("strip" not in given and settings.sound_from == "FILE")
    if from_file:
        path = given.get("sound") or settings.sound
        if not path:
            raise EcoFaceBlenderError("Choose the sound file of a voice.")
        return {
            "sound": bpy.path.abspath(path),
            "first_frame": float(context.scene.frame_start),
            "add_strip": "sound" not in given and settings.add_strip,
        }
    heard = sequencer.heard(chosen_strip(context, given.get("strip", settings.strip)), folder)
    return {
        "sound": str(heard.path),
        "first_second": heard.in_seconds,
        "seconds": heard.out_seconds - heard.in_seconds,
        "first_frame": heard.first_frame,
    }


def _emotion(settings, given: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Label and clip, of which at most one is there."""
    if "emotion" in given or "emotion_from" in given:
        label, clip = given.get("emotion", ""), given.get("emotion_from", "")
    elif settings.emotion_from == "LABEL":
        label, clip = f"{settings.emotion}:{settings.intensity:.3g}", ""
    else:
        label, clip = "", settings.clip if settings.emotion_from == "CLIP" else ""
    return label or None, bpy.path.abspath(clip) or None


def why_no_keys(context: bpy.types.Context) -> str | None:
    """Why there is nothing to bake or export, in one sentence."""
    speaker = chosen_head(context)
    if speaker is None:
        return NO_HEAD
    animation = speaker.data.shape_keys.animation_data
    if animation is None or not (animation.action or animation.nla_tracks or animation.drivers):
        return f"Nothing moves '{speaker.name}' yet; generate lip sync first."
    return None
