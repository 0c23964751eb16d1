"""Lips that meet do not go through one another: each frame is moved by as little as keeps them apart.

The lips are cut into columns from one corner of the mouth to the other. In each the deepest point of either
lip behind the other's surface is found on the head itself; what is deeper than a soft contact is pushed back,
by the change of coefficients that moves the rest of the face least. Every frame is treated by itself and by a
smooth function of its depth, so that a smooth motion stays smooth and long clips may come in parts.
"""

import numpy as np
from jaxtyping import Bool, Float32, Int64

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import EXPRESSION_DIM, LOWER_INNER, MOTION_DIM, UPPER_INNER
from ecoface_model.core.errors import HeadError
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.head_mesh import AT_ONCE, HeadLandmarks, HeadMesh
from ecoface_model.postprocess.face_regions import upper_projection
from ecoface_model.postprocess.lip_meeting import (
    PLACES,
    columns_of,
    corner_of_mouth,
    lip_sides,
    meeting_of,
    moves_of,
)

FREE_DEPTH = 0.15  # mm that lips may press into one another before they feel it
GIVE = 0.17  # mm more that they give in at most, however hard they press
SHUT_DEPTH = 0.1  # mm, of lips that a closure brings together
PULLED_FROM = (1.8, 3.2)  # mm; lips closer than the first are pulled shut fully, further than the second not
PULLED_IN_SILENCE = (20.0, 30.0)  # the same amid a long pause, or where nobody speaks at all
SURE = (0.5, 0.8)  # probabilities of a closure between which its pull grows from nothing to all
ITERATIONS = 6
_STEP = 0.46  # mm at most at once
_PARTED = 0.15  # mm over rest of the inner lips' landmarks that a long pause leaves, to be shut as others are
_CALMER = np.float32(0.3)
"""Of a mouth's expression, that goes as its parted lips shut: a grin is a smile then."""
_RELAXATIONS = 4  # steps to it: of a jaw's turn a slope tells nearly all
_LOOSE = 0.05  # mm^2; how little each of the three gaps between these landmarks gives way
_IDLE = 1e6  # mm^2; how little a column that needs nothing is held in place
_ELASTIC = 5.0  # mm^2
_STIFFNESS = 0.02  # mm of root mean square motion that one unit of a coefficient counts besides
_PROBE = 0.01  # of a coefficient, to measure what it does
_LIPS, _UPPER_FACE = 4.0, 50.0
_OPEN = 1.0  # mm between the inner lips' landmarks; lips further apart cross nowhere
_TOUCHING = 0.02  # weight of mouthClose at which lips press into one another, as far as crossing ones meet

Motion = Float32[NDArray[np.float32], "frames 53"]


