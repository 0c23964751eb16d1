"""One line from its choices to its keys, in plain steps that clicks, scripts and batch runs share.

`start` sends the request, `Generation.step` listens, `finish` writes the keys, `end` clears up. Between start
and finish nothing of Blender is held but names: meanwhile the artist may go on working.
"""

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from . import choices, engine, head, idle, keyframes, sequencer, takes
from .errors import EcoFaceBlenderError
from .forecast import Forecast
from .settings import engine_settings
from .worker import protocol
from .worker_client import WorkerClient

BUSY = "A line is being generated; wait for it or cancel it."
CANCELLED = "Cancelled."
CPU_INSTEAD = (
    "The graphics card has not enough memory, so the CPU computed instead; close what else uses the card, "
    "then check the engine to use it again"
)
CRASHED = "the engine had ended unexpectedly and was started again"

running: "Generation | None" = None
"""What the panel shows and the second click refuses."""

failure = ""
"""Why the last line was not generated, for the panel; empty if it was."""


class Generation:
    """A line that the worker is busy with."""

    def __init__(
        self, line: choices.Line, settings: engine.EngineSettings, folder: tempfile.TemporaryDirectory
    ):
        """Send the request; returns at once.

        Raises:
            EcoFaceBlenderError: if the engine cannot be started.
        """
        self.line = line
        self.folder = folder
        self.at_end: Callable[[], None] | None = None
        self.warnings: list[str] = []
        """What the artist should know though the line was generated."""
        self.result = Path(folder.name) / "motion.npz"
        self._settings = settings
        self._stopped = ""
        self._crashes = 0
        self._send()

    def _send(self) -> None:
        """Ask for all of it, at first or again."""
        line, settings = self.line, self._settings
        self.stage = "Starting the engine"
        self._client = engine.worker(engine.find_python(settings.python))
        idle.watch()
        self._device = engine.device(settings)
        self._forecast = Forecast(cold=not engine.is_warm(settings))
        self._loading = _request_load(self._client, settings)
        self._generating = self._client.request(
            protocol.Generate,
            sound=line.mix or line.sound,
            first_second=0.0 if line.mix else line.first_second,
            seconds=line.seconds,
            result=str(self.result),
            style=line.style,
            emotion=line.emotion,
            emotion_from=line.emotion_from,
            emotion_track=line.emotion_track,
            emotion_first_second=line.emotion_first_second,
            emotion_seconds=line.emotion_seconds,
            strength=line.strength,
            upper=line.upper,
            mouth=line.mouth,
            seed=line.seed,
            temperature=line.temperature,
            head=line.head,
            head_file=settings.flame or None,
        )

    @property
    def fraction(self) -> float:
        """Of the whole time, 0..1."""
        return self._forecast.fraction

    @property
    def seconds_left(self) -> float | None:
        """None where it is not known."""
        return self._forecast.seconds_left

    @property
    def cancelled(self) -> bool:
        """Whether the artist has given it up."""
        return self._stopped == CANCELLED

    @property
    def stopped(self) -> str:
        """Why it was given up, in one sentence; empty if it was not."""
        return self._stopped

    def step(self) -> bool:
        """Listen to the worker without waiting; True when the motion is there.

        An engine that has crashed is started once more, and where the graphics card is full,
        the CPU takes over.

        Raises:
            EcoFaceBlenderError: if it failed, was stopped, or its head is gone.
        """
        if self._stopped:
            raise EcoFaceBlenderError(self._stopped)
        takes.stage(self.line)
        for event in self._client.poll(self._loading, self._generating):
            if isinstance(event, protocol.Failed):
                self._mend(event)
                return False
            if isinstance(event, protocol.Progress):
                self.stage = event.stage
                if event.stage == "Animating":
                    self._forecast.windows(event.done, event.total)
            elif event.id == self._loading:
                self._forecast.loaded()
                engine.keep_warm(self._settings)
            else:
                self._forecast.finished()
                return True
        return False

    def _mend(self, failed: protocol.Failed) -> None:
        """Ask again where that may help, else raise the failure."""
        if failed.out_of_memory and self._device != engine.CPU:
            engine.avoid_card()
            self.warnings.append(CPU_INSTEAD)
        elif self._client.ended and self._client.spoke and not self._crashes:
            self._crashes += 1
            self.warnings.append(CRASHED)
        else:
            again = "Again: " if self._crashes and self._client.ended else ""
            raise EcoFaceBlenderError(again + failed.sentence)
        self._send()

    def cancel(self) -> None:
        """The artist gives up."""
        self.stop(CANCELLED)

    def stop(self, sentence: str) -> None:
        """Give up: `step` raises the sentence at once, though the worker may need a moment to notice."""
        self._stopped = self._stopped or sentence
        for number in (self._loading, self._generating):
            self._client.disown(number)


def warm_up(settings: engine.EngineSettings) -> None:
    """Start the engine and let it load the model, without waiting; a failure is told by the first line.

    Raises:
        EcoFaceBlenderError: if it cannot be started.
    """
    client = engine.worker(engine.find_python(settings.python))
    idle.watch()
    client.disown(_request_load(client, settings), cancel=False)


def _request_load(client: WorkerClient, settings: engine.EngineSettings) -> int:
    return client.request(protocol.Load, model=settings.model or None, device=engine.device(settings) or None)


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
    global running, failure
    if running:
        raise EcoFaceBlenderError(BUSY)
    failure = ""
    running = Generation(line, settings, folder)
    return running


def finish(context: bpy.types.Context, job: Generation) -> str:
    """Write the motion that has come as keys of a new action; says in a sentence what it did.

    Raises:
        EcoFaceBlenderError: if scene or head are no more what they were.
    """
    line = job.line
    result = takes.receive(context, line, *read_motion(job.result))
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
    return f"{action.name}: style {made_by['style']}, emotion {made_by['emotion']}, seed {made_by['seed']}"


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


def end(job: Generation, why: str = "") -> None:
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


def read_motion(path: Path) -> tuple[np.ndarray, float, np.ndarray, dict[str, Any]]:
    """Motion (T, 53), its rate, `upper` (50, 50), and metadata, from the file that the engine has written."""
    with np.load(path, allow_pickle=False) as arrays:
        return (
            arrays["motion"],
            float(arrays["fps"]),
            arrays["upper"],
            json.loads(str(arrays["metadata"])),
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
    if choices.chosen_head(context) is None:
        return choices.NO_HEAD
    return why_no_engine(context)


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
