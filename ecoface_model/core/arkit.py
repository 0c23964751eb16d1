"""ARKit's 52 curves of a motion, and any other poses that its displacements are made of; numpy alone.

A head is a mapping of arrays by the names of our .npz (`FlameFile.arrays`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .constants import EXPRESSION_DIM, LOWER_INNER, UPPER_INNER
from .errors import HeadError
from .head_file import FlameFile
from .head_pose import eye_units, lid_follow
from .jaw_skinning import expression_directions, term_products, terms
from .motion_file import FlameMotion, check_head

Array = NDArray[Any]

LIPS = 5.0  # weight of a lip vertex's squared distance against any other vertex's
PAIRS = 1000.0  # weight of the squared height between inner lips that face one another, likewise
RIDGE = 2e-4
"""Of the mean unit's size: keeps units that do nearly the same from pulling against each other."""
STIFFNESS = 0.1  # of the splitting in `bounded_least_squares`, for units of size 1; changes its speed alone
ROUNDS = 400
CONVERGED, CONVERGED_SINGLE = 1e-6, 5e-6  # largest change of a weight in a round
CHUNK = 4096  # frames that are solved together


def to_arkit(motion: FlameMotion, head: FlameFile) -> NDArray[np.float32]:
    """ARKit weights (T, 52) in 0..1, in the order of `head.arkit_names`: see `ArkitUnits.curves`.

    Where the motion has a gaze, the eyeLook units are that gaze's.

    Raises:
        MotionError: if the motion belongs to another head.
        HeadError: if the head has no ARKit units, or no landmarks to find its lips by.
    """
    check_head(motion, head.name)
    units = ArkitUnits.of(head.arrays())
    require_landmarks(head)
    return units.curves(motion.motion.astype(np.float64), gaze=motion.gaze).astype(np.float32)


@dataclass(frozen=True)
class Poses:
    """Poses of one head in which motions can be expressed: the units of ARKit, or visemes made of them."""

    gram: Array
    """(n, n): poses times poses, lips and their opening weighed."""
    expressions: Array
    """(50, n): expression directions times poses."""
    turns: Array
    """(N_TERMS, n): what the jaw's turning adds, times poses."""

    @classmethod
    def of(cls, head: Mapping[str, Array], offsets: Array) -> "Poses":
        """Poses with these displacements (n, V, 3) of a head's vertices."""
        flat = offsets.reshape(len(offsets), -1).astype(np.float64)
        weight = np.ones(head["v_template"].shape)
        weight[np.asarray(head.get("mask_lips", ()), dtype=int)] = LIPS
        pairs = lip_pairs(head)
        metric = flat * weight.ravel() + PAIRS * (flat @ pairs.T) @ pairs
        gram = metric @ flat.T
        gram[np.diag_indices_from(gram)] += RIDGE * np.square(flat).sum() / len(flat)
        expressions = expression_directions(head).reshape(-1, EXPRESSION_DIM).astype(np.float64)
        return cls(gram, expressions.T @ metric.T, term_products(head, metric.reshape(offsets.shape)))

    def products(self, motion: Array) -> Array:
        """The exact displacements of a motion (T, 53) times the poses, (T, n)."""
        expression, jaw = motion[:, :EXPRESSION_DIM], motion[:, EXPRESSION_DIM:]
        return expression @ self.expressions + terms(expression, jaw) @ self.turns


