"""ARKit's 52 curves of a motion, with numpy alone: what `ecoface_model.transfer` computes beside torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import EcoFaceBlenderError
from .jaw_shape_keys import N_EXPRESSIONS, expression_directions, term_products, terms

UPPER_INNER, LOWER_INNER = [61, 62, 63], [67, 66, 65]
"""Inner-lip landmarks (iBUG) that face one another."""
LIPS = 5.0  # weight of a lip vertex's squared distance against any other vertex's
PAIRS = 1000.0  # weight of the squared height between inner lips that face one another, likewise
RIDGE = 2e-4
"""Of the mean unit's size: keeps units that do nearly the same from pulling against each other."""
STIFFNESS = 0.1  # of the splitting in `bounded_least_squares`, for units of size 1; changes its speed alone
ROUNDS = 400
CONVERGED = 5e-6  # largest change of a weight in a round; numbers here are of single precision
CHUNK = 4096  # frames that are solved together


@dataclass(frozen=True)
class Poses:
    """Poses of one head in which motions can be expressed: the units of ARKit, or visemes made of them."""

    gram: np.ndarray
    """(n, n): poses times poses, lips and their opening weighed."""
    expressions: np.ndarray
    """(50, n): expression directions times poses."""
    turns: np.ndarray
    """(N_TERMS, n): what the jaw's turning adds, times poses."""

    @classmethod
    def of(cls, head: Mapping[str, np.ndarray], offsets: np.ndarray) -> "Poses":
        """Poses with these displacements (n, V, 3) of a head's vertices."""
        flat = offsets.reshape(len(offsets), -1).astype(np.float64)
        weight = np.ones(head["v_template"].shape)
        weight[np.asarray(head.get("mask_lips", ()), dtype=int)] = LIPS
        pairs = lip_pairs(head)
        metric = flat * weight.ravel() + PAIRS * (flat @ pairs.T) @ pairs
        gram = metric @ flat.T
        gram[np.diag_indices_from(gram)] += RIDGE * np.square(flat).sum() / len(flat)
        expressions = expression_directions(head).reshape(-1, N_EXPRESSIONS).astype(np.float64)
        return cls(gram, expressions.T @ metric.T, term_products(head, metric.reshape(offsets.shape)))

    def products(self, motion: np.ndarray) -> np.ndarray:
        """The exact displacements of a motion (T, 53) times the poses, (T, n)."""
        expression, jaw = motion[:, :N_EXPRESSIONS], motion[:, N_EXPRESSIONS:]
        return expression @ self.expressions + terms(expression, jaw) @ self.turns


@dataclass(frozen=True)
class ArkitUnits:
    """The units of one head, prepared for many motions."""

    names: tuple[str, ...]
    """52, as Apple spells them."""
    turn: np.ndarray
    """(3,): the jaw's rotation of jawOpen at 1."""
    poses: Poses
    """All 52."""

    @classmethod
    def of(cls, head: Mapping[str, np.ndarray]) -> "ArkitUnits":
        """The units of a head's arrays.

        Raises:
            EcoFaceBlenderError: if it has none.
        """
        names = tuple(str(name) for name in head.get("arkit_names", ()))
        units = head.get("arkit_units", ())
        if "jawOpen" not in names or len(units) != len(names):
            raise EcoFaceBlenderError(
                f"Expected ARKit units with the head '{head['name']}', found none; use EcoFace's own head."
            )
        turn = np.asarray(head["arkit_coefficients"], np.float64)[names.index("jawOpen"), N_EXPRESSIONS:]
        return cls(names, turn, Poses.of(head, units))

    def curves(self, motion: np.ndarray) -> np.ndarray:
        """Weights (T, 52) in 0..1 of a motion (T, 53).

        jawOpen is read off the jaw's rotation. The others are the bounded least squares of all vertices'
        exact displacements, less what jawOpen moves.
        """
        opening = self.names.index("jawOpen")
        others = np.delete(np.arange(len(self.names)), opening)
        jaw_open = np.clip(motion[:, N_EXPRESSIONS:] @ self.turn / (self.turn @ self.turn), 0, 1)
        gram = self.poses.gram
        left = self.poses.products(motion)[:, others] - np.outer(jaw_open, gram[opening, others])
        weights = bounded_least_squares(gram[np.ix_(others, others)], left)
        return np.insert(weights, opening, jaw_open, axis=1)


def lip_pairs(head: Mapping[str, np.ndarray]) -> np.ndarray:
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


def bounded_least_squares(gram: np.ndarray, products: np.ndarray) -> np.ndarray:
    """Weights (T, n) in 0..1 that minimise |sum_k w_k u_k - d|^2, for all frames at once.

    By the alternating direction method of multipliers, whose every round is one product of matrices. `gram`
    (n, n) is u_i . u_j, `products` (T, n) is d . u_k of every frame.
    """
    size = np.sqrt(np.diag(gram))
    inverse = np.linalg.inv(gram / np.outer(size, size) + STIFFNESS * np.eye(len(gram)))
    step, limit = (STIFFNESS * inverse).astype(np.float32), size.astype(np.float32)
    weights = np.empty(products.shape)
    for first in range(0, len(products), CHUNK):
        best = (products[first : first + CHUNK] / size @ inverse).astype(np.float32)
        within, price = np.zeros_like(best), np.zeros_like(best)  # both of weights times their unit's size
        for number in range(ROUNDS):
            price += 1.7 * (best + (within - price) @ step) - 0.7 * within  # 1.7: over-relaxed
            before, within = within, np.clip(price, 0, limit)
            price -= within
            if number % 10 == 9 and np.abs((within - before) / limit).max() < CONVERGED:
                break
        weights[first : first + CHUNK] = within / limit
    return weights
