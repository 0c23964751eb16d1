"""The only place that knows the video sequencer: which strips sound, and what of their file is heard when."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ..errors import EcoFaceBlenderError
from . import mixdown, packed

N_CHANNELS = 128


@dataclass(frozen=True)
class Sound:
    """The part of a file that a strip plays, and when."""

    path: Path
    in_seconds: float
    """In the file's own time; before 0 the strip is silent."""
    out_seconds: float
    """So that out - in is the time for which the strip is heard, whatever its speed."""
    first_frame: float
    """Scene time of in_seconds; need not be whole."""
    mix: Path | None = None
    """A file of exactly what is heard from in_seconds to out_seconds; None where `path` tells it."""
    altered: bool = False
    """Whether the strip plays its file at another speed or fades it."""


@dataclass(frozen=True)
class _Timing:
    """A strip's frames: where its source would begin, how long it is, how much was cut, what is seen."""

    source: float
    length: float
    trimmed: float
    offset: float
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
    return _strips(context, "SOUND")


def voice_strips(context: bpy.types.Context) -> list[bpy.types.Strip]:
    """The sound strips, and after them the movies whose sound is not a strip of its own."""
    sounds, movies = sound_strips(context), _strips(context, "MOVIE")
    by_path: dict[
        Path, list[bpy.types.Strip]
    ] = {}  # each path is asked once: panels come here at each redraw
    for sound in sounds if movies else ():
        if sound.sound:
            by_path.setdefault(path_of(sound), []).append(sound)
    return sounds + [movie for movie in movies if not _beside(movie, by_path.get(path_of(movie), []))]


def own_sound(strip: bpy.types.Strip) -> bpy.types.Strip | None:
    """The sound strip that was added with a movie, where there is one."""
    if strip.type != "MOVIE":
        return None
    path, others = path_of(strip), strip.id_data.sequence_editor.strips_all
    return _beside(
        strip, [each for each in others if each.type == "SOUND" and each.sound and path_of(each) == path]
    )


def is_inside(strip: bpy.types.Strip, outer: bpy.types.Strip) -> bool:
    """Whether a strip is `outer`, is in it, if it is a meta strip, or is its sound, if it is a movie."""
    inner = own_sound(outer) or outer
    while strip and strip != inner:
        strip = strip.parent_meta()
    return strip is not None


def place(strip: bpy.types.Strip) -> str:
    """Where a strip is found, for a list: from which frame on, and in which meta strips."""
    inside, outer = "", strip.parent_meta()
    while outer:
        inside, outer = f"{inside}, in {outer.name}", outer.parent_meta()
    return f"Frame {math.floor(_timing(strip).left)}{inside}"


def located(strip: bpy.types.Strip) -> Sound:
    """What of which file the strip plays, without looking into it; a movie is heard by its own sound strip.

    Raises:
        EcoFaceBlenderError: if the strip is silent: muted, turned down, or hidden by its meta strip.
    """
    strip = own_sound(strip) or strip
    if reason := _why_silent(strip):
        raise EcoFaceBlenderError(reason)
    rate = scene_rate(strip.id_data)
    begin, right, skipped = _played(strip)
    timing = _timing(strip)
    first = max(begin, begin - skipped)
    last = min(right, begin - skipped + timing.trimmed + timing.length)
    if last <= first:
        raise EcoFaceBlenderError(f"Nothing of the strip '{strip.name}' is heard; widen its handles.")
    # A positive sound_offset delays the sound, so the file's own time is behind.
    shift = (skipped - begin) / rate - getattr(strip, "sound_offset", 0.0)  # movies have none
    altered = _retimed(strip) or _volume_is_animated(strip)
    return Sound(path_of(strip), first / rate + shift, last / rate + shift, first, altered=altered)


def heard(strip: bpy.types.Strip, folder: str | Path, as_played: bool = True) -> Sound:
    """As `located`, with all files in place; a packed sound and what Blender mixes are written into `folder`.

    Not `as_played` nothing is mixed down: it is the file itself that matters.

    Raises:
        EcoFaceBlenderError: if the strip is turned down, or its file is missing or no sound.
    """
    strip = own_sound(strip) or strip
    sound, folder = located(strip), Path(folder)
    path = _file(strip, folder)
    sound = replace(sound, path=path)
    if not as_played or (mixdown.is_read_alike(path) and not sound.altered):
        return sound
    seconds = sound.out_seconds - sound.in_seconds
    if strip.type == "MOVIE":
        return replace(sound, mix=mixdown.unless_read_alike(path, sound.in_seconds, seconds, folder))
    if strip.sound.channels == "INVALID":
        raise EcoFaceBlenderError(mixdown.nothing_heard(path))
    first = max(0.0, sound.first_frame)  # nothing is mixed down before frame 0
    cut = (first - sound.first_frame) / scene_rate(strip.id_data)
    last = sound.first_frame + seconds * scene_rate(strip.id_data)
    mix = mixdown.of_strip(strip, first, last, folder / "heard.wav", sound.altered)
    # The voice of a file that is silent when mixed may lie in another track, or in channels that cancel out.
    spoken = None if mixdown.is_silent(mix) and not sound.altered else mix
    return replace(sound, first_frame=first, in_seconds=sound.in_seconds + cut, mix=spoken)


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
        raise EcoFaceBlenderError(mixdown.nothing_heard(path))
    strip.sound_offset = (frame - whole) / scene_rate(scene)  # strips begin on whole frames
    left, right = _timing(strip).left, _timing(strip).right
    taken = {channel for channel, start, end in others if start < right and end > left}
    strip.channel = next((c for c in range(1, N_CHANNELS) if c not in taken), N_CHANNELS)
    return strip


