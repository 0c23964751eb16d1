"""How lids come up after a blink: one curve for all blinks that are made or mended."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

AT_FIRST = 1.8  # how much faster at first than at last: eyes open at once and ease into their width


def left_shut(share: NDArray[Any]) -> NDArray[Any]:
    """How far eyes are still shut, 1 to 0, at each share (n,) of the time in which they open."""
    left: NDArray[Any] = (1 - np.clip(share, 0, 1)) ** share.dtype.type(AT_FIRST)
    return left
