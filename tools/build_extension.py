"""Builds the extension's zips in dist/ with Blender's own tool from the bpy wheel, and validates them.

One for each platform carries the engine as wheels (tools/wheels.lock), so that nothing has to be installed;
the small one, without a platform in its name, carries none. All carry ecoface_model and its default model in
a folder `library`, so that Blender and the engine are always of the same version.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from embedded_wheels import CACHE, PLATFORMS, PYTHONS, ROOT, WheelError, fetch

LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
SMALL = "small"


def main() -> int:
    """Build and validate; the exit code is Blender's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the zips (default: dist)")
    parser.add_argument("--model", type=Path, help="a model file to ship in the place of the default model")
    zips = [SMALL, *PLATFORMS]
    parser.add_argument("--only", nargs="+", choices=zips, default=zips, metavar="ZIP",
                        help=f"which: {', '.join(zips)} (default: all)")  # fmt: skip
    parser.add_argument("--python", nargs="+", default=PYTHONS, metavar="X.Y", dest="pythons",
                        help=f"Blender's versions of Python (default: {' '.join(PYTHONS)})")  # fmt: skip
    parser.add_argument("--wheels", type=Path, default=CACHE, help="their cache (default: build/wheels)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        tool = blender_tool()
        for name in args.only:
            wheels = [] if name == SMALL else fetch(name, args.pythons, args.wheels)
            if code := build(tool, args.out, "" if name == SMALL else name, wheels, args.model):
                return code
    except (FileNotFoundError, WheelError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def build(tool: Path, out: Path, platform: str, wheels: Sequence[Path], model: Path | None) -> int:
    """One zip, named as Blender names those of a platform; gives the exit code of Blender's tool."""
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    of_platform = f"-{platform.replace('-', '_')}" if platform else ""
    package = out / f"{manifest['id']}-{manifest['version']}{of_platform}.zip"
    with tempfile.TemporaryDirectory(dir=out) as folder:
        stage(Path(folder), model, platform, wheels)
        command = [sys.executable, str(tool)]
        built = subprocess.run([*command, "build", "--source-dir", folder, "--output-filepath", str(package)])
    if built.returncode == 0:
        built = subprocess.run([*command, "validate", str(package)])
    if built.returncode == 0:
        print(f"{package}: {package.stat().st_size / 1e6:.1f} MB, {len(wheels)} wheels")
    return built.returncode


def blender_tool() -> Path:
    """Blender's command-line tool for extensions; found without importing bpy, which takes seconds.

    Raises:
        FileNotFoundError: if bpy is not installed beside this Python.
    """
    spec = importlib.util.find_spec("bpy")
    found = (
        sorted(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
        if spec and spec.origin
        else []
    )
    if not found:
        raise FileNotFoundError(
            f"expected the package bpy in {sys.executable}, found none: pip install bpy==4.5.15"
        )
    return found[-1]


def stage(folder: Path, model: Path | None = None, platform: str = "", wheels: Sequence[Path] = ()) -> None:
    """Lay the extension out as it will stand on a user's disk."""
    shutil.copytree(ROOT / "ecoface_blender", folder, ignore=LEFT_OUT, dirs_exist_ok=True)
    for name in ("LICENSE", "NOTICE.md"):
        shutil.copy(ROOT / name, folder)
    manifest = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    (folder / "blender_manifest.toml").write_text(with_wheels(manifest, platform, wheels), encoding="utf-8")
    library = folder / "library" / "ecoface_model"
    shutil.copytree(ROOT / "ecoface_model", library, ignore=LEFT_OUT)
    if model:
        shutil.copy(model, library / "assets" / "ecoface-default.safetensors")
    for wheel in wheels:
        (folder / "wheels").mkdir(exist_ok=True)
        try:
            os.link(wheel, folder / "wheels" / wheel.name)
        except OSError:  # another disk
            shutil.copy(wheel, folder / "wheels")


def with_wheels(manifest: str, platform: str, wheels: Sequence[Path]) -> str:
    """The manifest with what Blender has to know of them, before its first table."""
    if not platform:
        return manifest
    head, table, tail = manifest.partition("\n[")
    listed = "".join(f'    "./wheels/{wheel.name}",\n' for wheel in wheels)
    return f'{head}\nplatforms = ["{platform}"]\nwheels = [\n{listed}]\n{table}{tail}'


if __name__ == "__main__":
    sys.exit(main())
