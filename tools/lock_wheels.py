"""Writes the locks: the wheels in the extension's zip, and those that "Use a Graphics Card" installs.

pip resolves them at its index, without downloading; their sha256 are what the index says. Run it after a
change of a version here or in ecoface_blender/worker/requirements.txt, look at the difference, commit it.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedded_wheels import LOCK, LOCKED_PYTHONS, PLATFORMS, ROOT, platform_tags

WORKER = ROOT / "ecoface_blender" / "worker"
EMBEDDED = (
    "onnxruntime==1.32.0",
    "safetensors==0.8.0",
    "soundfile==0.14.0",
    "cffi==2.1.1",  # soundfile's; without pycparser, which only reads declarations
    "typing_extensions==4.16.0",  # soundfile's
    "soxr==1.1.0",
    "av==18.1.0",
    "jaxtyping==0.3.11",
    "wadler_lindig==0.1.8",  # jaxtyping's
)
"""All that the engine needs beside Blender's own numpy. onnxruntime runs without what it names (protobuf,
flatbuffers, packaging): only its tools for making graphs import them."""
HEADER = "# The wheels in the extension's zips and their sha256, by `python tools/lock_wheels.py`.\n"
CUDA = ("nvidia-", "cuda-", "triton")
SIZES = {
    "linux-x64": "2.8 GB to download, 5 GB on disk",
    "macos-arm64": "0.2 GB to download, 0.7 GB on disk",
}
"""Platforms on which the index's PyTorch knows a graphics card: on Windows it is a build for the CPU."""


def main() -> None:
    """Both locks."""
    parts = []
    for platform in PLATFORMS:
        files = {}
        for python in LOCKED_PYTHONS:
            files |= {name: digest for _, name, digest in resolve(EMBEDDED, platform, python, alone=True)}
        parts.append(f"\n[{platform}]\n" + "".join(f'"{n}" = "{files[n]}"\n' for n in sorted(files)))
    LOCK.write_text(HEADER + "".join(parts), encoding="utf-8")
    lock_torch()


def lock_torch() -> None:
    """Requirements with hashes, as pip reads them, for each platform with a graphics card."""
    wanted = [
        line
        for line in (WORKER / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    hashes: dict[str, dict[str, set[str]]] = {platform: {} for platform in SIZES}
    for python in LOCKED_PYTHONS:
        resolved = resolve(wanted, "linux-x64", python)
        # pip asks the machine it runs on whether a package is for Linux only: so those are left out by name.
        others = [pin for pin, _, _ in resolved if not pin.startswith(CUDA)]
        for platform, found in (
            ("linux-x64", resolved),
            ("macos-arm64", resolve(others, "macos-arm64", python, alone=True)),
        ):
            for pin, _, digest in found:
                hashes[platform].setdefault(pin, set()).add(digest)
    for platform, pins in hashes.items():
        header = (
            f'# For "Use a Graphics Card", written by `python tools/lock_wheels.py`: {SIZES[platform]}.\n'
        )
        (WORKER / "locks").mkdir(exist_ok=True)
        (WORKER / "locks" / f"{platform}.txt").write_text(
            header + "".join(requirement(pin, pins[pin]) for pin in sorted(pins)), encoding="utf-8"
        )


def requirement(pin: str, digests: set[str]) -> str:
    """One requirement with the hashes of the files that may fulfil it."""
    return pin + "".join(f" \\\n    --hash=sha256:{digest}" for digest in sorted(digests)) + "\n"


def resolve(
    wanted: Sequence[str], platform: str, python: str, *, alone: bool = False
) -> list[tuple[str, str, str]]:
    """Of each package its name==version, the wheel's file name and sha256; `alone` without what they name."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL")}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed",
             "--only-binary", ":all:", "--python-version", python, *platform_tags(platform),
             "--target", folder, "--report", str(report), *(["--no-deps"] if alone else []), *wanted],
            check=True, env=environment | {"PIP_CONFIG_FILE": os.devnull},  # what anybody gets
        )  # fmt: skip
        items: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [
        (
            f"{item['metadata']['name'].lower()}=={item['metadata']['version']}",
            item["download_info"]["url"].rsplit("/", 1)[-1],
            item["download_info"]["archive_info"]["hash"].removeprefix("sha256="),
        )
        for item in items
    ]


if __name__ == "__main__":
    main()
