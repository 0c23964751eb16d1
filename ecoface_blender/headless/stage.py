"""What Blender does for a batch: each line begins with the same file, and nothing of the line before is left.

The file to begin with is made ready once (frame rate, a head where it has none) and saved aside. Opening that
again is quicker than to tidy up after a line, and Blender then forgets all data-blocks of it.
"""

import ctypes
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path

import bpy

from ..atomic_write import written_beside
from ..core.atomic_write import partial_of
from ..engine.settings import EngineSettings
from ..export import export
from ..generate import gather, generation
from ..heads import finding
from ..request import GenerationRequest
from ..takes import stored, takes
from . import cli as command
from .table import BatchItem


class Stage:
    """The file that lines begin with, and how they are written."""

    def __init__(
        self, folder: Path, settings: EngineSettings, fps: float | None, options: export.Options
    ) -> None:
        """`folder` is for the file; `fps` is the scene's own where it is None."""
        self._base = folder / "base.blend"
        self._settings, self._fps, self._options = settings, fps, options

    def open(self, path: Path | None) -> None:
        """Begin with this file from now on, or with an empty one and a new head.

        Raises:
            EcoFaceBlenderError: if it cannot be opened, or there can be no head.
        """
        with quiet():
            if path:
                command.open_blend(path, load_ui=False)
            else:
                bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
            if self._fps:
                command.set_rate(bpy.context.scene, self._fps)
            if not finding.find_faces(bpy.context):
                command.speaking_head(bpy.context, None, self._settings)
            _save(self._base)

    def request(self, item: BatchItem, folder: str) -> GenerationRequest:
        """The line on this stage; files that it needs are written into `folder`.

        Raises:
            EcoFaceBlenderError: if there is no such head, or the reference is none.
        """
        context = bpy.context
        given = {
            "head": command.speaking_head(context, item.head, self._settings).name,
            "sound": str(item.audio),
            "track": item.track,
            "channel": item.channel,
            "style": item.style or "",
            "emotion": item.emotion or "",
            "emotion_from": str(item.reference or ""),
            **{name: getattr(item, name) for name in ("strength", "upper", "mouth", "seed", "temperature")},
            "add_strip": False,
        }
        return gather.request(context, self._settings, given, folder)

    def write(
        self, request: GenerationRequest, motion: Path, item: BatchItem, target: Path, folder: str
    ) -> str:
        """Let the head speak and write the outputs, each whole or not at all; says what was done.

        `target` is their path without a suffix.

        Raises:
            EcoFaceBlenderError: if the head cannot be animated, or a file cannot be written.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        with quiet():
            command.open_blend(self._base, load_ui=False)
            context = bpy.context
            said = takes.receive(context, request, *stored.read_motion(motion))
            speaker = finding.named(context.scene, request.speaker)
            context.scene.frame_end = math.ceil(takes.playing(speaker).frame_range[1])
            for suffix in item.outputs:
                path = target.with_name(f"{target.name}.{suffix}")
                for left_over in path.parent.glob(partial_of(path, "*").name):  # by a run that was killed
                    left_over.unlink(missing_ok=True)
                if suffix == "npz":
                    with written_beside(path) as beside:
                        beside.write_bytes(motion.read_bytes())
                elif suffix == "blend":
                    generation.add_sound(context, request, folder)
                    with written_beside(path) as beside:
                        _save(beside)
                else:
                    export.write(context, speaker, path, self._options, settings=self._settings)
        return said


def _save(path: Path) -> None:
    """Save a copy; the file before is not kept as .blend1."""
    paths = bpy.context.preferences.filepaths
    before, paths.save_version = paths.save_version, 0
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False, copy=True)
    finally:
        paths.save_version = before


@contextmanager
def quiet() -> Iterator[None]:
    """What Blender and its exporters say on stdout is not said: there, one line tells of each file."""
    _flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # for Python; what follows is for C
            os.dup2(nowhere.fileno(), 1)
            yield
    finally:
        _flush()
        os.dup2(kept, 1)
        os.close(kept)


def _flush() -> None:
    """Python's own buffer and that of C, by which Blender prints."""
    sys.stdout.flush()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("ucrtbase" if os.name == "nt" else None).fflush(None)