class LipContact:
    """The lips of one head, ready to be kept out of one another."""

    def __init__(self, file: FlameFile) -> None:
        """Find the lips' columns.

        Raises:
            HeadError: if the head has no landmarks, no mask of lips or no unit mouthClose.
        """
        if not file.has_landmarks or not len(file.masks["lips"]) or "mouthClose" not in file.arkit_names:
            raise HeadError(
                f"expected landmarks, lips and mouthClose with the head '{file.name}', found none; "
                "use the reference head"
            )
        upper, lower = lip_sides(file)
        lips = np.isin(np.arange(len(file.v_template)), file.masks["lips"])
        corner = corner_of_mouth(file, upper, lower)
        skin = np.flatnonzero((upper | lower)[file.faces].all(axis=1) & lips[file.faces].any(axis=1))
        self._landmarks, self._mesh = HeadLandmarks(file, UPPER_INNER + LOWER_INNER), HeadMesh(file, skin)
        close = _TOUCHING * file.arkit_coefficients[file.arkit_names.index("mouthClose")]
        touching = self._mesh.vertices(close[None])[0]  # (K, 3)
        faces = self._mesh.faces  # (F, 3)
        side = [s[file.faces[skin]].all(axis=1) for s in (upper, lower)]
        free = (lips & ~corner)[file.faces[skin]].all(axis=1)
        self._meetings = [
            meeting_of(touching, faces[side[own] & free], faces[side[1 - own]]) for own in (1, 0)
        ]
        self._columns = columns_of(touching, self._meetings)  # (C, most points of one)
        moves = moves_of(self._mesh)  # (K, 3, 53) mm per unit
        flat = moves.reshape(len(moves), -1)  # (K, 159)
        self._point_moves = np.concatenate(
            [np.matmul(m.shares[:, None], flat[m.corners])[:, 0] for m in self._meetings]
        ).reshape(-1, 3, MOTION_DIM)
        self._place_moves = np.concatenate(
            [np.matmul(PLACES, flat[m.faces]).reshape(-1, flat.shape[1]) for m in self._meetings]
        ).reshape(-1, 3, MOTION_DIM)
        counts = [len(m.corners) for m in self._meetings]
        self._first_place = np.repeat([0, len(PLACES) * len(self._meetings[0].faces)], counts)
        self._soft = softness(file)  # (53, 53)
        still = np.zeros((1, MOTION_DIM), np.float32)
        probes = _PROBE * np.eye(MOTION_DIM, dtype=np.float32)
        parting = ((self._parted(probes) - self._parted(still)) / np.float32(_PROBE)).T  # (3, 53)
        answers = np.linalg.solve(parting @ self._soft @ parting.T + _LOOSE * np.eye(3), parting @ self._soft)
        self._upper = upper_projection(file)  # (50, 50)
        self._hardly = np.float32(_PARTED + max(float(self._parted(still).max()), 0.0))  # mm
        self._closing = answers.astype(np.float32)  # (3, 53) least motion by which a mm of each gap shuts

    def settle(
        self,
        motion: Motion,
        closure: Float32[NDArray[np.float32], " frames"] | None = None,
        pause: Float32[NDArray[np.float32], " frames"] | None = None,
    ) -> Motion:
        """The motion with lips that touch instead of crossing.

        `closure` is the probability that a sound shuts the lips; where it is sure and they are nearly shut
        already, they are brought together in every column. Amid a long `pause`, from 0 to 1, they are
        however far apart they were.
        """
        closure = np.zeros(len(motion), np.float32) if closure is None else closure
        pause = np.zeros(len(motion), np.float32) if pause is None else pause
        out = self._relaxed(motion, pause)
        usual, silent = np.array(PULLED_FROM, np.float32), np.array(PULLED_IN_SILENCE, np.float32)
        pulled_from = usual + pause[:, None] * (silent - usual)  # (T, 2)
        near = self._nearly_shut(out, closure, pulled_from[:, 1])  # (n,)
        for first in range(0, len(near), AT_ONCE):
            part = near[first : first + AT_ONCE]
            out[part] = self._parted_again(out[part], closure[part], pulled_from[part])
        return out

    def _parted_again(
        self,
        frames: Motion,
        closure: Float32[NDArray[np.float32], " frames"],
        pulled_from: Float32[NDArray[np.float32], "frames 2"],
    ) -> Motion:
        """A few frames with their columns at their goals; the same numbers where they are there already."""
        gaps = self._closest(frames)[0]  # (n, C) mm
        goal = _goal(gaps, closure, pulled_from)
        asked = goal != gaps
        some = asked.any(axis=1)
        if not some.any():
            return frames
        out, moved = frames.copy(), frames[some]
        for _ in range(ITERATIONS):
            moved = moved + self._step(moved, goal[some], asked[some])
        out[some] = moved
        return out

    def gaps(self, motion: Motion) -> Float32[NDArray[np.float32], "frames columns"]:
        """mm between the lips in each column, from the subject's right to the left; below 0 they cross."""
        parts = [self._closest(motion[i : i + AT_ONCE])[0] for i in range(0, len(motion), AT_ONCE)]
        return np.concatenate(parts)

    def _relaxed(self, motion: Motion, pause: Float32[NDArray[np.float32], " frames"]) -> Motion:
        """Lips hardly parted amid a long pause: a shut jaw, a calmer mouth, and the least change besides.

        A mouth that smiles or frowns goes on doing so, were its lips parted or shut.
        """
        relaxed = motion.copy()
        chosen = np.flatnonzero(pause > 0)
        if len(chosen) == 0:
            return relaxed
        frames = motion[chosen]
        parted = self._parted(frames)  # (n, 3) mm
        goal = np.minimum(parted, self._hardly)
        shut = np.clip(parted.max(axis=1) / self._hardly - 1, 0, 1)  # (n,)
        expression = frames[:, :EXPRESSION_DIM]
        expression += _CALMER * shut[:, None] * (expression @ self._upper - expression)
        frames[:, EXPRESSION_DIM:] *= 1 - shut[:, None]
        for _ in range(_RELAXATIONS):
            frames = frames + np.minimum(goal - self._parted(frames), 0) @ self._closing
        relaxed[chosen] += pause[chosen, None] * (frames - motion[chosen])
        return relaxed

    def _parted(self, motion: Motion) -> Float32[NDArray[np.float32], "frames 3"]:
        """mm between the inner lips' landmarks."""
        upper, lower = np.split(1000 * self._landmarks.of(motion)[..., 1], 2, axis=1)  # (T, 3) each
        parted: NDArray[np.float32] = upper - lower
        return parted

    def _nearly_shut(
        self,
        motion: Motion,
        closure: Float32[NDArray[np.float32], " frames"],
        furthest: Float32[NDArray[np.float32], " frames"],
    ) -> Int64[NDArray[np.int64], " n"]:
        """Numbers of the frames whose lips may cross, or may have to be shut."""
        gap = self._parted(motion).min(axis=1)  # (T,)
        pulled = (closure > SURE[0]) & (gap < furthest)
        return np.flatnonzero((gap < _OPEN) | pulled)

    def _step(
        self,
        frames: Motion,
        goal: Float32[NDArray[np.float32], "frames columns"],
        asked: Bool[NDArray[np.bool_], "frames columns"],
    ) -> Motion:
        """Least change that brings the columns to their goals: S A' (A S A' + E)^-1 r, S soft, E elastic."""
        gaps, slopes = self._gaps(frames)  # (n, C), (n, C, 53)
        missing = np.where(asked, goal - gaps, np.maximum(-FREE_DEPTH - gaps, 0)).astype(np.float32)
        held = np.where(asked | (missing > 0), np.float32(_ELASTIC), np.float32(_IDLE))
        soft = (slopes.reshape(-1, MOTION_DIM) @ self._soft).reshape(slopes.shape)  # (n, C, 53)
        system = soft @ slopes.transpose(0, 2, 1)  # (n, C, C)
        every = np.arange(gaps.shape[1])
        system[:, every, every] += held
        forces = np.linalg.solve(system, np.clip(missing, -_STEP, _STEP)[..., None])  # (n, C, 1)
        change: NDArray[np.float32] = (soft.transpose(0, 2, 1) @ forces)[..., 0]
        return change

    def _gaps(
        self, motion: Motion
    ) -> tuple[
        Float32[NDArray[np.float32], "frames columns"], Float32[NDArray[np.float32], "frames columns 53"]
    ]:
        """Gap of each column at its closest point, and what each coefficient adds to it."""
        gaps, point, place, axis = self._closest(motion)
        moves = self._point_moves[point] - self._place_moves[place]  # (n, C, 3, 53)
        return gaps, np.matmul(axis[:, :, None], moves)[:, :, 0]

    def _closest(
        self, motion: Motion
    ) -> tuple[
        Float32[NDArray[np.float32], "frames columns"],
        Int64[NDArray[np.int64], "frames columns"],
        Int64[NDArray[np.int64], "frames columns"],
        Float32[NDArray[np.float32], "frames columns 3"],
    ]:
        """Gap of each column at its closest point; that point, the place it meets, and the way between."""
        vertices = 1000 * self._mesh.posed(motion)  # (K, 3, n)
        gap, normal, place = (
            np.concatenate(found, axis=-2)
            for found in zip(*(m.closest(vertices) for m in self._meetings), strict=True)
        )  # (P, n), (3, P, n), (P, n)
        padded = np.concatenate([gap, np.full((1, gap.shape[1]), np.inf, np.float32)])
        of_columns = padded[self._columns]  # (C, most, n)
        nth = of_columns.argmin(axis=1)  # (C, n)
        least = np.take_along_axis(of_columns, nth[:, None], axis=1)[:, 0]
        point = np.take_along_axis(self._columns, nth, axis=1)  # (C, n)
        frame = np.arange(gap.shape[1])
        axis = normal[:, point, frame].transpose(2, 1, 0)  # (n, C, 3)
        number = place[point, frame] + self._first_place[point]
        return least.T, point.T, number.T, np.ascontiguousarray(axis)


