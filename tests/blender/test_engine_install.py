"""The engine's environment, made for real from a folder with a tiny wheel; nothing is downloaded."""

import base64
import hashlib
import re
import sys
import time
import zipfile

import pytest

from ecoface_blender.engine import install_plan
from ecoface_blender.engine.install import LOG, Installation, remove
from ecoface_blender.engine.install_plan import REQUIREMENTS, Plan, package_names, plan_for
from ecoface_blender.errors import EcoFaceBlenderError


def write_wheel(folder, name, source="VALUE = 1\n"):
    """A wheel with one module, as PEP 427 has it."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text)}\n"
        for path, text in files.items()
    )
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return folder


def plan(tmp_path, *names, wheels=None, index="", digest=None):
    """A plan of packages, pinned as the wheels in the folder are, or by another digest."""
    path, lines = tmp_path / "lock.txt", ["# What the engine needs: about 1 kB to download, 2 kB on disk."]
    for name in names:
        wheel = (wheels or tmp_path) / f"{name}-1.0-py3-none-any.whl"
        own = hashlib.sha256(wheel.read_bytes()).hexdigest() if wheel.is_file() else "0" * 64
        lines += [f"{name}==1.0 \\", f"    --hash=sha256:{digest or own}"]
    path.write_text("\n".join(lines) + "\n")
    return Plan(lock=path, modules=names, wheels=wheels, index=index)


def outcome(installation):
    """Its sentence, empty if it went well."""
    installation.wait(120)
    try:
        assert installation.step()
    except EcoFaceBlenderError as error:
        return str(error)
    return ""


@pytest.mark.slow
def test_an_environment_is_made_from_wheels_used_and_replaced(tmp_path):
    wheels, engine = write_wheel(tmp_path / "wheels", "tinyengine"), tmp_path / "user" / "engine"
    for _ in range(2):  # it can be repeated
        installation = Installation(sys.executable, engine, plan(tmp_path, "tinyengine", wheels=wheels))
        assert outcome(installation) == ""
        assert list(engine.rglob("tinyengine.py"))
        assert sorted(p.name for p in engine.parent.iterdir()) == ["engine", LOG]
    assert any("tinyengine" in line for line in installation.log)
    assert "Successfully installed tinyengine-1.0" in (engine.parent / LOG).read_text()
    worse = Installation(sys.executable, engine, plan(tmp_path, "tinyengine", "missing", wheels=wheels))
    sentence = outcome(worse)
    assert f"no missing==1.0 for this Python was found in '{wheels}'; put its wheel" in sentence
    assert list(engine.rglob("tinyengine.py")), "the one before is kept"
    assert sorted(p.name for p in engine.parent.iterdir()) == ["engine", LOG]


@pytest.mark.slow
def test_a_wheel_with_another_hash_is_refused_in_one_sentence(tmp_path):
    wheels, engine = write_wheel(tmp_path / "wheels", "tinyengine"), tmp_path / "user" / "engine"
    wrong = plan(tmp_path, "tinyengine", wheels=wheels, digest="a" * 64)
    sentence = outcome(Installation(sys.executable, engine, wrong))
    assert f"the tinyengine==1.0 in '{wheels}' is not the file that EcoFace pins" in sentence
    assert sentence.count(". ") == 0 and not engine.exists()


@pytest.mark.slow
def test_nothing_is_taken_from_elsewhere(tmp_path, monkeypatch):
    """Neither another folder nor an index that the user's variables or settings of pip name."""
    elsewhere, empty = write_wheel(tmp_path / "elsewhere", "tinyengine"), tmp_path / "empty"
    empty.mkdir()
    settings = tmp_path / "pip.conf"
    settings.write_text(f"[global]\nfind-links = {elsewhere}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    monkeypatch.setenv("PIP_FIND_LINKS", str(elsewhere))
    pinned = plan(tmp_path, "tinyengine", wheels=elsewhere)
    for place in ({"wheels": empty}, {"index": empty.as_uri()}):
        here = Plan(lock=pinned.lock, modules=pinned.modules, **place)
        sentence = outcome(Installation(sys.executable, tmp_path / "user" / "engine", here))
        assert "no tinyengine==1.0 for this Python was found" in sentence, sentence
    log = (tmp_path / "user" / LOG).read_text()
    assert f"Looking in indexes: {empty.as_uri()}" in log and str(elsewhere) not in log


def test_a_plan_says_what_comes_from_where_and_where_to(tmp_path):
    wheels = write_wheel(tmp_path / "wheels", "tinyengine")
    folder = tmp_path / "engine"
    place, size, into, heading, names = plan(tmp_path, "tinyengine", wheels=wheels).describe(folder)
    assert heading.startswith("1 packages, each refused if its sha256") and names == "tinyengine 1.0"
    assert f"{wheels}, and from nowhere else" in place and "2 kB on disk" in size and str(folder) in into
    assert "PyPI" in plan(tmp_path, "tinyengine").describe(folder)[0]


def test_an_environment_is_removed_at_once_and_one_that_is_held_is_said(tmp_path):
    (tmp_path / "engine" / "lib").mkdir(parents=True)
    remove(tmp_path / "engine")
    assert not (tmp_path / "engine").exists()
    end = time.monotonic() + 20
    while list(tmp_path.iterdir()):
        assert time.monotonic() < end
        time.sleep(0.02)
    with pytest.raises(EcoFaceBlenderError, match=r"engine' cannot be removed \(No such file"):
        remove(tmp_path / "engine")


@pytest.mark.parametrize("system", ["linux-x64", "macos-arm64"])
def test_the_locks_pin_all_that_the_engine_needs_and_no_package_lacks_its_hash(system, monkeypatch):
    lock = REQUIREMENTS.parent / "locks" / f"{system}.txt"
    pins = Plan(lock=lock, modules=()).pins
    wanted = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert set(wanted) <= set(pins)
    assert len(re.findall(r"^\S+==\S+ \\$", lock.read_text(), re.MULTILINE)) == len(pins)
    assert any(pin.startswith("nvidia-cudnn") for pin in pins) == (system == "linux-x64")


def test_a_platform_without_a_lock_a_missing_folder_and_a_wrong_address_are_said(monkeypatch, tmp_path):
    if not install_plan.why_no_plan():
        with pytest.raises(EcoFaceBlenderError, match="Expected a Wheel Folder at"):
            plan_for(str(tmp_path / "nowhere"), "")
        with pytest.raises(EcoFaceBlenderError, match="Expected the address of a Package Index"):
            plan_for("", "somewhere")
    monkeypatch.setattr(install_plan.platform, "system", lambda: "Windows")
    with pytest.raises(EcoFaceBlenderError, match=r"For Windows on .* EcoFace pins no PyTorch"):
        plan_for("", "")


@pytest.mark.slow
def test_it_is_cancelled_at_once_leaves_nothing_and_can_be_repeated(tmp_path):
    wheels = write_wheel(tmp_path / "wheels", "tinyengine", "import time\ntime.sleep(600)\n")
    engine, needed = tmp_path / "user" / "engine", plan(tmp_path, "tinyengine", wheels=wheels)
    installation = Installation(sys.executable, engine, needed)
    end = time.monotonic() + 120
    while installation.stage != "Trying the engine":
        assert not installation.step() and time.monotonic() < end
        time.sleep(0.02)
    begun = time.monotonic()
    installation.cancel()
    assert outcome(installation).startswith("Cancelled")
    assert time.monotonic() - begun < 5
    assert [p.name for p in engine.parent.iterdir()] == [LOG]
    early = Installation(sys.executable, engine, needed)
    early.cancel()
    assert outcome(early).startswith("Cancelled")
    assert [p.name for p in engine.parent.iterdir()] == [LOG]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo No module named venv; exit 1", "(making the environment): this Python has no venv;"),
        (
            "echo because ensurepip is not; echo available. On Debian; exit 1",
            "this Python has no pip; install it",
        ),
        ("echo OSError: No space left on device; exit 1", "the disk is full; make room"),
        ("echo Something new; exit 1", "Something new; see "),
        ("exit 1", "nothing was said; see "),
    ],
)
def test_every_failure_says_what_to_do(tmp_path, script, sentence):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    assert sentence in outcome(Installation(str(python), tmp_path / "engine", plan(tmp_path, "tinyengine")))
    assert not (tmp_path / "engine").exists() and not (tmp_path / "engine.partial").exists()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("Temporary failure in name resolution", "there is no connection"),
        ("Read timed out.", "the connection broke; repeat"),
        ("ERROR: No matching distribution found for torch>=2.6", "no torch>=2.6 for this Python was found"),
    ],
)
def test_what_pip_says_of_the_network_is_understood(tmp_path, said, sentence):
    """A Python whose venv module makes an environment whose pip fails like that."""
    python = tmp_path / "python"
    inside = '"$3/bin/python"'
    python.write_text(
        f'#!/bin/sh\nmkdir -p "$3/bin"\n'
        f"printf '#!/bin/sh\\necho \"{said}\"\\nexit 1\\n' > {inside}\nchmod +x {inside}\n"
    )
    python.chmod(0o755)
    assert sentence in outcome(Installation(str(python), tmp_path / "engine", plan(tmp_path, "tinyengine")))


