"""F and V: the lower lip goes to the edge of the upper teeth, instead of standing before them.

The generator raises the lip and rolls it in, but as if there were no teeth: its rim may cover them up to the
upper lip, as a straight line, or not reach them; and the upper lip may bare all of them. Here the lower's
inner rim is brought to their edge and the upper's near it, by the change of coefficients that moves the rest
of the face least, and by as much as phones say that this is an F or a V.
"""

from typing import Any

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import LOWER_INNER, MOTION_DIM, UPPER_INNER
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.head_mesh import HeadLandmarks, HeadMesh
from ecoface_model.core.phones import PHONES
from ecoface_model.postprocess.lip_contact import softness
from ecoface_model.postprocess.lip_meeting import moves_of
from ecoface_model.postprocess.lips import JAW

LABIODENTALS = ("F", "V")
SURE = (0.25, 0.65)  # probabilities of them between which their pull grows from nothing to all
COVERS = 0.8  # mm by which the lip's inner rim is to cover the edge of the teeth
BEFORE = 2.4  # mm by which it may stand before them
SHOWN = 2.4  # mm over their edge at which the upper lip ends at most: more is a bite
MOST = 4.5  # mm that a lip is moved in either direction
ITERATIONS = 3
REACH = 3  # frames to either side that a frame depends on
_BESIDE = 0.003  # m to either side of a landmark in which teeth are before it
_ELASTIC = 3.0  # mm^2
N_PAIRS = len(LOWER_INNER)
_RIMS = LOWER_INNER + UPPER_INNER
_HELD = np.array([0, 2, 4, 1, 3, 5, 6, 8, 10])  # of their heights and depths by turns
_COLUMNS = [PHONES.index(name) for name in LABIODENTALS]
_AROUND = np.array([1, 4, 6, 4, 1], np.float32) / 16  # it comes and goes over 0.16 s, as lips do

Motion = Float32[NDArray[np.float32], "frames 53"]


class LabiodentalContact:
    """The lower lip and the upper teeth of one head; without teeth in it nothing is done."""

    def __init__(self, file: FlameFile) -> None:
        """`file` has landmarks and units, as `LipContact` wants them."""
        self._landmarks = HeadLandmarks(file, _RIMS)
        teeth = file.v_template[file.masks["teeth"]]
        upper = teeth[file.weights[file.masks["teeth"], JAW] < 0.5] if len(teeth) else teeth
        rim = self._rims(np.zeros((1, MOTION_DIM), np.float32))[0, :N_PAIRS]  # (3, 3) mm
        edges = [_edge(1000 * upper, float(x)) for x in rim[:, 0]]
        self._edges = (
            None if any(edge is None for edge in edges) else np.stack([e for e in edges if e is not None])
        )
        """(3, 2) mm: height and depth of the teeth's edge before each of the rim's landmarks."""
        mesh = HeadMesh(file, file.landmark_faces)
        corners = mesh.faces[_RIMS]  # (6, 3): of these landmarks
        moves = np.einsum("pc,pcxm->pxm", file.landmark_barycentric[_RIMS], moves_of(mesh)[corners])
        self._moves = moves[:, 1:].reshape(-1, MOTION_DIM)[_HELD].astype(np.float32)  # (9, 53) mm per unit
        soft = softness(file)
        spread = soft @ self._moves.T  # (53, 9)
        held = self._moves @ spread + _ELASTIC * np.eye(len(self._moves))
        self._answer = (spread @ np.linalg.inv(held)).astype(np.float32)
        """(53, 9): the change for so many mm of each row of `_moves`."""

    def settle(self, motion: Motion, pull: Float32[NDArray[np.float32], " frames"]) -> Motion:
        """The motion with the lips at the teeth where `pull` is 1, and as it was where that is 0."""
        some = np.flatnonzero(pull > 0)
        if self._edges is None or not len(some):
            return motion
        out, moved = motion.copy(), motion[some]
        rim = self._held(moved)  # (n, 9) mm
        edge, depth = self._edges.T
        over, before, shown = np.split(rim, (N_PAIRS, 2 * N_PAIRS), axis=1)
        wanted = np.concatenate(
            [
                np.broadcast_to(edge + COVERS, over.shape),
                np.minimum(before, depth + BEFORE),
                np.minimum(shown, edge + SHOWN),
            ],
            axis=1,
        )
        goal = rim + pull[some, None] * np.clip(wanted - rim, -MOST, MOST)
        for _ in range(ITERATIONS):
            moved = moved + (goal - self._held(moved)).astype(np.float32) @ self._answer.T
        out[some] = moved
        return out

    def _held(self, motion: Motion) -> Float32[NDArray[np.float32], "frames 9"]:
        """mm: the lower rim's heights, its depths, and the upper rim's heights, of its landmarks."""
        held: NDArray[np.float32] = self._rims(motion)[..., 1:].reshape(len(motion), -1)[:, _HELD]
        return held

    def _rims(self, motion: Motion) -> Float32[NDArray[np.float32], "frames 6 3"]:
        """mm: the lower lip's inner landmarks, then the upper's."""
        found: NDArray[np.float32] = 1000 * self._landmarks.of(motion)
        return found


def labiodental_pull(
    channels: Float32[NDArray[np.float32], "frames channels"],
) -> Float32[NDArray[np.float32], " frames"]:
    """How surely each frame is one of an F or a V, 0 to 1, rising over three frames and falling over three.

    `channels` are the motion, its closure and its phones; without phones it is 0 all over.
    """
    if channels.shape[1] <= MOTION_DIM + 1:
        return np.zeros(len(channels), np.float32)
    told = channels[:, [MOTION_DIM + 1 + column for column in _COLUMNS]].sum(axis=1)
    sure = np.clip((told - SURE[0]) / (SURE[1] - SURE[0]), 0, 1)
    padded = np.pad(sure, REACH, mode="edge")
    wide = np.maximum.reduce([padded[k : len(padded) - 2 + k] for k in range(3)])  # (T + 4,)
    pull: NDArray[np.float32] = sum(weight * wide[k : k + len(sure)] for k, weight in enumerate(_AROUND))
    return pull


def _edge(teeth: NDArray[Any], x: float) -> NDArray[Any] | None:
    """(2,) mm: height and depth of the lowest tooth near x; None without any."""
    near = teeth[np.abs(teeth[:, 0] - x) < 1000 * _BESIDE] if len(teeth) else teeth
    found: NDArray[Any] | None = near[near[:, 1].argmin(), 1:] if len(near) else None
    return found
