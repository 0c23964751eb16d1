"""Sound as Blender itself plays it, as a file: mixed down alone, in a scene that is removed afterwards."""

import math
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import bpy
import numpy as np

from ..errors import EcoFaceBlenderError

BUFFER = 1024
"""Samples that Blender mixes at once. It reads the speed of a retimed strip only where they begin, so that
what it plays depends by milliseconds on where the mixdown began."""
PATIENCE = 20.0
"""Seconds without another sample, after which a mixdown has failed."""
MOST_SAMPLES = 6 * 3600 * 48_000
"""Of one mixdown: 2 GB."""
SILENCE = 1e-4  # of full scale
NAME = "EcoFace Mixdown"
PLAIN_WAVES = (1, 3, 0xFFFE)
"""Tags of wav files that hold whole numbers, floats, or either by another tag; a wav may hold an mp3."""


def of_strip(
    strip: bpy.types.Strip, first_frame: float, last_frame: float, file: Path, altered: bool
) -> Path:
    """What is heard of the strip alone from `first_frame` to `last_frame` of its scene, as a mono wav.

    It sounds as in a mixdown of the whole scene. Where its speed or volume is `altered`, that takes a mixdown
    from the scene's first frame on.

    Raises:
        EcoFaceBlenderError: if Blender cannot mix it down, or it is too long.
    """
    with _removed(strip.id_data.copy()) as scene:
        _strip_of_all_but_sound(scene)
        heard, inner = set(), strip
        while inner:
            heard.add(inner.name)
            inner = inner.parent_meta()
        for other in scene.sequence_editor.strips_all:
            other.mute = other.name not in heard
        if altered and bpy.app.version < (5, 0):
            _settle_speed(scene, scene.sequence_editor.strips_all[strip.name])
        begin = _whole_buffers(scene, first_frame) if altered else math.floor(first_frame)
        _mix(scene, begin, first_frame, last_frame, file)
    return file


def of_file(sound: Path, first_second: float, seconds: float | None, file: Path) -> Path:
    """What a strip of the sound would play from `first_second` of the file on, written as a mono wav.

    Without `seconds` it is all of the rest.

    Raises:
        EcoFaceBlenderError: if Blender hears nothing in the file.
    """
    before = set(bpy.data.sounds)
    try:
        with _removed(bpy.data.scenes.new(NAME)) as scene:
            strip = scene.sequence_editor_create().strips.new_sound(NAME, str(sound), 1, 1)
            if strip.sound is None or strip.sound.channels == "INVALID":
                raise EcoFaceBlenderError(nothing_heard(sound))
            rate = scene.render.fps / scene.render.fps_base
            last = strip.frame_final_end
            if seconds is not None:
                last = 1 + seconds * rate
                strip.frame_final_end = math.ceil(last) + 1
            strip.sound_offset = -first_second
            _mix(scene, 1, 1.0, last, file)
    finally:
        for new in set(bpy.data.sounds) - before:
            bpy.data.sounds.remove(new)
    return file


def unless_read_alike(
    path: Path, first_second: float, seconds: float | None, folder: str | Path
) -> Path | None:
    """What Blender plays of a part of a file, if that is not told by the file itself, nor silence.

    Raises:
        EcoFaceBlenderError: if Blender hears nothing in it.
    """
    if is_read_alike(path):
        return None
    mix = of_file(path, first_second, seconds, Path(folder) / "heard.wav")
    return None if is_silent(mix) else mix


