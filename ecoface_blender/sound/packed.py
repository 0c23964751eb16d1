"""Sounds that are packed into the .blend, as files in the folder of a job and nowhere else."""

import re
from pathlib import Path

import bpy

LONGEST_NAME = 100  # characters; some systems allow no more than 143 bytes
DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
"""Names that are none of files on Windows."""


def unpacked(sound: bpy.types.Sound, folder: Path) -> Path:
    """The packed sound as a file in a folder of its own inside `folder`, named as it was."""
    inside = folder / "packed"
    inside.mkdir(exist_ok=True)
    path = inside / file_name(sound.filepath)
    path.write_bytes(sound.packed_file.data)
    return path


def file_name(path: str) -> str:
    """The last part of a path of any system as a name that every system has for a file."""
    last = re.split(r"[/\\]", path)[-1]
    name = re.sub(r'[\x00-\x1f<>:"|?*]', "_", last).strip(". ")
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name or "sound", "", ""
    name = f"{stem[:LONGEST_NAME]}{dot}{suffix[:12]}"
    return f"_{name}" if DEVICES.match(name) else name
