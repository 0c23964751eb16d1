"""The upper face, settled: lids blink or do not, and brows do not tremble.

The generator sums small motions of the lids: a blink may stop half way, or take the upper lid past the lower.
Here each eye's opening is measured on the head itself, against what it is around that time, and eyeBlink is
corrected frame by frame. Only blinks are fast in an upper face; what else trembles there is smoothed.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from ecoface_model.core.constants import EXPRESSION_DIM, FRAME_RATE, LOWER_LIDS, UPPER_LIDS
from ecoface_model.core.head_file import FlameFile
from ecoface_model.flame import FlameHead
from ecoface_model.postprocess.face_regions import upper_projection

SHUT = -0.2  # mm between the lids' landmarks of a shut eye
DONE = 0.55  # of the way to shut, from which on a blink is one
LEAST_OPEN = 2.0  # mm; an eye that is usually open less squints: it is only kept from more than shut
_AROUND = FRAME_RATE  # frames to either side over which an eye's usual opening is the median
_CALM = (0.25, 0.5, 0.25)  # a filter over three frames: half at 6 Hz, a tenth at 10 Hz
_PROBE = 0.5  # weight of eyeBlink, to measure what it does


class EyelidContact:
    """The lids of one head, ready to be finished."""

    def __init__(self, file: FlameFile) -> None:
        """`file` has landmarks and ARKit's units."""
        self._head = FlameHead.from_file(file)
        self._upper = torch.from_numpy(upper_projection(file))  # (50, 50)
        units = [file.arkit_names.index(f"eyeBlink{side}") for side in ("Right", "Left")]
        self._blink = torch.from_numpy(file.arkit_coefficients[units]).float()  # (2, 53)
        rest = self.openings(torch.zeros(1, self._blink.shape[1]))[0]
        shut = self.openings(_PROBE * self._blink).diagonal()
        self._slope = (shut - rest) / _PROBE  # (2,) mm that one of eyeBlink opens, below 0

    def openings(self, motion: Float[Tensor, "frames 53"]) -> Float[Tensor, "frames 2"]:
        """mm between the lids' landmarks of the right eye and the left."""
        height = 1000 * self._head.landmarks(motion)[..., 1]  # (T, 68)
        pairs = height[:, UPPER_LIDS] - height[:, LOWER_LIDS]  # (T, 4): two of the right eye, two of the left
        return pairs.reshape(-1, 2, 2).mean(dim=2)

    def settle(self, motion: Float[Tensor, "frames 53"]) -> Float[Tensor, "frames 53"]:
        """The motion with blinks that shut the eyes, and no further, in a face that does not tremble."""
        motion = self._calmed(motion)
        opening = self.openings(motion)  # (T, 2)
        usual = _running_median(opening)
        way = (usual - opening) / (usual - SHUT).clamp(min=LEAST_OPEN)  # 0 open, 1 shut
        share = (way / DONE).clamp(0, 1)
        wanted = torch.where(way > 0, share * share * (3 - 2 * share), way)
        change = (way - wanted) * (usual - SHUT).clamp(min=LEAST_OPEN)  # mm
        change = torch.where(usual > LEAST_OPEN, change, 0.0)
        change = change.maximum(SHUT - opening)
        return motion + (change / self._slope) @ self._blink

    def _calmed(self, motion: Float[Tensor, "frames 53"]) -> Float[Tensor, "frames 53"]:
        """All of the upper face but its blinks through the filter."""
        opening = self.openings(motion)
        blinks = ((opening - _running_median(opening)) / self._slope) @ self._blink
        upper = (motion - blinks)[:, :EXPRESSION_DIM] @ self._upper  # (T, 50)
        around = pad(upper.T[None], (1, 1), mode="replicate")[0].T  # (T + 2, 50)
        smooth = sum(weight * around[k : len(upper) + k] for k, weight in enumerate(_CALM))
        return motion + pad(smooth - upper, (0, motion.shape[1] - EXPRESSION_DIM))


def _running_median(curves: Float[Tensor, "frames n"]) -> Float[Tensor, "frames n"]:
    """Over a second to either side; beyond its ends stand the first and the last frame."""
    padded = pad(curves.T[None], (_AROUND, _AROUND), mode="replicate")[0]  # (n, T + 2 around)
    return padded.unfold(1, 2 * _AROUND + 1, 1).median(dim=2).values.T