@dataclass(frozen=True)
class ArkitUnits:
    """The units of one head, prepared for many motions."""

    names: tuple[str, ...]
    """52, as Apple spells them."""
    turn: Array
    """(3,): the jaw's rotation of jawOpen at 1."""
    poses: Poses
    """All 52."""

    @classmethod
    def of(cls, head: Mapping[str, Array]) -> "ArkitUnits":
        """The units of a head's arrays.

        Raises:
            HeadError: if it has none.
        """
        names = tuple(str(name) for name in head.get("arkit_names", ()))
        units = head.get("arkit_units", np.zeros(0))
        if "jawOpen" not in names or len(units) != len(names):
            raise HeadError(
                f"expected ARKit units with the head '{head['name']}', found none; use EcoFace's own head"
            )
        turn = np.asarray(head["arkit_coefficients"], np.float64)[names.index("jawOpen"), EXPRESSION_DIM:]
        return cls(names, turn, Poses.of(head, units))

    def curves(self, motion: Array, *, single: bool = False, gaze: Array | None = None) -> Array:
        """Weights (T, 52) in 0..1 of a motion (T, 53).

        jawOpen is read off the jaw's rotation. The others are the bounded least squares of all vertices'
        exact displacements, less what jawOpen moves. Lips count for more, and how far they are open for
        most. In single precision it is twice as fast and 1e-3 less exact.

        With a gaze (T, 2), the eyeLook units are that gaze's alone, and what of the lids' motion follows it
        (`lid_follow`) is left to them.
        """
        jaw_open = np.clip(motion[:, EXPRESSION_DIM:] @ self.turn / (self.turn @ self.turn), 0, 1)
        known = {"jawOpen": jaw_open}
        gram = self.poses.gram
        products = self.poses.products(motion) - np.outer(jaw_open, gram[self.names.index("jawOpen")])
        if gaze is not None:
            known |= {name: curve for name, curve in eye_units(gaze).items() if name in self.names}
            lids = [k for k, name in enumerate(self.names) if name.startswith("eyeBlink")]
            products -= np.outer(lid_follow(gaze), gram[lids].sum(axis=0))
        fixed = np.array([self.names.index(name) for name in known])
        others = np.delete(np.arange(len(self.names)), fixed)
        weights = np.empty((len(motion), len(self.names)))
        weights[:, fixed] = np.stack(list(known.values()), axis=1)
        weights[:, others] = bounded_least_squares(
            gram[np.ix_(others, others)], products[:, others], single=single
        )
        return weights


def lip_pairs(head: Mapping[str, Array]) -> Array:
    """Rows (3, 3 V) that give of vertices the heights between inner lips that face one another.

    They are zero for a head without landmarks.
    """
    rows = np.zeros((len(UPPER_INNER), *head["v_template"].shape))
    if not len(head.get("landmark_faces", ())):
        return rows.reshape(len(rows), -1)
    for row, upper, lower in zip(rows, UPPER_INNER, LOWER_INNER, strict=True):
        for sign, landmark in ((1, upper), (-1, lower)):
            corners = head["faces"][head["landmark_faces"][landmark]]
            np.add.at(row[:, 1], corners, sign * head["landmark_barycentric"][landmark])
    return rows.reshape(len(rows), -1)


def require_landmarks(head: FlameFile) -> None:
    """See that lips can be found on a head.

    Raises:
        HeadError: if they cannot.
    """
    if not head.has_landmarks:
        raise HeadError(
            f"expected landmarks with the head '{head.name}', found none; put flame_static_embedding.pkl"
            " beside the FLAME file"
        )


def bounded_least_squares(gram: Array, products: Array, *, single: bool = False) -> Array:
    """Weights (T, n) in 0..1 that minimise |sum_k w_k u_k - d|^2, for all frames at once.

    By the alternating direction method of multipliers, whose every round is one product of matrices. `gram`
    (n, n) is u_i . u_j, `products` (T, n) is d . u_k of every frame.
    """
    number, converged = (np.float32, CONVERGED_SINGLE) if single else (np.float64, CONVERGED)
    size = np.sqrt(np.diag(gram))
    inverse = np.linalg.inv(gram / np.outer(size, size) + STIFFNESS * np.eye(len(gram)))
    step, limit = (STIFFNESS * inverse).astype(number), size.astype(number)
    weights = np.empty(products.shape)
    for first in range(0, len(products), CHUNK):
        best = (products[first : first + CHUNK] / size @ inverse).astype(number)
        within, price = np.zeros_like(best), np.zeros_like(best)  # both of weights times their unit's size
        for n_rounds in range(ROUNDS):
            price += 1.7 * (best + (within - price) @ step) - 0.7 * within  # 1.7: over-relaxed
            before, within = within, np.clip(price, 0, limit)
            price -= within
            if n_rounds % 10 == 9 and np.abs((within - before) / limit).max() < converged:
                break
        weights[first : first + CHUNK] = within / limit
    return weights
