"""Which Python runs the engine: one that is named, the graphics card's, the one built in, or this one."""

import functools
import importlib.metadata
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..errors import EcoFaceBlenderError
from ..package import PACKAGE
from ..worker.library import PACKAGES

RUNTIME = "onnxruntime"
NEEDED = ("numpy", "safetensors", "soundfile", "soxr", "av", "jaxtyping")
"""Modules beside onnxruntime or torch."""


@dataclass(frozen=True)
class Interpreter:
    """A Python for the engine."""

    program: str
    packages: str = ""
    """The folder of the engine's packages, where the program does not look for itself: it is then shut off
    from the user's own packages and variables."""
    origin: str = ""
    """In words that go behind a comma."""


def find_python(preferred: str = "") -> Interpreter:
    """The engine's Python: that of the preferences, ECOFACE_PYTHON, the graphics card's, the built-in one.

    Raises:
        EcoFaceBlenderError: if a named one is not there, or nothing can run the engine.
    """
    for path, origin in (
        (preferred, "the preferences"),
        (os.environ.get("ECOFACE_PYTHON", ""), "ECOFACE_PYTHON"),
    ):
        if path:
            return _python_at(Path(path).expanduser(), origin)
    installed = installed_engine()
    if installed.is_dir():
        return _python_at(
            installed, "Use a Graphics Card", "; if Blender has moved, click Use a Graphics Card again"
        )
    if packages := embedded_packages():
        return Interpreter(sys.executable, str(packages), "built in")
    if _this_python_can():
        return Interpreter(sys.executable, origin="Blender's own Python")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    raise EcoFaceBlenderError(
        f"No engine was found: install the zip of EcoFace for this platform, which has one built in (Python "
        f"{version} is needed), or run `pip install {PACKAGES}` in any Python 3.11 or newer and choose "
        "that Python in the preferences of EcoFace."
    )


def installed_engine() -> Path:
    """The environment of "Use a Graphics Card", whether or not it is there: among the user's files."""
    try:
        return Path(bpy.utils.extension_path_user(PACKAGE, path="engine"))
    except ValueError:  # the package is not installed as an extension
        return Path(bpy.utils.user_resource("DATAFILES", path="ecoface")) / "engine"


def embedded_packages() -> Path | None:
    """Where Blender has unpacked the wheels of the extension's zip; None if it had none for this Python."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    extensions = Path(bpy.utils.user_resource("EXTENSIONS"))
    folder = extensions / ".local" / "lib" / version / "site-packages"
    return folder if (folder / RUNTIME).is_dir() else None


def embedded_runtime() -> str:
    """What the built-in engine computes with: "ONNX Runtime 1.32.0", read without importing it."""
    return _runtime_in(str(embedded_packages() or ""))


@functools.cache
def _runtime_in(folder: str) -> str:
    for found in importlib.metadata.distributions(name=RUNTIME, path=[folder]):
        return f"ONNX Runtime {found.version}"
    return "ONNX Runtime"


def look_for_python_anew() -> None:
    """Forget what was found of this Python: packages may have come."""
    _this_python_can.cache_clear()
    _runtime_in.cache_clear()


@functools.cache
def _this_python_can() -> bool:
    """Whether Blender's own Python has all that the engine needs."""
    runtimes = [name for name in ("torch", RUNTIME) if importlib.util.find_spec(name)]
    return bool(runtimes) and all(importlib.util.find_spec(name) for name in NEEDED)


def _python_at(path: Path, origin: str, advice: str = "") -> Interpreter:
    """A Python given by its path, or by the folder of its environment."""
    if path.is_dir():
        inside = path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        path = inside if inside.is_file() else path
    if not path.is_file():
        raise EcoFaceBlenderError(
            f"Expected a Python program at {path} (from {origin}{advice}), found none; correct the path."
        )
    return Interpreter(str(path), origin=f"by {origin}")
