"""FLAME's head in numpy: a motion -> vertices and landmarks (Eq. 2); `flame.py` is its twin with gradients.

numpy only.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .constants import EXPRESSION_DIM, LOWER_INNER, MOTION_DIM, UPPER_INNER
from .errors import HeadError
from .head_file import FlameFile
from .head_pose import eye_rotations
from .jaw_skinning import JAW, N_TURN, rotations

Floats = NDArray[np.float32]

ROOT, NECK, EYES = 0, 1, (3, 4)  # joints beside the jaw; the left eye first


def features_of(joint: int) -> slice:
    """Columns of posedirs that a joint's R - I weighs, row by row."""
    return slice(N_TURN * (joint - 1), N_TURN * joint)


JAW_FEATURES = features_of(JAW)
AT_ONCE = 64
"""Frames that are posed together: what lies between fits into a processor's cache."""
_FEW = 512
"""Vertices; of fewer, more frames are posed together."""


class HeadMesh:
    """Some vertices of a head, in float32, and how expression, jaw, neck and eyes move them.

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
        self._has_jaw = bool(self.weights.any() or self.moves[:, EXPRESSION_DIM:].any())
        self._neck_and_eyes = _NeckAndEyes(file, kept)

    def posed(self, motion: Floats, head: Floats | None = None, gaze: Floats | None = None) -> Floats:
        """Vertices of a few frames, frames last: (n, 53) -> (K, 3, n) metres.

        With the neck turned by `head` (n, 3) and the eyes by `gaze` (n, 2), as a `FlameMotion` has them.
        """
        motion = np.asarray(motion, np.float32)
        terms, turn = motion[:, :EXPRESSION_DIM], None
        if self._has_jaw:
            turn = (rotations(motion[:, EXPRESSION_DIM:]) - np.eye(3)).astype(np.float32)  # (n, 3, 3)
            terms = np.concatenate([terms, turn.reshape(-1, N_TURN)], axis=1)  # (n, 59)
        moved: Floats = (self.moves[:, : terms.shape[1]] @ terms.T).reshape(-1, 3, len(motion))
        moved += self.template[..., None]
        turning = (
            None if head is None and gaze is None else self._neck_and_eyes.turning(len(motion), head, gaze)
        )
        before_jaw = None if turning is None else self._neck_and_eyes.correct(moved, turning)
        if turn is not None:  # sum over joints of w G x = x + w_jaw (R - I) (x - joint)
            x, y, z = ((moved[:, k] - self.joint[k]) * self.weights[:, None] for k in range(3))  # (K, n) each
            for row in range(3):
                moved[:, row] += turn[:, row, 0] * x + turn[:, row, 1] * y + turn[:, row, 2] * z
        if turning is not None and before_jaw is not None:
            self._neck_and_eyes.turn(moved, *before_jaw, turning)
        return moved

    def vertices(self, motion: Floats, head: Floats | None = None, gaze: Floats | None = None) -> Floats:
        """Positions (T, K, 3) in metres; see `posed`."""
        out = np.empty((len(motion), len(self.template), 3), np.float32)
        for first in range(0, len(motion), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            out[part] = self.posed(motion[part], _part(head, part), _part(gaze, part)).transpose(2, 0, 1)
        return out


def _part(curves: Floats | None, part: slice) -> Floats | None:
    return None if curves is None else curves[part]


class _NeckAndEyes:
    """How neck and eyes turn some vertices: FLAME's skinning of all joints but the root and the jaw."""

    def __init__(self, file: FlameFile, kept: NDArray[np.integer[Any]]) -> None:
        joints = (file.J_regressor @ file.v_template).astype(np.float32)  # (5, 3)
        self._neck, self._eyes = joints[NECK], joints[list(EYES)]
        self._root = file.weights[kept, ROOT][:, None]  # (K, 1)
        self._balls = [np.flatnonzero(file.weights[kept, eye]) for eye in EYES]  # vertices that an eye turns
        self._ball_weights = [
            file.weights[kept[ball], eye][:, None, None] for ball, eye in zip(self._balls, EYES, strict=True)
        ]
        columns = np.concatenate([np.arange(file.posedirs.shape[2])[features_of(j)] for j in (NECK, *EYES)])
        correctives = file.posedirs[kept][..., columns].reshape(-1, len(columns)).astype(np.float32)
        self._correctives = correctives if correctives.any() else None  # (3K, 27); our own head has none

    def turning(self, n: int, head: Floats | None, gaze: Floats | None) -> Floats:
        """R - I of the neck, the left eye and the right: (3, n, 3, 3)."""
        turns = np.zeros((3, n, 3, 3), np.float32)
        if head is not None:
            turns[0] = rotations(head) - np.eye(3)
        if gaze is not None:
            turns[1:] = eye_rotations(gaze) - np.eye(3)
        return turns

    def correct(self, moved: Floats, turning: Floats) -> tuple[Floats, list[Floats]]:
        """Add the pose correctives to vertices (K, 3, n), in place, before the jaw turns.

        Gives what of them is the root's, which stays, and how far each eye's turn moves its own.
        """
        if self._correctives is not None:
            features = turning.transpose(0, 2, 3, 1).reshape(-1, moved.shape[2])  # (27, n)
            moved += (self._correctives @ features).reshape(moved.shape)
        looks = [
            np.einsum("nxy,kyn->kxn", turn, weights * (moved[ball] - joint[:, None]))
            for turn, joint, ball, weights in zip(
                turning[1:], self._eyes, self._balls, self._ball_weights, strict=True
            )
        ]
        return self._root[..., None] * moved, looks

    def turn(self, moved: Floats, fixed: Floats, looks: list[Floats], turning: Floats) -> None:
        """Turn the eyes, and by the neck what is not the root's, in place, after the jaw has turned."""
        for ball, look in zip(self._balls, looks, strict=True):
            moved[ball] += look
        neck, arms = turning[0], moved - fixed - ((1 - self._root) * self._neck)[..., None]
        x, y, z = arms.transpose(1, 0, 2)  # (K, n) each
        for row in range(3):
            moved[:, row] += neck[:, row, 0] * x + neck[:, row, 1] * y + neck[:, row, 2] * z


