"""The operators, as a script calls them, with the real worker and a tiny model."""

# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import json
import os
import time

import bpy
import numpy as np
import pytest
from blender_engine import (  # noqa: F401
    RATE,
    REFERENCE,
    context,
    preferences,
    refusal,
    speaker,
    voice,
)
from blender_support import REFERENCE_HEAD, read_sound, small_head, write_head, write_sound
from engine_python import ENGINE_PYTHON

from ecoface_blender.animation import actions
from ecoface_blender.engine import engine
from ecoface_blender.engine.interpreter import Interpreter
from ecoface_blender.generate import job_operator, operators
from ecoface_blender.generate import properties as settings
from ecoface_blender.heads import chosen, own_head
from ecoface_blender.sound import sequencer
from ecoface_blender.takes import stored, takes
from ecoface_blender.worker import protocol

pytestmark = pytest.mark.blender_version


def action_of(speaker):
    return speaker.data.shape_keys.animation_data.action


def metadata_of(speaker):
    return json.loads(action_of(speaker)[actions.METADATA])


def motion_of(sound, **wishes):
    """What the engine says of a sound, asked directly: (T, 53) at 25 fps."""
    values = {"style": None, "emotion": None, "emotion_from": None, "seed": 0, "temperature": 1.0} | wishes
    client = engine.worker(Interpreter(ENGINE_PYTHON))
    with job_operator.job_folder() as folder:
        values |= {
            "sound": str(sound),
            "first_second": 0.0,
            "seconds": None,
            "result": f"{folder}/motion.npz",
        }
        client.wait(client.request(protocol.Generate, head=REFERENCE, head_file=None, **values))
        with np.load(f"{folder}/motion.npz") as arrays:
            return arrays["motion"]


def assert_keys_follow(speaker, motion, first_frame, rate, column=3):
    """The first expressions' keys are the motion's values at the times of the scene's frames."""
    curve = next(c for c in curves_of(speaker) if own_head.EXPRESSION_KEYS[column] in c.data_path)
    frames, values = np.array([point.co for point in curve.keyframe_points]).T
    expected = np.interp((frames - first_frame) / rate, np.arange(len(motion)) / 25, motion[:, column])
    np.testing.assert_allclose(values, expected, atol=1e-4)
    assert frames[0] == np.ceil(first_frame) and (np.diff(frames) == 1).all()
    assert frames[-1] == np.ceil(first_frame + len(motion) / 25 * rate - 1e-6) - 1


def curves_of(speaker):
    bag = action_of(speaker).layers[0].strips[0].channelbags[0]
    return list(bag.fcurves)


def test_add_head_adds_the_reference_head_without_the_engine(context, preferences):
    preferences.python = "/nowhere"
    assert bpy.ops.ecoface.add_head() == {"FINISHED"}
    assert own_head.head_name(context.object) == REFERENCE
    assert own_head.why_not_a_head(context.object) is None


def test_add_head_adds_the_head_of_the_preferences_through_the_engine(context, preferences, tmp_path):
    with np.load(REFERENCE_HEAD) as arrays:
        path = write_head(dict(arrays) | {"name": np.array("mine")}, tmp_path / "mine.npz")
    preferences.flame = str(path)
    bpy.ops.ecoface.add_head()
    assert own_head.head_name(context.object) == "mine"


@pytest.mark.parametrize("rate", [(25, 1.0), (24, 1.001), (60, 1.0)])
def test_a_sound_file_is_spoken_from_the_first_frame_at_the_rate_of_the_scene(context, speaker, voice, rate):
    context.scene.render.fps, context.scene.render.fps_base = rate
    context.scene.frame_start = 5
    bpy.ops.ecoface.generate(sound=str(voice))
    assert_keys_follow(speaker, motion_of(voice), 5, rate[0] / rate[1])


def test_a_script_chooses_style_emotion_and_seed(speaker, voice):
    wishes = {"style": "cleo", "emotion": "sad:2", "seed": 7, "temperature": 0.5}
    bpy.ops.ecoface.generate(sound=str(voice), **wishes)
    assert_keys_follow(speaker, motion_of(voice, **wishes), 1, 24)
    assert {name: metadata_of(speaker)[name] for name in wishes} == wishes
    assert metadata_of(speaker)["source"] == "voice.wav"


def test_a_script_takes_the_emotion_from_a_clip(speaker, voice, tmp_path):
    samples, _ = read_sound(voice)
    clip = write_sound(tmp_path / "clip.wav", samples[:RATE, 0] * 0.3)
    bpy.ops.ecoface.generate(sound=str(voice), emotion_from=str(clip))
    assert_keys_follow(speaker, motion_of(voice, emotion_from=str(clip)), 1, 24)