def _goal(
    gaps: Float32[NDArray[np.float32], "n columns"],
    closure: Float32[NDArray[np.float32], " n"],
    pulled_from: Float32[NDArray[np.float32], "n 2"],
) -> Float32[NDArray[np.float32], "n columns"]:
    """mm that each column's gap is to be; the same number where it is right."""
    over = np.maximum(-FREE_DEPTH - gaps, 0)
    goal = np.where(over > 0, -FREE_DEPTH - GIVE * np.tanh(over / GIVE), gaps)
    sure = np.clip((closure - SURE[0]) / (SURE[1] - SURE[0]), 0, 1)
    first, last = pulled_from.T
    reached = np.clip((last - gaps.max(axis=1)) / (last - first), 0, 1)
    pull = (sure * reached)[:, None] * np.maximum(gaps + SHUT_DEPTH, 0)
    wanted: NDArray[np.float32] = (goal - pull).astype(np.float32)
    return wanted


def softness(file: FlameFile) -> Float32[NDArray[np.float32], "53 53"]:
    """Inverse of what a change of coefficients costs: how much it moves the face, mean square in mm.

    The eyes' surroundings and the forehead count `_UPPER_FACE` times, lips `_LIPS` times.
    """
    weight = np.zeros(len(file.v_template))
    weight[np.unique(file.faces)] = 1
    weight[file.masks["lips"]] = _LIPS
    weight[np.union1d(file.masks["eye_region"], file.masks["forehead"])] = _UPPER_FACE
    weighed = moves_of(HeadMesh(file)) * np.sqrt(weight)[:, None, None]
    flat = weighed.reshape(-1, MOTION_DIM)  # (3 V, 53)
    stiff = np.eye(MOTION_DIM) * _STIFFNESS**2
    stiff[EXPRESSION_DIM:, EXPRESSION_DIM:] /= 0.06**2  # radians that are as much as one unit of expression
    return np.linalg.inv(flat.T @ flat / np.count_nonzero(weight) + stiff).astype(np.float32)
