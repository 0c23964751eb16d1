"""Which head the showreel shows when, and that no cut falls into a blink of one that is seen."""

from collections.abc import Sequence

import bpy
import numpy as np

from ecoface_blender.heads import face_kinds
from ecoface_blender.takes import evaluated
from ecoface_model.core.head_file import read_head
from ecoface_model.postprocess.eyelids import EyelidContact

Cut = tuple[int, int | None]
"""A frame, and the head that is seen from it on, or both for None."""
LOWERED = 0.75  # of an eye's usual opening, below which it blinks
BESIDE = 2  # frames to either side of a cut in which no eye may blink
MOVED = 12  # frames by which a cut is moved at most


def blinking(heads: Sequence[bpy.types.Object], last: int) -> np.ndarray:
    """(heads, frames) whether the eyes of each head blink, in the frames 1 to `last` of its scene."""
    lids, frames = EyelidContact(read_head()), np.arange(1.0, last + 1)
    found = []
    for head in heads:
        values = evaluated.key_values(bpy.context, face_kinds.known_rig(head), frames)
        openings = lids.openings(evaluated.motion_of(head, values).astype(np.float32))
        found.append((openings < LOWERED * lids.usual(openings)).any(axis=1))
    return np.stack(found)


def beside_blinks(cuts: Sequence[Cut], blinks: np.ndarray) -> list[Cut]:
    """The cuts, each moved to the nearest frame around which nobody blinks who is seen before or after.

    Args:
        blinks: (heads, frames) from frame 1 on.
    """
    out: list[Cut] = []
    for frame, shown in cuts:
        before = out[-1][1] if out else shown
        nearest = sorted(range(frame - MOVED, frame + MOVED + 1), key=lambda other: abs(other - frame))
        good = (
            other
            for other in nearest
            if other >= 1
            and not _seen(blinks, before)[max(other - BESIDE, 1) - 1 : other - 1].any()
            and not _seen(blinks, shown)[other - 1 : other + BESIDE].any()
        )
        out.append((next(good, frame), shown))
    return out


def _seen(blinks: np.ndarray, shown: int | None) -> np.ndarray:
    """(frames,) whether anybody blinks of those who are shown."""
    seen: np.ndarray = blinks.any(axis=0) if shown is None else blinks[shown]
    return seen
