"""The engine by its buttons and its preferences."""
# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import os
import re
import shutil
import sys
import time

import bpy
import pytest
from blender_engine import (  # noqa: F401
    context,
    preferences,
    refusal,
    speaker,
    start,
    step_to_the_end,
    voice,
)
from test_engine_install import write_wheel

from ecoface_blender import running
from ecoface_blender.engine import engine, idle_unload, interpreter
from ecoface_blender.engine import operators as operators_engine
from ecoface_blender.engine import tasks as engine_tasks
from ecoface_blender.engine.install_plan import plan_for
from ecoface_blender.engine.settings import engine_settings
from ecoface_blender.generate import job_operator
from ecoface_blender.preferences import EcoFacePreferences


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """What is installed here is not the user's."""
    for module in (interpreter, operators_engine, engine_tasks):
        monkeypatch.setattr(module, "installed_engine", lambda: tmp_path / "user" / "engine")


def step_check():
    while engine_tasks.check or engine_tasks.installation:
        engine_tasks.tick()
        time.sleep(0.01)


def test_a_check_tells_versions_device_model_and_speed(preferences):
    bpy.ops.ecoface.check_engine()
    python, runtime, model_line, speed = engine_tasks.report
    assert python.startswith("Python 3.") and preferences.python in python
    assert re.match(r"(PyTorch|ONNX Runtime) \S+ on \d+ cores?, by the preferences; device cpu$", runtime)
    assert runtime.startswith(engine.describe(engine_settings(bpy.context)))
    assert "Model tiny (" in model_line and "EcoFace reference head" in model_line
    factor = float(speed.split()[1])
    seconds = float(speed.split()[-2])
    assert seconds == pytest.approx(5 / factor, abs=0.0051)  # told to hundredths
    preferences.model = "/nowhere.safetensors"
    assert "nowhere.safetensors" in refusal(bpy.ops.ecoface.check_engine)
    assert engine_tasks.report == () and "nowhere.safetensors" in engine_tasks.failure


@pytest.mark.slow
def test_a_click_checks_in_steps_that_do_not_wait(context, preferences):
    engine.close()
    begun = time.monotonic()
    engine_tasks.start_check(context)
    longest = time.monotonic() - begun
    assert "The engine is being checked" in refusal(bpy.ops.ecoface.check_engine)
    while engine_tasks.check:
        begun = time.monotonic()
        engine_tasks.tick()
        longest = max(longest, time.monotonic() - begun)
        time.sleep(0.02)
    assert "x real time" in engine_tasks.report[3] and not engine_tasks.failure
    assert longest < 0.5, "the engine's start takes seconds"


@pytest.mark.slow
def test_the_engine_starts_on_request_and_is_unloaded(context, preferences, speaker, voice):
    engine.close()
    assert bpy.ops.ecoface.start_engine() == {"FINISHED"}
    client = engine._client
    assert engine.is_running()
    bpy.ops.ecoface.generate(sound=str(voice))
    assert engine._client is client, "the same engine speaks"
    assert bpy.ops.ecoface.unload_engine() == {"FINISHED"}
    assert not engine.is_running() and client._process.wait(10) == 0
    assert "The engine does not run" in refusal(bpy.ops.ecoface.unload_engine)


def test_an_idle_engine_is_unloaded_and_a_busy_one_is_not(context, preferences, speaker, voice, monkeypatch):
    job = start(context, sound=str(voice))
    assert not engine.unload_if_idle(1e-9), "it works"
    step_to_the_end(job)
    running.end(job)
    preferences.idle_minutes = 10
    assert idle_unload.look() == idle_unload.PERIOD and engine.is_running()
    preferences.idle_minutes = 0
    client, later = engine._client, time.monotonic() + 700
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert idle_unload.look() == idle_unload.PERIOD and engine.is_running(), "0 keeps it"
    preferences.idle_minutes = 10
    assert idle_unload.look() is None and not engine.is_running()
    monkeypatch.undo()
    assert client._process.wait(10) == 0


