"""What the operators cannot do is said in a sentence, at best before the click, and changes nothing."""

# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import bpy
import pytest
from blender_engine import (  # noqa: F401
    context,
    preferences,
    refusal,
    speaker,
    voice,
)
from engine_python import ENGINE_PYTHON

from ecoface_blender import running
from ecoface_blender.engine import interpreter
from ecoface_blender.errors import EcoFaceBlenderError


def test_a_head_that_cannot_be_read_is_one_sentence(preferences, tmp_path):
    preferences.flame = str(tmp_path / "generic_model.pkl")
    assert "Expected a head file" in refusal(bpy.ops.ecoface.add_head)
    assert not bpy.data.objects


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"style": "zoe"}, "Expected a style among average, anna, ben, cleo, found 'zoe'"),
        ({"emotion": "smug"}, "found 'smug'"),
        ({"emotion": "sad:9"}, "found '9'"),
        ({"emotion": "sad", "emotion_from": "x.wav"}, "x.wav"),
        ({"sound": "nowhere.wav"}, "Expected a sound file at .*nowhere.wav, found none"),
        ({}, "Add the voice to the sequencer as a sound strip, or choose a file"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_is_one_sentence_and_changes_nothing(
    speaker, voice, properties, sentence
):
    properties = {"sound": str(voice)} | properties if properties else {}
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.ecoface.generate(**properties)
    assert not speaker.data.shape_keys.animation_data and not bpy.data.actions
    assert running.job is None


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "python",
            "/nowhere/python",
            "Expected a Python program at /nowhere/python .from the preferences., found",
        ),
        ("model", "/nowhere.safetensors", "Expected a model file at /nowhere.safetensors, found none"),
    ],
)
def test_what_keeps_everything_from_working_is_said_before_the_click(
    context, preferences, speaker, voice, name, value, sentence
):
    setattr(preferences, name, value)
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.ecoface.generate(sound=str(voice))


def test_without_any_engine_a_sentence_says_what_to_do(preferences, monkeypatch):
    preferences.python = ""
    monkeypatch.delenv("ECOFACE_PYTHON", raising=False)
    monkeypatch.setattr(interpreter, "_this_python_can", lambda: False)
    with pytest.raises(
        EcoFaceBlenderError, match=r"No engine was found: install the zip .* or run `pip install "
    ):
        interpreter.find_python("")


def test_an_environment_may_be_named_by_its_folder(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(ENGINE_PYTHON)
    assert interpreter.find_python(str(tmp_path)).program == str(tmp_path / "bin" / "python")
