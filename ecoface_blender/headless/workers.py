"""Several engines side by side, for many lines: each has one line in work and the next one at hand."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..core.processors import processors
from ..engine.client import POLL_SECONDS, WorkerClient
from ..engine.engine import CPU
from ..engine.interpreter import Interpreter
from ..engine.job import CPU_INSTEAD, CRASHED
from ..engine.settings import EngineSettings
from ..errors import EcoFaceBlenderError
from ..worker import protocol

AT_HAND = 2
"""Lines of an engine: it need not wait while Blender writes."""
MOST_CRASHES = 2
"""Of the engine by one line; then the line is given up."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(eq=False)
class Job:
    """One line on its way through an engine."""

    request: Mapping[str, Any]
    """Fields of `kind`."""
    kind: Callable[..., protocol.Request] = protocol.Generate
    answer: dict[str, Any] | None = None
    """The engine's; None if it failed."""
    sentence: str = ""
    """Why it failed."""
    warnings: list[str] = field(default_factory=list)
    """What should be known though it did not fail."""
    seconds: float = 0.0
    """That an engine was busy with it."""
    crashes: int = 0
    number: int = -1
    device: str = ""
    """On which it was asked for."""


@dataclass
class _Engine:
    client: WorkerClient
    device: str
    loading: int = -1
    loaded: dict[str, Any] = field(default_factory=dict)
    jobs: deque[Job] = field(default_factory=deque)
    since: float = 0.0
    """When it began with its first job."""


class Engines:
    """A few workers with one model, and the lines that they are busy with."""

    def __init__(self, python: Interpreter, settings: EngineSettings, count: int):
        """Start them all and wait until the first has loaded the model.

        Raises:
            EcoFaceBlenderError: if it cannot be started or loaded.
        """
        self._python, self._settings = python, settings
        self._threads = max(1, processors() // count)
        self._engines: list[_Engine] = []
        try:
            for _ in range(count):
                self._engines.append(_Engine(self._client(), settings.device))
                self._load(self._engines[-1])
            while not self._engines[0].loaded:
                self.poll()
                time.sleep(POLL_SECONDS)
        except BaseException:
            self.close()
            raise

    @property
    def model(self) -> dict[str, Any]:
        """What the first engine has answered to protocol.Load."""
        return self._engines[0].loaded

    def has_room(self) -> bool:
        """Whether another line would be at hand soon enough."""
        return any(len(engine.jobs) < AT_HAND for engine in self._engines)

    def send(self, job: Job) -> None:
        """Give a line to the engine that has least to do."""
        engine = min(self._engines, key=lambda engine: len(engine.jobs))
        if not engine.jobs:
            engine.since = time.monotonic()
        engine.jobs.append(job)
        self._request(engine, job)

    def poll(self) -> list[Job]:
        """Lines that are answered, or have failed, since the last call; never waits.

        Raises:
            EcoFaceBlenderError: if an engine cannot work at all.
        """
        return [job for engine in self._engines for job in self._ended(engine)]

    def close(self) -> None:
        """End them all."""
        for engine in self._engines:
            engine.client.close()

    def _ended(self, engine: _Engine) -> list[Job]:
        ended = []
        for event in engine.client.poll():
            if not isinstance(event, protocol.LAST):
                continue
            if engine.client.ended and not isinstance(event, protocol.Done):
                continue  # the end of all it was asked for; what it answered before counts
            if event.id == engine.loading:
                self._has_loaded(engine, event)
            elif job := next((job for job in engine.jobs if job.number == event.id), None):
                ended += self._answered(engine, job, event)
        if engine.client.ended:
            ended += self._start_again(engine)
        return ended

    def _has_loaded(self, engine: _Engine, event: protocol.Event) -> None:
        if isinstance(event, protocol.Done):
            engine.loaded = event.answer
        elif isinstance(event, protocol.Failed):
            if not event.out_of_memory or engine.device == CPU:
                raise EcoFaceBlenderError(event.sentence)
            engine.device = CPU
            self._all_again(engine)

    def _answered(self, engine: _Engine, job: Job, event: protocol.Event) -> list[Job]:
        """The job, unless the CPU is to do it instead of a graphics card that is full."""
        if isinstance(event, protocol.Failed) and event.out_of_memory and job.device != CPU:
            job.warnings.append(CPU_INSTEAD)
            if engine.device != CPU:
                engine.device = CPU
                self._load(engine)
            self._request(engine, job)
            return []
        if isinstance(event, protocol.Failed):
            job.sentence = event.sentence
        elif isinstance(event, protocol.Done):
            job.answer = event.answer
            job.warnings += job.answer.pop("warnings", ())
        return [self._leave(engine, job)]

    def _leave(self, engine: _Engine, job: Job) -> Job:
        now = time.monotonic()
        job.seconds += now - engine.since
        engine.since = now
        engine.jobs.remove(job)
        return job

    def _start_again(self, engine: _Engine) -> list[Job]:
        """Another process for one that has ended; the line that ended it is tried once more."""
        why = engine.client.ended
        if not engine.loaded:
            raise EcoFaceBlenderError(why)
        given_up = []
        if engine.jobs:
            first = engine.jobs[0]
            first.crashes += 1
            first.warnings.append(CRASHED)
            if first.crashes == MOST_CRASHES:
                first.sentence = f"Again: {why}"
                given_up = [self._leave(engine, first)]
        engine.client.close()
        engine.client, engine.loaded = self._client(), {}
        self._all_again(engine)
        return given_up

    def _all_again(self, engine: _Engine) -> None:
        self._load(engine)
        for job in engine.jobs:
            self._request(engine, job)

    def _client(self) -> WorkerClient:
        with _environment(dict.fromkeys(THREADS, str(self._threads))):
            return WorkerClient(self._python.program, self._python.packages)

    def _load(self, engine: _Engine) -> None:
        engine.loading = engine.client.request(
            protocol.Load, model=self._settings.model or None, device=engine.device or None
        )

    def _request(self, engine: _Engine, job: Job) -> None:
        job.device = engine.device
        job.number = engine.client.request(job.kind, **job.request)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables for a process that is started meanwhile; what the user has set stays."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
