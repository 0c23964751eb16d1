"""Which part of an expression moves the upper face, and which the mouth: amounts of either, apart."""

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import EXPRESSION_DIM
from ecoface_model.core.head_file import FlameFile

LIDS_BELOW, NOSE_BELOW = (
    0.012,
    0.036,
)  # m from the eyes' centres down to the lower lids, and to the nose's wings
_EYES = (3, 4)  # joints
_RIDGE = 1e-4  # of the directions' mean energy: what no vertex tells apart stays small


def upper_projection(file: FlameFile) -> Float32[NDArray[np.float32], "50 50"]:
    """P, with which `expression @ P` moves the face above the nose's wings as `expression` does, no more.

    The least squares fit of the head's directions to themselves, faded out from the lower lids down to the
    nose's wings; what remains, `expression @ (1 - P)`, moves cheeks and lips.
    """
    height = file.v_template[:, 1]
    eyes = (file.J_regressor[list(_EYES)] @ height).mean()
    share = np.clip((height - (eyes - NOSE_BELOW)) / (NOSE_BELOW - LIDS_BELOW), 0, 1)
    share = share * share * (3 - 2 * share)  # (V,)
    directions = file.expression_directions.astype(np.float64)  # (V, 3, 50)
    flat = directions.reshape(-1, EXPRESSION_DIM)
    gram = flat.T @ flat
    gram += _RIDGE * np.trace(gram) / EXPRESSION_DIM * np.eye(EXPRESSION_DIM)
    faded = (share[:, None, None] * directions).reshape(-1, EXPRESSION_DIM)
    upper: NDArray[np.float64] = np.linalg.solve(gram, flat.T @ faded)  # (50 out, 50 in)
    return upper.T.astype(np.float32)
