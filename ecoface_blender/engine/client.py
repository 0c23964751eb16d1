"""Starts the worker and listens to it without blocking; no bpy.

Threads serve each worker and touch nothing but queues: the reader carries lines from the pipe to the watcher,
which understands them and notices when they stop. Whatever happens to the process, every request is answered
by one event: Done, or Failed with a sentence.
"""

import atexit
import itertools
import os
import queue
import signal
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import EcoFaceBlenderError
from ..worker import protocol

WORKER = Path(__file__).resolve().parent.parent / "worker" / "__main__.py"
SILENCE_SECONDS = 60.0
"""Without a heartbeat for so long, the worker hangs. Importing torch from a cold disk is silent for many
seconds, because loading a library holds Python's lock."""
EXIT_SECONDS = 2.0
"""Allowed between a polite request to end and the kill."""
LAST_WORDS = 300
"""Characters of the worker's stderr that a sentence quotes."""
POLL_SECONDS = 0.02

_running: "weakref.WeakSet[WorkerClient]" = weakref.WeakSet()


class WorkerError(EcoFaceBlenderError):
    """The worker cannot do what was asked; the message is one sentence for the user."""


class WorkerClient:
    """One worker process, from its start to its end; after its end make another."""

    def __init__(self, python: str | Path, packages: str = "", *, silence_seconds: float = SILENCE_SECONDS):
        """Start the worker; returns at once.

        Args:
            python: the program.
            packages: a folder of packages for it; it is then shut off from the user's own and from variables.
            silence_seconds: without a heartbeat for so long, it is given up.

        Raises:
            WorkerError: if there is no such program.
        """
        self.python = str(python)
        self.packages = packages
        self.silence_seconds = silence_seconds
        self.spoke = False
        """Whether it has ever said anything that an engine says."""
        self._ended: str | None = None
        self._active = time.monotonic()
        self._ids = itertools.count(1)
        self._pending: set[int] = set()
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=1000)  # b"" is the end
        self._understood: queue.SimpleQueue[protocol.Answer | str] = (
            queue.SimpleQueue()
        )  # a str is the end, and why
        self._stderr: deque[str] = deque(maxlen=40)
        self._events: list[protocol.Answer] = []
        self._process = self._spawn()
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._stdin, self._stdout, self._errors = (
            self._process.stdin,
            self._process.stdout,
            self._process.stderr,
        )
        self._threads = [
            threading.Thread(target=f, daemon=True) for f in (self._read_stderr, self._read, self._watch)
        ]
        for thread in self._threads:
            thread.start()
        _running.add(self)

    @property
    def ended(self) -> str | None:
        """Why the worker is no more, in one sentence; None while it lives."""
        self._collect()
        return self._ended

    @property
    def idle_seconds(self) -> float:
        """For how long it has had nothing to do."""
        self._collect()
        return 0.0 if self._pending else time.monotonic() - self._active

    def request(self, kind: Callable[..., protocol.Request], /, **values: object) -> int:
        """Send a request, such as `request(protocol.Load, model=None, device=None)`; returns its id.

        Raises:
            WorkerError: if the worker has ended.
        """
        if self.ended:
            raise WorkerError(self.ended)
        number = next(self._ids)
        self._pending.add(number)
        self._send(kind(id=number, **values))
        return number

    def cancel(self, number: int) -> None:
        """Ask the worker to give up a request; its Failed(cancelled=True) comes later, through `poll`."""
        if number in self._pending:
            self._send(protocol.Cancel(id=number))

    def disown(self, number: int, *, cancel: bool = True) -> None:
        """Nobody asks for this request any more: its events are dropped, and the worker may give it up."""
        if cancel:
            self.cancel(number)
        self._collect()
        self._pending.discard(number)
        self._events = [event for event in self._events if event.id != number]

    def poll(self, *numbers: int) -> list[protocol.Answer]:
        """The events since the last call, of these requests or of all; never waits.

        A dead worker fails every request it left behind.
        """
        self._collect()
        events = [event for event in self._events if not numbers or event.id in numbers]
        self._events = [event for event in self._events if event not in events]
        return events

    def wait(
        self, number: int, on_progress: Callable[[protocol.Progress], None] | None = None
    ) -> dict[str, Any]:
        """Block until a request is answered and give its answer, for scripts; other events stay for `poll`.

        Raises:
            WorkerError: if the request failed.
        """
        while True:
            self._collect()
            mine = [event for event in self._events if event.id == number]
            self._events = [event for event in self._events if event.id != number]
            for event in mine:
                if isinstance(event, protocol.Done):
                    return event.answer
                if isinstance(event, protocol.Failed):
                    raise WorkerError(event.sentence)
                if on_progress and isinstance(event, protocol.Progress):
                    on_progress(event)
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """End the worker: politely, then by force. May be called twice."""
        _running.discard(self)
        self._send(protocol.Shutdown())
        with suppress(OSError):
            self._stdin.close()
        try:
            self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        for thread in self._threads:
            thread.join(EXIT_SECONDS)

    def kill(self) -> None:
        """End the worker by force, with what it may have started."""
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def _spawn(self) -> subprocess.Popen:
        # What Blender's Python was told by its environment is not meant for another Python.
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
        # -B: nothing is written into the extension's folder; -I: none of the user's packages and variables
        options, arguments = (["-I", "-B"], [self.packages]) if self.packages else (["-B"], [])
        try:
            return subprocess.Popen(
                [self.python, *options, str(WORKER), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,  # a group of its own: a wrapper script ends together with its Python
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # no console pops up on Windows
            )
        except OSError as error:
            raise WorkerError(
                f"The engine could not be started with {self.python} ({error.strerror}); "
                "choose another Python in the preferences of EcoFace, or none for the engine built in."
            ) from error

    def _send(self, request: protocol.Request) -> None:
        line = protocol.encode(request)
        with suppress(OSError, ValueError):  # ended or closed: the watcher says why
            self._stdin.write(line)
            self._stdin.flush()

    def _collect(self) -> None:
        """Take what the watcher has understood; the end of the worker fails everything that is pending."""
        while not self._understood.empty():
            event = self._understood.get()
            if isinstance(event, str):
                self._ended = event
                self._events += [protocol.Failed(id=n, sentence=event) for n in sorted(self._pending)]
                self._pending.clear()
            elif event.id in self._pending:
                self._events.append(event)
                if isinstance(event, protocol.LAST):
                    self._pending.remove(event.id)
                    self._active = time.monotonic()

    def _read(self) -> None:
        """Reader thread: pipe -> lines. A line without end is cut, and then refused by the protocol."""
        with suppress(OSError, ValueError):
            while line := self._stdout.readline(protocol.MAX_LINE + 1):
                self._lines.put(line)
        self._lines.put(b"")

    def _read_stderr(self) -> None:
        with suppress(OSError, ValueError):
            while line := self._errors.readline(protocol.MAX_LINE):
                self._stderr.append(line.decode(errors="replace").strip())

    def _watch(self) -> None:
        """Watcher thread: lines -> events, up to the sentence that says how it ended."""
        try:
            while line := self._next_line():
                event = protocol.decode_event(line)
                self.spoke = True
                if not isinstance(event, protocol.Heartbeat):
                    self._understood.put(event)
            reason = self._last_words()
        except queue.Empty:
            reason = (
                f"The engine has given no sign of life for {self.silence_seconds:g} seconds and was stopped; "
                "try again, and if it stays silent check the engine in the preferences of EcoFace."
            )
        except protocol.ProtocolError as error:
            reason = (
                f"The engine at {self.python} does not speak as EcoFace's does ({error}); "
                "choose another Python in the preferences of EcoFace."
            )
        self.kill()
        self._understood.put(reason)
        while self._threads[1].is_alive():  # the reader must not be left waiting at a full queue
            with suppress(queue.Empty):
                self._lines.get(timeout=POLL_SECONDS)

    def _next_line(self) -> bytes:
        """The next line. In two halves, because waking from the computer's sleep ends one wait at once."""
        with suppress(queue.Empty):
            return self._lines.get(timeout=self.silence_seconds / 2)
        return self._lines.get(timeout=self.silence_seconds / 2)

    def _last_words(self) -> str:
        """The sentence for a worker whose output has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_SECONDS)
        self._threads[0].join(EXIT_SECONDS)
        said = next((line for line in reversed(self._stderr) if line), "nothing")[:LAST_WORDS]
        return (
            f"The engine ended unexpectedly ({_manner(self._process.returncode)}; its last words: {said}); "
            "try again, and if it ends again check the engine in the preferences of EcoFace."
        )


def _manner(code: int | None) -> str:
    """How a process ended: "exit code 1", "signal SIGKILL"."""
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


@atexit.register
def _kill_all() -> None:
    """No worker outlives Blender; one whose Blender crashes sees the end of its input."""
    for client in list(_running):
        client.kill()