def test_nothing_is_installed_without_network_or_wheels(preferences, tmp_path):
    assert not bpy.app.online_access
    assert operators_engine.NEEDS_NETWORK in refusal(bpy.ops.ecoface.install_engine)
    preferences.wheels = str(tmp_path / "nowhere")
    assert "Expected a Wheel Folder at" in refusal(bpy.ops.ecoface.install_engine)


@pytest.mark.slow
def test_an_installation_says_what_is_missing_in_the_folder_of_wheels(preferences, tmp_path):
    preferences.wheels = str(write_wheel(tmp_path / "wheels", "torch"))  # of another version
    sentence = refusal(bpy.ops.ecoface.install_engine)
    assert " for this Python was found in '" in sentence and engine_tasks.failure in sentence
    assert os.listdir(tmp_path / "user") == ["install.log"]
    assert not engine.installing


def test_an_installation_goes_on_by_itself_and_is_cancelled(context, preferences, speaker, tmp_path):
    preferences.wheels = str(write_wheel(tmp_path / "wheels", "torch"))
    engine_tasks.start_installation(plan_for(preferences.wheels, ""))
    assert operators_engine.INSTALLING in refusal(bpy.ops.ecoface.install_engine)
    assert "The engine is being installed" in job_operator.why_not_ready(context)
    assert bpy.ops.ecoface.cancel_install() == {"FINISHED"}
    step_check()
    assert engine_tasks.failure.startswith("Cancelled") and job_operator.why_not_ready(context) is None
    assert os.listdir(tmp_path / "user") == ["install.log"]


def test_pytorch_is_removed_again(preferences, tmp_path, monkeypatch):
    monkeypatch.delenv("ECOFACE_PYTHON")
    preferences.python = ""
    assert "Nothing is installed" in refusal(bpy.ops.ecoface.remove_engine)
    (tmp_path / "user" / "engine" / "bin").mkdir(parents=True)
    shutil.copy("/bin/sh", tmp_path / "user" / "engine" / "bin" / "python")
    found = interpreter.find_python()
    assert found.program.startswith(str(tmp_path)) and found.origin == "by Use a Graphics Card"
    assert bpy.ops.ecoface.remove_engine() == {"FINISHED"}
    assert not (tmp_path / "user" / "engine").exists()


def test_the_built_in_engine_is_found_where_blender_unpacks_wheels(preferences, tmp_path, monkeypatch):
    monkeypatch.delenv("ECOFACE_PYTHON")
    preferences.python = ""
    monkeypatch.setattr(bpy.utils, "user_resource", lambda kind, path="": str(tmp_path / kind / path))
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folder = tmp_path / "EXTENSIONS" / ".local" / "lib" / version / "site-packages"
    assert interpreter.embedded_packages() is None
    (folder / "onnxruntime").mkdir(parents=True)
    info = folder / "onnxruntime-1.32.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime\nVersion: 1.32.0\n")
    found = interpreter.find_python()
    assert (found.program, found.packages, found.origin) == (sys.executable, str(folder), "built in")
    interpreter.look_for_python_anew()
    engine.close()
    assert engine.describe(engine_settings(bpy.context)) == "ONNX Runtime 1.32.0, built in"
    preferences.python = "/bin/sh"
    assert interpreter.find_python("/bin/sh").packages == "", "what the user names comes first"
    interpreter.look_for_python_anew()


def test_the_installed_environment_lies_among_the_users_files(monkeypatch):
    monkeypatch.undo()
    folder = interpreter.installed_engine()
    assert folder.parent.name == "ecoface" and bpy.utils.resource_path("USER") in str(folder)


def test_every_preference_says_what_it_is():
    for name in EcoFacePreferences.__annotations__:
        description = EcoFacePreferences.bl_rna.properties[name].description
        assert description and not description.endswith("."), name
