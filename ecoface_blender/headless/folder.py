"""The sounds of a folder: which files are lines of a batch, which are passed over, and why."""

import stat
from pathlib import Path

_SUFFIXES = "wav wave flac mp3 ogg oga opus m4a aac aif aiff aifc caf wma ac3 webm mkv mka mp4 m4v mov avi"
SOUNDS = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
"""What is taken from a folder; a CSV may name any file with sound."""
SHOWN = 20
"""Of what is passed over, how many files are named."""


def sounds_in(folder: Path) -> tuple[list[Path], list[str]]:
    """Paths of the sounds below a folder, and a few words for each file that is passed over."""
    sounds, passed_over = [], []
    for path in sorted(folder.rglob("*")):
        try:
            mode = path.stat().st_mode
        except OSError as error:
            why: str | None = f"cannot be opened ({error.strerror})"
        else:
            if stat.S_ISDIR(mode):
                continue
            why = _why_not(path.relative_to(folder), mode)
        if why is None:
            sounds.append(path)
        else:
            passed_over.append(f"'{printable(str(path.relative_to(folder)))}' {why}")
    return sounds, passed_over


def _why_not(name: Path, mode: int) -> str | None:
    if any(part.startswith(".") for part in name.parts):
        return "is hidden"
    if not stat.S_ISREG(mode):
        return "is no plain file"
    return None if name.suffix.lower() in SOUNDS else "is no sound by its name"


def told(passed_over: list[str]) -> list[str]:
    """Sentences about files that are passed over, the first of many."""
    said = [f"passed over: {each}." for each in passed_over[:SHOWN]]
    more = len(passed_over) - SHOWN
    return [*said, f"passed over: {more} more files."] if more > 0 else said


def printable(name: str) -> str:
    """A file's name with bytes that are no UTF-8 written as %FF: such cannot be printed or stored."""
    return "".join(f"%{ord(c) - 0xDC00:02X}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in name)
