"""The wheels that the extension's zip carries: which, as tools/wheels.lock pins them, and their download.

They are fetched by pip from the index that it is set up with, for any platform on any other, into a cache;
a file whose sha256 is not the lock's is refused, wherever it comes from.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "tools" / "wheels.lock"
CACHE = ROOT / "build" / "wheels"
PYTHONS = ("3.11", "3.13")
"""Of Blender 4.5 and 5.0, and of 5.2."""
LOCKED_PYTHONS = (*PYTHONS, "3.14")
"""The last for Blenders that use the system's Python."""
PLATFORMS = {
    "linux-x64": tuple(
        f"{name}_x86_64"
        for name in (
            *(f"manylinux_2_{glibc}" for glibc in range(5, 29)),  # Blender itself needs glibc 2.28
            "manylinux1",
            "manylinux2010",
            "manylinux2014",
        )
    ),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_14_0_arm64",),  # pip adds those before it
}
"""Blender's name of each platform, and the tags of the wheels that run there."""


class WheelError(Exception):
    """The wheels cannot be had as they are pinned; the message is one sentence."""


def platform_tags(platform: str) -> list[str]:
    """The options by which pip chooses wheels for a platform."""
    return [word for tag in PLATFORMS[platform] for word in ("--platform", tag)]


def locked(platform: str, pythons: Iterable[str] = PYTHONS) -> dict[str, str]:
    """File names of the wheels for a platform and some versions of Python, and their sha256.

    Raises:
        WheelError: if the lock pins none for one of these versions.
    """
    files: dict[str, str] = tomllib.loads(LOCK.read_text(encoding="utf-8"))[platform]
    chosen: dict[str, str] = {}
    for python in pythons:
        if python not in LOCKED_PYTHONS:
            raise WheelError(
                f"expected a version of Python that {LOCK.name} has wheels for, found {python}; "
                "add it to tools/lock_wheels.py and run that"
            )
        chosen |= {name: digest for name, digest in files.items() if runs_on(name, python)}
    return dict(sorted(chosen.items()))


def runs_on(wheel: str, python: str) -> bool:
    """Whether a wheel is for a version of Python, as its name has it."""
    tag, abi, _ = wheel.removesuffix(".whl").split("-")[-3:]
    if not tag.startswith("cp"):
        return True  # py3, py2.py3
    wanted = tuple(int(part) for part in python.split("."))
    built = (int(tag[2]), int(tag[3:]))
    return built <= wanted if abi.startswith("abi") else built == wanted


def fetch(platform: str, pythons: Iterable[str] = PYTHONS, cache: Path = CACHE) -> list[Path]:
    """The wheels for a platform, downloaded if they are not in the cache.

    Raises:
        WheelError: if one is not to be had, or is not what the lock pins.
    """
    cache.mkdir(parents=True, exist_ok=True)
    files = locked(platform, pythons)
    for python in pythons:
        missing = {n: d for n, d in files.items() if not (cache / n).is_file() and runs_on(n, python)}
        if missing:
            _download(missing, platform, python, cache)
    for name, digest in files.items():
        found = hashlib.sha256((cache / name).read_bytes()).hexdigest()
        if found != digest:
            raise WheelError(
                f"expected sha256 {digest[:12]}... of {cache / name} as {LOCK.name} pins it, found "
                f"{found[:12]}...; delete it, and it is downloaded again"
            )
    return [cache / name for name in files]


def _download(files: dict[str, str], platform: str, python: str, cache: Path) -> None:
    """Have pip fetch these files, and no others.

    Raises:
        WheelError: if it cannot.
    """
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "pinned.txt"
        lines = (f"{'=='.join(name.split('-')[:2])} --hash=sha256:{files[name]}\n" for name in files)
        pinned.write_text("".join(lines), encoding="utf-8")
        options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--python-version", python]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--dest", folder, *options,
             *platform_tags(platform), "--requirement", str(pinned)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if "DO NOT MATCH THE HASHES" in done.stdout:
            raise WheelError(
                f"expected the {platform} wheels that {LOCK.name} pins, found others (their sha256 differ) "
                "at the index that pip is set up with; use another index"
            )
        fetched = {path.name: path for path in Path(folder).glob("*.whl")}
        if done.returncode or not files.keys() <= fetched.keys():
            said = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
            lacking = ", ".join(sorted(files.keys() - fetched.keys()))
            raise WheelError(f"pip could not download {lacking} ({said[-1] if said else 'it said nothing'})")
        for name in files:
            shutil.move(fetched[name], cache / name)
