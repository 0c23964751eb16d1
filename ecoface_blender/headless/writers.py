"""Several Blenders side by side that write the files of a batch; with one, it is this one.

Writing a line takes ten times as long as computing it, and one Blender uses one core.
"""

import json
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from .failures import in_one_sentence
from .outputs import Writing, write
from .writer import COMMAND, encoded

SCRIPT = Path(__file__).resolve().parent.parent / "batch.py"
MOST_CRASHES = 2
"""Of a Blender by one line; then the line is given up."""
EXIT_SECONDS = 5.0


@dataclass(eq=False)
class Written:
    """One line on its way into files."""

    line: Writing
    said: str | None = None
    """What was done; None while it is not, or if it failed."""
    sentence: str = ""
    """Why it failed."""
    seconds: float = 0.0
    crashes: int = 0


class Writers:
    """Blenders that write, each started when there is work for it."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._writers: list[_Writer] = []
        self._waiting: deque[Written] = deque()
        self._done: list[Written] = []

    def has_room(self) -> bool:
        """Whether another line would not have to wait long."""
        return len(self._waiting) < self._count

    def send(self, line: Writing) -> Written:
        """Have a line written; here and now where that needs no other Blender."""
        written = Written(line)
        if self._count == 1 or not line.needs_scene:
            began = time.monotonic()
            try:
                written.said = write(line)
            except Exception as error:  # of this line alone, as far as can be known
                written.sentence = in_one_sentence(error)
            written.seconds = time.monotonic() - began
            self._done.append(written)
        else:
            self._waiting.append(written)
            self._hand_out()
        return written

    def poll(self) -> list[Written]:
        """Lines that are written, or have failed, since the last call; never waits."""
        for writer in list(self._writers):
            for answer in writer.answers():
                self._answered(writer, answer)
        self._hand_out()
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """End them all."""
        for writer in self._writers:
            writer.close()

    def _hand_out(self) -> None:
        while self._waiting:
            idle = next((writer for writer in self._writers if not writer.now), None)
            if idle is None and len(self._writers) < self._count:
                self._writers.append(idle := _Writer())
            if idle is None:
                return
            idle.write(self._waiting.popleft())

    def _answered(self, writer: "_Writer", answer: dict[str, Any] | None) -> None:
        written, writer.now = writer.now, None
        if answer is None:
            self._writers.remove(writer)
            writer.close()
        if written is None:
            return
        written.seconds += time.monotonic() - writer.since
        if answer is not None:
            written.said, written.sentence = answer.get("said"), answer.get("sentence", "")
            self._done.append(written)
            return
        written.crashes += 1
        if written.crashes < MOST_CRASHES:
            self._waiting.appendleft(written)
        else:
            written.sentence = (
                "Blender ended while it wrote this line, twice; try it with --workers 1 to see what it says."
            )
            self._done.append(written)


class _Writer:
    """One other Blender."""

    def __init__(self) -> None:
        self.now: Written | None = None
        """What it writes."""
        self.since = 0.0
        self._said: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            _command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is the first Blender's to understand
        )
        threading.Thread(target=self._read, daemon=True).start()

    def write(self, written: Written) -> None:
        """Begin with a line."""
        self.now, self.since = written, time.monotonic()
        assert self._process.stdin
        with suppress(OSError, ValueError):  # it has ended: its stdout says so, too
            self._process.stdin.write(encoded(written.line))
            self._process.stdin.flush()

    def answers(self) -> list[dict[str, Any] | None]:
        """Since the last call; None is its end."""
        found = []
        while not self._said.empty():
            found.append(self._said.get())
        return found

    def close(self) -> None:
        """End it: with its stdin, or by force."""
        assert self._process.stdin
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout
        for text in self._process.stdout:
            with suppress(ValueError):  # what Blender prints before it is ours
                answer = json.loads(text)
                if isinstance(answer, dict):
                    self._said.put(answer)
        self._said.put(None)


def _command() -> list[str]:
    """Another Blender of the same kind."""
    if bpy.app.module:
        return [sys.executable, str(SCRIPT), COMMAND]
    return [bpy.app.binary_path, "-b", "--python", str(SCRIPT), "--", COMMAND]
