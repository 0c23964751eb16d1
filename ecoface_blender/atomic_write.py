"""Files appear whole or not at all: written beside their place, verified, then renamed."""

import os
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .core.atomic_write import atomic_write
from .errors import EcoFaceBlenderError, refusals_of_core

FBX_END = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")


@contextmanager
def written_beside(path: Path, most_bytes: int = 0) -> Iterator[Path]:
    """`core.atomic_write` for Blender's exporters: with room seen to before, and the file verified after.

    On a full disk those of USD and Alembic end Blender; `most_bytes` is the room that they may need.

    Raises:
        EcoFaceBlenderError: if the folder is missing, or the file cannot be written, or not wholly.
    """
    with refusals_of_core(), atomic_write(path) as beside:
        free = shutil.disk_usage(path.parent).free
        if free < most_bytes:
            raise EcoFaceBlenderError(
                f"'{path}' may need {most_bytes / 1e6:.1f} MB, found {free / 1e6:.1f} MB free; "
                "make room there, or choose another place."
            )
        try:
            yield beside
        except RuntimeError as error:  # of one of the exporters, with all that it had to say
            raise OSError(_cause(str(error))) from error
        if not is_whole(beside):
            raise EcoFaceBlenderError(
                f"'{path}' could not be written to its end; make room there, or choose another place."
            )


def is_whole(path: Path) -> bool:
    """Whether a file ends as its format says: Blender's own exporters are silent about a full disk."""
    check = WHOLE.get(path.suffix.lower())
    return path.is_file() and path.stat().st_size > 0 and (check is None or check(path))


def _cause(text: str) -> str:
    """The one line of an exporter's report that says what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "Error" in line and not line.startswith("Error: Python:")]
    return (telling or lines or ["Blender gives no reason"])[-1].removeprefix("Error: ")


def _read(path: Path, offset: int, count: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset, os.SEEK_SET if offset >= 0 else os.SEEK_END)
        return file.read(count)


def _fbx(path: Path) -> bool:
    return path.stat().st_size > len(FBX_END) and _read(path, -len(FBX_END), len(FBX_END)) == FBX_END


def _glb(path: Path) -> bool:
    head = _read(path, 0, 12)
    return len(head) == 12 and struct.unpack("<4sII", head)[::2] == (b"glTF", path.stat().st_size)


def _usdc(path: Path) -> bool:
    """Its table of contents, to which the head points, is inside."""
    head = _read(path, 0, 24)
    return head[:8] == b"PXR-USDC" and len(head) == 24 and 0 < _toc(head) < path.stat().st_size


def _toc(head: bytes) -> int:
    offset: int = struct.unpack("<q", head[16:24])[0]
    return offset


def _abc(path: Path) -> bool:
    """Ogawa's mark that the archive was closed."""
    return _read(path, 0, 6) == b"Ogawa\xff"


WHOLE: dict[str, Callable[[Path], bool]] = {".fbx": _fbx, ".glb": _glb, ".usdc": _usdc, ".abc": _abc}
