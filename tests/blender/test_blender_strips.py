"""Which strips are found in the sequencer, where they lie, and why one is not heard."""

import bpy
import numpy as np
import pytest
from blender_support import read_sound

from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import gather
from ecoface_blender.sound import scene_strips, sequencer

pytestmark = pytest.mark.blender_version

pytest_plugins = ["strip_fixtures"]


def in_meta(scene, strip, name="Scene 12"):
    meta = scene.sequence_editor.strips.new_meta(name, 5, 10)
    strip.move_to_meta(meta)
    meta.frame_final_end = 200
    return meta


def refused(strip, folder, sentence):
    with pytest.raises(EcoFaceBlenderError, match=sentence):
        sequencer.heard(strip, folder)


def test_strips_are_added_to_free_channels_and_listed_in_time(scene, noise):
    assert sequencer.sound_strips(bpy.context) == []
    strips = [sequencer.add_sound_strip(scene, noise, frame) for frame in (200, 10, 20, 90)]
    assert [s.channel for s in strips] == [1, 1, 2, 1]
    assert sequencer.sound_strips(bpy.context) == [strips[i] for i in (1, 2, 3, 0)]
    assert sequencer.sequencer_scene(bpy.context) == scene


def test_what_cannot_be_heard_is_told_in_a_sentence(scene, noise, tmp_path):
    strip = sequencer.add_sound_strip(scene, noise, 10)
    strip.mute = True
    with pytest.raises(EcoFaceBlenderError, match="'noise' is muted"):
        sequencer.heard(strip, tmp_path)
    strip.mute = False
    strip.frame_final_end = 510
    strip.frame_final_start = 500
    with pytest.raises(EcoFaceBlenderError, match="Nothing of the strip 'noise' is heard"):
        sequencer.heard(strip, tmp_path)
    strip = sequencer.add_sound_strip(scene, noise, 10)
    noise.rename(tmp_path / "moved.wav")
    with pytest.raises(EcoFaceBlenderError, match=r"is not at .*noise\.wav"):
        sequencer.heard(strip, tmp_path)
    strip.sound = None
    with pytest.raises(EcoFaceBlenderError, match="has lost its sound"):
        sequencer.heard(strip, tmp_path)


def test_files_that_blender_cannot_play_are_refused(scene, tmp_path):
    with pytest.raises(EcoFaceBlenderError, match="Expected a sound file at"):
        sequencer.add_sound_strip(scene, tmp_path / "none.wav", 10)
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(EcoFaceBlenderError, match=r"hears nothing in 'text\.wav'"):
        sequencer.add_sound_strip(scene, tmp_path / "text.wav", 10)
    assert not scene.sequence_editor.strips and not bpy.data.sounds


def test_whatever_silences_a_strip_is_named(scene, noise, tmp_path):
    strip = sequencer.add_sound_strip(scene, noise, 10)
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
    sound = sequencer.heard(strip, tmp_path)
    assert sound.altered and not read_sound(sound.mix)[0].any(), "faded to nothing it is silence, no mistake"
    strip.animation_data_clear() if hasattr(strip, "animation_data_clear") else scene.animation_data_clear()
    strip.volume = 1
    sequencer.heard(strip, tmp_path)


def test_files_that_are_no_sound_are_told_in_a_sentence(scene, noise, tmp_path):
    strip = sequencer.add_sound_strip(scene, noise, 10)
    noise.write_bytes(b"")
    refused(strip, tmp_path, r"noise\.wav' of the strip 'noise' is empty")
    (tmp_path / "voice.mp3").write_bytes(b"no sound" * 100)
    strip = scene.sequence_editor.strips.new_sound("broken", str(tmp_path / "voice.mp3"), 5, 1)
    refused(strip, tmp_path, r"hears nothing in 'voice\.mp3'")
    assert gather._mix_of_file(str(tmp_path / "voice.mp3"), str(tmp_path)) is None, "the engine says why"


def test_strips_in_meta_strips_are_listed_with_their_place_and_chosen(scene, noise, tmp_path):
    strip, other = sequencer.add_sound_strip(scene, noise, 10), sequencer.add_sound_strip(scene, noise, 10)
    assert gather.default_strip(bpy.context) is None
    meta = in_meta(scene, strip)
    assert sequencer.place(strip) == "Frame 10, in Scene 12"
    assert sequencer.place(other) == "Frame 10"
    assert set(sequencer.voice_strips(bpy.context)) == {strip, other}
    scene.sequence_editor.active_strip = meta
    assert gather.default_strip(bpy.context) == strip
    scene.sequence_editor.active_strip = other
    assert gather.default_strip(bpy.context) == other
    assert gather.chosen_strip(bpy.context, strip.name) == strip


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


def test_a_movie_is_heard_by_its_sound_strip_or_else_by_its_file(scene, movie, tmp_path):
    strips = scene.sequence_editor_create().strips
    picture = strips.new_movie("film", str(movie), 2, 30)
    picture.frame_final_start += 6
    assert gather.default_strip(bpy.context) == picture
    alone = sequencer.heard(picture, tmp_path)
    assert (alone.first_frame, alone.in_seconds) == (36, pytest.approx(6 / 24))
    samples, rate = read_sound(alone.mix)
    assert len(samples) / rate == pytest.approx(alone.out_seconds - alone.in_seconds, abs=1e-3)
    sound = strips.new_sound("film sound", str(movie), 1, 30)
    sound.frame_final_start += 12
    assert sequencer.voice_strips(bpy.context) == [sound]
    scene.sequence_editor.active_strip = picture
    assert gather.default_strip(bpy.context) == sound
    assert sequencer.heard(picture, tmp_path).first_frame == 42
    sound.mute = True
    refused(picture, tmp_path, "'film sound' is muted")


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
    voice = sequencer.add_sound_strip(edit, noise, 130)
    assert sequencer.voice_strips(bpy.context) == [voice]
    assert scene_strips.scene_frame(bpy.context, start + 14) == 22
    assert scene_strips.scene_frame(bpy.context, start + 24.5) == 32.5
    edit.render.fps = 48
    with pytest.raises(EcoFaceBlenderError, match="at 48 frames a second, which has 24"):
        scene_strips.scene_frame(bpy.context, start + 14)
    shown.mute = True
    assert scene_strips.scene_frame(bpy.context, 48) == 24