def test_the_panel_decides_what_a_script_leaves_out(context, speaker, voice):
    panel = context.scene.ecoface
    panel.sound_from, panel.sound, panel.add_strip = "FILE", str(voice), False
    panel.style, panel.emotion_from, panel.emotion, panel.intensity = "ben", "LABEL", "angry", 1.25
    panel.seed, panel.temperature = 4, 0.25
    bpy.ops.ecoface.generate()
    found = metadata_of(speaker)
    assert [found[k] for k in ("style", "emotion", "seed", "temperature")] == ["ben", "angry:1.25", 4, 0.25]
    bpy.ops.ecoface.generate(emotion="", seed=1)
    found = metadata_of(speaker)
    assert found["style"] == "ben" and found["seed"] == 1 and "angry" not in found["emotion"]


def test_the_styles_of_the_panel_are_those_of_the_model_file(context, preferences, tmp_path):
    assert engine.styles(preferences.model) == ("average", "anna", "ben", "cleo")
    assert [item[0] for item in settings.style_items(None, context)] == ["average", "anna", "ben", "cleo"]
    for content in (b"", b"\xff" * 50, b"\x02\0\0\0\0\0\0\0{}"):
        (tmp_path / "other.safetensors").write_bytes(content)
        assert engine.styles(str(tmp_path / "other.safetensors")) == ()
        time.sleep(0.01)  # another time of change
    assert engine.styles(str(tmp_path / "nowhere")) == ()


