"""Lips that purse no further than lips do: what is too much of it is taken back, frame by frame.

A generator that learned pucker and funnel apart may ask for much of both at once. Only the excess goes, by
a smooth function of how far the lip is out: smooth motion stays smooth, and long clips may come in parts.
"""

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import MOTION_DIM
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.head_mesh import HeadLandmarks

FREE = 1.5  # mm that the upper lip's edge comes forward as the motion says; ours
GIVE = 1.0  # mm more at most, however much is asked for; ours
UPPER_LIP = 51  # of the 68 landmarks: the middle of its upper edge

Motion = Float32[NDArray[np.float32], "frames 53"]


class LipProtrusion:
    """How far the lips of one head come forward, and the unit that draws them back."""

    def __init__(self, file: FlameFile) -> None:
        """`file` has landmarks and units, as `LipContact` wants them."""
        self._landmarks = HeadLandmarks(file, [UPPER_LIP])
        units = file.arkit_names
        found = file.arkit_coefficients[units.index("mouthPucker")] if "mouthPucker" in units else None
        self._rest = self._forward(np.zeros((1, MOTION_DIM), np.float32))[0]
        out = 0.0 if found is None else float(self._forward(found[None].astype(np.float32))[0] - self._rest)
        self._per_mm = found / out if found is not None and out > 1 else np.zeros(MOTION_DIM)
        """(53,): the change of the motion that brings the lip forward by 1 mm."""

    def limited(self, motion: Motion) -> Motion:
        """The motion with the lip at most FREE + GIVE before its place at rest."""
        over = np.maximum(self._forward(motion) - self._rest - FREE, 0)  # (T,) mm
        excess = over - GIVE * np.tanh(over / GIVE)
        return (motion - np.outer(excess, self._per_mm)).astype(np.float32)

    def _forward(self, motion: Motion) -> Float32[NDArray[np.float32], " frames"]:
        """mm."""
        forward: NDArray[np.float32] = 1000 * self._landmarks.of(motion)[:, 0, 2]
        return forward
