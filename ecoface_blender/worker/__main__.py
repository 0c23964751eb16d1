"""The worker: reads requests from stdin, answers on stdout, until its input ends.

Blender starts this file by its path, because importing it as a module of the extension would need bpy. An
argument is the folder of the packages that the zip's wheels were unpacked into. Three
threads: the main one does the jobs, one after another; one reads the input, so that a cancellation or the end
of input is seen in the middle of a job; one beats.
"""

import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

if sys.version_info < (3, 11):  # noqa: UP036 (the user may choose any Python; said before newer syntax is read)
    sys.exit("expected Python 3.11 or newer, found " + sys.version.split()[0])

EVENTS_PIPE = os.dup(1)  # for the messages alone: from here on everybody's prints go to stderr
os.dup2(2, 1)

if sys.flags.isolated:  # then Python has not put this file's folder there
    sys.path.insert(0, "")
sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the extension's folder, for one import only:
from worker import failures, jobs, library, protocol  # noqa: E402

# Its other modules must not pass for somebody's `export` or `errors`. Blender's wheels come before what its
# Python may have by itself, as in Blender.
sys.path[:1] = [str(library.library_folder()), *sys.argv[1:2]]
if sys.flags.isolated:
    library.use_blenders_runtime()
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `keep_arrays_on_one_core`


class Worker:
    """Answers the requests of one pipe on another."""

    def __init__(self, requests: BinaryIO, events: BinaryIO):
        self.requests = requests
        self.events = events
        self.writing = threading.Lock()
        self.waiting: queue.SimpleQueue[protocol.Request] = queue.SimpleQueue()
        self.given_up: set[int] = set()
        self.jobs = jobs.Jobs()

    def run(self) -> None:
        """One job after another, for ever: the reading thread ends the process."""
        for loop in (self._read, self._beat):
            threading.Thread(target=loop, daemon=True).start()
        while True:
            self._answer(self.waiting.get())

    def _read(self) -> None:
        """Sort requests as they come: cancel and shutdown act at once, the others wait for their turn."""
        while line := self.requests.readline(protocol.MAX_LINE + 1):
            try:
                request = protocol.decode_request(line)
            except protocol.ProtocolError as error:
                print(error, file=sys.stderr, flush=True)
                os._exit(2)
            if isinstance(request, protocol.Shutdown):
                break
            if isinstance(request, protocol.Cancel):
                self.given_up.add(request.id)
            else:
                self.waiting.put(request)
        os._exit(
            0
        )  # Blender is done with us or gone, and torch in the middle of a job cannot be asked to end

    def _beat(self) -> None:
        pause = threading.Event()
        while True:
            self._send(protocol.Heartbeat())
            pause.wait(protocol.HEARTBEAT_SECONDS)

    def _answer(self, request: protocol.Request) -> None:
        """Do one job; its outcome, whatever it is, is one event."""

        def on_progress(stage: str, done: int, total: int) -> None:
            if request.id in self.given_up:
                raise jobs.GivenUpError
            self._send(protocol.Progress(id=request.id, stage=stage, done=done, total=total))

        def on_frames(first: int, part: Any) -> None:
            if request.id in self.given_up:
                raise jobs.GivenUpError
            found = {name: getattr(part, name) for name in protocol.FRAME_BYTES}
            numbers = {
                name: "" if curves is None else protocol.packed(curves.astype("<f4").tobytes())
                for name, curves in found.items()
            }
            self._send(protocol.Frames(id=request.id, first=first, **numbers))

        try:
            answer = self.jobs.do(request, on_progress, on_frames)
        except jobs.GivenUpError:
            self._send(protocol.Failed(id=request.id, sentence="Cancelled.", cancelled=True))
        except Exception as error:  # the worker's outermost line: every failure becomes a sentence
            sentence, full = failures.sentence_of(error), failures.card_is_full(error)
            self._send(protocol.Failed(id=request.id, sentence=sentence, out_of_memory=full))
        else:
            self._send(protocol.Done(id=request.id, answer=answer))

    def _send(self, event: protocol.Event) -> None:
        try:
            with self.writing:
                self.events.write(protocol.encode(event))
                self.events.flush()
        except OSError:
            os._exit(0)  # nobody listens any more


if __name__ == "__main__":
    Worker(sys.stdin.buffer, os.fdopen(EVENTS_PIPE, "wb")).run()
