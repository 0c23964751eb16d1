"""Builds dist/ecoface-<version>.zip, the Blender extension, with Blender's own tool from the bpy wheel.

The zip carries ecoface_model and its default model in a folder `library`, so that Blender and the engine are
always of the same version; the engine's Python only needs packages from others.
"""

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def main() -> int:
    """Build and validate; the exit code is Blender's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the zip (default: dist)")
    parser.add_argument("--model", type=Path, help="a model file to ship in the place of the default model")
    args = parser.parse_args()
    try:
        tool = blender_tool()
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    package = args.out / f"{manifest['id']}-{manifest['version']}.zip"
    with tempfile.TemporaryDirectory() as folder:
        stage(Path(folder), args.model)
        command = [sys.executable, str(tool)]
        built = subprocess.run([*command, "build", "--source-dir", folder, "--output-filepath", str(package)])
    if built.returncode == 0:
        built = subprocess.run([*command, "validate", str(package)])
    if built.returncode == 0:
        print(f"{package}: {package.stat().st_size / 1e6:.1f} MB")
    return built.returncode


def blender_tool() -> Path:
    """Blender's command-line tool for extensions; found without importing bpy, which takes seconds.

    Raises:
        FileNotFoundError: if bpy is not installed beside this Python.
    """
    spec = importlib.util.find_spec("bpy")
    found = (
        sorted(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
        if spec
        else []
    )
    if not found:
        raise FileNotFoundError(
            f"expected the package bpy in {sys.executable}, found none: pip install bpy==4.5.15"
        )
    return found[-1]


def stage(folder: Path, model: Path | None = None) -> None:
    """Lay the extension out as it will stand on a user's disk."""
    shutil.copytree(ROOT / "ecoface_blender", folder, ignore=LEFT_OUT, dirs_exist_ok=True)
    for name in ("blender_manifest.toml", "LICENSE", "NOTICE.md"):
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, folder)
    library = folder / "library" / "ecoface_model"
    shutil.copytree(ROOT / "ecoface_model", library, ignore=LEFT_OUT)
    if model:
        shutil.copy(model, library / "assets" / "ecoface-default.safetensors")


if __name__ == "__main__":
    sys.exit(main())
