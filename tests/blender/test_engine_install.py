"""The engine's environment, made for real from a folder with a tiny wheel; nothing is downloaded."""

import base64
import hashlib
import sys
import time
import zipfile

import pytest

from ecoface_blender.engine.install import LOG, REQUIREMENTS, Installation, package_names
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


def requirements(tmp_path, *names):
    path = tmp_path / "requirements.txt"
    path.write_text("# what the engine needs\n" + "".join(f"{name}>=1.0\n" for name in names))
    return path


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
    needed = requirements(tmp_path, "tinyengine")
    for _ in range(2):  # it can be repeated
        installation = Installation(sys.executable, engine, wheels, needed)
        assert outcome(installation) == ""
        assert list(engine.rglob("tinyengine.py"))
        assert sorted(p.name for p in engine.parent.iterdir()) == ["engine", LOG]
    assert any("tinyengine" in line for line in installation.log)
    assert "Successfully installed tinyengine-1.0" in (engine.parent / LOG).read_text()
    worse = Installation(sys.executable, engine, wheels, requirements(tmp_path, "tinyengine", "missing"))
    sentence = outcome(worse)
    assert f"no missing>=1.0 for this Python was found in '{wheels}'; put its wheel" in sentence
    assert list(engine.rglob("tinyengine.py")), "the one before is kept"
    assert sorted(p.name for p in engine.parent.iterdir()) == ["engine", LOG]


def test_it_is_cancelled_at_once_leaves_nothing_and_can_be_repeated(tmp_path):
    wheels = write_wheel(tmp_path / "wheels", "tinyengine", "import time\ntime.sleep(600)\n")
    engine, needed = tmp_path / "user" / "engine", requirements(tmp_path, "tinyengine")
    installation = Installation(sys.executable, engine, wheels, needed)
    end = time.monotonic() + 120
    while installation.stage != "Trying the engine":
        assert not installation.step() and time.monotonic() < end
        time.sleep(0.02)
    begun = time.monotonic()
    installation.cancel()
    assert outcome(installation).startswith("Cancelled")
    assert time.monotonic() - begun < 5
    assert [p.name for p in engine.parent.iterdir()] == [LOG]
    early = Installation(sys.executable, engine, wheels, needed)
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
    assert sentence in outcome(Installation(str(python), tmp_path / "engine"))
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
    assert sentence in outcome(Installation(str(python), tmp_path / "engine"))


def test_a_python_that_is_not_there_is_one_sentence(tmp_path):
    sentence = outcome(Installation(str(tmp_path / "nowhere"), tmp_path / "engine"))
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
