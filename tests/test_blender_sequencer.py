"""What is heard of a strip, judged by Blender's own mixdown of the sequencer."""

from dataclasses import replace

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, mix_down, read_sound, retime, retiming, write_sound

from ecoface_blender import choices, scene_strips, sequencer
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


def in_meta(scene, strip, name="Scene 12"):
    meta = scene.sequence_editor.strips.new_meta(name, 5, 10)
    strip.move_to_meta(meta)
    meta.frame_final_end = 200
    return meta


def refused(strip, folder, sentence):
    with pytest.raises(EcoFaceBlenderError, match=sentence):
        sequencer.heard(strip, folder)


def test_whatever_silences_a_strip_is_named(scene, noise, tmp_path):
    strip = new_strip(scene, noise)
    meta = in_meta(scene, strip)
    meta.mute = True
    refused(strip, tmp_path, "meta strip 'Scene 12' around the strip 'noise' is muted")
    meta.mute = False
    meta.channels[strip.channel].mute = True
    refused(strip, tmp_path, f"channel 'Channel {strip.channel}' of the strip 'noise' is muted")
    meta.channels[strip.channel].mute = False
    scene.sequence_editor.channels[meta.channel].mute = True
    refused(strip, tmp_path, "of the strip 'noise' is muted")
    scene.sequence_editor.channels[meta.channel].mute = False
    strip.volume = 0
    refused(strip, tmp_path, "volume of the strip 'noise' is 0")
    strip.keyframe_insert("volume", frame=1)
    refused(strip, tmp_path, "strip 'noise' is silent where it is heard")
    strip.animation_data_clear() if hasattr(strip, "animation_data_clear") else scene.animation_data_clear()
    strip.volume = 1
    sequencer.heard(strip, tmp_path)


def test_files_that_are_no_sound_are_told_in_a_sentence(scene, noise, tmp_path):
    strip = new_strip(scene, noise)
    noise.write_bytes(b"")
    refused(strip, tmp_path, r"noise\.wav' of the strip 'noise' is empty")
    (tmp_path / "voice.mp3").write_bytes(b"no sound" * 100)
    strip = scene.sequence_editor.strips.new_sound("broken", str(tmp_path / "voice.mp3"), 5, 1)
    refused(strip, tmp_path, r"hears nothing in 'voice\.mp3'")
    assert choices._mix_of_file(str(tmp_path / "voice.mp3"), str(tmp_path)) is None, "the engine says why"


@retiming
def test_nothing_is_left_behind_by_a_mixdown(scene, noise, tmp_path):
    strip = new_strip(scene, noise)
    other = new_strip(scene, noise)
    retime(scene, strip, 30, 150)
    before = counts()
    frames = scene.frame_start, scene.frame_end, scene.frame_current
    sound = sequencer.heard(strip, tmp_path)
    assert sound.altered and sound.mix.is_file()
    sequencer.mix_of_file(compressed(scene, tmp_path), 0.5, 1.0, tmp_path)
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


def test_strips_in_meta_strips_are_listed_with_their_place_and_chosen(scene, noise, tmp_path):
    strip, other = new_strip(scene, noise), new_strip(scene, noise)
    assert choices.default_strip(bpy.context) is None
    meta = in_meta(scene, strip)
    assert sequencer.place(strip) == "Frame 10, in Scene 12"
    assert sequencer.place(other) == "Frame 10"
    assert set(sequencer.voice_strips(bpy.context)) == {strip, other}
    scene.sequence_editor.active_strip = meta
    assert choices.default_strip(bpy.context) == strip
    scene.sequence_editor.active_strip = other
    assert choices.default_strip(bpy.context) == other
    assert choices.chosen_strip(bpy.context, strip.name) == strip


def test_a_movie_is_heard_by_its_sound_strip_or_else_by_its_file(scene, movie, tmp_path):
    strips = scene.sequence_editor_create().strips
    picture = strips.new_movie("film", str(movie), 2, 30)
    picture.frame_final_start += 6
    assert choices.default_strip(bpy.context) == picture
    alone = sequencer.heard(picture, tmp_path)
    assert (alone.first_frame, alone.in_seconds) == (36, pytest.approx(6 / 24))
    samples, rate = read_sound(alone.mix)
    assert len(samples) / rate == pytest.approx(alone.out_seconds - alone.in_seconds, abs=1e-3)
    sound = strips.new_sound("film sound", str(movie), 1, 30)
    sound.frame_final_start += 12
    assert sequencer.voice_strips(bpy.context) == [sound]
    scene.sequence_editor.active_strip = picture
    assert choices.default_strip(bpy.context) == sound
    assert sequencer.heard(picture, tmp_path).first_frame == 42
    sound.mute = True
    refused(picture, tmp_path, "'film sound' is muted")