def _strips(context: bpy.types.Context, kind: str) -> list[bpy.types.Strip]:
    editor = sequencer_scene(context).sequence_editor
    strips = [strip for strip in (editor.strips_all if editor else ()) if strip.type == kind]
    return sorted(strips, key=lambda strip: (_timing(strip).left, strip.channel))


def _beside(movie: bpy.types.Strip, sounds: list[bpy.types.Strip]) -> bpy.types.Strip | None:
    """Of sounds of the same file the one that belongs to the movie strip: it may begin a little after it."""
    at, second = _timing(movie), scene_rate(movie.id_data)
    near = [sound for sound in sounds if abs(_timing(sound).source - at.source) < second]
    return min(near, key=lambda sound: abs(_timing(sound).left - at.left), default=None)


def _why_silent(strip: bpy.types.Strip) -> str | None:
    """What silences a strip, in one sentence."""
    if strip.mute:
        return f"The strip '{strip.name}' is muted; unmute it or choose another."
    if getattr(strip, "volume", 1.0) == 0 and not _volume_is_animated(strip):
        return f"The volume of the strip '{strip.name}' is 0; turn it up or choose another."
    inner = strip
    while True:
        outer = inner.parent_meta()
        channel = (outer or strip.id_data.sequence_editor).channels[inner.channel]
        if channel.mute:
            return (
                f"The channel '{channel.name}' of the strip '{strip.name}' is muted; "
                "unmute it or choose another strip."
            )
        if outer is None:
            return None
        if outer.mute:
            return (
                f"The meta strip '{outer.name}' around the strip '{strip.name}' is muted; "
                "unmute it or choose another strip."
            )
        inner = outer


def _played(strip: bpy.types.Strip) -> tuple[int, float, int]:
    """Frames from which and to which Blender plays a strip, and how many of the file it skips.

    Where the scene's rate was changed, strips lie between frames. Blender plays their sound from whole frames
    all the same, cut towards zero one by one; inside meta strips it adds before it cuts.
    """
    timing = _timing(strip)
    outer = strip.parent_meta()
    if outer is None:
        return int(timing.left), int(timing.right), int(timing.offset + timing.trimmed)
    offset, right = int(timing.offset), timing.right
    start = timing.left
    while outer:
        start, right = max(start, _timing(outer).left), min(right, _timing(outer).right)
        outer = outer.parent_meta()
    if start > timing.left:
        offset = int(start - timing.source)
    return int(timing.source + offset), int(right), int(offset + timing.trimmed)


def _retimed(strip: bpy.types.Strip) -> bool:
    """Whether the strip, or a meta strip around it, is played at another speed."""
    if len(getattr(strip, "retiming_keys", ())):
        return True
    outer = strip.parent_meta()
    while outer:
        inside = [_timing(each) for each in outer.strips]
        length = max(each.right for each in inside) - min(each.left for each in inside)
        if abs(_timing(outer).length - length) > 1:  # scripts are not told the keys of meta strips
            return True
        outer = outer.parent_meta()
    return False


def _volume_is_animated(strip: bpy.types.Strip) -> bool:
    animation = strip.id_data.animation_data
    if animation is None:
        return False
    curves = list(animation.drivers)
    if animation.action:
        bags = [bag for layer in animation.action.layers for part in layer.strips for bag in part.channelbags]
        curves += [curve for bag in bags for curve in bag.fcurves]
    end = f'["{bpy.utils.escape_identifier(strip.name)}"].volume'
    return any(curve.data_path.endswith(end) for curve in curves)


def _timing(strip: bpy.types.Strip) -> _Timing:
    if hasattr(strip, "content_start"):  # Blender 5.2 and later
        trimmed = getattr(strip, "content_trim_start", 0.0)
        return _Timing(
            strip.content_start,
            strip.content_duration,
            trimmed,
            strip.left_handle_offset,
            strip.left_handle,
            strip.right_handle,
        )
    trimmed = getattr(strip, "animation_offset_start", 0.0)
    return _Timing(
        strip.frame_start,
        strip.frame_duration,
        trimmed,
        strip.frame_offset_start,
        strip.frame_final_start,
        strip.frame_final_end,
    )


def path_of(strip: bpy.types.Strip) -> Path:
    """Where the file of a sound or movie strip should be."""
    if strip.type == "MOVIE":
        return Path(bpy.path.abspath(strip.filepath, library=strip.id_data.library))
    if strip.sound is None:
        raise EcoFaceBlenderError(f"The strip '{strip.name}' has lost its sound; choose another.")
    return Path(bpy.path.abspath(strip.sound.filepath, library=strip.sound.library))


def _file(strip: bpy.types.Strip, folder: Path) -> Path:
    """The sound or movie of the strip as a file on disk."""
    path = path_of(strip)
    if strip.type == "SOUND" and strip.sound.packed_file:
        return packed.unpacked(strip.sound, folder)
    if not path.is_file():
        what = "movie" if strip.type == "MOVIE" else "sound"
        raise EcoFaceBlenderError(
            f"The {what} of the strip '{strip.name}' is not at '{path}'; put it back or find it anew."
        )
    if not path.stat().st_size:
        raise EcoFaceBlenderError(
            f"The file '{path}' of the strip '{strip.name}' is empty; record or copy it again."
        )
    return path
