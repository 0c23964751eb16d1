"""Room between the teeth and the lips and cheeks: the inner side of hm08's lips is drawn back from the arch.

Its fold behind the upper lip comes down on the canines where a lip is raised, and an arch narrow enough to
stay clear of it leaves the far half of a mouth in three-quarter view without teeth.
"""

import numpy as np
from scipy.spatial import cKDTree

from training.head.source import Bools, Floats
from training.head.surface import smoothstep

ROOM = 0.0062  # m in front of the teeth's outer side, at rest
FLESH = 0.005  # m that lips and cheeks stay thick
FROM_RIM = (0.0025, 0.0085)  # m off the lips: nearer nothing moves, from there on all
WITHIN = ((0.0, 0.027), (-0.044, -0.008), (0.076, 0.104))
"""m: half width, height and depth of what is looked at."""
EDGE = 0.005  # m over which it begins and ends


def drawn_back(at: Floats, inside: Floats, lips: Floats, outer: tuple[Floats, Floats]) -> Floats:
    """Offsets (V, 3) of the skin at `at` (V, 3), of which so much is `inside` the mouth, and so much lips.

    Args:
        outer: points (C, 2) of the teeth's outer side from above, x and z in metres, and unit normals.
    """
    out = np.zeros_like(at)
    chosen = np.flatnonzero((inside > 0.5) & (lips < 0.5) & _near(at))
    points, normals = outer
    nearest = cKDTree(points).query(at[chosen][:, [0, 2]])[1]
    normal = normals[nearest]
    before = ((at[chosen][:, [0, 2]] - points[nearest]) * normal).sum(axis=1)  # m
    skin = cKDTree(at[(inside < 0.1) & (lips < 0.5) & (at[:, 2] > 0.04)])
    thick = skin.query(at[chosen])[0]
    off = cKDTree(at[lips > 0.5]).query(at[chosen])[0]
    share = smoothstep(off, *FROM_RIM) * _within(at[chosen])
    push = np.minimum(np.clip(ROOM - before, 0, None), np.clip(thick - FLESH, 0, None)) * share
    out[chosen, 0], out[chosen, 2] = (push[:, None] * normal).T
    return out


def _near(at: Floats) -> Bools:
    return _within(at) > 0


def _within(at: Floats) -> Floats:
    """1 within WITHIN, 0 from EDGE beyond it on."""
    of = np.c_[np.abs(at[:, 0]), at[:, 1:]]
    off = [np.maximum(low - x, x - high) for (low, high), x in zip(WITHIN, of.T, strict=True)]
    away = np.max(off, axis=0)
    out: Floats = 1 - smoothstep(away, 0.0, EDGE)
    return out
