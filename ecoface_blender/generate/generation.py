"""One request to its keys, in plain steps that clicks, scripts and batch runs share.

`start` sends the request, `Generation.step` listens, `finish` writes the keys, `running.end` clears up.
Between start and finish nothing of Blender is held but names: meanwhile the artist may go on working.
"""

import tempfile
from pathlib import Path

import bpy

from .. import running
from ..engine.job import EngineJob
from ..engine.settings import EngineSettings
from ..errors import EcoFaceBlenderError
from ..heads import report as face_report
from ..heads import source_curves
from ..request import GenerationRequest
from ..sound import spoken_file
from ..takes import frames, stored, takes
from ..takes.live_preview import LivePreview
from ..worker import protocol
from . import sound_choice


class Generation(EngineJob):
    """A line that the worker is busy with."""

    def __init__(
        self,
        request: GenerationRequest,
        settings: EngineSettings,
        folder: tempfile.TemporaryDirectory,
        live: bool = False,
    ):
        """Send the request; returns at once. What is ready of a `live` one plays while it is computed.

        Raises:
            EcoFaceBlenderError: if the engine cannot be started.
        """
        self.request = request
        self.result = Path(folder.name) / "motion.npz"
        live = live and request.frames is None
        self.preview = LivePreview(request, _extends(request)) if live else None
        values = request.message(self.result, settings.flame or None) | {"live": live}
        super().__init__(settings, folder, protocol.Generate, values, counted="Animating")
        source_curves.prepare()

    def step(self) -> bool:
        """As `EngineJob.step`; also fails where scene or head are gone meanwhile."""
        if not self.stopped:
            takes.stage(self.request)
        done = super().step()
        if self.preview and not done:
            self.preview.show()
        return done

    def frames(self, part: protocol.Frames) -> None:
        """To be shown."""
        if self.preview:
            self.preview.add(part)

    def answered(self) -> None:
        """The next forecast is made of how long this took."""
        self._eta.finished()

    def close(self) -> None:
        """As `EngineJob.close`; a preview ends, too."""
        if self.preview:
            self.preview.end()
        super().close()


def start(
    request: GenerationRequest,
    settings: EngineSettings,
    folder: tempfile.TemporaryDirectory,
    live: bool = False,
) -> Generation:
    """Send a request to the engine: the one way there of every door but a batch, which has several engines.

    Whoever starts it steps it to its end and then calls `running.end`.

    `folder` is for the job's files and ends with it.

    Raises:
        EcoFaceBlenderError: if the engine cannot be started, or is busy.
    """
    return running.begin(lambda: Generation(request, settings, folder, live))


def finish(context: bpy.types.Context, job: Generation) -> str:
    """Write the motion that has come as keys of a new action; says in a sentence what it did.

    Raises:
        EcoFaceBlenderError: if scene or head are no more what they were.
    """
    request = job.request
    if job.preview:
        job.preview.clear()
    sound_choice.remember(context, request, job.answer)
    result = takes.receive(context, request, *stored.read_motion(job.result))
    if job.preview:
        job.preview.keep()
    speaker = takes.stage(request)[1]
    if (lacking := face_report.shortcomings(speaker)) is not None:
        result += f"; {lacking}"
    if _extends(request) and (extended := frames.extend(bpy.data.scenes[request.scene], speaker)):
        result += f"; {extended}"
    if request.add_strip:
        try:
            spoken_file.add(context, request.sound, request.first_frame)
        except EcoFaceBlenderError as error:  # the face speaks all the same
            result += f"; its sound is not in the sequencer: {error}"
    return "; ".join([result, *job.warnings])


def _extends(request: GenerationRequest) -> bool:
    """Whether the panel lets the scene go on to a new take's end."""
    panel = getattr(bpy.data.scenes[request.scene], "ecoface", None)
    return panel is not None and panel.extend_frames and request.frames is None
