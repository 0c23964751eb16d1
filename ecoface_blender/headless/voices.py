"""Whose voice the lines of a batch are, and the baselines that lines of one voice share."""

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..emotion.voice_baseline import FEWEST_LINES, LINES, spread
from ..engine.client import POLL_SECONDS
from ..errors import EcoFaceBlenderError
from ..request import GenerationRequest
from ..worker import protocol
from .table import AUDIO, BatchItem, Row, chosen_of, content, file_of
from .workers import Engines, Job

WITHOUT = "made without a voice baseline"


@dataclass(frozen=True)
class Voice:
    """A speaker with enough lines to know how the voice usually sounds."""

    name: str
    sounds: tuple[Path, ...]
    """Those that are listened to."""
    inputs: str
    """A hash of what is in them."""


class Voices:
    """The voices of a table, and once they are measured, their baselines."""

    def __init__(self, rows: Sequence[Row]):
        """`rows` are all lines of the table, also those that another part of the batch does."""
        sounds: dict[str, dict[Path, str]] = {}  # by voice: each, and what is in it
        self._speaker_of: dict[Path, str] = {}
        self._chosen: dict[Path, dict[str, int | None]] = {}
        for row in rows:
            with suppress(EcoFaceBlenderError, OSError):  # the line itself says what is wrong with it
                if row.voice and (sound := file_of(row, AUDIO)):
                    self._chosen[sound] = chosen_of(row)
                    sounds.setdefault(row.voice, {})[sound] = f"{content(sound)} {self._chosen[sound]}"
                    self._speaker_of[sound] = row.voice
        self._voices = {name: _voice(name, own) for name, own in sounds.items() if len(own) >= FEWEST_LINES}
        self._baselines: dict[str, dict[str, Any]] = {}
        self._refusals: dict[str, str] = {}
        self._warnings: dict[str, list[str]] = {}

    def heard_by(self, row: Row, item: BatchItem) -> str:
        """The voice whose emotion a line shows, if it is one of these; else empty."""
        if item.emotion:
            return ""
        name = self._speaker_of.get(item.reference, "") if item.reference else row.voice
        return name if name in self._voices else ""

    def inputs(self, name: str) -> tuple[str, ...]:
        """What a line is made of besides its own sound, for its fingerprint; nothing without a voice."""
        return (self._voices[name].inputs,) if name else ()

    def measure(self, names: Iterable[str], engines: Engines) -> None:
        """Let the engines listen to the voices that are needed; what they refuse is kept as a sentence.

        Raises:
            EcoFaceBlenderError: if an engine cannot work at all.
        """
        jobs = {}
        for name in dict.fromkeys(filter(None, names)):
            parts = [
                {"sound": str(sound), "first_second": 0.0, "seconds": None, **self._chosen[sound]}
                for sound in self._voices[name].sounds
            ]
            job = Job({"sounds": parts, "kind": LINES}, kind=protocol.Baseline)
            jobs[job] = name
            engines.send(job)
        while jobs:
            for job in engines.poll():
                name = jobs.pop(job)
                if job.answer is None:
                    self._refusals[name] = job.sentence
                else:
                    self._baselines[name] = job.answer
                    self._warnings[name] = job.warnings
            time.sleep(POLL_SECONDS)

    def known(self, request: GenerationRequest, name: str) -> GenerationRequest:
        """The request with the baseline of the voice whose emotion it shows, if it was measured."""
        if name not in self._baselines:
            return request
        if request.emotion_from:
            return replace(request, reference_baseline=self._baselines[name])
        return replace(request, baseline=self._baselines[name])

    def note(self, request: GenerationRequest, name: str) -> str:
        """Why a line knows no voice though there are sounds enough, in one sentence; else empty."""
        refusal = self._refusals.get(name)
        without = request.baseline is None and request.reference_baseline is None
        return f"{WITHOUT} of '{name}': {refusal.rstrip('.')}" if refusal and without else ""

    def describe(self) -> list[str]:
        """What was measured, for the progress: a sentence for each voice."""
        made = [
            "; ".join(
                [f"voice baseline of {name}: {len(self._voices[name].sounds)} lines", *self._warnings[name]]
            )
            for name in self._baselines
        ]
        return made + [f"no voice baseline of {name}: {refusal}" for name, refusal in self._refusals.items()]


def _voice(name: str, sounds: Mapping[Path, str]) -> Voice:
    heard = spread(list(sounds))
    inputs = hashlib.sha256("\n".join(sounds[sound] for sound in heard).encode()).hexdigest()
    return Voice(name, tuple(heard), inputs)
