"""Which head the showreel shows when: cuts in the silence between lines, with shut mouths and open eyes."""

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from showreel_lines import Line

from ecoface_blender.heads import face_kinds, source_curves
from ecoface_blender.takes import evaluated
from ecoface_model.core.head_file import read_head
from ecoface_model.postprocess.eyelids import EyelidContact


@dataclass(frozen=True)
class Shot:
    """What is seen."""

    head: int | None = None
    """Both where it is none."""
    past_other: bool = False
    """From behind the other, who is in the picture, too."""


Cut = tuple[int, Shot]
"""A frame, and what is seen from it on."""
SHOTS = ("past", "speaker", "listener", "speaker", "past")
"""Of the lines one after the other: who speaks is seen, alone or past the other, but for one line of five,
in which the head that spoke listens without a cut between. At first and at last both are seen."""
AFTER = 14  # frames from the last line's end to the shot of both
AHEAD = (10, 12, 8, 17, 9)  # frames by which cuts are before the first of lines, one after the other
LOWERED = 0.85  # of an eye's usual opening, below which it blinks
PARTED = 0.05  # half widths of a mouth, from which on it is open
BESIDE = 2  # frames to either side of a cut in which no eye may blink
CALM = 10
"""Frames before a cut in which who was seen has better not blinked: where a line, a blink and a cut follow
each other, time after time, one feels the machine."""
MOVED = 12  # frames by which a cut is moved at most
AT_REST, TRIMMED = (
    12,
    40,
)  # frames before the end in which no eye may blink, and by which it is earlier at most


@dataclass(frozen=True)
class Watched:
    """What heads do in the frames of a scene, from 1 on."""

    blinks: np.ndarray
    """(heads, frames) whether an eye is on the way to a blink, or out of it."""
    parted: np.ndarray
    """(heads, frames) whether the mouth is open."""
    turned: np.ndarray
    """(heads, frames, 3, 3) rotations of the head against what it is on, x to the face's left and y up."""


def watch(heads: Sequence[bpy.types.Object], last: int) -> Watched:
    """The frames 1 to `last` of the heads' scene."""
    lids, mouth, frames = (
        EyelidContact(read_head()),
        source_curves.reference_mouth(),
        np.arange(1.0, last + 1),
    )
    blinks, parted, turned = [], [], []
    for head in heads:
        seen = evaluated.see(bpy.context, face_kinds.known_rig(head), frames)
        motion = evaluated.motion_of(head, seen.parts[0].values).astype(np.float32)
        openings = lids.openings(motion)
        blinks.append((openings < LOWERED * lids.usual(openings)).any(axis=1))
        parted.append((mouth.measure(motion).gaps > PARTED).any(axis=1))
        turned.append(np.tile(np.eye(3), (last, 1, 1)) if seen.turned is None else seen.turned[:, 0])
    return Watched(np.stack(blinks), np.stack(parted), np.stack(turned))


def planned(lines: Sequence[Line]) -> list[Cut]:
    """Where the shot changes with a line."""
    cuts: list[Cut] = [(1, Shot())]
    for number, line in enumerate(lines):
        kind = SHOTS[number % len(SHOTS)]
        shot = Shot(1 - line.speaker if kind == "listener" else line.speaker, kind == "past")
        if shot != cuts[-1][1]:
            cuts.append((line.first_frame - AHEAD[number % len(AHEAD)], shot))
    return [*cuts, (lines[-1].end_frame + AFTER, Shot())]


def moved(cuts: Sequence[Cut], watched: Watched) -> list[Cut]:
    """The cuts, each moved to the nearest frame at which nobody who is seen blinks or has the mouth open.

    Better yet nobody who was seen has just blinked. Where there is none, an open mouth is let pass, then a
    blink.
    """
    out: list[Cut] = []
    for frame, shot in cuts:
        before, shown = (out[-1][1] if out else shot).head, shot.head
        others = range(max(frame - MOVED, 1), frame + MOVED + 1)
        nearest = sorted(others, key=lambda other: abs(other - frame))
        steady = [each for each in nearest if not _blink_at(each, before, shown, watched.blinks)]
        shut = [each for each in steady if not _parted_at(each, before, shown, watched.parted)]
        calm = [each for each in shut if not _blink_at(each, before, shown, watched.blinks, CALM)]
        out.append((next(iter(calm or shut or steady), frame), shot))
    return out


def end(watched: Watched, last: int) -> int:
    """The last frame, or an earlier one before which nobody has blinked for a while nor opened the mouth."""
    busy = (watched.blinks | watched.parted).any(axis=0)
    for frame in range(last, max(last - TRIMMED, AT_REST) - 1, -1):
        if not busy[frame - AT_REST : frame].any():
            return frame
    return last


def _blink_at(
    frame: int,
    before: int | None,
    shown: int | None,
    blinks: np.ndarray,
    since: int = BESIDE,
) -> bool:
    """Whether a cut there is within a blink, or so many frames after one of who was seen."""
    ends = _seen(blinks, before)[max(frame - since, 1) - 1 : frame - 1]
    return bool(ends.any() or _seen(blinks, shown)[frame - 1 : frame + BESIDE].any())


def _parted_at(frame: int, before: int | None, shown: int | None, parted: np.ndarray) -> bool:
    ends = _seen(parted, before)[max(frame - 1, 1) - 1 : frame - 1]
    return bool(ends.any() or _seen(parted, shown)[frame - 1 : frame].any())


def _seen(of_each: np.ndarray, shown: int | None) -> np.ndarray:
    """(frames,) whether it is true of anybody who is shown."""
    seen: np.ndarray = of_each.any(axis=0) if shown is None else of_each[shown]
    return seen
