"""Makes the environment for a graphics card: a venv with what the plan pins, from where it says; no bpy.

It is built beside its place and moved there when it works, so that a failure, a cancellation or a power cut
leaves what was there before.
"""

import os
import re
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from ..errors import EcoFaceBlenderError
from .install_plan import Plan, environment

TAIL = 6  # lines of the log that are shown
LOG = "install.log"
REMOVED = ".removed"

NO_NETWORK = "there is no connection; see to it, or choose a Wheel Folder"
ADVICE = (
    ("No module named venv", "this Python has no venv; install it (on Debian: python3-venv) and repeat"),
    (
        "ensurepip is not available.",
        "this Python has no pip; install it (on Debian: python3-venv) and repeat",
    ),
    ("No space left on device", "the disk is full; make room (a CUDA torch needs 8 GB) and repeat"),
    ("Permission denied", "the folder cannot be written; see to its permissions and repeat"),
    ("Temporary failure in name resolution", NO_NETWORK),
    ("Failed to establish a new connection", NO_NETWORK),
    ("getaddrinfo failed", NO_NETWORK),
    ("Read timed out", "the connection broke; repeat"),
    ("ProxyError", "the proxy refuses; set it for pip, or choose a Wheel Folder"),
    ("SSLError", "the connection is not trusted; see to certificates or proxy, or choose a Wheel Folder"),
)
"""What pip and venv say, and what to do."""
NOT_FOUND = "No matching distribution found for "
OTHER_FILE = re.compile(r"DO NOT MATCH THE HASHES .*? (\S+) from \S+ .*?Expected", re.DOTALL)


class Installation:
    """One run, in a thread of its own."""

    def __init__(self, python: str, folder: Path, plan: Plan):
        """Begin; returns at once.

        Args:
            python: the Python whose environment is made, 3.11 or newer.
            folder: the environment's; what was there is replaced at the end.
            plan: what is installed, and from where.
        """
        self.stage = "Making the environment"
        self.log: deque[str] = deque(maxlen=TAIL)
        self._python, self._folder, self._plan = python, folder, plan
        self._partial = folder.with_name(folder.name + ".partial")
        self._process: subprocess.Popen | None = None
        self._cancelled = threading.Event()
        self._failure = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def step(self) -> bool:
        """Whether the environment is there; never waits.

        Raises:
            EcoFaceBlenderError: if it failed or was cancelled; the sentence says what to do.
        """
        if self._thread.is_alive():
            return False
        if self._failure:
            raise EcoFaceBlenderError(self._failure)
        return True

    def cancel(self) -> None:
        """Give up: what was made so far is removed."""
        self._cancelled.set()
        if process := self._process:
            _kill(process)

    def wait(self, seconds: float | None = None) -> None:
        """Until it is over, however it ends."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            for left in (self._partial, self._folder.with_name(self._folder.name + REMOVED)):
                shutil.rmtree(left, ignore_errors=True)
            with (self._folder.parent / LOG).open("w", encoding="utf-8") as log:
                self._make(log)
        except EcoFaceBlenderError as error:
            self._failure = str(error)
        except OSError as error:
            self._failure = f"PyTorch could not be installed: {error.strerror} ({error.filename}); repeat."
        except Exception as error:  # a thread that ends without a word would pass for a success
            self._failure = f"PyTorch could not be installed ({type(error).__name__}: {error}); repeat."
        if self._failure:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _make(self, log: IO[str]) -> None:
        self._do(log, [self._python, "-m", "venv", str(self._partial)])
        inside = self._partial / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        self.stage = "Installing the packages"
        pip = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
        pinned = ["--require-hashes", "--only-binary", ":all:", "-r", str(self._plan.lock)]
        self._do(log, [str(inside), *pip, *self._plan.source(), *pinned])
        self.stage = "Trying the engine"
        self._do(log, [str(inside), "-c", f"import {', '.join(self._plan.modules)}"])
        self.stage = "Moving it into its place"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._partial.rename(self._folder)

    def _do(self, log: IO[str], command: Sequence[str]) -> None:
        """One command, its output in the log.

        Raises:
            EcoFaceBlenderError: if it fails, or everything is cancelled.
        """
        self._refuse_cancelled()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environment(),
                start_new_session=True,  # pip's own children end with it
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise EcoFaceBlenderError(
                f"PyTorch could not be installed with {command[0]} ({error.strerror}); "
                "choose another Python in the preferences of EcoFace."
            ) from error
        if self._cancelled.is_set():  # just before the process was there
            _kill(self._process)
        assert self._process.stdout
        said: deque[str] = deque(maxlen=50)
        for line in self._process.stdout:
            log.write(line)
            if text := line.strip():
                said.append(text)
                self.log.append(text)
        code = self._process.wait()
        log.flush()
        self._refuse_cancelled()
        if code:
            raise EcoFaceBlenderError(self._why(said))

    def _refuse_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise EcoFaceBlenderError("Cancelled; what was installed before is kept.")

    def _why(self, said: Sequence[str]) -> str:
        """The sentence for a command that failed."""
        text = " ".join(said)  # they break their lines anywhere
        wheels = self._plan.wheels
        advice = next((advice for mark, advice in ADVICE if mark in text), "")
        if other := OTHER_FILE.search(text):
            place = f"in '{wheels}'" if wheels else "that was downloaded"
            advice = (
                f"the {other[1]} {place} is not the file that EcoFace pins (its sha256 is another), so it "
                "was refused; get it anew, or make an environment of your own and choose its Python"
            )
        elif not advice and NOT_FOUND in text:
            package = text.split(NOT_FOUND)[1].split()[0]
            advice = f"no {package} for this Python was found; repeat with another Blender"
            if wheels:
                advice = (
                    f"no {package} for this Python was found in '{wheels}'; put its wheel and those "
                    f"it needs there (pip download -r {self._plan.lock})"
                )
        if not advice:
            last = said[-1] if said else "nothing was said"
            advice = f"{last[:200]}; see {self._folder.parent / LOG}"
        return f"PyTorch could not be installed ({self.stage.lower()}): {advice}."


def remove(folder: Path) -> None:
    """Take an environment away at once; its gigabytes are deleted meanwhile.

    Raises:
        EcoFaceBlenderError: if it is held by somebody.
    """
    removed = folder.with_name(folder.name + REMOVED)
    shutil.rmtree(removed, ignore_errors=True)  # of an earlier time, if Blender was closed meanwhile
    try:
        folder.rename(removed)
    except OSError as error:
        raise EcoFaceBlenderError(
            f"'{folder}' cannot be removed ({error.strerror}); close other Blenders, or delete it yourself."
        ) from error
    threading.Thread(
        target=shutil.rmtree, args=(removed,), kwargs={"ignore_errors": True}, daemon=True
    ).start()


def _kill(process: subprocess.Popen) -> None:
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
