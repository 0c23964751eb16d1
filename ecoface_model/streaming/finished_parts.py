"""Parts of a clip's motion as soon as they are final, while its other windows are still at work."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.head_motion.performance import Performance
from ecoface_model.postprocess.eyelids import REACH
from ecoface_model.postprocess.settling import Settling
from ecoface_model.postprocess.voice_activity import LevelGates

OnPart = Callable[[int, FlameMotion], None]
"""Called with a first frame and the motion from it on; it may raise to give up."""
PartAlive = Callable[[range, NDArray[np.float32]], Performance]
"""Gives the motion (n, 53) of some frames its head and gaze, before all of the clip is there."""


class FinishedParts:
    """What was told of a clip's motion, and what can be told when another window is joined."""

    def __init__(
        self,
        settling: Settling,
        gates: LevelGates,
        on_part: OnPart,
        alive: PartAlive,
    ) -> None:
        self._settling, self._on_part, self._alive = settling, on_part, alive
        self._gates = gates
        self._told = 0  # frames

    def add(self, joined: Float32[NDArray[np.float32], "frames channels"], final: int) -> None:
        """What there is of the clip so far, of which so many frames are final.

        Lips and lids are settled with what is final; what comes after that tells only of pauses.
        """
        n_frames = len(self._gates.resting)
        until = n_frames if final >= n_frames else final - REACH
        if until > self._told:
            part = range(self._told, until)
            made = self._alive(part, self._settling.settle_part(self._gates, joined[:n_frames], part))
            self._on_part(self._told, FlameMotion(made.motion, head=made.head, gaze=made.gaze))
            self._told = until
