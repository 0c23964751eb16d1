"""The upper face, settled: lids blink or do not, and brows do not tremble.

The generator sums small motions of the lids: a blink may stop half way, or take the upper lid past the lower.
Here each eye's opening is measured on the head itself, against what it is around that time, and eyeBlink is
corrected frame by frame. Only blinks are fast in an upper face; what else trembles there is smoothed.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import EXPRESSION_DIM, FRAME_RATE, LOWER_LIDS, MOTION_DIM, UPPER_LIDS
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.head_mesh import HeadLandmarks
from ecoface_model.postprocess.face_regions import upper_projection

SHUT = -0.2  # mm between the lids' landmarks of a shut eye
DONE = 0.55  # of the way to shut, from which on a blink is one
LEAST_OPEN = 2.0  # mm; an eye that is usually open less squints: it is only kept from more than shut
_EASE = 0.2  # mm around that over which the one gives way to the other, so that no frame jumps
_AROUND = FRAME_RATE  # frames to either side over which an eye's usual opening is the median
REACH = 2 * _AROUND + 1  # frames to either side that a frame of the eyes depends on
_CALM = (0.25, 0.5, 0.25)  # a filter over three frames: half at 6 Hz, a tenth at 10 Hz
_PROBE = 0.5  # weight of eyeBlink, to measure what it does


class EyelidContact:
    """The lids of one head, ready to be finished."""

    def __init__(self, file: FlameFile) -> None:
        """`file` has landmarks and ARKit's units."""
        self._landmarks = HeadLandmarks(file)
        self._upper = upper_projection(file)  # (50, 50)
        units = [file.arkit_names.index(f"eyeBlink{side}") for side in ("Right", "Left")]
        self._blink = file.arkit_coefficients[units].astype(np.float32)  # (2, 53)
        rest = self.openings(np.zeros((1, MOTION_DIM), np.float32))[0]
        shut = self.openings(np.float32(_PROBE) * self._blink).diagonal()
        self.slope: NDArray[np.float32] = (shut - rest) / np.float32(_PROBE)
        """(2,) mm that 1 of eyeBlink opens the right eye and the left: below 0."""

    def openings(
        self, motion: Float32[NDArray[np.float32], "frames 53"]
    ) -> Float32[NDArray[np.float32], "frames 2"]:
        """mm between the lids' landmarks of the right eye and the left."""
        height = 1000 * self._landmarks.of(motion)[..., 1]  # (T, 68)
        pairs = height[:, UPPER_LIDS] - height[:, LOWER_LIDS]  # (T, 4): two of the right eye, two of the left
        openings: NDArray[np.float32] = pairs.reshape(-1, 2, 2).mean(axis=2)
        return openings

    def settle(
        self, motion: Float32[NDArray[np.float32], "frames 53"]
    ) -> Float32[NDArray[np.float32], "frames 53"]:
        """The motion with blinks that shut the eyes, and no further, in a face that does not tremble."""
        motion = self._calmed(motion)
        opening = self.openings(motion)  # (T, 2)
        usual = _running_median(opening)
        whole = np.maximum(usual - SHUT, LEAST_OPEN)  # mm
        way = (usual - opening) / whole  # 0 open, 1 shut
        share = np.clip(way / DONE, 0, 1)
        wanted = np.where(way > 0, share * share * (3 - 2 * share), way)
        squints_not = np.clip((usual - LEAST_OPEN) / _EASE + 0.5, 0, 1)
        change = np.maximum(squints_not * (way - wanted) * whole, SHUT - opening)  # mm
        return self.opened(motion, change)

    def opened(
        self,
        motion: Float32[NDArray[np.float32], "frames 53"],
        change: Float[NDArray[np.floating[Any]], "frames 2"],
    ) -> Float32[NDArray[np.float32], "frames 53"]:
        """The motion with the right eye and the left opened so many mm further, by eyeBlink."""
        opened: NDArray[np.float32] = (motion + (change / self.slope) @ self._blink).astype(np.float32)
        return opened

    def usual(
        self, openings: Float32[NDArray[np.float32], "frames 2"]
    ) -> Float32[NDArray[np.float32], "frames 2"]:
        """What the eyes' openings are around each frame, blinks aside."""
        return _running_median(openings)

    def _calmed(
        self, motion: Float32[NDArray[np.float32], "frames 53"]
    ) -> Float32[NDArray[np.float32], "frames 53"]:
        """All of the upper face but its blinks through the filter."""
        opening = self.openings(motion)
        blinks = ((opening - _running_median(opening)) / self.slope) @ self._blink
        upper = (motion - blinks)[:, :EXPRESSION_DIM] @ self._upper  # (T, 50)
        around = np.pad(upper, ((1, 1), (0, 0)), mode="edge")  # (T + 2, 50)
        smooth = sum(np.float32(weight) * around[k : len(upper) + k] for k, weight in enumerate(_CALM))
        calmed = motion.copy()
        calmed[:, :EXPRESSION_DIM] += smooth - upper
        return calmed


def _running_median(
    curves: Float32[NDArray[np.float32], "frames n"],
) -> Float32[NDArray[np.float32], "frames n"]:
    """Over a second to either side; beyond its ends stand the first and the last frame."""
    padded = np.pad(curves, ((_AROUND, _AROUND), (0, 0)), mode="edge")  # (T + 2 around, n)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1, axis=0)
    median: NDArray[np.float32] = np.partition(windows, _AROUND, axis=2)[..., _AROUND]
    return median
