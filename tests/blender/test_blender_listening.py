"""What is heard of a voice in Blender: as keys of the emotion track, and in the panel."""
# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import json

import bpy
import numpy as np
import pytest
from blender_engine import (  # noqa: F401
    RATE,
    context,
    long_voice,
    preferences,
    refusal,
    speaker,
    step_to_stage,
    step_to_the_end,
    voice,
)
from blender_support import write_sound
from drawn_panel import laid_out
from emotion_stage import keyed
from heard_voices import heard_of, metadata_of

from ecoface_blender import running
from ecoface_blender.animation import emotion_keys, simplify
from ecoface_blender.emotion import track as emotion_track
from ecoface_blender.emotion import voice_baseline
from ecoface_blender.engine import job as engine_job
from ecoface_blender.engine.settings import engine_settings
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import panel as panels
from ecoface_blender.listening import listening
from ecoface_blender.sound import sequencer
from ecoface_blender.takes import heard as heard_words


def frames_of(speaker):
    points = [
        point.co.x for curve in emotion_keys.curves(speaker).values() for point in curve.keyframe_points
    ]
    return sorted(set(points))


def test_what_is_heard_is_keyed_where_the_strip_is(context, speaker, voice):
    context.scene.render.fps = 30
    strip = sequencer.add_sound_strip(context.scene, voice, 40)
    strip.frame_final_start, strip.frame_final_end = 55, 115  # 0.5 s .. 2.5 s of the file
    values, first_frame = heard_of(context)
    assert first_frame == 55 and len(values) == 20
    assert bpy.ops.ecoface.listen() == {"FINISHED"}
    assert context.scene.ecoface.emotion_from == "TRACK"
    frames = frames_of(speaker)
    assert frames[0] == 55 and frames[-1] == 115 and len(frames) < 15
    at = 55 + (np.arange(20) + 0.5) * 3
    whole = np.arange(55, 116.0)
    expected = np.column_stack([np.interp(whole, at, column) for column in values.T])
    found = emotion_track.sample(context.scene, speaker, whole)
    np.testing.assert_array_less(np.abs(found - expected)[:, :8], 0.1 + 1e-5)
    np.testing.assert_array_less(np.abs(found - expected)[:, 8], 0.2 + 1e-5)
    bpy.ops.ecoface.generate()
    assert metadata_of(speaker)["emotion"] == "from an emotion track"


def test_a_sound_file_is_heard_from_the_first_frame_of_the_scene(context, speaker, voice):
    context.scene.frame_start = 11
    assert bpy.ops.ecoface.listen(sound=str(voice)) == {"FINISHED"}
    assert (frames_of(speaker)[0], frames_of(speaker)[-1]) == (11, 83)


def test_keys_outside_of_the_line_stay_and_those_inside_are_replaced(context, speaker, voice):
    emotion_keys.key(speaker, 10, {"happy": 1}, 0)
    emotion_keys.key(speaker, 60, {"calm": 1}, 4)
    emotion_keys.key(speaker, 200, {"angry": 1}, 14)
    sequencer.add_sound_strip(context.scene, voice, 40)  # 72 frames
    before = emotion_track.sample(context.scene, speaker, np.array([1.0, 10, 200, 250]))
    bpy.ops.ecoface.listen()
    frames = frames_of(speaker)
    assert [frame for frame in frames if not 40 <= frame <= 112] == [10, 186, 200]
    assert 60 not in frames or keyed(speaker)[1][0] != 60
    after = emotion_track.sample(context.scene, speaker, np.array([1.0, 10, 200, 250]))
    np.testing.assert_allclose(after, before, atol=1e-6)
    end, hold = emotion_track.sample(context.scene, speaker, np.array([112.0, 186.0]))
    np.testing.assert_allclose(hold, end, atol=1e-6)  # the mood goes on until it gives way to anger
    bpy.ops.ecoface.listen()
    assert frames_of(speaker) == frames, "again is the same"


def test_listening_is_one_undo_step(context, speaker, voice):
    sequencer.add_sound_strip(context.scene, voice, 1)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.ecoface.listen("EXEC_DEFAULT", True)
    assert emotion_keys.curves(speaker)
    bpy.ops.ed.undo()
    assert not emotion_keys.curves(bpy.data.objects["Anna"])
    assert bpy.context.scene.ecoface.emotion_from == "SPEECH"


def test_silence_is_listened_to_as_everywhere(context, speaker, tmp_path):
    silence = write_sound(tmp_path / "silence.wav", np.zeros(RATE))
    assert bpy.ops.ecoface.listen(sound=str(silence)) == {"FINISHED"}
    moments = np.arange(1, 25)
    values = emotion_track.sample(context.scene, speaker, moments)
    assert not values[:, 1:].any(), "nothing but neutral, at no intensity"
    assert frames_of(speaker) == [1.0, 25.0]


