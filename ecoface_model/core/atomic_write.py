"""Results appear whole or not at all: written beside their place, then renamed."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import RequestError


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` with its suffix: renamed to `path` on success, removed on failure.

    The file gets the mode that the user's new files have: safetensors would keep it to its owner.

    Raises:
        RequestError: if the folder is missing, or the file cannot be written there.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise RequestError(
            f"expected a folder {path.parent} to write {path.name} into, found none; make it first"
        )
    if path.is_dir():
        raise RequestError(f"expected a file name to write, found the folder {path}; add a name to it")
    temporary = partial_of(path, os.getpid())
    try:
        temporary.touch()
        mode = stat.S_IMODE(temporary.stat().st_mode)
        temporary.unlink()
        yield temporary
        if stat.S_IMODE(temporary.stat().st_mode) != mode:  # not every file system lets one ask
            temporary.chmod(mode)
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RequestError(
            f"cannot write {path} ({reason}); choose another place or make room there"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def partial_of(path: Path, process: int | str) -> Path:
    """Where a process writes what is to become `path`."""
    return path.with_name(f".{path.stem}.{process}.partial{path.suffix}")
