"""Borders of lips and mouth along the edges of triangles, as short as can be.

A triangle has one material: drawn where a mask passes one half, the border runs across hm08's quads in a
sawtooth, of which Solid view shows each tooth. The shortest one is the minimum cut of a graph whose nodes are
the triangles.
"""

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from training.head.source import Bools, Floats, Ints

PULL = 1500.0  # 1/m: metres of border that a square metre on its wrong side is worth
RINGS = 3  # of triangles around those with any share that the border may run through
STEP = 1e-8  # m: flows are whole numbers, of so much


def within_border(at: Floats, faces: Ints, share: Floats) -> Bools:
    """Which triangles (F,) a short border encloses around those of which more than half is `share` (V,)."""
    near = np.flatnonzero(_near(faces, share))
    pairs, length = _side_by_side(at, faces[near])
    first, second, third = np.moveaxis(at[faces[near]], 1, 0)
    area = np.linalg.norm(np.cross(second - first, third - first), axis=1) / 2
    pull = PULL * area * (2 * share[faces[near]].mean(axis=1) - 1)  # m
    each = np.arange(len(near))
    within, without = len(near), len(near) + 1  # where flow comes from, and where it ends
    links = np.concatenate(
        [
            pairs,
            pairs[:, ::-1],
            np.c_[np.full_like(each, within), each],
            np.c_[each, np.full_like(each, without)],
        ]
    )
    most = np.concatenate([length, length, pull.clip(0), (-pull).clip(0)])
    room = sparse.csr_matrix((np.rint(most / STEP).astype(np.int32), links.T), (len(near) + 2,) * 2)
    left = room - maximum_flow(room, within, without).flow
    left.eliminate_zeros()  # what is not full leads on
    reached = breadth_first_order(left, within, return_predecessors=False)
    out = np.zeros(len(faces), dtype=bool)
    out[near[reached[reached < within]]] = True
    return out


def _near(faces: Ints, share: Floats) -> Bools:
    """Triangles (F,) with any share (V,), and RINGS of those around them."""
    touched = share > 0
    for _ in range(RINGS):
        wider = np.zeros_like(touched)
        wider[faces[touched[faces].any(axis=1)]] = True
        touched = wider
    out: Bools = touched[faces].any(axis=1)
    return out


def _side_by_side(at: Floats, faces: Ints) -> tuple[Ints, Floats]:
    """Pairs of triangles (E, 2) with a common edge, and the length (E,) of that, m."""
    ends = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    order = np.lexsort(ends.T)
    ends, owner = ends[order], order % len(faces)
    same = np.flatnonzero((ends[1:] == ends[:-1]).all(axis=1))
    length = np.linalg.norm(at[ends[same, 0]] - at[ends[same, 1]], axis=1)
    return np.c_[owner[same], owner[same + 1]], length
