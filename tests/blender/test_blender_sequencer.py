"""What is heard of a strip, judged by Blender's own mixdown of the sequencer."""

from dataclasses import replace

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, mix_down, read_sound, retime, retiming, write_sound

from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import gather
from ecoface_blender.request import GenerationRequest
from ecoface_blender.sound import mixdown, sequencer

pytestmark = pytest.mark.blender_version

RATE = 16_000
pytest_plugins = ["strip_fixtures"]


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


@pytest.mark.parametrize("rate", [(24, 1.0), (24, 1.001), (25, 1.0), (60, 1.0), (30, 1.001)])
def test_a_trimmed_strip_at_any_rate(scene, noise, tmp_path, rate):
    scene.render.fps, scene.render.fps_base = rate
    strip = sequencer.add_sound_strip(scene, noise, 10)
    strip.frame_final_start += 7
    strip.frame_final_end -= 9
    assert_heard_is_what_blender_plays(scene, strip, tmp_path)


@pytest.mark.parametrize("offset", [0.25, -0.25])
def test_a_strip_with_a_sound_offset(scene, noise, tmp_path, offset):
    strip = sequencer.add_sound_strip(scene, noise, 10)
    strip.sound_offset = offset
    assert_heard_is_what_blender_plays(scene, strip, tmp_path)


def test_a_strip_cut_at_the_start_of_its_source(scene, noise, tmp_path):
    strip = sequencer.add_sound_strip(scene, noise, 10)
    strip.animation_offset_start = 11
    assert_heard_is_what_blender_plays(scene, strip, tmp_path)


def test_a_strip_pulled_out_beyond_its_source_is_heard_from_where_it_sounds(scene, noise, tmp_path):
    strip = sequencer.add_sound_strip(scene, noise, 20)
    strip.frame_final_start = 12
    sound = sequencer.heard(strip, tmp_path)
    assert (sound.first_frame, sound.in_seconds) == (20, 0)
    assert_heard_is_what_blender_plays(scene, strip, tmp_path)


def test_a_split_strip_is_heard_in_its_two_parts(scene, noise, tmp_path):
    strip = sequencer.add_sound_strip(scene, noise, 10)
    right = strip.split(40, "SOFT")
    left_sound, right_sound = sequencer.heard(strip, tmp_path), sequencer.heard(right, tmp_path)
    assert left_sound.out_seconds == pytest.approx(right_sound.in_seconds)
    assert right_sound.first_frame == 40
    assert right_sound.in_seconds == pytest.approx(30 / 24)


def test_a_strip_in_a_meta_strip_is_heard_within_it(scene, noise, tmp_path):
    strip = sequencer.add_sound_strip(scene, noise, 10)
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
    strip = sequencer.add_sound_strip(scene, noise, 10)
    strip.sound.pack()
    content = noise.read_bytes()
    noise.unlink()
    folder = tmp_path / "job"
    folder.mkdir()
    sound = sequencer.heard(strip, folder)
    assert folder in sound.path.parents and sound.path.name == "noise.wav"
    assert sound.path.read_bytes() == content


def test_a_relative_path_is_found_beside_the_file(scene, noise, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    strip = sequencer.add_sound_strip(bpy.context.scene, noise, 10)
    strip.sound.filepath = "//noise.wav"
    assert sequencer.heard(strip, tmp_path).path == noise


def test_a_strip_begins_between_frames(scene, noise, tmp_path):
    strip = sequencer.add_sound_strip(scene, noise, 10.4)
    sound = sequencer.heard(strip, tmp_path)
    assert sound.first_frame - sound.in_seconds * 24 == pytest.approx(10.4)
    assert_heard_is_what_blender_plays(scene, strip, tmp_path)


@retiming
def test_nothing_is_left_behind_by_a_mixdown(scene, noise, tmp_path):
    strip = sequencer.add_sound_strip(scene, noise, 10)
    other = sequencer.add_sound_strip(scene, noise, 10)
    retime(scene, strip, 30, 150)
    before = counts()
    frames = scene.frame_start, scene.frame_end, scene.frame_current
    sound = sequencer.heard(strip, tmp_path)
    assert sound.altered and sound.mix.is_file()
    mixdown.unless_read_alike(compressed(scene, tmp_path), 0.5, 1.0, tmp_path)
    assert counts() == before
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == frames
    assert not strip.mute and not other.mute


def counts():
    return {
        name: len(getattr(bpy.data, name)) for name in ("scenes", "sounds", "actions", "worlds", "objects")
    }


def compressed(scene, folder):
    """The scene's sound as an mp3."""
    frames = scene.frame_start, scene.frame_end
    scene.frame_start, scene.frame_end = 1, 60
    mix_down(scene, folder / "voice.mp3", 48_000, "MP3", "MP3")
    scene.frame_start, scene.frame_end = frames
    return folder / "voice.mp3"


def test_a_linked_library_s_sound_is_found_beside_the_library(scene, noise, tmp_path):
    (tmp_path / "library").mkdir()
    noise.rename(tmp_path / "library" / "noise.wav")
    strip = sequencer.add_sound_strip(scene, tmp_path / "library" / "noise.wav", 10)
    strip.sound.filepath = "//noise.wav"
    library = tmp_path / "library" / "voices.blend"
    bpy.data.libraries.write(str(library), {strip.sound}, path_remap="NONE", fake_user=True)
    scene = empty_blend().scene
    with bpy.data.libraries.load(str(library), link=True) as (_, linked):
        linked.sounds = ["noise.wav"]
    write_sound(tmp_path / "short.wav", np.zeros(RATE))
    strip = sequencer.add_sound_strip(scene, tmp_path / "short.wav", 10)
    strip.sound = bpy.data.sounds["noise.wav"]
    assert strip.sound.library
    assert sequencer.heard(strip, tmp_path).path == tmp_path / "library" / "noise.wav"


@retiming
def test_the_mix_of_a_take_is_made_again_from_its_strip_or_its_file(scene, noise, tmp_path):
    strip = sequencer.add_sound_strip(scene, noise, 10)
    retime(scene, strip, 30, 150)
    heard = sequencer.heard(strip, tmp_path)
    line = GenerationRequest(
        scene=scene.name,
        speaker="",
        head="",
        sound=str(heard.path),
        first_second=heard.in_seconds,
        seconds=heard.out_seconds - heard.in_seconds,
        first_frame=heard.first_frame,
        mix=str(heard.mix),
        altered_strip=strip.name,
    )
    before = read_sound(heard.mix)[0]
    heard.mix.unlink()
    np.testing.assert_array_equal(read_sound(gather.mix_again(bpy.context, line, str(tmp_path)))[0], before)
    strip.frame_final_end -= 9
    with pytest.raises(EcoFaceBlenderError, match="'noise' was changed since the take"):
        gather.mix_again(bpy.context, line, str(tmp_path))
    file = compressed(scene, tmp_path)
    line = replace(line, sound=str(file), first_second=0.25, seconds=1.0, altered_strip=None)
    samples, rate = read_sound(gather.mix_again(bpy.context, line, str(tmp_path)))
    assert len(samples) == rate
