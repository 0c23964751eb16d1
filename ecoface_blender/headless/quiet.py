"""Blender without its talk: what it prints is not what a command says."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path

import bpy


def save_copy(path: Path) -> None:
    """Save a copy; the file before is not kept as .blend1."""
    paths = bpy.context.preferences.filepaths
    before, paths.save_version = paths.save_version, 0
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False, copy=True)
    finally:
        paths.save_version = before


@contextmanager
def quiet() -> Iterator[None]:
    """What Blender and its exporters say on stdout is not said: there, one line tells of each file."""
    _flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # for Python; what follows is for C
            os.dup2(nowhere.fileno(), 1)
            yield
    finally:
        _flush()
        os.dup2(kept, 1)
        os.close(kept)


def _flush() -> None:
    """Python's own buffer and that of C, by which Blender prints."""
    sys.stdout.flush()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("ucrtbase" if os.name == "nt" else None).fflush(None)
