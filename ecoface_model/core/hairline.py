"""Where hair begins on the reference head: for those who build its file, and for those who grow hair on it.

In FLAME's axes and metres; numpy only.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_AXIS_Z = 0.02  # m, depth of the vertical axis that azimuths turn about
_RADIUS = 0.085  # m, at which azimuth counts as distance
HAIRLINE = np.array(
    [
        [0, 0.1100], [14, 0.1095], [26, 0.1065], [36, 0.1035], [43, 0.0970], [48, 0.0870], [53, 0.0780],
        [59, 0.0720], [66, 0.0640], [72, 0.0520], [76, 0.0360], [80, 0.0200], [84, 0.0080], [88, 0.0110],
        [89.5, 0.0280], [92, 0.0455], [99, 0.0520], [108, 0.0520], [116, 0.0440], [121, 0.0260],
        [125, 0.0020], [130, -0.0200], [138, -0.0360], [152, -0.0440], [180, -0.0460],
    ]
)  # fmt: skip
"""Azimuth in degrees from the face and height in metres; it dips into the sideburn and round the ear."""


def inside_hairline(points: NDArray[Any]) -> NDArray[np.float64]:
    """Distance (n,) in metres of points (n, 3) into the hair, negative outside it."""
    azimuth = np.abs(np.arctan2(points[:, 0], points[:, 2] - _AXIS_Z))
    flat = np.c_[azimuth * _RADIUS, points[:, 1]]
    line = np.c_[np.radians(HAIRLINE[:, 0]) * _RADIUS, HAIRLINE[:, 1]]
    start, step = line[:-1], np.diff(line, axis=0)
    offset = flat[:, None] - start  # (V, S, 2)
    share = np.clip((offset * step).sum(-1) / (step**2).sum(-1), 0, 1)
    distance = np.linalg.norm(offset - share[..., None] * step, axis=-1).min(1)
    above = flat[:, 1] > np.interp(flat[:, 0], line[:, 0], line[:, 1])
    out: NDArray[np.float64] = np.where(above, distance, -distance)
    return out
