"""Says of the engine what there is to say: versions, device, model, and how fast it is, measured."""

import math
import struct
import time
import wave
from collections.abc import Generator
from pathlib import Path
from typing import Any

from ..core.constants import SAMPLE_RATE
from ..errors import EcoFaceBlenderError
from ..worker import protocol
from . import engine
from .client import POLL_SECONDS
from .interpreter import find_python, look_for_python_anew
from .settings import EngineSettings

SECONDS = 5  # of sound, about a line's


class Check:
    """One check, in steps that do not wait."""

    def __init__(self, settings: EngineSettings, folder: str | Path):
        """Start the engine if it does not run; `folder` is for files that end with the check.

        Raises:
            EcoFaceBlenderError: if it cannot be started.
        """
        self.report: tuple[str, ...] = ()
        look_for_python_anew()
        engine.allow_card()
        self._settings = settings
        self._folder = Path(folder)
        self._client = engine.worker(find_python(settings.python))
        self._steps = self._stages()
        self.stage, self._number = next(self._steps)

    def step(self) -> bool:
        """Go on as far as the engine has answered; True when `report` is there.

        Raises:
            EcoFaceBlenderError: if any of it fails.
        """
        for event in self._client.poll(self._number):
            if isinstance(event, protocol.Failed):
                raise EcoFaceBlenderError(event.sentence)
            if isinstance(event, protocol.Done):
                try:
                    self.stage, self._number = self._steps.send(event.answer)
                except StopIteration:
                    return True
        return False

    def wait(self) -> tuple[str, ...]:
        """The report, for scripts.

        Raises:
            EcoFaceBlenderError: if any of it fails.
        """
        while not self.step():
            time.sleep(POLL_SECONDS)
        return self.report

    def _stages(self) -> Generator[tuple[str, int], dict[str, Any], None]:
        """Name and request of each stage; the answers come back."""
        ask = self._client.request
        hello = yield "Starting the engine", ask(protocol.Hello)
        model, device = self._settings.model or None, self._settings.device or None
        loaded = yield "Loading the model", ask(protocol.Load, model=model, device=device)
        engine.keep_warm(self._settings, loaded)
        sound = write_hum(self._folder / "hum.wav")
        took = 0.0
        for _ in range(2):  # the first time everything is slower
            begun = time.perf_counter()
            yield (
                "Measuring the speed",
                ask(
                    protocol.Generate,
                    sound=str(sound),
                    first_second=0.0,
                    seconds=None,
                    result=str(self._folder / "motion.npz"),
                    style=None,
                    emotion=None,
                    emotion_from=None,
                    seed=0,
                    temperature=1.0,
                    head=loaded["head"],
                    head_file=self._settings.flame or None,
                ),
            )
            took = time.perf_counter() - begun
        self.report = (
            f"Python {hello['python']} in {self._client.python}",
            f"{engine.describe(self._settings)}; device {loaded['device']}",
            f"Model {loaded['name']} ({loaded['hash'][:8]}), for {loaded['head']}",
            f"Speed {SECONDS / took:.1f} x real time: {SECONDS} s of sound in {took:.2f} s",
        )


def write_hum(path: Path) -> Path:
    """A sound as long as a line: what is said does not change how long it takes."""
    tone = (
        int(9000 * math.sin(0.055 * i) * math.sin(0.0009 * i) ** 2) for i in range(SECONDS * SAMPLE_RATE)
    )  # 140 Hz in syllables
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(struct.pack(f"<{SECONDS * SAMPLE_RATE}h", *tone))
    return path
