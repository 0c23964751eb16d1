"""Eq. (2) for a motion, which turns the jaw alone: linear in N_TERMS products of its rotation and expression.

Skinning moves the vertices v of one turning joint by

    P d + w d (v + P d - J)    with v = template + B psi and d = R - I, the jaw's rotation less the identity,

w being the jaw's weights, P its pose correctives and J its joint. A head is a mapping of arrays by the names
of our .npz (`FlameFile.arrays`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .constants import EXPRESSION_DIM

Array = NDArray[Any]

JAW = 2  # joints: global, neck, jaw, left eye, right eye
N_TURN = 9  # entries of R - I
PAIRS = np.triu_indices(N_TURN)
N_TERMS = N_TURN + len(PAIRS[0]) + N_TURN * EXPRESSION_DIM


def rotations(jaw: Array) -> Array:
    """Rotation matrices (T, 3, 3) of axis-angles (T, 3) in radians, by Rodrigues' formula."""
    x, y, z = np.asarray(jaw, dtype=np.float64).T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)
    angle = np.sqrt(x**2 + y**2 + z**2)[:, None, None]
    sine = np.sinc(angle / np.pi)  # sin(a) / a
    versine = np.sinc(angle / (2 * np.pi)) ** 2 / 2  # (1 - cos(a)) / a^2
    out: Array = np.eye(3) + sine * cross + versine * (cross @ cross)
    return out


def terms(expression: Array, jaw: Array) -> Array:
    """The products (T, N_TERMS) of d = R - I and the expression that skinning is linear in."""
    d = (rotations(jaw) - np.eye(3)).reshape(-1, N_TURN)
    with_expression = d[:, :, None] * expression[:, None, :]  # (T, 9, 50)
    return np.hstack([d, d[:, PAIRS[0]] * d[:, PAIRS[1]], with_expression.reshape(len(d), -1)])


def term_offsets(head: Mapping[str, Array]) -> Array:
    """What one unit of each term adds to the vertices: (N_TERMS, V, 3) metres."""
    w = head["weights"][:, JAW].astype(np.float64)
    expressions = expression_directions(head).astype(np.float64)  # (V, 3, 50)
    crossed = np.zeros((N_TURN, EXPRESSION_DIM, len(w), 3))
    for entry in range(N_TURN):
        row, column = divmod(entry, 3)
        crossed[entry, :, :, row] = (w[:, None] * expressions[:, column]).T
    return np.concatenate([neutral_offsets(head), crossed.reshape(-1, len(w), 3)])


def term_products(head: Mapping[str, Array], directions: Array) -> Array:
    """`term_offsets` times directions (n, V, 3), (N_TERMS, n); of vertices with none nothing is computed."""
    used = np.flatnonzero(directions.any(axis=(0, 2)))
    directions = directions[:, used]
    w = head["weights"][used, JAW].astype(np.float64)
    weighed = w[:, None, None] * expression_directions(head)[used]  # (U, 3, 50)
    neutral = neutral_offsets(head, used)
    along = np.ascontiguousarray(directions.T)  # (3, U, n): numpy multiplies what lies otherwise by hand
    crossed = [weighed[:, entry % 3].T @ along[entry // 3] for entry in range(N_TURN)]
    return np.vstack(
        [neutral.reshape(len(neutral), -1) @ directions.reshape(len(directions), -1).T, *crossed]
    )


def neutral_offsets(head: Mapping[str, Array], used: Array | slice = slice(None)) -> Array:
    """Those of the terms without expression, (N_TURN + pairs, U, 3), of the vertices with these numbers."""
    template, w = head["v_template"].astype(np.float64), head["weights"][used, JAW].astype(np.float64)
    correctives = head["posedirs"][used, :, (JAW - 1) * N_TURN : JAW * N_TURN].astype(np.float64)  # (U, 3, 9)
    joint = head["J_regressor"][JAW].astype(np.float64)
    arms = template[used] - joint @ template  # (U, 3)
    turned = np.zeros((N_TURN, N_TURN, *arms.shape))
    single = correctives.transpose(2, 0, 1).copy()  # (9, V, 3)
    for entry in range(N_TURN):
        row, column = divmod(entry, 3)
        single[entry, :, row] += w * arms[:, column]
        turned[entry, :, :, row] = (w[:, None] * correctives[:, column]).T
    both = (turned + turned.transpose(1, 0, 2, 3))[PAIRS]
    both[PAIRS[0] == PAIRS[1]] /= 2
    return np.concatenate([single, both])


def expression_directions(head: Mapping[str, Array]) -> Array:
    """The head's expression blend shapes (V, 3, 50), metres."""
    first = int(head["n_shape"])
    return head["shapedirs"][:, :, first : first + EXPRESSION_DIM]
