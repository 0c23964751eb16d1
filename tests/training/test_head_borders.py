"""The border of the lips: the shortest along edges of triangles, by a sheet with a sawtooth."""

import numpy as np

from training.head.borders import within_border
from training.head.parts import grid_faces

N = 9
SIDE = 0.001  # m
AT = np.stack([*np.meshgrid(np.arange(N) * SIDE, np.arange(N) * SIDE, indexing="ij"), np.zeros((N, N))], -1)
FACES = grid_faces(N, N)


def border(chosen: np.ndarray) -> float:
    """Length, m, of the edges between chosen triangles and others."""
    ends = np.sort(FACES[:, [[0, 1], [1, 2], [2, 0]]], axis=-1)
    edges, number = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    owned = np.bincount(number.ravel(), np.repeat(chosen, 3), len(edges))
    total = np.bincount(number.ravel(), minlength=len(edges))
    parted = (owned == 1) & (total == 2)
    return float(np.linalg.norm(np.diff(AT.reshape(-1, 3)[edges[parted]], axis=1)[:, 0], axis=1).sum())


def test_a_border_that_runs_across_the_triangles_is_straight():
    share = np.clip(0.5 + 0.3 * (4.5 - np.arange(N)), 0, 1).repeat(N)  # one half along a row's middle
    ragged = share[FACES].mean(axis=1) > 0.5
    chosen = within_border(AT.reshape(-1, 3), FACES, share)
    assert border(ragged) > 2 * (N - 1) * SIDE
    assert np.isclose(border(chosen), (N - 1) * SIDE)
    assert chosen.sum() in (4 * 2 * (N - 1), 5 * 2 * (N - 1))


def test_what_is_far_on_one_side_stays_there():
    share = (np.arange(N) < 4).astype(float).repeat(N)
    chosen = within_border(AT.reshape(-1, 3), FACES, share)
    row = np.arange(len(FACES)) // (2 * (N - 1))
    assert chosen[row < 3].all() and not chosen[row > 4].any()
