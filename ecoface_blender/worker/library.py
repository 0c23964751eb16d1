"""Where ecoface_model lies, and what it needs; standard library only."""

import os
import sys
from pathlib import Path

PACKAGES = " ".join(
    line.split("==")[0]
    for line in (Path(__file__).parent / "requirements.txt").read_text().splitlines()
    if not line.startswith("#")
)
"""What ecoface_model imports on the way from a sound to a motion."""


def library_folder() -> Path:
    """The folder that holds ecoface_model: shipped inside the extension, or the repository."""
    extension = Path(__file__).resolve().parent.parent
    shipped = extension / "library"
    return shipped if shipped.is_dir() else extension.parent


def use_blenders_runtime() -> None:
    """Windows: ONNX Runtime needs a C++ runtime, which Blender carries and not every machine has."""
    if sys.platform == "win32":
        carried = Path(sys.executable).parents[3] / "blender.crt"  # from <version>/python/bin/python.exe
        if carried.is_dir():
            os.add_dll_directory(str(carried))
