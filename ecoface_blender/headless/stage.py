"""What Blender does for a batch: each line begins with the same file, and nothing of the line before is left.

The file to begin with is made ready once (frame rate, a head where it has none) and saved aside. Opening that
again is quicker than to tidy up after a line, and Blender then forgets all data-blocks of it.
"""

from pathlib import Path

import bpy

from ..engine.settings import EngineSettings
from ..export import export
from ..generate import gather
from ..heads import finding
from ..request import GenerationRequest
from . import cli as command
from .outputs import Writing
from .quiet import quiet, save_copy
from .table import NUMBERS, BatchItem


class Stage:
    """The file that lines begin with."""

    def __init__(
        self, folder: Path, settings: EngineSettings, fps: float | None, options: export.Options
    ) -> None:
        """`folder` is for the file; `fps` is the scene's own where it is None."""
        self._base = folder / "base.blend"
        self._new_head = False
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
            self._new_head = path is None
            if not finding.find_faces(bpy.context):
                command.speaking_head(bpy.context, None, self._settings)
            save_copy(self._base)

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
            **{name: getattr(item, name) for name in (*NUMBERS, "seed")},
            "add_strip": False,
            "as_played": "blend" in item.outputs,  # by Blender, in a strip; others play what is in the file
        }
        return gather.request(context, self._settings, given, folder)

    def writing(
        self, request: GenerationRequest, item: BatchItem, motion: Path, target: Path, folder: str
    ) -> Writing:
        """What is to be written of a motion on this stage."""
        return Writing(
            base=self._base,
            request=request,
            motion=motion,
            outputs=item.outputs,
            target=target,
            folder=Path(folder),
            options=self._options,
            settings=self._settings,
            new_head=self._new_head,
        )