def is_read_alike(path: Path) -> bool:
    """Whether everybody counts the samples of a file alike, by its content: a plain wav, an aiff or a flac.

    Of mp3, ogg or a movie Blender skips another delay of the codec.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        format_at = head.find(b"fmt ") + 8
        return int.from_bytes(head[format_at : format_at + 2], "little") in PLAIN_WAVES
    return head[:4] == b"fLaC" or (head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"))


def nothing_heard(sound: Path) -> str:
    """The refusal of a file that is no sound."""
    return f"Blender hears nothing in '{sound.name}'; choose a wav, flac, ogg or mp3."


@contextmanager
def _removed(scene: bpy.types.Scene) -> Iterator[bpy.types.Scene]:
    """A scene that is there only meanwhile; Blender also ends the mixdowns that it still does for it."""
    try:
        yield scene
    finally:
        bpy.data.scenes.remove(scene)


def _strip_of_all_but_sound(scene: bpy.types.Scene) -> None:
    """Blender evaluates all of the scene at every frame of a mixdown: let that be nothing."""
    for collection in list(scene.collection.children):
        scene.collection.children.unlink(collection)
    for item in list(scene.collection.objects):
        scene.collection.objects.unlink(item)
    scene.camera = scene.world = None
    scene.use_audio, scene.audio_volume = True, 1.0  # the artist may have muted the playback
    if hasattr(scene, "ecoface"):
        scene.property_unset("ecoface")  # it points at the head


def _settle_speed(scene: bpy.types.Scene, strip: bpy.types.Strip) -> None:
    """Let Blender 4.5 know the speed of a strip from frame 0 on, not from its begin on.

    For a buffer that begins before the strip it takes whatever lies in memory there, and is on time or some
    20 ms late by chance. Once the strip has been at frame 0 it is on time.
    """
    start, channel = strip.frame_start, strip.channel
    for place in (0.0, start):
        strip.frame_start = place
        scene.view_layers[0].update()
    strip.channel = channel  # it makes way for others where they lie


def _mix(scene: bpy.types.Scene, begin: int, first_frame: float, last_frame: float, file: Path) -> None:
    """Mix the scene down from `begin` on, and keep what is exactly from `first_frame` to `last_frame`."""
    rate = scene.render.ffmpeg.audio_mixrate
    fps = scene.render.fps / scene.render.fps_base
    if (seconds := (last_frame - begin) / fps) * rate > MOST_SAMPLES:
        raise EcoFaceBlenderError(
            f"Expected at most {MOST_SAMPLES // rate / 3600:.1f} hours to mix down, found "
            f"{seconds / 3600:.1f}; correct the scene's frame rate, or shorten the strip."
        )
    scene.frame_start, scene.frame_end = begin, max(begin, math.ceil(last_frame))
    first, last = (round((frame - begin) / fps * rate) for frame in (first_frame, last_frame))
    mixed = file.with_suffix(".mix.wav")
    mixed.unlink(missing_ok=True)
    try:
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            bpy.ops.sound.mixdown(
                filepath=str(mixed),
                check_existing=False,
                relative_path=False,
                container="WAV",
                codec="PCM",
                format="S16",
                channels="MONO",
                mixrate=rate,
            )
    except RuntimeError as error:
        raise EcoFaceBlenderError(f"Blender could not mix the sound down: {error}".strip()) from error
    samples = _wait_for(mixed, last - BUFFER)[first:last]
    mixed.unlink()
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())


def _whole_buffers(scene: bpy.types.Scene, frame: float) -> int:
    """The scene's first frame, or where `frame` is before it, one before `frame` by whole buffers."""
    if frame >= scene.frame_start:
        return scene.frame_start
    render = scene.render
    seconds_a_frame = Fraction(render.fps_base).limit_denominator(10_000) / render.fps
    period = (render.ffmpeg.audio_mixrate * seconds_a_frame / BUFFER).denominator
    n_periods = math.floor((frame - scene.frame_start) / period)
    return max(0, scene.frame_start + n_periods * period)  # scenes begin at frame 0 or later


def _wait_for(mixed: Path, n_samples: int) -> np.ndarray:
    """Samples (n,) of a mixdown, at least `n_samples`: from Blender 5.1 on a thread writes it meanwhile."""
    size, deadline = -1, time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if mixed.exists() and mixed.stat().st_size > size:
            size, deadline = mixed.stat().st_size, time.monotonic() + PATIENCE
        try:
            with wave.open(str(mixed), "rb") as sound:  # its header is written at the end
                if size >= 2 * sound.getnframes() >= 2 * n_samples:
                    return np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        except (OSError, EOFError, wave.Error):
            pass
        time.sleep(0.01)
    raise EcoFaceBlenderError(
        "Blender did not finish mixing the strip down; mix it down to a sound file and choose that."
    )


def is_silent(file: Path) -> bool:
    """Whether nothing is heard in a wav of 16 bits."""
    with wave.open(str(file), "rb") as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    return bool(np.abs(samples).max(initial=0) < SILENCE * 32767)
