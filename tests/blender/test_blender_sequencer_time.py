"""Keys are on time: a click is heard by the engine, and keyed, where Blender itself plays it."""

from pathlib import Path

import numpy as np
import pytest
from blender_support import empty_blend, mix_down, read_sound, retime, retiming, write_sound

from ecoface_blender.animation import actions
from ecoface_blender.sound import mixdown, sequencer

pytestmark = pytest.mark.blender_version

RATE = 48_000
FPS = [(24, 1.001), (24, 1.0), (25, 1.0), (30, 1.001), (30, 1.0), (50, 1.0), (60, 1.0), (120, 1.0)]
WITHIN = 0.0005


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    """Three seconds with a click now and then; their distances tell them apart."""
    samples = np.zeros(3 * RATE)
    at = np.cumsum(np.random.default_rng(3).uniform(0.13, 0.31, 12)) + 0.05
    samples[(at * RATE).astype(int)] = 0.9
    return write_sound(tmp_path_factory.mktemp("clicks") / "clicks.wav", samples, RATE)


def seconds_of_clicks(samples, rate):
    """Where the clicks are: the centre of what stands out, as resampling spreads them."""
    loud = np.flatnonzero(np.abs(samples) > 0.15 * np.abs(samples).max())
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > 0.03 * rate) + 1)
    return np.array([np.average(group, weights=np.abs(samples[group])) for group in groups]) / rate


def seconds_in_the_engine(sound):
    """Of the clicks, from the beginning of what the engine reads of a wav."""
    samples, rate = read_sound(sound.mix or sound.path)
    first = 0.0 if sound.mix else sound.in_seconds
    at = seconds_of_clicks(samples[:, 0], rate) - first
    return at[(at > 0.01) & (at < sound.out_seconds - sound.in_seconds - 0.01)]


def seconds_of_keys(at, sound, scene):
    """Scene time at which the keys show what the engine hears at `at`."""
    motion = np.arange(400)[:, None] / 25 * np.ones(53)  # at every frame its own time
    fps = sequencer.scene_rate(scene)
    frames, values = actions.resample_to_scene(motion, 25, fps, sound.first_frame)
    return np.interp(at, values[:, 0], frames) / fps


def worst_error(scene, strip, folder):
    """Of the keys' time, against all clicks of what Blender plays."""
    first, last = scene.frame_start, scene.frame_end
    sound = sequencer.heard(strip, folder)
    assert (scene.frame_start, scene.frame_end) == (first, last)
    heard = seconds_in_the_engine(sound)
    keyed = seconds_of_keys(heard, sound, scene)
    seconds = sound.out_seconds - sound.in_seconds
    scene.frame_end = round(sound.first_frame + seconds * sequencer.scene_rate(scene)) + 5
    played = seconds_of_clicks(mix_down(scene, folder / "scene.wav", RATE), RATE)
    played += scene.frame_start / sequencer.scene_rate(scene)
    assert len(heard) >= 5
    assert abs(len(played) - len(heard)) <= 1  # one may be at the edge
    return np.abs(keyed[:, None] - played).min(axis=1).max()


def trimmed(scene, strip):
    strip.frame_final_start += 7
    strip.frame_final_end -= 9
    strip.sound_offset = 0.0137
    return strip


def between_frames(scene, strip):
    strip.sound_offset = 0.4 / sequencer.scene_rate(scene)  # as `add_sound_strip` does it
    strip.animation_offset_start = 3
    return strip


def split_off(scene, strip):
    right = strip.split(strip.frame_final_start + 20, "SOFT")
    strip.mute = True
    return right


def retimed(scene, strip):
    retime(scene, strip, strip.frame_final_start + 25, 150)
    return strip


def late_and_retimed(scene, strip):
    strip.frame_start = 1007
    return retimed(scene, strip)


def slower_and_trimmed(scene, strip):
    retime(scene, strip, strip.frame_final_start + 30, 80)
    strip.frame_final_start += 8
    return strip