def test_what_cannot_be_listened_to_is_one_sentence(context, preferences, speaker, voice, tmp_path):
    assert "Add the voice to the sequencer" in refusal(bpy.ops.ecoface.listen)
    sequencer.add_sound_strip(context.scene, voice, 1)
    assert "Expected a sound strip 'x'" in refusal(bpy.ops.ecoface.listen, strip="x")
    speaker[voice_baseline.KEY] = json.dumps({"kind": "lines"})
    assert "Expected a voice baseline of EcoFace" in refusal(bpy.ops.ecoface.listen, sound=str(voice))
    preferences.python = "/nowhere/python"
    assert "found none; correct the path" in refusal(bpy.ops.ecoface.listen, sound=str(voice))
    bpy.data.objects.remove(speaker)
    assert "Add a head, or choose the one to speak" in refusal(bpy.ops.ecoface.listen, sound=str(voice))
    assert running.job is None and context.scene.ecoface.emotion_from == "SPEECH"


def start_listening(context, sound):
    folder = engine_job.job_folder()
    line = listening.line_to_hear(context, engine_settings(context), {"sound": str(sound)}, folder.name)
    chosen = engine_settings(context)
    return running.begin(lambda: listening.Listening(line, chosen, folder))


def test_listening_is_cancelled_at_once_and_keeps_others_waiting(context, speaker, voice, long_voice):
    job = start_listening(context, long_voice)
    assert "A line is being generated or listened to" in refusal(bpy.ops.ecoface.listen, sound=str(voice))
    assert "A line is being generated" in refusal(bpy.ops.ecoface.generate, sound=str(voice))
    step_to_stage(job, "Listening")
    assert 0 <= job.fraction < 1
    bpy.ops.ecoface.cancel()
    with pytest.raises(EcoFaceBlenderError, match="Cancelled"):
        job.step()
    running.end(job)
    assert not emotion_keys.curves(speaker) and running.job is None


def test_a_head_that_is_gone_while_it_is_listened_to_is_one_sentence(context, speaker, voice):
    job = start_listening(context, voice)
    speaker.name = "Berta"
    with pytest.raises(EcoFaceBlenderError, match="The head 'Anna' is gone"):
        step_to_the_end(job)
    running.end(job)


HEARD = {"text": "angry 0.7, sad 0.2", "shares": {"sad": 0.2, "angry": 0.7, "neutral": 0.1}}


def test_the_panel_says_what_was_heard_and_how_sure(context, speaker, voice):
    assert heard_words.describe(HEARD) == "Heard: mostly angry 0.7, sad 0.2"
    unsure = {"shares": {"neutral": 0.44, "happy": 0.31, "sad": 0.24}}
    assert heard_words.describe(unsure) == "Heard, but not sure: neutral 0.4, happy 0.3, sad 0.2"
    assert heard_words.heard_sentence(speaker) == "" == heard_words.heard_sentence(None)
    bpy.ops.ecoface.generate(sound=str(voice))
    heard = metadata_of(speaker)["heard"]
    assert heard_words.heard_sentence(speaker).endswith(heard["text"])
    bpy.ops.ecoface.generate(sound=str(voice), emotion="sad")
    assert heard_words.heard_sentence(speaker) == ""


def test_the_panel_shows_the_button_and_what_was_heard(context, speaker, voice):
    bpy.ops.ecoface.generate(sound=str(voice))
    heard = heard_words.heard_sentence(speaker)
    panel = context.scene.ecoface
    panel.sound_from, panel.sound = "FILE", str(voice)
    assert panel.reference_from == "FILE"
    panel.reference_file = str(voice)
    for source, shows, button in (
        ("SPEECH", True, True),
        ("REFERENCE", True, False),
        ("TRACK", False, True),
        ("LABEL", False, False),
    ):
        panel.emotion_from = source
        emotion_keys.key(speaker, 1, {"sad": 1}, 4)
        layout = laid_out(panels.ECOFACE_PT_speech, context)
        told = [each[3]["text"] for each in layout.shown if each[1] == "ecoface.message"]
        assert (heard in told[0]) == shows, told
        assert ("ecoface.listen" in [each[1] for each in layout.usable]) == button


def test_few_joint_keys_keep_every_curve_within_the_tolerance():
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(0, 0.05, (300, 9)), axis=0)
    rows = simplify.joint_keys(values, 0.3)
    time_ = np.arange(300)
    shown = np.column_stack([np.interp(time_, rows, column[rows]) for column in values.T])
    assert np.abs(shown - values).max() <= 0.3 + 1e-12 and 2 < len(rows) < 150
    assert simplify.joint_keys(np.outer(time_, np.ones(3)), 1e-6).tolist() == [0, 299]
    assert simplify.joint_keys(values[:1], 0.1).tolist() == [0]
