"""What the engine hears of a voice's emotion: as keys of the emotion track, and as a voice baseline."""

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..animation import emotion_keys
from ..animation.simplify import joint_keys
from ..core.npz import read_npz
from ..emotion import voice_baseline
from ..engine.job import EngineJob
from ..engine.settings import EngineSettings
from ..errors import refusals_of_core
from ..generate import gather, sound_choice
from ..heads import chosen
from ..request import GenerationRequest
from ..sound import sequencer
from ..takes import takes
from ..takes.heard import describe
from ..worker import protocol

TOLERANCE = 0.1
"""Of a share, and twice that of the intensity, by which the keys may differ from what is heard."""


class Listening(EngineJob):
    """A line whose emotions the worker listens to."""

    def __init__(
        self, line: GenerationRequest, settings: EngineSettings, folder: tempfile.TemporaryDirectory
    ):
        """Send the request; returns at once.

        Raises:
            EcoFaceBlenderError: if the engine cannot be started.
        """
        self.line = line
        self.result = Path(folder.name) / "heard.npz"
        values = {**line.part, "baseline": line.baseline, "result": str(self.result)}
        super().__init__(settings, folder, protocol.Listen, values, counted="Listening")

    def step(self) -> bool:
        """As `EngineJob.step`; also fails where scene or head are gone meanwhile."""
        if not self.stopped:
            takes.stage(self.line)
        return super().step()


class Measuring(EngineJob):
    """Lines of one voice of which the worker makes a baseline."""

    def __init__(
        self,
        lines: Sequence[GenerationRequest],
        kind: str,
        settings: EngineSettings,
        folder: tempfile.TemporaryDirectory,
    ):
        """Send the request; returns at once.

        Raises:
            EcoFaceBlenderError: if the engine cannot be started.
        """
        self.lines = lines
        values = {"sounds": [line.part for line in lines], "kind": kind}
        super().__init__(settings, folder, protocol.Baseline, values, counted="Listening")

    def step(self) -> bool:
        """As `EngineJob.step`; also fails where scene or head are gone meanwhile."""
        if not self.stopped:
            takes.stage(self.lines[0])
        return super().step()


def line_to_hear(
    context: bpy.types.Context, settings: EngineSettings, given: Mapping[str, Any], folder: str
) -> GenerationRequest:
    """The voice that the panel names, or a script in `given`, with the baseline of the head that speaks it.

    Raises:
        EcoFaceBlenderError: if there is no such voice or head.
    """
    line = gather.voice(context, settings, given, folder)
    baseline = voice_baseline.of_head(context.scene.objects[line.speaker])
    return replace(line, baseline=baseline)


def lines_of_voice(
    context: bpy.types.Context, settings: EngineSettings, given: Mapping[str, Any], folder: str
) -> list[GenerationRequest]:
    """All strips that a head speaks, each with files of its own in `folder`.

    Raises:
        EcoFaceBlenderError: if there are too few, or one cannot be read.
    """
    speaker = chosen.named_head(context, given.get("head", ""))
    lines = []
    for number, strip in enumerate(voice_baseline.spoken_strips(context, speaker)):
        inside = Path(folder) / str(number)
        inside.mkdir()
        wanted = {"head": speaker.name, "strip": strip.name}
        lines.append(gather.voice(context, settings, wanted, str(inside)))
    return lines


def finish(context: bpy.types.Context, job: Listening) -> str:
    """Key what was heard on the line's head, where the line is spoken; says in a sentence what it did.

    Raises:
        EcoFaceBlenderError: if scene or head are no more what they were, or it cannot be keyed.
    """
    line = job.line
    sound_choice.remember(context, line, job.answer)
    scene, speaker = takes.stage(line)
    with refusals_of_core():
        arrays = read_npz(job.result, ("weights", "intensity", "rate"))
    heard = np.column_stack([arrays["weights"], arrays["intensity"]]).astype(float)  # (points, NAMES)
    rate = float(arrays["rate"])
    moments = thinned(heard, rate, line.first_frame, sequencer.scene_rate(scene))
    emotion_keys.replace(speaker, moments)
    scene.ecoface.emotion_from = "TRACK"
    said = describe(job.answer["heard"])
    said += f"; {len(moments)} moments are keyed from frame {moments[0][0]:g} to {moments[-1][0]:g}"
    return "; ".join([said, *job.warnings])


def finish_baseline(job: Measuring) -> str:
    """Keep the baseline with the head; says in a sentence what it did.

    Raises:
        EcoFaceBlenderError: if scene or head are no more what they were, or the head cannot be changed.
    """
    _, speaker = takes.stage(job.lines[0])
    names = [Path(line.sound).stem for line in job.lines]
    voice_baseline.keep(speaker, job.answer, names)
    said = f"The voice of '{speaker.name}' is known by {voice_baseline.describe(speaker)}"
    return "; ".join([said, *job.warnings])


def thinned(
    heard: np.ndarray, rate: float, first_frame: float, scene_rate: float
) -> list[tuple[float, dict[str, float]]]:
    """The whole frames at which keys tell what was heard, straight from one to the next, and their values.

    Args:
        heard: (points, emotion_keys.NAMES), each point the middle of its 1 / rate seconds.
        first_frame: where the first point's stretch begins; need not be whole.
    """
    first, last = math.ceil(first_frame), math.floor(first_frame + len(heard) / rate * scene_rate)
    frames = np.arange(first, max(last, first + 1) + 1)
    at = first_frame + (np.arange(len(heard)) + 0.5) / rate * scene_rate
    values = np.column_stack([np.interp(frames, at, column) for column in heard.T])
    scale = np.array([1 / emotion_keys.MOST[name] for name in emotion_keys.NAMES])
    rows = joint_keys(values * scale, TOLERANCE)
    return [
        (float(frames[row]), dict(zip(emotion_keys.NAMES, values[row].tolist(), strict=True))) for row in rows
    ]
