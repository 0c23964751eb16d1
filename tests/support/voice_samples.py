"""Small folders in the forms of corpora of acted voices: every file another buzz, unless asked for."""

import hashlib
import tarfile
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000  # Hz
COLUMNS = "FileName,VoiceVote,VoiceLevel,FaceVote,FaceLevel,MultiModalVote,MultiModalLevel"


def voice(name: str, seconds: float = 0.6) -> np.ndarray:
    """A buzz whose pitch is drawn from the name."""
    pitch = 100 + int(hashlib.sha256(name.encode()).hexdigest()[:4], 16) / 100
    time = np.arange(round(seconds * RATE)) / RATE
    return 0.3 * np.sin(2 * np.pi * pitch * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))


def speak(folder: Path, *names: str, seconds: float = 0.6, like: str = "", level: float = 1.0) -> Path:
    """Write a sound for each name; with `like`, all the sound of that name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, level * voice(like or name, seconds), RATE)
    return folder


def touch(folder: Path, *names: str) -> Path:
    """Empty files, where only names are read."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def write_votes(path: Path, *lines: str) -> Path:
    """CREMA-D's table; a line is `clip vote level`, with the same vote of those who saw, at level 50."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for line in lines:
        clip, vote, level, *other = line.split()
        face = other[0] if other else vote
        levels = ":".join(["50"] * (face.count(":") + 1))
        rows.append(f"{clip},{vote},{level},{face},{levels},{face},{levels}")
    path.write_text("\n".join([COLUMNS, *rows]) + "\n", "utf-8")
    return path


def pack(archive: Path, folder: Path) -> Path:
    """A .tar of a folder's content."""
    with tarfile.open(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.add(path, path.relative_to(folder).as_posix(), recursive=False)
    return archive