def in_meta_strips(scene, strip):
    strips = scene.sequence_editor.strips
    outer = strips.new_meta("Outer", 5, 3)
    inner = strips.new_meta("Inner", 6, 3)
    strip.move_to_meta(inner)
    inner.move_to_meta(outer)
    inner.frame_final_end = strip.frame_final_end + 50
    outer.frame_final_end = strip.frame_final_end - 10
    outer.frame_final_start = strip.frame_final_start + 12
    return strip


def after_a_change_of_rate(scene, strip):
    strip.frame_final_start += 7
    strip.animation_offset_start = 2
    strip.sound_offset = 0.05
    final = scene.render.fps, scene.render.fps_base
    scene.render.fps, scene.render.fps_base = (30, 1.001) if final == (24, 1.0) else (24, 1.0)
    strip.frame_final_end -= 5
    scene.render.fps, scene.render.fps_base = final
    return strip


def in_a_meta_strip_after_a_change_of_rate(scene, strip):
    meta = scene.sequence_editor.strips.new_meta("Meta", 5, 3)
    strip.frame_final_start += 7
    strip.move_to_meta(meta)
    meta.frame_final_end = 400
    return after_a_change_of_rate(scene, strip)


def fading(scene, strip):
    for frame, volume in ((0, 0.5), (400, 1.0)):
        strip.volume = volume
        strip.keyframe_insert("volume", frame=frame)
    strip.volume = 0.0
    return strip


STRIPS = [
    trimmed,
    between_frames,
    split_off,
    pytest.param(retimed, marks=retiming),
    pytest.param(late_and_retimed, marks=retiming),
    pytest.param(slower_and_trimmed, marks=retiming),
    in_meta_strips,
    after_a_change_of_rate,
    in_a_meta_strip_after_a_change_of_rate,
    fading,
]


@pytest.mark.parametrize("rates", [FPS[::3], pytest.param(FPS, marks=pytest.mark.slow)], ids=["some", "all"])
@pytest.mark.parametrize("change", STRIPS)
def test_keys_are_on_time_at_every_rate(change, rates, clicks, tmp_path):
    worst, scene = {}, empty_blend().scene
    for fps in rates:
        scene.sequence_editor_clear()
        scene.animation_data_clear()
        scene.render.fps, scene.render.fps_base = fps
        scene.frame_start = 1
        strip = scene.sequence_editor_create().strips.new_sound("clicks", str(clicks), 1, 10)
        strip = change(scene, strip)
        worst[f"{fps[0] / fps[1]:.3f}"] = worst_error(scene, strip, tmp_path)
    print("ms", change.__name__, {rate: round(1000 * error, 3) for rate, error in worst.items()})
    assert max(worst.values()) < WITHIN, worst


@pytest.mark.parametrize("container,codec", [("MP3", "MP3"), ("OGG", "VORBIS"), ("MATROSKA", "AAC")])
def test_compressed_sounds_are_heard_as_blender_plays_them(container, codec, clicks, tmp_path):
    """The engine by itself would hear mp3 23 ms late, and AAC in mkv 21 ms early."""
    scene = empty_blend().scene
    scene.render.fps = 25
    strips = scene.sequence_editor_create().strips
    strips.new_sound("clicks", str(clicks), 1, 1)
    scene.frame_start, scene.frame_end = 1, 75
    file = tmp_path / f"clicks.{ {'MP3': 'mp3', 'OGG': 'ogg', 'MATROSKA': 'mkv'}[container] }"
    mix_down(scene, file, RATE, container, codec)
    strips.remove(strips[0])
    strip = strips.new_sound("voice", str(file), 1, 10)
    strip.frame_final_start += 11
    error = worst_error(scene, strip, tmp_path)
    assert error < WITHIN
    mix = mixdown.unless_read_alike(file, 0.0, None, tmp_path)
    of_file = seconds_of_clicks(read_sound(mix)[0][:, 0], RATE)
    of_wav = seconds_of_clicks(read_sound(clicks)[0][:, 0], RATE)
    assert np.abs(of_file - of_wav[: len(of_file)]).max() < 0.03  # Blender itself may play it late, mkv does
    assert mixdown.unless_read_alike(Path(clicks), 0.0, None, tmp_path) is None
