"""The extension's zip: built and validated by Blender's tool, its life in a fresh Blender."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile

import numpy as np
import pytest
from blender_support import write_sound
from engine_python import ENGINE_PYTHON, ROOT, SUPPORT

pytestmark = pytest.mark.blender_version

NOTHING = {
    "types": [],
    "operators": [],
    "scene": False,
    "handlers": [],
    "threads": [],
    "processes": [],
    "files": [],
}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, str(ROOT / "tools" / "build_extension.py"), "--out", str(out)]
    command += ["--only", "small"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Success parsing TOML" in done.stdout
    (package,) = out.iterdir()
    return package


@pytest.fixture(scope="module")
def told(package, model, tmp_path_factory):
    """What the extension did in a Blender of its own."""
    folder = tmp_path_factory.mktemp("life")
    voice = write_sound(folder / "voice.wav", 0.3 * np.sin(np.arange(16_000) / 18))
    environment = os.environ | {
        "BLENDER_USER_RESOURCES": str(folder / "user"),
        "ECOFACE_PYTHON": ENGINE_PYTHON,
    }
    command = [sys.executable, str(SUPPORT / "extension_life.py"), str(package), str(model), str(voice)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, cwd=folder)
    lines = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    assert lines, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(lines[0].removeprefix("TOLD ")) | {"stderr": done.stderr}


def test_the_version_is_that_of_the_project():
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert manifest["version"] == project["version"] and manifest["license"] == [f"SPDX:{project['license']}"]
    assert all(len(text) <= 64 and text[-1] != "." for text in manifest["permissions"].values())


def test_the_zip_carries_the_engine_and_nothing_of_the_workshop(package):
    names = set(zipfile.ZipFile(package).namelist())
    assert {"blender_manifest.toml", "__init__.py", "LICENSE", "worker/__main__.py"} <= names
    assert {
        "library/ecoface_model/pipeline.py",
        "library/ecoface_model/assets/reference_head.npz",
    } <= names
    assert not [name for name in names if "__pycache__" in name or "test" in name or "training" in name]
    assert (ROOT / "ecoface_model/assets/ecoface-default.safetensors").is_file() == (
        "library/ecoface_model/assets/ecoface-default.safetensors" in names
    )


@pytest.mark.slow
def test_it_installs_enables_and_runs(told):
    assert told["before"] == NOTHING
    assert told["enabled"]
    assert told["installed"]["scene"] and "generate" in told["installed"]["operators"]
    assert told["last_frame"] == 24, "a second of sound at 24 frames a second, from frame 1"
    assert "Traceback" not in told["stderr"] and "Warning" not in told["stderr"], told["stderr"]


def test_blender_reads_core_from_the_shipped_library(told):
    assert told["core"].endswith("/ecoface/library/ecoface_model/core/arkit.py") and told["foreign"] == []


def test_no_process_is_started_before_it_is_needed(told):
    assert told["installed"]["processes"] == [] and told["installed"]["threads"] == []
    assert len(told["running"]["processes"]) == 1


def test_it_is_disabled_without_a_trace_and_can_be_enabled_again(told):
    assert told["disabled"] == NOTHING | {"files": told["installed"]["files"]}
    assert told["again"] == told["installed"]
    assert told["removed"] == NOTHING


def test_nothing_is_written_into_its_folder(told):
    assert told["running"]["files"] == told["installed"]["files"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the zip of this platform is the Linux one")
def test_the_engine_that_is_built_in_speaks_by_every_source_of_emotion(tmp_path):
    """With nothing but Blender and the zip; downloads its wheels where they are not in build/wheels."""
    builder = [sys.executable, str(ROOT / "tools" / "build_extension.py"), "--only", "linux-x64"]
    done = subprocess.run([*builder, "--out", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (package,) = tmp_path.glob("*-linux_x64.zip")
    walk = [sys.executable, str(ROOT / "tests" / "application" / "embedded_engine.py")]
    walk += ["--extension", str(package), "--blender", sys.executable, "--out", str(tmp_path / "out")]
    done = subprocess.run(walk, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("all is well\n"), done.stdout + done.stderr
    assert re.search(r'"engine": "ONNX Runtime 1\.\S+ on \d+ cores?, built in"', done.stdout)
