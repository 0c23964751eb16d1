"""The files that a line of a batch becomes."""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import bpy
import numpy as np

from ..animation import actions
from ..atomic_write import written_beside
from ..core.arkit import ArkitUnits
from ..core.atomic_write import partial_of
from ..core.constants import MOTION_DIM
from ..core.head_pose import eye_units
from ..engine.settings import EngineSettings
from ..export import export, text_files
from ..heads import finding, own_head
from ..heads.head_turn import HeadTurn
from ..request import GenerationRequest
from ..same_file import same_file
from ..sound import sequencer, spoken_file
from ..takes import stored, takes
from . import cli as command
from .quiet import quiet, save_copy

MOTION, CURVES = "npz", "csv"
"""Outputs for which no scene need be opened."""


@dataclass(frozen=True, kw_only=True)
class Writing:
    """One line that was computed, and the files that it becomes."""

    base: Path
    """The file that it begins with, made ready by a Stage."""
    request: GenerationRequest
    motion: Path
    """What the engine wrote."""
    outputs: tuple[str, ...]
    """Suffixes, without the dot."""
    target: Path
    """Of the outputs, without a suffix."""
    folder: Path
    """For files on the way."""
    options: export.Options
    settings: EngineSettings
    new_head: bool = False
    """Whether the file holds nothing but a head that was added to it."""

    @property
    def needs_scene(self) -> bool:
        """Whether Blender has to open the file for an output, or the motion alone says what is in them."""
        plain = self.new_head and not self.settings.flame  # so the head is EcoFace's own
        return not set(self.outputs) <= ({MOTION, CURVES} if plain else {MOTION})


def write(line: Writing) -> str:
    """Let the head speak and write the outputs, each whole or not at all; says what was done.

    Raises:
        EcoFaceBlenderError: if the head cannot be animated, or a file cannot be written.
    """
    line.target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in line.outputs:
        path = _path(line, suffix)
        for left_over in path.parent.glob(partial_of(path, "*").name):  # by a run that was killed
            left_over.unlink(missing_ok=True)
    if not line.needs_scene:
        return _write_without_scene(line)
    with quiet():
        command.open_blend(line.base, load_ui=False)
    with quiet(), same_file(line.base):
        context = bpy.context
        said = takes.receive(context, line.request, *stored.read_motion(line.motion))
        speaker = finding.named(context.scene, line.request.speaker)
        context.scene.frame_end = math.ceil(takes.playing(speaker).frame_range[1])
        for suffix in sorted(line.outputs, key=lambda each: each == "blend"):  # it is dressed, others are not
            if suffix == MOTION:
                _copy_motion(line)
            elif suffix == "blend":
                spoken_file.add(context, line.request.sound, line.request.first_frame)
                if line.new_head:
                    command.dress(speaker, line.settings)
                with written_beside(_path(line, suffix)) as beside:
                    save_copy(beside)
            else:
                export.write(context, speaker, _path(line, suffix), line.options, settings=line.settings)
    return said


def _path(line: Writing, suffix: str) -> Path:
    return line.target.with_name(f"{line.target.name}.{suffix}")


def _copy_motion(line: Writing) -> None:
    """The motion as the engine wrote it."""
    with written_beside(_path(line, MOTION)) as beside:
        beside.write_bytes(line.motion.read_bytes())


def _write_without_scene(line: Writing) -> str:
    """What the scene would show is known: the stage's head, played at the stage's rate."""
    motion, rate, *_, head, gaze = stored.read_motion(line.motion)
    for suffix in line.outputs:
        if suffix == MOTION:
            _copy_motion(line)
            continue
        scene_rate = sequencer.scene_rate(bpy.context.scene)
        turns = HeadTurn.of(head, gaze, len(motion)).columns
        together = np.hstack([motion, turns])
        _, at = actions.resample_to_scene(together, rate, scene_rate, line.request.first_frame)
        at, turns = np.split(at, [MOTION_DIM], axis=1)
        turn = None if head is None and gaze is None else HeadTurn.from_columns(turns)
        units = _own_units()
        found = units.curves(at, single=True, gaze=turn.gaze if turn else None)
        curves = dict(zip(units.names, found.T, strict=True))
        if turn is not None:
            curves |= eye_units(turn.eyes)
        seen = (turn.head, turn.eyes) if turn else (None, None)
        with written_beside(_path(line, CURVES)) as beside:
            text_files.write_curves(beside, curves, len(at), scene_rate, *seen)
    return f"{len(motion)} frames of motion ({len(motion) / rate:.1f} s)"


@cache
def _own_units() -> ArkitUnits:
    """ARKit's, of EcoFace's own head."""
    return ArkitUnits.of(own_head.load_head())
