"""One request to the engine, from its sending to its answer, in steps that never wait.

Meanwhile nothing of Blender is held but names: the artist may go on working.
"""

import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import EcoFaceBlenderError
from ..running import CANCELLED
from ..ui.eta import Eta
from ..worker import protocol
from . import engine, idle_unload
from .client import WorkerClient
from .interpreter import find_python
from .settings import EngineSettings

CPU_INSTEAD = (
    "The graphics card has not enough memory, so the CPU computed instead; close what else uses the card, "
    "then check the engine to use it again"
)
CRASHED = "the engine had ended unexpectedly and was started again"


class EngineJob:
    """What the worker is busy with; a job as `ui.watching.Watching` wants it."""

    def __init__(
        self,
        settings: EngineSettings,
        folder: tempfile.TemporaryDirectory,
        kind: Callable[..., protocol.Request],
        values: Mapping[str, Any],
        *,
        counted: str,
    ):
        """Send the request `kind(**values)`; returns at once.

        `folder` is for the job's files and ends with it; `counted` is the stage that tells how far it is.

        Raises:
            EcoFaceBlenderError: if the engine cannot be started.
        """
        self.folder = folder
        self.at_end: Callable[[], None] | None = None
        self.warnings: list[str] = []
        """What the artist should know though it went well."""
        self.answer: dict[str, Any] = {}
        """The engine's."""
        self._settings = settings
        self._kind, self._values, self._counted = kind, values, counted
        self._stopped = ""
        self._crashes = 0
        self._send()

    def _send(self) -> None:
        """Ask for all of it, at first or again."""
        settings = self._settings
        self.stage = "Starting the engine"
        self._client = engine.worker(find_python(settings.python))
        idle_unload.watch()
        self._device = engine.device(settings)
        self._eta = Eta(cold=not engine.is_warm(settings))
        self._loading = request_load(self._client, settings)
        self._asking = self._client.request(self._kind, **self._values)

    @property
    def fraction(self) -> float:
        """Of the whole time, 0..1."""
        return self._eta.fraction

    @property
    def seconds_left(self) -> float | None:
        """None where it is not known."""
        return self._eta.seconds_left

    @property
    def cancelled(self) -> bool:
        """Whether the artist has given it up."""
        return self._stopped == CANCELLED

    @property
    def stopped(self) -> str:
        """Why it was given up, in one sentence; empty if it was not."""
        return self._stopped

    def step(self) -> bool:
        """Listen to the worker without waiting; True when the answer is there.

        An engine that has crashed is started once more, and where the graphics card is full,
        the CPU takes over.

        Raises:
            EcoFaceBlenderError: if it failed or was stopped.
        """
        if self._stopped:
            raise EcoFaceBlenderError(self._stopped)
        for event in self._client.poll(self._loading, self._asking):
            if isinstance(event, protocol.Failed):
                self._mend(event)
                return False
            if isinstance(event, protocol.Progress):
                self.stage = event.stage
                if event.stage == self._counted:
                    self._eta.windows(event.done, event.total)
            elif isinstance(event, protocol.Frames):
                self.frames(event)
            elif event.id == self._loading:
                self._eta.loaded()
                engine.keep_warm(self._settings, event.answer)
            else:
                self.answer = event.answer
                self.warnings += self.answer.pop("warnings", ())
                self.answered()
                return True
        return False

    def answered(self) -> None:
        """The answer has come."""

    def frames(self, part: protocol.Frames) -> None:
        """Part of the answer has come."""

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

    def close(self) -> None:
        """Remove its files."""
        self.folder.cleanup()

    def cancel(self) -> None:
        """The artist gives up."""
        self.stop(CANCELLED)

    def stop(self, sentence: str) -> None:
        """Give up: `step` raises the sentence at once, though the worker may need a moment to notice."""
        self._stopped = self._stopped or sentence
        for number in (self._loading, self._asking):
            self._client.disown(number)


def request_load(client: WorkerClient, settings: EngineSettings) -> int:
    """Ask for the model of the settings; the request's number."""
    return client.request(protocol.Load, model=settings.model or None, device=engine.device(settings) or None)


def job_folder() -> tempfile.TemporaryDirectory:
    """A folder for the files of one job."""
    return tempfile.TemporaryDirectory(prefix="ecoface-", ignore_cleanup_errors=True)


def warm_up(settings: EngineSettings) -> None:
    """Start the engine and let it load the model, without waiting; a failure is told by the first line.

    Raises:
        EcoFaceBlenderError: if it cannot be started.
    """
    client = engine.worker(find_python(settings.python))
    idle_unload.watch()
    client.disown(request_load(client, settings), cancel=False)