@pytest.fixture
def movie(scene, noise, tmp_path):
    """Two seconds of picture with sound."""
    av = pytest.importorskip("av")
    path = tmp_path / "film.mp4"
    samples, rate = read_sound(noise)
    with av.open(str(path), "w") as file:
        picture, sound = file.add_stream("mpeg4", rate=24), file.add_stream("aac", rate=rate, layout="mono")
        picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
        for _ in range(48):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")))
        block = av.AudioFrame.from_ndarray(samples[: 2 * rate].astype(np.float32).T, "fltp", "mono")
        block.sample_rate = rate
        file.mux(sound.encode(block))
        file.mux(picture.encode() + sound.encode())
    return path


def test_a_linked_library_s_sound_is_found_beside_the_library(scene, noise, tmp_path):
    (tmp_path / "library").mkdir()
    noise.rename(tmp_path / "library" / "noise.wav")
    strip = new_strip(scene, tmp_path / "library" / "noise.wav")
    strip.sound.filepath = "//noise.wav"
    library = tmp_path / "library" / "voices.blend"
    bpy.data.libraries.write(str(library), {strip.sound}, path_remap="NONE", fake_user=True)
    scene = empty_blend().scene
    with bpy.data.libraries.load(str(library), link=True) as (_, linked):
        linked.sounds = ["noise.wav"]
    write_sound(tmp_path / "short.wav", np.zeros(RATE))
    strip = new_strip(scene, tmp_path / "short.wav")
    strip.sound = bpy.data.sounds["noise.wav"]
    assert strip.sound.library
    assert sequencer.heard(strip, tmp_path).path == tmp_path / "library" / "noise.wav"


@retiming
def test_the_mix_of_a_take_is_made_again_from_its_strip_or_its_file(scene, noise, tmp_path):
    strip = new_strip(scene, noise)
    retime(scene, strip, 30, 150)
    heard = sequencer.heard(strip, tmp_path)
    line = choices.Line(
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
    np.testing.assert_array_equal(read_sound(choices.mix_again(bpy.context, line, str(tmp_path)))[0], before)
    strip.frame_final_end -= 9
    with pytest.raises(EcoFaceBlenderError, match="'noise' was changed since the take"):
        choices.mix_again(bpy.context, line, str(tmp_path))
    file = compressed(scene, tmp_path)
    line = replace(line, sound=str(file), first_second=0.25, seconds=1.0, altered_strip=None)
    samples, rate = read_sound(choices.mix_again(bpy.context, line, str(tmp_path)))
    assert len(samples) == rate


@pytest.mark.skipif(bpy.app.version < (5, 0), reason="before Blender 5.0 the sequencer is the scene's own")
def test_a_scene_shown_in_the_sequencer_of_another_is_keyed_where_it_is_shown(scene, noise):
    """Frames 22 and 32 are those that Sync Scene Time of Blender 5.2 goes to."""
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 3, 100
    edit = bpy.data.scenes.new("Edit")
    edit.render.fps = 24
    bpy.context.workspace.sequencer_scene = edit
    shown = edit.sequence_editor_create().strips.new_scene("shot", scene, 1, 101)
    shown.frame_final_start += 10
    shown.animation_offset_start = 5
    start = shown.frame_start
    voice = new_strip(edit, noise, 130)
    assert sequencer.voice_strips(bpy.context) == [voice]
    assert scene_strips.scene_frame(bpy.context, start + 14) == 22
    assert scene_strips.scene_frame(bpy.context, start + 24.5) == 32.5
    edit.render.fps = 48
    with pytest.raises(EcoFaceBlenderError, match="at 48 frames a second, which has 24"):
        scene_strips.scene_frame(bpy.context, start + 14)
    shown.mute = True
    assert scene_strips.scene_frame(bpy.context, 48) == 24
