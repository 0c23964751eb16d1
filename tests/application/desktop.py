"""What a person has before Blender: a screen to read, a mouse and a keyboard."""

import csv
import difflib
import io
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 1600, 1000
SIDEBAR, ROW = 1310, 23  # pixels from the left; from one row of the panel to the next
PANEL_HEIGHT = 372  # pixels of a panel in a row of them, to the end of what it says
ZOOM = 3  # of the picture that is read
PATIENCE, SETTLED = 240.0, 1.5  # s; until a panel that changed is drawn


class Desktop:
    """A virtual screen with Blender's window on it."""

    def __init__(self, folder: Path, blender: str, display: int) -> None:
        """Starts both; `folder` gets the screenshots, logs and Blender's own settings."""
        self.folder = folder
        home = folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        self.environment = os.environ | {
            "HOME": str(home), "DISPLAY": f":{display}", "LIBGL_ALWAYS_SOFTWARE": "1"
        }  # fmt: skip
        self.blender = blender
        self.processes: list[subprocess.Popen[bytes]] = []
        self._start("Xvfb", f":{display}", "-screen", "0", f"{WIDTH}x{HEIGHT}x24")

    def install(self, extension: Path) -> None:
        """Let Blender install the extension's zip."""
        command = ["extension", "install-file", "-r", "user_default", "--enable", str(extension)]
        self._run(self.blender, "--command", *command)

    def open_blender(self) -> None:
        """Open the window and wait for the sidebar."""
        (self.folder / "state.json").unlink(missing_ok=True)
        inside = Path(__file__).with_name("inside.py")
        self._start(
            self.blender, "--gpu-backend", "opengl", "--window-geometry", "0", "0", str(WIDTH), str(HEIGHT),
            "--python", str(inside), "--", str(self.folder),
        )  # fmt: skip
        self.wait("Blender's window", lambda _: True)

    def close(self) -> None:
        """End what was started."""
        for process in reversed(self.processes):
            process.terminate()
            process.wait()

    def state(self) -> dict[str, Any]:
        """How things stand in Blender; empty before it has told anything."""
        path = self.folder / "state.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def wait(self, what: str, holds: Callable[[dict[str, Any]], bool], patience: float = PATIENCE) -> float:
        """Until it holds; gives the seconds that took.

        Raises:
            TimeoutError: if it never did; a screenshot shows what was there instead.
        """
        began = time.monotonic()
        while time.monotonic() - began < patience:
            state = self.state()
            if state and holds(state):
                return time.monotonic() - began
            time.sleep(0.02)
        self.screenshot("failed")
        raise TimeoutError(f"expected {what} within {patience:g} s; Blender says {self.state()}")

    def inside(self, code: str) -> None:
        """Run Python in Blender, for what cannot be clicked."""
        command = self.folder / "command.py"
        temporary = command.with_suffix(".partial")
        temporary.write_text(code)
        temporary.rename(command)
        self.wait("the command to be taken", lambda _: not command.exists())
        time.sleep(0.3)

    def screenshot(self, name: str, rest: float = SETTLED) -> Path:
        """Write what is on the screen to NAME.png, once it has been drawn."""
        time.sleep(rest)
        path = self.folder / f"{name}.png"
        self._run("import", "-window", "root", str(path))
        return path

    def side_by_side(self, name: str, *pictures: str) -> None:
        """Join the panel's part of screenshots to NAME.png."""
        parts = [str(self.folder / f"{picture}.png") for picture in pictures]
        crop = f"{WIDTH - SIDEBAR - 30}x{PANEL_HEIGHT}+{SIDEBAR}+80"
        joined = self.folder / f"{name}.png"
        self._run(
            "convert", *parts, "-crop", crop, "+repage", "+append", "+dither", "-colors", "128", str(joined)
        )

    def click(self, text: str, number: int = 0) -> None:
        """Click on a text in the sidebar, as read from the screen: its first, or `number` further down.

        Raises:
            LookupError: if it cannot be read there.
        """
        time.sleep(SETTLED)
        x, y = self.find(text, number)
        self._run("xdotool", "mousemove", str(x), str(y), "sleep", "0.3", "click", "1", "sleep", "0.5")

    def click_at(self, x: int, y: int) -> None:
        """Click anywhere."""
        self._run("xdotool", "mousemove", str(x), str(y), "sleep", "0.3", "click", "1", "sleep", "0.5")

    def move(self, x: int, y: int) -> None:
        """Put the mouse somewhere, such as over the region that keys go to."""
        self._run("xdotool", "mousemove", str(x), str(y), "sleep", "0.3")

    def keys(self, *names: str) -> None:
        """Press keys, one after the other, as xdotool names them."""
        for name in names:
            self._run("xdotool", "key", name, "sleep", "0.2")

    def type(self, text: str) -> None:
        """Write over what is in the field that is open."""
        self._run("xdotool", "key", "ctrl+a", "sleep", "0.2", "type", "--delay", "20", text)
        self.keys("Return")

    def find(self, text: str, number: int = 0, left: int = SIDEBAR) -> tuple[int, int]:
        """Where a text stands: the middle of its words.

        Raises:
            LookupError: if it cannot be read.
        """
        for _ in range(5):
            places = self._places(text.lower().split(), left)
            if len(places) > number:
                return places[number]
            time.sleep(1)
        self.screenshot("failed")
        raise LookupError(f"expected to read {text!r} on the screen, found {self.words(left)}")

    def words(self, left: int = SIDEBAR) -> list[str]:
        """All that can be read right of `left`."""
        return [word["text"] for word in self._read(left)]

    def _places(self, wanted: list[str], left: int) -> list[tuple[int, int]]:
        """Of words that stand apart, or are read as one."""
        words, places = self._read(left), []
        for start, first in enumerate(words):
            span = words[start : start + len(wanted)]
            apart = len(span) == len(wanted) and all(
                _alike(word["text"], want) for word, want in zip(span, wanted, strict=True)
            )
            if apart or _alike(first["text"], "".join(wanted), 0.9):
                last = span[-1] if apart else first
                x = (first["left"] + last["left"] + last["width"]) / 2
                y = first["top"] + first["height"] / 2
                places.append((left + round(x / ZOOM), round(y / ZOOM)))
        return places

    def _read(self, left: int) -> list[dict[str, Any]]:
        picture = self.folder / "read.png"
        self._run("import", "-window", "root", str(picture))
        crop = f"{WIDTH - left}x{HEIGHT}+{left}+0"
        self._run(
            "convert", str(picture), "-crop", crop, "+repage", "-colorspace", "Gray", "-negate",
            "-resize", f"{100 * ZOOM}%", "-level", "20%,75%", str(picture),
        )  # fmt: skip
        table = self._run("tesseract", str(picture), "-", "--psm", "11", "tsv")
        rows = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
        numbers = ("left", "top", "width", "height")
        return [
            {"text": row["text"].strip()} | {name: int(row[name]) for name in numbers}
            for row in rows
            if row["text"].strip()
        ]

    def _start(self, *command: str) -> None:
        log = (self.folder / f"{Path(command[0]).name}.log").open("wb")
        process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=subprocess.STDOUT)
        self.processes.append(process)
        time.sleep(1)

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-500:]}")
        return done.stdout


def _alike(read: str, wanted: str, least: float = 0.74) -> bool:
    """Whether a word was read that may be the wanted one: small type is misread by a letter now and then."""
    return difflib.SequenceMatcher(None, read.lower().strip(".:,'|"), wanted).ratio() > least
