"""What "Use a Graphics Card" installs and from where, pinned by version and sha256; no bpy."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import EcoFaceBlenderError

WORKER = Path(__file__).resolve().parent.parent / "worker"
REQUIREMENTS = WORKER / "requirements.txt"
INDEX = "PyPI, the Python Package Index"
KEPT = ("PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_DEFAULT_TIMEOUT", "PIP_CACHE_DIR")
"""Variables that say how pip reaches its index; those that name other indexes or folders are not heeded."""
SYSTEMS = {"Linux": "linux", "Darwin": "macos", "Windows": "windows"}
MACHINES = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64", "ARM64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One installation, before it begins."""

    lock: Path
    """Requirements with hashes, of this platform."""
    modules: tuple[str, ...]
    """Imported at the end, to see whether it works."""
    wheels: Path | None = None
    """The only place that is looked in; None is the index."""
    index: str = ""
    """Its address; empty is pip's own, PyPI."""

    @property
    def pins(self) -> list[str]:
        """name==version of every package."""
        lines = self.lock.read_text(encoding="utf-8").splitlines()
        return [line.split()[0] for line in lines if line and not line.startswith(("#", " "))]

    def source(self) -> list[str]:
        """pip's options that say where it looks: in the folder alone, or at one index alone."""
        if self.wheels:
            return ["--no-index", "--find-links", str(self.wheels)]
        return ["--index-url", self.index] if self.index else []

    def describe(self, folder: Path) -> list[str]:
        """What will be installed, from where, how large, and where to: for the dialog before it begins."""
        first_line = self.lock.read_text(encoding="utf-8").partition("\n")[0]
        size = first_line.rpartition(": ")[2].rstrip(".")
        if self.wheels:
            found = sum(path.stat().st_size for path in self.wheels.glob("*.whl"))
            there = f"{found / 1e6:,.0f} MB of wheels" if found else "no wheel is in that folder yet"
            size = f"{there}, {size.rpartition(', ')[2]}"
        return [
            f"From: {self.wheels or self.index or INDEX}, and from nowhere else",
            f"Size: {size}",
            f"Into: {folder}",
            f"{len(self.pins)} packages, each refused if its sha256 is not the one that EcoFace pins:",
            ", ".join(pin.replace("==", " ") for pin in self.pins),
        ]


def plan_for(wheels: str, index: str) -> Plan:
    """The plan of this platform.

    Raises:
        EcoFaceBlenderError: if there is none, or the folder or the address is none.
    """
    if reason := why_no_plan():
        raise EcoFaceBlenderError(f"{reason}.")
    if wheels and not Path(wheels).is_dir():
        raise EcoFaceBlenderError(f"Expected a Wheel Folder at '{wheels}', found none; choose another.")
    if index and "://" not in index:
        raise EcoFaceBlenderError(
            f"Expected the address of a Package Index (https://...), found '{index}'; correct it."
        )
    modules = tuple(package_names())
    return Plan(lock=_lock(), modules=modules, wheels=Path(wheels) if wheels else None, index=index)


def why_no_plan() -> str | None:
    """Why nothing can be installed on this platform, without a full stop."""
    if _lock().is_file():
        return None
    return (
        f"For {platform.system()} on {platform.machine()} EcoFace pins no PyTorch that uses a graphics card: "
        "make an environment with one yourself, and choose its Python above (docs/engine.md)"
    )


def _lock() -> Path:
    """Where this platform's would be."""
    machine = MACHINES.get(platform.machine(), platform.machine())
    return WORKER / "locks" / f"{SYSTEMS.get(platform.system(), '')}-{machine}.txt"


def environment() -> Mapping[str, str]:
    """Variables for venv and pip: nothing that would have pip look elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONHOME", "PYTHONPATH") and (name in KEPT or not name.startswith("PIP_"))
    }
    return kept | {"PIP_CONFIG_FILE": os.devnull}


def package_names(requirements: Path = REQUIREMENTS) -> list[str]:
    """Names of the packages in a file of requirements, which are their modules' names too."""
    lines = (line.split("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    return [line.split(">")[0].split("=")[0].strip() for line in lines if line]
