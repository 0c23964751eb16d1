"""One request to its keys, in plain steps that clicks, scripts and batch runs share.

`start` sends the request, `Generation.step` listens, `finish` writes the keys, `running.end` clears up.
Between start and finish nothing of Blender is held but names: meanwhile the artist may go on working.
"""

import tempfile
from contextlib import suppress
from pathlib import Path

import bpy

from .. import running
from ..engine.job import EngineJob
from ..engine.settings import EngineSettings
from ..errors import EcoFaceBlenderError
from ..heads import report as face_report
from ..request import GenerationRequest
from ..sound import sequencer
from ..takes import frames, stored, takes
from ..worker import protocol
from . import sound_choice


class Generation(EngineJob):
    """A line that the worker is busy with."""

    def __init__(
        self, request: GenerationRequest, settings: EngineSettings, folder: tempfile.TemporaryDirectory
    ):
        """Send the request; returns at once.

        Raises:
            EcoFaceBlenderError: if the engine cannot be started.
        """
        self.request = request
        self.result = Path(folder.name) / "motion.npz"
        values = request.message(self.result, settings.flame or None)
        super().__init__(settings, folder, protocol.Generate, values, counted="Animating")

    def step(self) -> bool:
        """As `EngineJob.step`; also fails where scene or head are gone meanwhile."""
        if not self.stopped:
            takes.stage(self.request)
        return super().step()

    def answered(self) -> None:
        """The next forecast is made of how long this took."""
        self._eta.finished()


def start(
    request: GenerationRequest, settings: EngineSettings, folder: tempfile.TemporaryDirectory
) -> Generation:
    """Send a request to the engine: the one way there of every door but a batch, which has several engines.

    Whoever starts it steps it to its end and then calls `running.end`.

    `folder` is for the job's files and ends with it.

    Raises:
        EcoFaceBlenderError: if the engine cannot be started, or is busy.
    """
    return running.begin(lambda: Generation(request, settings, folder))


def finish(context: bpy.types.Context, job: Generation) -> str:
    """Write the motion that has come as keys of a new action; says in a sentence what it did.

    Raises:
        EcoFaceBlenderError: if scene or head are no more what they were.
    """
    request = job.request
    sound_choice.remember(context, request, job.answer)
    result = takes.receive(context, request, *stored.read_motion(job.result))
    speaker = takes.stage(request)[1]
    if (lacking := face_report.shortcomings(speaker)) is not None:
        result += f"; {lacking}"
    if _extends(request) and (extended := frames.extend(bpy.data.scenes[request.scene], speaker)):
        result += f"; {extended}"
    if request.add_strip:
        try:
            add_sound(context, request, job.folder.name)
        except EcoFaceBlenderError as error:  # the face speaks all the same
            result += f"; its sound is not in the sequencer: {error}"
    return "; ".join([result, *job.warnings])


def _extends(request: GenerationRequest) -> bool:
    """Whether the panel lets the scene go on to a new take's end."""
    panel = getattr(bpy.data.scenes[request.scene], "ecoface", None)
    return panel is not None and panel.extend_frames and request.frames is None


def add_sound(context: bpy.types.Context, request: GenerationRequest, folder: str) -> None:
    """Let the line be heard where it is spoken, unless it is already.

    Raises:
        EcoFaceBlenderError: if Blender hears nothing in the file.
    """
    for strip in sequencer.sound_strips(context):
        with suppress(EcoFaceBlenderError):  # a strip that plays nothing
            heard = sequencer.located(strip)
            if heard.path == Path(request.sound) and abs(heard.first_frame - request.first_frame) < 1:
                return
    sequencer.add_sound_strip(sequencer.sequencer_scene(context), request.sound, request.first_frame)