class HeadLandmarks:
    """Landmarks of a head, from the vertices that they need alone."""

    def __init__(self, file: FlameFile, chosen: Sequence[int] = range(68)) -> None:
        """All 68 of them, or those of some numbers, in their order.

        Raises:
            HeadError: if the head has no landmarks.
        """
        if not file.has_landmarks:
            raise HeadError(
                f"expected landmarks with the head '{file.name}', found none; put flame_static_embedding.pkl "
                "beside the FLAME file"
            )
        self._mesh = HeadMesh(file, file.landmark_faces[chosen])  # whose faces are the landmarks'
        self._shares = file.landmark_barycentric[chosen].astype(np.float32)  # (L, 3)
        self._at_once = AT_ONCE * max(1, _FEW // len(self._mesh.template))
        names = file.arkit_names
        unit = file.arkit_coefficients[names.index("mouthClose")] if "mouthClose" in names else None
        self._mouth_close = np.zeros(MOTION_DIM, np.float32) if unit is None else unit.astype(np.float32)

    def of(self, motion: Floats, head: Floats | None = None) -> Floats:
        """The landmarks (T, L, 3) of a motion (T, 53), in metres, the neck turned by `head` (T, 3)."""
        out = np.empty((len(motion), *self._shares.shape), np.float32)
        for first in range(0, len(motion), self._at_once):
            part = slice(first, first + self._at_once)
            corners = self._mesh.posed(motion[part], _part(head, part))[
                self._mesh.faces
            ]  # (L, 3 corners, 3, n)
            out[part] = (self._shares[:, :, None, None] * corners).sum(axis=1).transpose(2, 0, 1)
        return out

    def rest_lip_gap(self) -> float:
        """Mean distance in metres of the inner-lip pairs 61-67, 62-66, 63-65 when the lips just touch.

        Solved on the reference head: ARKit's mouthClose, which is linear, until the first pair meets. A head
        without units (FLAME) is modelled with touching lips, so there it is the template's distance.
        All 68 landmarks are needed.
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
