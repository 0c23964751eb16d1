"""Head, gaze and the lids that go with them, of one line. Read this first.

All of it is a rule with chance in it, on the whole clip at once: the same for the same seed, whatever the
windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE, MOST_MOTION
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_pose import axis_angles, lid_follow, under_lids
from ecoface_model.head_motion.blinks import blink_curve, blinks_in, dropped_at_ends, met, missing
from ecoface_model.head_motion.draws import BLINKS, GAZE, HEAD, draws
from ecoface_model.head_motion.gaze import LIMITS as EYE_LIMITS
from ecoface_model.head_motion.gaze import Fixation, fixations, gaze_curve, head_after_eyes, head_share
from ecoface_model.head_motion.head import head_turns, in_reach, not_tossed, within
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import Melody
from ecoface_model.postprocess.eyelids import EyelidContact


@dataclass(frozen=True, kw_only=True)
class Liveliness:
    """How much head and eyes move: 0 not at all, 1 as people do."""

    head_motion: float = 1.0
    gaze: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= MOST_MOTION:
                raise RequestError(
                    f"expected an amount from 0 to {MOST_MOTION:g} as {field.name}, found {value:g};"
                    " 1 is usual"
                )


@dataclass(frozen=True)
class Performance:
    """What head, eyes and lids do; None where they were not asked for."""

    head: Float32[NDArray[np.float32], "frames 3"] | None
    """As `FlameMotion.head`."""
    gaze: Float32[NDArray[np.float32], "frames 2"] | None
    """As `FlameMotion.gaze`."""
    motion: Float32[NDArray[np.float32], "frames 53"]
    """Eq. (1)'s numbers, in which only the lids have moved, and these only with a gaze."""


def perform(
    motion: Float32[NDArray[np.float32], "frames 53"],
    melody: Melody,
    moods: Moods,
    lids: EyelidContact | None,
    seed: int,
    amounts: Liveliness,
) -> Performance:
    """Head and gaze beside a motion, which gets the blinks that go with them.

    Args:
        lids: of the motion's head; None where that is not in reach, then lids stay as they are.
    """
    n_frames = len(motion)
    seconds = np.arange(n_frames) / FRAME_RATE
    places = fixations(melody, moods, draws(seed, GAZE)) if amounts.gaze else []
    added: list[float] = []
    if places and lids is not None:
        openings = lids.openings(motion)
        blinks = blinks_in(openings, lids.usual(openings))
        chance = draws(seed, BLINKS, 1, n_frames)  # lines of one seed do not all end alike
        gone = dropped_at_ends(blinks, melody, chance)
        blinks = [blink for blink in blinks if blink not in gone]
        motion = lids.without_blinks(motion, gone)
        places = met(places, blinks)
        added = missing(places, blinks, melody, draws(seed, BLINKS))
    turns = np.zeros((n_frames, 3))
    if amounts.head_motion:
        turns = head_turns(melody, moods, n_frames, draws(seed, HEAD))
        if places:
            turns[:, :2] += amounts.gaze * head_share(places, moods, seconds)
            turns[:, :2] += amounts.gaze * head_after_eyes(places, turns, seconds)
        turns = amounts.head_motion * not_tossed(in_reach(turns))
    head = np.radians(turns)
    gaze = gaze_in_head(places, turns, seconds, amounts.gaze) if places else None
    if gaze is not None and lids is not None:
        motion = with_lids(motion, lids, gaze, blink_curve(added, seconds))
        gaze = kept_in_sight(gaze, motion, lids)
    return Performance(axis_angles(head).astype(np.float32) if amounts.head_motion else None, gaze, motion)


def gaze_in_head(
    places: Sequence[Fixation], turns: NDArray[np.float64], seconds: NDArray[np.float64], amount: float
) -> Float32[NDArray[np.float32], "frames 2"]:
    """The gaze in the head, radians: where it rests, less what the head has turned."""
    in_head = gaze_curve(places, seconds) - turns[:, :2]
    gaze: NDArray[np.float32] = np.radians(amount * within(in_head, EYE_LIMITS)).astype(np.float32)
    return gaze


def kept_in_sight(
    gaze: Float32[NDArray[np.float32], "frames 2"],
    motion: Float32[NDArray[np.float32], "frames 53"],
    lids: EyelidContact,
) -> Float32[NDArray[np.float32], "frames 2"]:
    """The gaze of eyes that go down with their lids, in a blink or a squint, so that irises are seen."""
    return under_lids(gaze, lids.opened_share(motion).mean(axis=1)).astype(np.float32)


def with_lids(
    motion: Float32[NDArray[np.float32], "frames 53"],
    lids: EyelidContact,
    gaze: Float32[NDArray[np.float32], "frames 2"],
    blinks: NDArray[np.float64],
) -> Float32[NDArray[np.float32], "frames 53"]:
    """Lids that follow the gaze as far as they are open, and the added blinks."""
    opening = lids.openings(motion)
    usual = lids.usual(opening)
    open_share = np.clip(opening / np.maximum(usual, 1.0), 0, 1)
    followed = opening + open_share * lid_follow(gaze)[:, None] * lids.slope
    shut = lids.shut(usual)
    followed = np.maximum(followed, np.minimum(opening, shut))
    blinked = followed + blinks[:, None] * np.minimum(shut - followed, 0)
    return lids.opened(motion, blinked - opening)
