"""Numpy's products stay on one core in commands and workers: said before numpy is there, or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecoface_model.core.processors import keep_arrays_on_one_core

ROOT = next(parent for parent in Path(__file__).resolve().parents if (parent / "ecoface_model").is_dir())
COMMAND = "import ecoface_model.__main__ as command; command.main(['export', '/no/motion', '-o', 'a.csv'])"
WORKER = (
    "import sys; sys.argv = ['worker']; import runpy; runpy.run_path('ecoface_blender/worker/__main__.py')"
)


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    keep_arrays_on_one_core()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "7"
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    keep_arrays_on_one_core()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"


@pytest.mark.parametrize("code", [COMMAND, WORKER], ids=["command", "worker"])
def test_it_is_said_before_numpy_is_there(code):
    """Importing either must not bring numpy along: its threads are made as it is imported."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("NUM_THREADS")}
    watch = (
        "import builtins, os, sys\nplain = builtins.__import__\n"
        "def watched(name, *rest, **more):\n"
        "    if name.partition('.')[0] == 'numpy': assert 'OPENBLAS_NUM_THREADS' in os.environ, name\n"
        "    return plain(name, *rest, **more)\n"
        "builtins.__import__ = watched\n"
    )
    script = watch + code + "\nassert os.environ['OPENBLAS_NUM_THREADS'] == '1'\n"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, env=environment, timeout=60)
