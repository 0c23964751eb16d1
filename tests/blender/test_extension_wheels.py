"""The wheels in the extension's zips: pinned, fetched for any platform, refused when they are others."""

import hashlib
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from engine_python import ROOT
from test_engine_install import write_wheel

from ecoface_blender.engine.install_plan import REQUIREMENTS

sys.path.insert(0, str(ROOT / "tools"))
import embedded_wheels
from embedded_wheels import PLATFORMS, PYTHONS, WheelError, fetch, locked, runs_on

BUILD = runpy.run_path(str(ROOT / "tools" / "build_extension.py"))


def package(wheel):
    return wheel.split("-")[0]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_python_has_each_package_once_and_none_of_blenders_own(platform):
    packages = {package(wheel) for wheel in locked(platform)}
    assert "onnxruntime" in packages and not packages & {"numpy", "torch", "sympy", "protobuf"}
    for python in PYTHONS:
        names = [package(wheel) for wheel in locked(platform, [python])]
        assert sorted(names) == sorted(packages)
    assert len([wheel for wheel in locked(platform) if package(wheel) == "av"]) == 1, "abi3: one for all"


def test_the_versions_are_those_that_are_installed_elsewhere():
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    shipped = dict(wheel.split("-")[:2] for wheel in locked("linux-x64"))
    assert shipped.keys() & pinned.keys() >= {"av", "jaxtyping", "safetensors", "soundfile", "soxr"}
    assert all(pinned[name] == shipped[name] for name in shipped.keys() & pinned.keys())


@pytest.mark.parametrize(
    ("wheel", "versions"),
    [
        ("a-1-py3-none-any.whl", ("3.11", "3.13")),
        ("a-1-py2.py3-none-win_amd64.whl", ("3.11", "3.13")),
        ("a-1-cp311-abi3-win_amd64.whl", ("3.11", "3.13")),
        ("a-1-cp312-abi3-win_amd64.whl", ("3.13",)),
        ("a-1-cp311-cp311-win_amd64.whl", ("3.11",)),
        ("a-1-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.whl", ("3.13",)),
    ],
)
def test_a_wheel_s_name_says_for_which_python_it_is(wheel, versions):
    assert tuple(python for python in PYTHONS if runs_on(wheel, python)) == versions


def test_blender_takes_of_the_zip_what_each_of_its_pythons_needs():
    """Held against the function by which Blender chooses at the installation."""
    tool = runpy.run_path(str(BUILD["blender_tool"]()))
    for platform in PLATFORMS:
        of_blender = tool["paths_filter_wheels_by_platform"](list(locked(platform)), platform)
        assert of_blender == list(locked(platform)), "every one is for this platform"
        assert tool["python_versions_from_wheels"](of_blender) == {(3, 11), (3, 13)}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_manifest_names_platform_and_wheels_and_is_valid(platform):
    wheels = [Path("build/wheels") / name for name in locked(platform)]
    written = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    manifest = tomllib.loads(BUILD["with_wheels"](written, platform, wheels))
    assert manifest["platforms"] == [platform]
    assert manifest["wheels"] == [f"./wheels/{wheel.name}" for wheel in wheels]
    assert manifest["permissions"] == tomllib.loads(written)["permissions"]
    tool = runpy.run_path(str(BUILD["blender_tool"]()))
    assert tool["pkg_manifest_validate_field_wheels"](manifest["wheels"], True) is None


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A lock with one tiny wheel, which pip finds in a folder and nowhere else."""
    wheels = write_wheel(tmp_path / "wheels", "tinyengine")
    wheel = wheels / "tinyengine-1.0-py3-none-any.whl"
    lock = tmp_path / "wheels.lock"
    monkeypatch.setattr(embedded_wheels, "LOCK", lock)
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    def write(digest="", name=wheel.name):
        digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
        lock.write_text(f'[windows-x64]\n"{name}" = "{digest}"\n')
        return tmp_path / "cache"

    return write


def test_a_wheel_is_fetched_for_another_platform_and_found_in_the_cache(tiny, monkeypatch):
    cache = tiny()
    (wheel,) = fetch("windows-x64", cache=cache)
    assert wheel == cache / "tinyengine-1.0-py3-none-any.whl"
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert fetch("windows-x64", cache=cache) == [wheel]
    wheel.write_bytes(b"something else")
    with pytest.raises(WheelError, match=r"^expected sha256 .* as wheels.lock pins it, found .*; delete it"):
        fetch("windows-x64", cache=cache)


def test_an_index_with_another_file_is_refused_in_one_sentence(tiny):
    cache = tiny("0" * 64)
    with pytest.raises(WheelError, match=r"^expected the windows-x64 wheels that .* found others"):
        fetch("windows-x64", cache=cache)
    assert not list(cache.iterdir())


def test_a_wheel_that_is_nowhere_is_named(tiny):
    with pytest.raises(WheelError, match=r"pip could not download missing-1.0-py3-none-any.whl \(ERROR"):
        fetch("windows-x64", cache=tiny(name="missing-1.0-py3-none-any.whl"))


def test_a_python_without_pins_is_refused():
    with pytest.raises(WheelError, match=r"has wheels for, found 3\.9; add it to tools/lock_wheels\.py"):
        locked("linux-x64", ["3.9"])


def test_the_builder_says_so_and_builds_nothing(tmp_path):
    command = [sys.executable, str(ROOT / "tools" / "build_extension.py"), "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "--only", "linux-x64", "--python", "3.9"], capture_output=True, text=True
    )
    assert done.returncode == 2 and re.match(r"expected a version of Python [^\n]+\n$", done.stderr)
    assert not list(tmp_path.iterdir())