def test_a_trimmed_strip_is_spoken_where_it_is_heard(context, speaker, voice, tmp_path):
    """As if the part that is heard were a file of its own."""
    context.scene.render.fps = 30
    strip = sequencer.add_sound_strip(context.scene, voice, 40)
    strip.frame_final_start, strip.frame_final_end = 55, 100  # 0.5 s .. 2 s of the file
    bpy.ops.ecoface.generate()
    samples, _ = read_sound(voice)
    part = write_sound(tmp_path / "part.wav", samples[RATE // 2 : 2 * RATE, 0])
    assert_keys_follow(speaker, motion_of(part), 55, 30)


def test_the_strip_is_the_active_one_or_the_one_that_was_named(context, speaker, voice):
    first, second = (sequencer.add_sound_strip(context.scene, voice, frame) for frame in (10, 200))
    context.scene.sequence_editor.active_strip = second
    bpy.ops.ecoface.generate()
    assert action_of(speaker).frame_range[0] == 200
    bpy.ops.ecoface.generate(strip=first.name)
    assert action_of(speaker).frame_range[0] == 10
    context.scene.sequence_editor.active_strip = None
    assert "several sound strips" in refusal(bpy.ops.ecoface.generate)
    assert "Expected a sound strip 'x'" in refusal(bpy.ops.ecoface.generate, strip="x")


def test_a_packed_sound_is_spoken(context, speaker, voice, tmp_path):
    copy = write_sound(tmp_path / "gone.wav", read_sound(voice)[0][:, 0])
    strip = sequencer.add_sound_strip(context.scene, copy, 1)
    strip.sound.pack()
    copy.unlink()
    bpy.ops.ecoface.generate()
    assert_keys_follow(speaker, motion_of(voice), 1, 24)


def test_the_panel_can_add_the_sound_to_the_sequencer_once(context, speaker, voice):
    panel = context.scene.ecoface
    panel.sound_from, panel.sound = "FILE", str(voice)
    bpy.ops.ecoface.generate()
    bpy.ops.ecoface.generate()
    assert [s.name for s in sequencer.sound_strips(context)] == ["voice"]
    bpy.ops.ecoface.generate(sound=str(voice))
    assert len(sequencer.sound_strips(context)) == 1, "a script adds nothing"


def test_the_panel_tells_what_made_the_keys(speaker, voice):
    assert stored.describe(speaker) is None
    bpy.ops.ecoface.generate(sound=str(voice), style="anna", emotion="calm:1", seed=8)
    assert stored.describe(speaker) == "voice: calm 1, anna, seed 8"


def test_each_generation_is_an_action_of_its_own_and_the_one_before_is_kept(speaker, voice):
    bpy.ops.ecoface.generate(sound=str(voice))
    before = action_of(speaker)
    bpy.ops.ecoface.generate(sound=str(voice), seed=1)
    assert action_of(speaker) != before and before.use_fake_user


def test_the_same_seed_gives_the_same_keys(speaker, voice):
    bpy.ops.ecoface.generate(sound=str(voice), seed=5)
    first = [point.co[1] for curve in curves_of(speaker) for point in curve.keyframe_points]
    bpy.ops.ecoface.generate(sound=str(voice), seed=5)
    assert first == [point.co[1] for curve in curves_of(speaker) for point in curve.keyframe_points]


def test_the_head_is_the_named_the_chosen_the_active_or_the_only_one(context, speaker, voice):
    other = own_head.add_head(context, small_head() | {"name": np.array(REFERENCE)}, "Ben")
    bpy.ops.ecoface.generate(sound=str(voice), head="Anna")
    assert action_of(speaker) and not other.data.shape_keys.animation_data
    assert chosen.chosen_head(context) == other, "active"
    context.scene.ecoface.head = speaker
    assert chosen.chosen_head(context) == speaker, "chosen"
    context.scene.collection.objects.unlink(speaker)
    assert chosen.chosen_head(context) == other, "the chosen one was deleted from the scene"
    context.scene.collection.objects.link(speaker)
    context.scene.ecoface.head, context.view_layer.objects.active = None, None
    assert chosen.chosen_head(context) is None
    assert "Add a head, or choose the one to speak" in refusal(bpy.ops.ecoface.generate, sound=str(voice))
    bpy.data.objects.remove(other)
    assert chosen.chosen_head(context) == speaker, "only"
    assert "Expected a head 'Ben'" in refusal(bpy.ops.ecoface.generate, sound=str(voice), head="Ben")


def test_a_motion_for_another_head_is_transferred_or_refused(context, preferences, voice, tmp_path):
    with np.load(REFERENCE_HEAD) as arrays:
        path = write_head(dict(arrays) | {"name": np.array("mine")}, tmp_path / "mine.npz")
    preferences.flame = str(path)
    bpy.ops.ecoface.add_head()
    bpy.ops.ecoface.generate(sound=str(voice))
    assert metadata_of(context.object)["head"] == "mine"
    preferences.flame = ""
    assert "Expected the file of the head 'mine'" in refusal(bpy.ops.ecoface.generate, sound=str(voice))


def test_the_folder_of_a_job_ends_with_it(speaker, voice, monkeypatch):
    folders = []
    make = job_operator.job_folder
    monkeypatch.setattr(job_operator, "job_folder", lambda: folders.append(make()) or folders[-1])
    bpy.ops.ecoface.generate(sound=str(voice))
    assert len(folders) == 1 and not os.path.exists(folders[0].name)


def test_bake_and_export_follow(context, speaker, voice, tmp_path):
    assert "Nothing moves 'Anna' yet" in refusal(bpy.ops.ecoface.bake)
    bpy.ops.ecoface.generate(sound=str(voice))
    bpy.ops.ecoface.bake()
    assert "Baked" in action_of(speaker).name
    bpy.ops.ecoface.export(filepath=str(tmp_path / "anna.fbx"))
    assert (tmp_path / "anna.fbx").stat().st_size > 10_000
    assert "Expected a folder" in refusal(bpy.ops.ecoface.export, filepath=str(tmp_path / "no" / "a.fbx"))


def test_a_generation_is_one_undo_step(context, speaker, voice):
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.ecoface.generate("EXEC_DEFAULT", True, sound=str(voice))
    assert bpy.data.actions
    bpy.ops.ed.undo()
    assert not bpy.data.actions and bpy.data.objects["Anna"].data.shape_keys.animation_data is None


def test_every_property_and_operator_says_what_it_is():
    types = [settings.EcoFaceSettings.bl_rna]
    for cls in operators.CLASSES:
        types.append(getattr(bpy.ops.ecoface, cls.bl_idname.removeprefix("ecoface.")).get_rna_type())
        assert types[-1].description and not types[-1].description.endswith(".")
    classes = (settings.EcoFaceSettings, *operators.CLASSES)
    own = {name for cls in classes for name in cls.__annotations__}
    properties = [p for rna in types for p in rna.properties if p.identifier in own and not p.is_hidden]
    assert len(properties) > 20
    for each in properties:
        assert each.description and not each.description.endswith("."), f"{each.identifier}: Blender ends it"


def test_a_take_is_made_again_exactly_and_its_emotion_swapped(speaker, voice, context):
    bpy.ops.ecoface.generate(sound=str(voice), style="ben", emotion="sad:1", seed=5)
    first = takes.played(speaker)
    context.scene.ecoface.style, context.scene.ecoface.seed = "anna", 0  # the panel has gone on
    bpy.ops.ecoface.take_again()
    again = takes.played(speaker)
    assert again != first
    assert again[stored.MOTION] == first[stored.MOTION]
    settings = context.scene.ecoface
    settings.emotion_from, settings.emotion, settings.intensity = "LABEL", "happy", 2.0
    bpy.ops.ecoface.take_swap()
    swapped = actions.read_metadata(takes.played(speaker))
    assert (swapped["style"], swapped["seed"], swapped["emotion"]) == ("ben", 5, "happy:2")
    np.testing.assert_allclose(
        stored.motion_of(takes.played(speaker))[0],
        motion_of(voice, style="ben", seed=5, emotion="happy:2"),
        atol=1e-6,
    )
    bpy.ops.ecoface.take_range(start=20, end=40)
    part = takes.played(speaker)
    assert actions.read_metadata(part)["parts"][0]["frames"] == [20, 40]
    assert "found 40 to 20" in refusal(bpy.ops.ecoface.take_range, start=40, end=20)
