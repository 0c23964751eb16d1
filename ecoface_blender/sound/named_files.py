"""Which files may be opened that only a .blend names: a take's sound may be a stranger's words.

What the sequencer plays Blender itself has opened, and what the panel shows the artist sees. Besides, it is
what was chosen since Blender was started, and what lies in the folder of the .blend. To find that out nothing
else is touched on disk: asking for a file on another computer would tell that one who asks.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import bpy

_chosen: set[str] = set()
"""Since Blender was started, by the artist or a script."""


def remember(path: str) -> None:
    """The artist, or a script, has chosen this file."""
    _chosen.add(_plain(path))


def may_be_read(context: bpy.types.Context, path: str) -> bool:
    """Whether the artist has chosen a file, or a file's folder, in one of these ways."""
    if not os.path.isabs(path):
        return False
    plain = _plain(path)
    return plain in _chosen or plain in set(_shown(context)) or _is_beside(plain)


def _shown(context: bpy.types.Context) -> Iterator[str]:
    """What Blender plays and the panel names."""
    for sound in bpy.data.sounds:
        yield _plain(bpy.path.abspath(sound.filepath, library=sound.library))
    for scene in bpy.data.scenes:
        for strip in scene.sequence_editor.strips_all if scene.sequence_editor else ():
            if strip.type == "MOVIE":
                yield _plain(bpy.path.abspath(strip.filepath, library=scene.library))
    panel = getattr(context.scene, "ecoface", None)
    for name in ("sound", "reference_file") if panel else ():
        yield _plain(bpy.path.abspath(getattr(panel, name)))


def _is_beside(plain: str) -> bool:
    """Whether it lies in the folder of the .blend or below, where no link leads out again."""
    folder = os.path.dirname(bpy.data.filepath)
    if not folder or not plain.startswith(_plain(folder).rstrip(os.sep) + os.sep):
        return False
    return Path(plain).resolve().is_relative_to(Path(folder).resolve())


def _plain(path: str) -> str:
    return os.path.normcase(os.path.normpath(path))
