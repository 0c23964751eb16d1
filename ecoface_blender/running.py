"""What is under way, begun, asked and ended in one place: a job of the engine, a run of queued lines."""

import tempfile
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from .errors import EcoFaceBlenderError

BUSY = "A line is being generated or listened to; wait for it or cancel it."
CANCELLED = "Cancelled."


class Job(Protocol):
    """What is stepped to its end, as `ui.watching.Watching` does it, and may be stopped."""

    at_end: Callable[[], None] | None

    @property
    def stage(self) -> str:
        """What it does now."""

    @property
    def fraction(self) -> float:
        """Of its time, 0..1."""

    @property
    def seconds_left(self) -> float | None:
        """None where it is not known."""

    @property
    def stopped(self) -> str:
        """Why it was given up, in one sentence; empty if it was not."""

    @property
    def cancelled(self) -> bool:
        """Whether the artist has given it up."""

    def step(self) -> bool:
        """Go on without waiting; True at the end."""

    def stop(self, sentence: str) -> None:
        """Give up for a reason."""

    def cancel(self) -> None:
        """The artist gives up."""


class FileJob(Job, Protocol):
    """A job with files of its own."""

    folder: tempfile.TemporaryDirectory

    def close(self) -> None:
        """Leave nothing behind of it but its result."""


class LinesJob(Job, Protocol):
    """A job of several lines."""

    def drop(self, entry: Any) -> None:
        """End one line, the others go on."""

    def end(self) -> None:
        """Let go of its lines."""


AnyJob = TypeVar("AnyJob", bound=FileJob)

job: FileJob | None = None
"""What the engine is busy with, shown by the panel."""
queue: LinesJob | None = None
"""The run of queued lines, each of which is a job when its turn comes."""
failure = ""
"""Why the last line was not generated, for the panel; empty if it was."""


def shown() -> Job | None:
    """What the panel shows the progress of, and Cancel ends."""
    return queue or job


def begin(make: Callable[[], AnyJob]) -> AnyJob:
    """Let the engine begin with a job that is the one under way until `end`.

    Raises:
        EcoFaceBlenderError: if the engine cannot be started, or is busy.
    """
    global job, failure
    if job:
        raise EcoFaceBlenderError(BUSY)
    failure = ""
    job = begun = make()
    return begun


def end(ended: FileJob, why: str = "") -> None:
    """Forget a job, however it went, and remove its folder; `why` it failed stays in the panel."""
    global job, failure
    job, failure = None, why
    ended.close()
    if ended.at_end:
        ended.at_end()


def fail(why: str) -> None:
    """Let the panel say why nothing was begun, until something is."""
    global failure
    failure = why


def stop_all(sentence: str) -> None:
    """Give up the job and the lines that wait."""
    for each in (queue, job):
        if each:
            each.stop(sentence)


def abandon() -> None:
    """Give up the job: the extension is being switched off."""
    if job:
        job.cancel()
        end(job)
