"""Which vertices of a head's skin line its mouth: what its materials show as lips reaches in behind them.

numpy only.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]


def within_mouth(faces: Ints, material: Ints, names: Sequence[str], lips: Ints) -> Ints:
    """Vertices (n,) of the mouth's inside, with those on its rim; none where no material says which.

    Args:
        faces: (F, 3) vertices of triangles, and `material` (F,) of each, a number in `names`.
        lips: vertices that are lips, those behind them not.
    """
    if not {"mouth", "lips", "skin"} <= set(names):
        return np.zeros(0, dtype=np.int64)
    mouth, lip, skin = (faces[material == list(names).index(name)] for name in ("mouth", "lips", "skin"))
    inner = np.ones(faces.max() + 1, dtype=bool)
    inner[lips] = False
    inner[skin] = False
    return np.union1d(mouth, lip[inner[lip].any(axis=1)]).astype(np.int64)
