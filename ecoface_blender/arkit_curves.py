"""ARKit's 52 curves of a motion, with numpy alone: what `ecoface_model.transfer` computes beside torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .errors import EcoFaceBlenderError
from .jaw_keys import JAW, N_EXPRESSIONS, expression_directions

RIDGE = 2e-4
"""Of the mean unit's size: keeps units that do nearly the same from pulling against each other."""
SWEEPS = 400
CONVERGED = 2e-5  # largest change of a weight in a sweep


@dataclass(frozen=True)
class ArkitUnits:
    """The units of one head, prepared for many motions."""

    names: tuple[str, ...]
    """52, as Apple spells them."""
    coefficients: np.ndarray
    """(52, 53): each unit at 1 as a motion."""
    gram: np.ndarray
    """(51, 51): units times units, without jawOpen, which is read off the jaw."""
    products: np.ndarray
    """(51, 53): units times what each number of a motion moves."""

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
        others = [index for index, name in enumerate(names) if name != "jawOpen"]
        flat = np.asarray(units, dtype=np.float64)[others].reshape(len(others), -1)
        gram = flat @ flat.T
        gram[np.diag_indices_from(gram)] += RIDGE * np.trace(gram) / len(gram)
        coefficients = np.asarray(head["arkit_coefficients"], dtype=np.float64)
        return cls(names, coefficients, gram, flat @ _directions(head))

    def curves(self, motion: np.ndarray) -> np.ndarray:
        """Weights (T, 52) in 0..1 of a motion (T, 53).

        jawOpen is read off the jaw's rotation. The others are the bounded least squares of all vertices'
        displacements, expression and what is left of the jaw's turn together.
        """
        opening = self.names.index("jawOpen")
        turn = self.coefficients[opening, N_EXPRESSIONS:]
        expression, jaw = motion[:, :N_EXPRESSIONS], motion[:, N_EXPRESSIONS:]
        jaw_open = np.clip(jaw @ turn / (turn @ turn), 0, 1)
        rest = np.hstack([expression, jaw - jaw_open[:, None] * turn])
        weights = bounded_least_squares(self.gram, rest @ self.products.T)
        return np.insert(weights, opening, jaw_open, axis=1)


def bounded_least_squares(gram: np.ndarray, products: np.ndarray) -> np.ndarray:
    """Weights (T, n) in 0..1 that minimise |sum_k w_k u_k - d|^2, for all frames at once.

    Coordinate descent: each weight in turn takes its best value, the others held. `gram` (n, n) is u_i . u_j,
    `products` (T, n) is d . u_k of every frame.
    """
    weights = np.zeros(products.T.shape)  # (n, T)
    slope = np.ascontiguousarray(products.T, dtype=np.float64)  # what is left to explain
    for _ in range(SWEEPS):
        largest = 0.0
        for k in range(len(weights)):
            value = np.clip(weights[k] + slope[k] / gram[k, k], 0.0, 1.0)
            change = value - weights[k]
            if not change.any():
                continue
            largest = max(largest, float(np.abs(change).max()))
            weights[k] = value
            slope -= np.outer(gram[:, k], change)
        if largest < CONVERGED:
            break
    return weights.T


def _directions(head: Mapping[str, np.ndarray]) -> np.ndarray:
    """Displacements (3 V, 53) per unit of each number of a motion, at rest."""
    template = head["v_template"].astype(np.float64)
    arms = template - head["J_regressor"][JAW] @ template
    turns = [np.cross(axis, arms) * head["weights"][:, JAW, None] for axis in np.eye(3)]
    expressions = expression_directions(head).reshape(-1, N_EXPRESSIONS)
    return np.column_stack([expressions, *(turn.ravel() for turn in turns)]).astype(np.float64)