def test_a_python_that_is_not_there_is_one_sentence(tmp_path):
    sentence = outcome(Installation(str(tmp_path / "nowhere"), tmp_path / "engine", plan(tmp_path)))
    assert "could not be installed with" in sentence and "choose another Python" in sentence


def test_the_requirements_are_those_of_the_library():
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((REQUIREMENTS.parents[2] / "pyproject.toml").read_text())["project"]
    pinned = dict(
        line.split("==") for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")
    )
    needed = {each.name: each.specifier for each in map(Requirement, project["dependencies"])}
    needed |= {
        each.name: each.specifier for each in map(Requirement, project["optional-dependencies"]["torch"])
    }
    assert pinned.keys() == needed.keys() - {"onnxruntime"}, "PyTorch stands in its place"
    assert all(needed[name].contains(version) for name, version in pinned.items())
    assert package_names()[0] == "torch" and len(package_names()) == len(pinned)


def test_the_dialog_says_whether_wheels_are_there(tmp_path):
    plan = plan_for(str(tmp_path), "")
    assert "no wheel is in that folder yet, " in plan.describe(tmp_path / "engine")[1]
    (tmp_path / "a-1-py3-none-any.whl").write_bytes(bytes(2_000_000))
    assert "Size: 2 MB of wheels, " in plan.describe(tmp_path / "engine")[1]
