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
from ecoface_model.windows import WindowPlan

OnPart = Callable[[int, FlameMotion], None]
"""Called with a first frame and the motion from it on; it may raise to give up."""
PartAlive = Callable[[range, NDArray[np.float32]], Performance]
"""Gives the motion (n, 53) of some frames its head and gaze, before all of the clip is there."""


class FinishedParts:
    """What was told of a clip's motion, and what can be told when another window is joined."""

    def __init__(
        self,
        settling: Settling,
        plan: WindowPlan,
        gates: LevelGates,
        on_part: OnPart,
        alive: PartAlive,
    ) -> None:
        self._settling, self._plan, self._on_part, self._alive = settling, plan, on_part, alive
        self._gates = gates
        self._told = 0  # frames

    def add(self, joined: Float32[NDArray[np.float32], "frames channels"], window: range) -> None:
        """`joined` is whole up to the end of this window, and final up to where the next one begins.

        Lips and lids are settled with what is final; what comes after that tells only of pauses.
        """
        n_frames = len(self._gates.resting)
        whole, final = min(window.stop, n_frames), self._plan.final(window, n_frames)
        until = n_frames if final == n_frames else final - REACH
        if until > self._told:
            part = range(self._told, until)
            made = self._alive(part, self._settling.settle_part(self._gates, joined[:whole], part))
            self._on_part(self._told, FlameMotion(made.motion, head=made.head, gaze=made.gaze))
            self._told = until
