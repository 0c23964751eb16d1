"""Soundtrack and channel in Blender: menus where there is something to choose, kept by strip and take."""
# ruff: noqa: F401, F811 (fixtures)

import json
import wave

import bpy
import numpy as np
import pytest
from blender_engine import context, preferences, refusal, speaker, voice
from blender_support import read_sound, write_sound
from drawn_panel import laid_out

from ecoface_blender.animation import actions
from ecoface_blender.engine.settings import engine_settings
from ecoface_blender.generate import again, gather, panel, sound_choice
from ecoface_blender.request import GenerationRequest
from ecoface_blender.sound import sequencer
from ecoface_blender.takes import stored, takes

RATE = 16_000
MENUS = {"track_menu", "channel_menu"}


@pytest.fixture
def two(voice, tmp_path):
    """Two people on two channels, of whom only the second speaks in time."""
    samples, _ = read_sound(voice)
    t = np.arange(len(samples))[:, None] / RATE
    other = 0.4 * np.sin(2 * np.pi * 211 * t) * np.sin(2 * np.pi * 1.3 * t + 1) ** 2
    channels = np.hstack([other, samples])
    path = tmp_path / "two.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        file.writeframes((channels * 32767).astype("<i2").tobytes())
    return path


def menus(context):
    """Those that can be used; both are always there."""
    layout = laid_out(panel.ECOFACE_PT_speech, context)
    assert {each[1] for each in layout.shown} >= MENUS
    return {each[1] for each in layout.usable} & MENUS


def motion_of(speaker):
    return stored.motion_of(takes.played(speaker))[0]


def test_a_menu_comes_once_there_is_something_to_choose_and_is_obeyed(context, speaker, voice, two, tmp_path):
    alone = sequencer.add_sound_strip(context.scene, voice, 1)
    bpy.ops.ecoface.generate(strip=alone.name)
    expected = motion_of(speaker)
    assert not menus(context)
    strip = sequencer.add_sound_strip(context.scene, two, 1)
    context.scene.ecoface.strip = strip.name
    assert not menus(context)
    bpy.ops.ecoface.generate()
    assert np.abs(motion_of(speaker) - expected).max() > 1e-3, "both people at once"
    assert menus(context) == {"channel_menu"}
    choice = sound_choice.of_strip(strip)
    names = [item.name for item in choice.bl_rna.properties["channel_menu"].enum_items] or choice.names(
        "channel"
    )
    assert len(names) >= 2 and choice.as_asked() == {"track": None, "channel": None}
    choice.channel_menu = "2"
    assert choice.channel == 2
    bpy.ops.ecoface.generate()
    np.testing.assert_allclose(motion_of(speaker), expected, atol=1e-4)
    take = takes.played(speaker)
    assert actions.read_metadata(take)["line"]["channel"] == 2, "the take remembers"
    choice.channel_menu = "0"
    asked = again.request_again(context, take, str(tmp_path))
    assert (asked.channel, asked.part["channel"]) == (2, 2)
    context.scene.ecoface.strip = alone.name
    assert not menus(context), "of another strip"


def test_what_is_chosen_lies_with_the_strip_in_the_file(context, speaker, two, tmp_path):
    strip = sequencer.add_sound_strip(context.scene, two, 1)
    bpy.ops.ecoface.listen()
    strip.ecoface_choice.channel = 2
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    strip = bpy.context.scene.sequence_editor.strips_all[0]
    assert strip.ecoface_choice.channel == 2 and strip.ecoface_choice.shown() == ["channel_menu"]


def test_a_file_has_a_choice_of_its_own_until_another_is_chosen(context, speaker, voice, two):
    settings = context.scene.ecoface
    settings.sound_from, settings.sound, settings.add_strip = "FILE", str(two), False
    assert not menus(context)
    bpy.ops.ecoface.generate()
    assert menus(context) == {"channel_menu"}
    settings.choice.channel = 2
    bpy.ops.ecoface.generate()
    assert actions.read_metadata(takes.played(speaker))["line"]["channel"] == 2
    settings.sound = str(voice)
    assert not menus(context) and settings.choice.channel == 0


def test_a_script_says_it_and_a_number_too_far_is_refused(context, speaker, two):
    bpy.ops.ecoface.generate(sound=str(two), channel=2)
    assert actions.read_metadata(takes.played(speaker))["line"]["channel"] == 2
    assert "Expected a channel from 1 to 2, found 3" in refusal(
        bpy.ops.ecoface.generate, sound=str(two), channel=3
    )
    assert "Expected a track from 1 to 1, found 2" in refusal(bpy.ops.ecoface.listen, sound=str(two), track=2)


def test_a_strip_that_fades_is_heard_as_blender_plays_it_or_not_at_all(context, speaker, two):
    strip = sequencer.add_sound_strip(context.scene, two, 1)
    strip.keyframe_insert("volume", frame=1)
    strip.ecoface_choice.channel = 2
    sentence = refusal(bpy.ops.ecoface.generate)
    assert "'two' is retimed or fades" in sentence and "to Auto," in sentence
    strip.ecoface_choice.channel = 0
    assert bpy.ops.ecoface.generate() == {"FINISHED"}


def test_a_compressed_file_is_read_by_the_engine_where_a_track_is_chosen(context, speaker, two, tmp_path):
    given = {
        "head": speaker.name,
        "style": "",
        "seed": 0,
        "temperature": 1.0,
        "sound": str(tmp_path / "a.mkv"),
    }
    pytest.importorskip("av")
    from sound_kinds import encode

    samples = read_sound(two)[0].T.astype(np.float32)
    encode(tmp_path / "a.mkv", "aac", samples[0], samples[1])
    asked = gather.voice(context, engine_settings(context), given, str(tmp_path))
    chosen = gather.voice(context, engine_settings(context), given | {"track": 2}, str(tmp_path))
    assert asked.mix and asked.track is None
    assert chosen.mix is None and chosen.part["track"] == 2
    bpy.ops.ecoface.generate(sound=given["sound"], track=2)
    assert "track" not in json.dumps(actions.read_metadata(takes.played(speaker)).get("notes", []))
    context.scene.ecoface.sound_from, context.scene.ecoface.sound = "FILE", given["sound"]
    bpy.ops.ecoface.generate(track=2)
    assert "track_menu" in menus(context)


def test_a_packed_sound_keeps_its_choice(context, speaker, two):
    strip = sequencer.add_sound_strip(context.scene, two, 1)
    strip.sound.pack()
    two.unlink()
    bpy.ops.ecoface.generate()
    assert strip.ecoface_choice.shown() == ["channel_menu"]


@pytest.mark.parametrize("wrong", [{"track": 0}, {"channel": -1}, {"track": "first"}])
def test_a_request_counts_from_one(wrong):
    with pytest.raises(Exception, match=r"Expected `(track|channel)` as a whole number"):
        GenerationRequest(scene="S", speaker="A", head="h", sound="a", first_frame=1.0, **wrong)
