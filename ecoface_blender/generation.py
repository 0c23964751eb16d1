"""One line from its choices to its keys, in plain steps that clicks, scripts and batch runs share.

`start` sends the request, `Generation.step` listens, `finish` writes the keys, `end` clears up. Between start
and finish nothing of Blender is held but names: meanwhile the artist may go on working.
"""

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import bpy
import numpy as np

from . import choices, chosen, engine, face_report, head, idle, keyframes, sequencer, take_names, takes
from .engine_job import EngineJob, request_load
from .errors import EcoFaceBlenderError
from .settings import engine_settings
from .worker import protocol

Job = TypeVar("Job", bound=EngineJob)

BUSY = "A line is being generated or listened to; wait for it or cancel it."

running: EngineJob | None = None
"""What the panel shows and the second click refuses."""

failure = ""
"""Why the last line was not generated, for the panel; empty if it was."""


class Generation(EngineJob):
    """A line that the worker is busy with."""

    def __init__(
        self, line: choices.Line, settings: engine.EngineSettings, folder: tempfile.TemporaryDirectory
    ):
        """Send the request; returns at once.

        Raises:
            EcoFaceBlenderError: if the engine cannot be started.
        """
        self.line = line
        self.result = Path(folder.name) / "motion.npz"
        values = line.generate_values(self.result, settings.flame or None)
        super().__init__(settings, folder, protocol.Generate, values, counted="Animating")

    def step(self) -> bool:
        """As `EngineJob.step`; also fails where scene or head are gone meanwhile."""
        if not self.stopped:
            takes.stage(self.line)
        return super().step()

    def answered(self) -> None:
        """The next forecast is made of how long this took."""
        self._forecast.finished()


def warm_up(settings: engine.EngineSettings) -> None:
    """Start the engine and let it load the model, without waiting; a failure is told by the first line.

    Raises:
        EcoFaceBlenderError: if it cannot be started.
    """
    client = engine.worker(engine.find_python(settings.python))
    idle.watch()
    client.disown(request_load(client, settings), cancel=False)


def job_folder() -> tempfile.TemporaryDirectory:
    """A folder for the files of one job."""
    return tempfile.TemporaryDirectory(prefix="ecoface-", ignore_cleanup_errors=True)


def start(
    line: choices.Line, settings: engine.EngineSettings, folder: tempfile.TemporaryDirectory
) -> Generation:
    """Send a line to the engine; whoever starts it, steps it to its end and then calls `end`.

    `folder` is for the job's files and ends with it.

    Raises:
        EcoFaceBlenderError: if the engine cannot be started, or is busy.
    """
    return begin(lambda: Generation(line, settings, folder))


def begin(make: Callable[[], Job]) -> Job:
    """Let the engine begin with a job that is the one under way until `end`.

    Raises:
        EcoFaceBlenderError: if the engine cannot be started, or is busy.
    """
    global running, failure
    if running:
        raise EcoFaceBlenderError(BUSY)
    failure = ""
    running = job = make()
    return job


def finish(context: bpy.types.Context, job: Generation) -> str:
    """Write the motion that has come as keys of a new action; says in a sentence what it did.

    Raises:
        EcoFaceBlenderError: if scene or head are no more what they were.
    """
    line = job.line
    result = takes.receive(context, line, *read_motion(job.result))
    speaker = takes.stage(line)[1]
    if (lacking := face_report.shortcomings(speaker)) is not None:
        result += f"; {lacking}"
    if line.add_strip:
        try:
            add_sound(context, line, job.folder.name)
        except EcoFaceBlenderError as error:  # the face speaks all the same
            result += f"; its sound is not in the sequencer: {error}"
    return "; ".join([result, *job.warnings])


def describe(speaker: bpy.types.Object) -> str | None:
    """What made the keys that the head has now; None if they are not ours."""
    animation = speaker.data.shape_keys.animation_data
    action = animation and animation.action
    made_by = keyframes.read_metadata(action) if action else {}
    if not {"style", "emotion", "seed"} <= made_by.keys():
        return None
    return f"{action.name}: {take_names.description(made_by)}"


def add_sound(context: bpy.types.Context, line: choices.Line, folder: str) -> None:
    """Let the line be heard where it is spoken, unless it is already.

    Raises:
        EcoFaceBlenderError: if Blender hears nothing in the file.
    """
    for strip in sequencer.sound_strips(context):
        with suppress(EcoFaceBlenderError):  # a strip that plays nothing
            heard = sequencer.located(strip)
            if heard.path == Path(line.sound) and abs(heard.first_frame - line.first_frame) < 1:
                return
    sequencer.add_sound_strip(sequencer.sequencer_scene(context), line.sound, line.first_frame)


def end(job: EngineJob, why: str = "") -> None:
    """Forget a job, however it went, and remove its folder; `why` it failed stays in the panel."""
    global running, failure
    running, failure = None, why
    job.folder.cleanup()
    if job.at_end:
        job.at_end()


def abandon() -> None:
    """Give up what is under way: the extension is being switched off."""
    if running:
        running.cancel()
        end(running)


def read_motion(
    path: Path,
) -> tuple[np.ndarray, float, np.ndarray, dict[str, Any], np.ndarray | None]:
    """Motion (T, 53), its rate, `upper` (50, 50), metadata and phones from the file that the engine wrote.

    Phones are shares (T, n), 0 to 255, of those that the metadata name; None where the model tells none.
    """
    with np.load(path, allow_pickle=False) as arrays:
        return (
            arrays["motion"],
            float(arrays["fps"]),
            arrays["upper"],
            json.loads(str(arrays["metadata"])),
            arrays.get("phones"),
        )


def head_arrays(settings: engine.EngineSettings) -> dict[str, np.ndarray]:
    """Arrays of the head that Add Head adds: the user's FLAME through the engine, or ours from its file.

    Raises:
        EcoFaceBlenderError: if the file is no head, or the engine that reads it cannot be started.
    """
    if not settings.flame:
        return head.load_head(engine.reference_head())
    with job_folder() as folder:
        result = Path(folder) / "head.npz"
        client = engine.worker(engine.find_python(settings.python))
        client.wait(client.request(protocol.Head, file=settings.flame, result=str(result)))
        return head.load_head(result)


def why_not_ready(context: bpy.types.Context) -> str | None:
    """Why nothing can be generated here whatever the line, in one sentence; asked at each redraw."""
    if running:
        return BUSY
    return chosen.why_no_head(context) or why_no_engine(context)


def why_no_engine(context: bpy.types.Context) -> str | None:
    """Why the engine cannot work, as far as it is seen without starting it, in one sentence."""
    if engine.installing:
        return "The engine is being installed; wait for it, or cancel it in the preferences."
    settings = engine_settings(context)
    try:
        engine.find_python(settings.python)
    except EcoFaceBlenderError as error:
        return str(error)
    model = Path(settings.model) if settings.model else engine.default_model()
    if not model.is_file():
        return f"Expected a model file at {model}, found none; choose one in the preferences of EcoFace."
    return None
