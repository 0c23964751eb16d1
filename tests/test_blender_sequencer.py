"""What is heard of a strip, judged by Blender's own mixdown of the sequencer."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, mix_down, read_sound, write_sound

from ecoface_blender import sequencer
from ecoface_blender.errors import EcoFaceBlenderError

RATE = 16_000


@pytest.fixture
def noise(tmp_path):
    """Three seconds of noise: any part of it can be found again."""
    return write_sound(tmp_path / "noise.wav", np.random.default_rng(0).uniform(-0.5, 0.5, 3 * RATE), RATE)


@pytest.fixture
def scene():
    return empty_blend().scene


def assert_heard_is_what_blender_plays(scene, strip, tmp_path):
    """Half a second from the middle of what is heard must lie in the mixdown where `heard` says."""
    sound = sequencer.heard(strip, tmp_path)
    file, _ = read_sound(sound.path)
    fps = sequencer.scene_rate(scene)
    first = int(np.floor(sound.first_frame)) - 3
    length = sound.out_seconds - sound.in_seconds
    scene.frame_start, scene.frame_end = first, int(sound.first_frame + length * fps) + 3
    mix = mix_down(scene, tmp_path / "mix.wav", RATE)
    middle = max(sound.in_seconds, 0) + 0.3
    part = file[round(middle * RATE) :][: RATE // 2, 0]
    expected = (sound.first_frame - first) / fps + middle - sound.in_seconds
    found = np.argmax(np.correlate(mix, part, mode="valid")) / RATE
    assert found == pytest.approx(expected, abs=0.0005)
    before = mix[: max(0, round((sound.first_frame - first) / fps * RATE) - 20)]
    assert np.abs(before).max(initial=0) < 0.01


def new_strip(scene, path, frame=10):
    return sequencer.add_sound_strip(scene, path, frame)


@pytest.mark.parametrize("rate", [(24, 1.0), (24, 1.001), (25, 1.0), (60, 1.0), (30, 1.001)])
def test_a_trimmed_strip_at_any_rate(scene, noise, tmp_path, rate):
    scene.render.fps, scene.render.fps_base = rate
    strip = new_strip(scene, noise)
    strip.frame_final_start += 7
    strip.frame_final_end -= 9
    assert_heard_is_what_blender_plays(scene, strip, tmp_path)


@pytest.mark.parametrize("offset", [0.25, -0.25])
def test_a_strip_with_a_sound_offset(scene, noise, tmp_path, offset):
    strip = new_strip(scene, noise)
    strip.sound_offset = offset
    assert_heard_is_what_blender_plays(scene, strip, tmp_path)


def test_a_strip_cut_at_the_start_of_its_source(scene, noise, tmp_path):
    strip = new_strip(scene, noise)
    strip.animation_offset_start = 11
    assert_heard_is_what_blender_plays(scene, strip, tmp_path)


def test_a_strip_pulled_out_beyond_its_source_is_heard_from_where_it_sounds(scene, noise, tmp_path):
    strip = new_strip(scene, noise, 20)
    strip.frame_final_start = 12
    sound = sequencer.heard(strip, tmp_path)
    assert (sound.first_frame, sound.in_seconds) == (20, 0)
    assert_heard_is_what_blender_plays(scene, strip, tmp_path)


def test_a_split_strip_is_heard_in_its_two_parts(scene, noise, tmp_path):
    strip = new_strip(scene, noise)
    right = strip.split(40, "SOFT")
    left_sound, right_sound = sequencer.heard(strip, tmp_path), sequencer.heard(right, tmp_path)
    assert left_sound.out_seconds == pytest.approx(right_sound.in_seconds)
    assert right_sound.first_frame == 40
    assert right_sound.in_seconds == pytest.approx(30 / 24)


def test_a_strip_in_a_meta_strip_is_heard_within_it(scene, noise, tmp_path):
    strip = new_strip(scene, noise, 10)
    meta = scene.sequence_editor.strips.new_meta("Meta", 5, 10)
    strip.move_to_meta(meta)
    meta.frame_final_end = 60
    meta.frame_final_start = 22
    sound = sequencer.heard(strip, tmp_path)
    assert sound.first_frame == 22
    assert sound.in_seconds == pytest.approx(12 / 24)
    assert sound.out_seconds == pytest.approx(50 / 24)
    assert sequencer.sound_strips(bpy.context) == [strip]
    assert_heard_is_what_blender_plays(scene, strip, tmp_path)


def test_a_packed_sound_is_written_to_a_file(scene, noise, tmp_path):
    strip = new_strip(scene, noise)
    strip.sound.pack()
    content = noise.read_bytes()
    noise.unlink()
    folder = tmp_path / "job"
    folder.mkdir()
    sound = sequencer.heard(strip, folder)
    assert sound.path.parent == folder and sound.path.suffix == ".wav"
    assert sound.path.read_bytes() == content


def test_a_relative_path_is_found_beside_the_file(scene, noise, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    strip = new_strip(bpy.context.scene, noise)
    strip.sound.filepath = "//noise.wav"
    assert sequencer.heard(strip, tmp_path).path == noise


def test_a_strip_begins_between_frames(scene, noise, tmp_path):
    strip = new_strip(scene, noise, 10.4)
    sound = sequencer.heard(strip, tmp_path)
    assert sound.first_frame - sound.in_seconds * 24 == pytest.approx(10.4)
    assert_heard_is_what_blender_plays(scene, strip, tmp_path)


def test_strips_are_added_to_free_channels_and_listed_in_time(scene, noise):
    assert sequencer.sound_strips(bpy.context) == []
    strips = [new_strip(scene, noise, frame) for frame in (200, 10, 20, 90)]
    assert [s.channel for s in strips] == [1, 1, 2, 1]
    assert sequencer.sound_strips(bpy.context) == [strips[i] for i in (1, 2, 3, 0)]
    assert sequencer.sequencer_scene(bpy.context) == scene


def test_what_cannot_be_heard_is_told_in_a_sentence(scene, noise, tmp_path):
    strip = new_strip(scene, noise)
    strip.mute = True
    with pytest.raises(EcoFaceBlenderError, match="'noise' is muted"):
        sequencer.heard(strip, tmp_path)
    strip.mute = False
    strip.frame_final_end = 510
    strip.frame_final_start = 500
    with pytest.raises(EcoFaceBlenderError, match="Nothing of the strip 'noise' is heard"):
        sequencer.heard(strip, tmp_path)
    strip = new_strip(scene, noise)
    noise.rename(tmp_path / "moved.wav")
    with pytest.raises(EcoFaceBlenderError, match=r"is not at .*noise\.wav"):
        sequencer.heard(strip, tmp_path)
    strip.sound = None
    with pytest.raises(EcoFaceBlenderError, match="has lost its sound"):
        sequencer.heard(strip, tmp_path)


def test_files_that_blender_cannot_play_are_refused(scene, tmp_path):
    with pytest.raises(EcoFaceBlenderError, match="Expected a sound file at"):
        new_strip(scene, tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(EcoFaceBlenderError, match=r"hears nothing in 'text\.wav'"):
        new_strip(scene, tmp_path / "text.wav")
    assert not scene.sequence_editor.strips and not bpy.data.sounds
