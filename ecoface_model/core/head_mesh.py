"""FLAME's head in numpy: a motion -> vertices and landmarks (Eq. 2); `flame.py` is its twin with gradients.

numpy only.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .constants import EXPRESSION_DIM, LOWER_INNER, MOTION_DIM, UPPER_INNER
from .errors import HeadError
from .head_file import FlameFile
from .jaw_skinning import JAW, N_TURN, rotations

Floats = NDArray[np.float32]

JAW_FEATURES = slice(N_TURN * (JAW - 1), N_TURN * JAW)  # of posedirs: the jaw's R - I, row by row
AT_ONCE = 64
"""Frames that are posed together: what lies between fits into a processor's cache."""


class HeadMesh:
    """Some vertices of a head, in float32, and how expression and jaw move them.

    Inside, the frames come last: then everything is a sum of long rows.
    """

    def __init__(self, file: FlameFile, faces: NDArray[np.integer[Any]] | None = None) -> None:
        """All vertices, or those of the chosen faces (their numbers) alone."""
        self.name = file.name
        self.joint = (file.J_regressor[JAW] @ file.v_template).astype(np.float32)  # (3,)
        corners = file.faces if faces is None else file.faces[faces]
        kept = np.arange(len(file.v_template)) if faces is None else np.unique(corners)
        number = np.zeros(len(file.v_template), np.int64)
        number[kept] = np.arange(len(kept))
        self.faces: NDArray[np.int64] = number[corners]  # (F, 3)
        self.template, self.weights = file.v_template[kept], file.weights[kept, JAW]  # (K, 3), (K,)
        moves = np.concatenate(
            [file.expression_directions[kept], file.posedirs[kept][..., JAW_FEATURES]], axis=2
        )
        self.moves = np.ascontiguousarray(moves.reshape(-1, EXPRESSION_DIM + N_TURN), np.float32)  # (3K, 59)

    def posed(self, motion: Floats) -> Floats:
        """Vertices of a few frames, frames last: (n, 53) -> (K, 3, n) metres."""
        motion = np.asarray(motion, np.float32)
        turn = (rotations(motion[:, EXPRESSION_DIM:]) - np.eye(3)).astype(np.float32)  # (n, 3, 3)
        terms = np.concatenate([motion[:, :EXPRESSION_DIM], turn.reshape(-1, N_TURN)], axis=1)  # (n, 59)
        moved: Floats = (self.moves @ terms.T).reshape(len(self.template), 3, len(motion))
        moved += self.template[..., None]
        # only the jaw turns: sum over joints of w G x = x + w_jaw (R - I) (x - joint)
        x, y, z = ((moved[:, k] - self.joint[k]) * self.weights[:, None] for k in range(3))  # (K, n) each
        for row in range(3):
            moved[:, row] += turn[:, row, 0] * x + turn[:, row, 1] * y + turn[:, row, 2] * z
        return moved

    def vertices(self, motion: Floats) -> Floats:
        """Positions (T, K, 3) in metres."""
        out = np.empty((len(motion), len(self.template), 3), np.float32)
        for first in range(0, len(motion), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            out[part] = self.posed(motion[part]).transpose(2, 0, 1)
        return out


class HeadLandmarks:
    """The 68 landmarks of a head, from the vertices that they need alone."""

    def __init__(self, file: FlameFile) -> None:
        """Raises:
        HeadError: if the head has no landmarks.
        """
        if not file.has_landmarks:
            raise HeadError(
                f"expected landmarks with the head '{file.name}', found none; put flame_static_embedding.pkl "
                "beside the FLAME file"
            )
        self._mesh = HeadMesh(file, file.landmark_faces)  # whose faces are the landmarks', in their order
        self._shares = file.landmark_barycentric.astype(np.float32)  # (68, 3)
        names = file.arkit_names
        unit = file.arkit_coefficients[names.index("mouthClose")] if "mouthClose" in names else None
        self._mouth_close = np.zeros(MOTION_DIM, np.float32) if unit is None else unit.astype(np.float32)

    def of(self, motion: Floats) -> Floats:
        """The landmarks (T, 68, 3) of a motion (T, 53), in metres."""
        out = np.empty((len(motion), *self._shares.shape), np.float32)
        for first in range(0, len(motion), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            corners = self._mesh.posed(motion[part])[self._mesh.faces]  # (68, 3 corners, 3, n)
            out[part] = (self._shares[:, :, None, None] * corners).sum(axis=1).transpose(2, 0, 1)
        return out

    def rest_lip_gap(self) -> float:
        """Mean distance in metres of the inner-lip pairs 61-67, 62-66, 63-65 when the lips just touch.

        Solved on the reference head: ARKit's mouthClose, which is linear, until the first pair meets. A head
        without units (FLAME) is modelled with touching lips, so there it is the template's distance.
        """
        return gap_when_lips_meet(self.of(np.stack([np.zeros_like(self._mouth_close), self._mouth_close])))


def gap_when_lips_meet(landmarks: Floats) -> float:
    """Mean distance in metres of the inner-lip pairs when the first of them meets, as a mouth shuts.

    `landmarks` (2, 68, 3) are those of the head at rest and shut, if it shuts.
    """
    heights = landmarks[..., 1]
    pairs = heights[:, UPPER_INNER] - heights[:, LOWER_INNER]  # (2, 3)
    closing = pairs[0] - pairs[1]
    share = (pairs[0] / closing).min() if (closing > 0).all() else 0.0
    return float((pairs[0] - share * closing).mean())
