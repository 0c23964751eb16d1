"""The only place that knows the video sequencer: which strips sound, and what of their file is heard when."""

import math
from dataclasses import dataclass
from pathlib import Path

import bpy

from .errors import EcoFaceBlenderError

N_CHANNELS = 128


@dataclass(frozen=True)
class Sound:
    """The part of a file that a strip plays, and when."""

    path: Path
    in_seconds: float
    """In the file's own time; before 0 the strip is silent."""
    out_seconds: float
    first_frame: float
    """Scene time of in_seconds; need not be whole."""


@dataclass(frozen=True)
class _Timing:
    """A strip's frames: where its source would begin, how long it is, how much was cut, what is seen."""

    source: float
    length: float
    trimmed: float
    left: float
    right: float


def scene_rate(scene: bpy.types.Scene) -> float:
    """Frames a second."""
    return scene.render.fps / scene.render.fps_base


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the sequencer shows; from Blender 5.0 on it may be another than the window's."""
    return getattr(context, "sequencer_scene", None) or context.scene


def sound_strips(context: bpy.types.Context) -> list[bpy.types.Strip]:
    """All sound strips of the sequencer, those inside meta strips too, in the order of time."""
    editor = sequencer_scene(context).sequence_editor
    strips = editor.strips_all if editor else ()
    return sorted((s for s in strips if s.type == "SOUND"), key=lambda s: (_timing(s).left, s.channel))


def heard(strip: bpy.types.Strip, folder: str | Path) -> Sound:
    """What of which file the strip plays; a packed sound is written into `folder`.

    Raises:
        EcoFaceBlenderError: if the strip is muted, retimed, hidden by its meta strip, or its file is missing.
    """
    if strip.mute:
        raise EcoFaceBlenderError(f"The strip '{strip.name}' is muted; unmute it or choose another.")
    if len(strip.retiming_keys):
        raise EcoFaceBlenderError(
            f"The strip '{strip.name}' is retimed; reset its retiming, or mix it down to a new sound file."
        )
    rate = scene_rate(strip.id_data)
    timing = _timing(strip)
    first = max(timing.left, timing.source)
    last = min(timing.right, timing.source + timing.length)
    outer = strip.parent_meta()
    while outer:
        first, last = max(first, _timing(outer).left), min(last, _timing(outer).right)
        outer = outer.parent_meta()
    if last <= first:
        raise EcoFaceBlenderError(f"Nothing of the strip '{strip.name}' is heard; widen its handles.")
    # A positive sound_offset delays the sound, so the file's own time is behind.
    shift = (timing.trimmed - timing.source) / rate - getattr(strip, "sound_offset", 0.0)  # movies have none
    return Sound(_file(strip, Path(folder)), first / rate + shift, last / rate + shift, first)


def add_sound_strip(scene: bpy.types.Scene, path: str | Path, frame: float) -> bpy.types.Strip:
    """A new strip that plays the file from `frame` on, in the lowest free channel; `frame` need not be whole.

    Raises:
        EcoFaceBlenderError: if there is no such file or Blender hears nothing in it.
    """
    path = Path(path)
    if not path.is_file():
        raise EcoFaceBlenderError(f"Expected a sound file at '{path}', found none; choose another.")
    editor = scene.sequence_editor or scene.sequence_editor_create()
    others = [(s.channel, _timing(s).left, _timing(s).right) for s in editor.strips]
    whole = math.floor(frame)
    strip = editor.strips.new_sound(path.stem, str(path), N_CHANNELS, whole)
    if strip.sound is None or strip.sound.channels == "INVALID":
        sound = strip.sound
        editor.strips.remove(strip)
        if sound is not None and not sound.users:
            bpy.data.sounds.remove(sound)
        raise EcoFaceBlenderError(f"Blender hears nothing in '{path.name}'; choose a wav, flac, ogg or mp3.")
    strip.sound_offset = (frame - whole) / scene_rate(scene)  # strips begin on whole frames
    left, right = _timing(strip).left, _timing(strip).right
    taken = {channel for channel, start, end in others if start < right and end > left}
    strip.channel = next((c for c in range(1, N_CHANNELS) if c not in taken), N_CHANNELS)
    return strip


def _timing(strip: bpy.types.Strip) -> _Timing:
    if hasattr(strip, "content_start"):  # Blender 5.2 and later
        trimmed = getattr(strip, "content_trim_start", 0.0)
        return _Timing(
            strip.content_start, strip.content_duration, trimmed, strip.left_handle, strip.right_handle
        )
    trimmed = getattr(strip, "animation_offset_start", 0.0)
    return _Timing(
        strip.frame_start, strip.frame_duration, trimmed, strip.frame_final_start, strip.frame_final_end
    )


def _file(strip: bpy.types.Strip, folder: Path) -> Path:
    """The strip's sound as a file on disk; a movie is its own."""
    if strip.type == "MOVIE":
        path = Path(bpy.path.abspath(strip.filepath, library=strip.id_data.library))
        if not path.is_file():
            raise EcoFaceBlenderError(
                f"The movie of the strip '{strip.name}' is not at '{path}'; put it back or choose another."
            )
        return path
    sound = strip.sound
    if sound is None:
        raise EcoFaceBlenderError(f"The strip '{strip.name}' has lost its sound; choose another.")
    path = Path(bpy.path.abspath(sound.filepath, library=sound.library))
    if sound.packed_file:
        unpacked = folder / f"packed{path.suffix}"
        unpacked.write_bytes(sound.packed_file.data)
        return unpacked
    if not path.is_file():
        raise EcoFaceBlenderError(
            f"The sound of the strip '{strip.name}' is not at '{path}'; put it back or choose its place anew."
        )
    return path
