"""How far the lips are open, and which expression directions move them and the lids."""

from typing import Any, TypeVar

import numpy as np

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import EXPRESSION_DIM, JAW_DIM, LOWER_INNER, UPPER_INNER, UPPER_LIDS
from ecoface_model.core.head_file import FlameFile

JAW = 2
Points = TypeVar("Points", bound=Any)
"""An array of numpy's or a tensor."""


def aperture(landmarks: Points) -> Points:
    """Mean height in metres of the upper over the lower inner lip; negative where the lips cross.

    (..., 68, 3) -> (...), in whatever library the landmarks are, so that training can ask, too.
    """
    height = landmarks[..., 1]  # (..., 68)
    opened: Points = (height[..., UPPER_INNER] - height[..., LOWER_INNER]).mean(-1)
    return opened


def lip_directions(head: FlameFile, n: int, std: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Orthonormal basis (53, n) of the motions that move the lips most; what is orthogonal to it hardly does.

    It is for motions divided by `std` (53,), the coefficients' standard deviations; None takes 1 for the
    expression, which is how our directions are scaled, and 0.06 rad for the jaw.
    """
    scale = np.r_[np.ones(EXPRESSION_DIM), np.full(JAW_DIM, 0.06)] if std is None else np.asarray(std)
    _, vectors = np.linalg.eigh(_motion_of(head, head.masks["lips"], scale))  # energies rising
    return vectors[:, ::-1][:, :n].astype(np.float32)


def lid_directions(
    head: FlameFile, n: int, std: NDArray[np.float32], lips: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Orthonormal basis (53, n) of what moves the upper lids' landmarks most and is orthogonal to `lips`."""
    off_lips = np.eye(len(lips)) - lips.astype(np.float64) @ lips.T
    corners = head.faces[head.landmark_faces[UPPER_LIDS]].ravel()
    _, vectors = np.linalg.eigh(off_lips @ _motion_of(head, corners, std) @ off_lips)
    return vectors[:, ::-1][:, :n].astype(np.float32)


def _motion_of(head: FlameFile, chosen: NDArray[np.int32], scale: NDArray[Any]) -> NDArray[np.float64]:
    """Mean squared motion (53, 53) of some vertices as a quadratic form of the scaled coefficients."""
    expression = head.expression_directions[chosen].astype(np.float64)  # (K, 3, 50)
    arm = head.v_template[chosen] - head.J_regressor[JAW] @ head.v_template
    turns = np.stack([np.cross(axis, arm) for axis in np.eye(3)], axis=-1)  # (K, 3, 3)
    jaw = turns * head.weights[chosen, JAW][:, None, None]
    all_directions = np.concatenate([expression, jaw], axis=-1) * scale  # (K, 3, 53)
    flat = all_directions.reshape(-1, all_directions.shape[-1])
    out: NDArray[np.float64] = flat.T @ flat / max(1, len(chosen))
    return out
