"""Lips of the reference head closed in a motion by the least that does it: jaw and lip units. Pure numpy."""

from collections.abc import Mapping

import numpy as np

from ..core.constants import EXPRESSION_DIM
from .reference import ReferenceMouth

_PRICES = {
    "mouthClose": 0.6, "mouthUpperUpLeft": 0.5, "mouthUpperUpRight": 0.5, "mouthLowerDownLeft": 0.5,
    "mouthLowerDownRight": 0.5, "mouthShrugUpper": 1.5, "mouthShrugLower": 1.0, "mouthFunnel": 1.0,
}  # fmt: skip
"""Units that part the lips or bring them together, and what a whole one costs."""
_JAW = 0.35  # what it costs to shut all of what the jaw is open
_DAMPING = 2e-5  # half widths squared: of a gap that may be left for what a change of 1 costs
_STEP = 0.05  # of a unit, to see what it does
_ROUNDS = 6


def close(mouth: ReferenceMouth, units: Mapping[str, np.ndarray], motion: np.ndarray) -> np.ndarray:
    """One frame of a motion (53,) with its lips shut; pairs that touch already stay as they are.

    Least squares on the gaps of the lips' pairs, linearised anew in each round (Gauss and Newton's method,
    damped as Levenberg's).

    Args:
        units: coefficients (53,) of ARKit's units, by name.
    """
    names = [name for name in _PRICES if name in units]
    directions = np.stack([*(units[name] for name in names), _jaw_alone(motion)])  # (n, 53)
    prices = np.diag(np.square([*(_PRICES[name] for name in names), _JAW]))
    goal = np.minimum(mouth.measure(motion[None]).gaps[0], 0)
    amounts = np.zeros(len(directions))
    for _ in range(_ROUNDS):
        tried = motion + np.vstack([amounts, amounts + _STEP * np.eye(len(amounts))]) @ directions
        gaps = mouth.measure(tried).gaps  # (1 + n, P)
        slope = (gaps[1:] - gaps[0]) / _STEP  # (n, P)
        wrong = gaps[0] - goal
        pull = slope @ slope.T + _DAMPING * prices
        change = -np.linalg.solve(pull, slope @ wrong + _DAMPING * prices @ amounts)
        jaw = np.clip(amounts[-1] + change[-1], 0, 1) - amounts[-1]
        if jaw != change[-1]:  # it shuts no further: the lips do the rest
            left = slope[:-1] @ (wrong + jaw * slope[-1]) + _DAMPING * prices[:-1, :-1] @ amounts[:-1]
            change = np.append(-np.linalg.solve(pull[:-1, :-1], left), jaw)
        amounts = amounts + change
    closed: np.ndarray = motion + amounts @ directions
    return closed


def _jaw_alone(motion: np.ndarray) -> np.ndarray:
    """(53,) that takes away all of the jaw's opening; nothing of a jaw that is shut."""
    out = np.zeros_like(motion)
    out[EXPRESSION_DIM] = -max(motion[EXPRESSION_DIM], 0)
    return out
