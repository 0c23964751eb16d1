"""Least change within bounds: many small convex problems at once, one for each frame."""

from dataclasses import dataclass

import numpy as np

ROUNDS = 150
HALVINGS = 4
CONVERGED = 1e-5  # largest change of a weight in a round
CHUNK = 1024  # frames that are solved together


@dataclass(frozen=True)
class Rows:
    """What is asked of linear functions of the weights: to lie in intervals, or as near as the rest lets."""

    directions: np.ndarray
    """(m, n)"""
    low: np.ndarray
    """(T, m)"""
    high: np.ndarray
    """(T, m)"""
    price: np.ndarray
    """(T, m) of the squared distance from the interval."""

    def part(self, chosen: slice | np.ndarray) -> "Rows":
        """The same for some of the frames."""
        return Rows(self.directions, self.low[chosen], self.high[chosen], self.price[chosen])


def least_change(metric: np.ndarray, nominal: np.ndarray, upper: np.ndarray, rows: Rows) -> np.ndarray:
    """Weights x (T, n) in 0..`upper` with the least (x - nominal)' metric (x - nominal) + price of the rows.

    By Newton's method on the weights that are not held by their bounds, halving steps that do not lower the
    cost; frames that get stuck go on weight by weight. The cost is strictly convex: a frame has one answer,
    which depends continuously on what is asked.
    """
    out = np.clip(nominal, 0, upper)
    for first in range(0, len(nominal), CHUNK):
        frames = np.arange(first, min(first + CHUNK, len(nominal)))
        for _ in range(ROUNDS):
            before = out[frames]
            out[frames] = _round(metric, nominal[frames], upper, rows.part(frames), before)
            frames = frames[np.abs(out[frames] - before).max(axis=1) > CONVERGED]
            if not len(frames):
                break
    return out


def _round(
    metric: np.ndarray, nominal: np.ndarray, upper: np.ndarray, rows: Rows, x: np.ndarray
) -> np.ndarray:
    """One step of all frames."""
    change = x - nominal
    value = x @ rows.directions.T
    off = value - np.clip(value, rows.low, rows.high)  # (T, m)
    gradient = change @ metric + (rows.price * off) @ rows.directions
    held = ((x <= 0) & (gradient > 0)) | ((x >= upper) & (gradient < 0))
    n = len(metric)
    squares = np.einsum("ma,mb->mab", rows.directions, rows.directions).reshape(-1, n * n)
    curvature = ((rows.price * (off != 0)) @ squares).reshape(-1, n, n) + metric
    curvature *= ~held[:, :, None] & ~held[:, None, :]
    curvature[:, np.arange(n), np.arange(n)] += held
    step = -np.linalg.solve(curvature, np.where(held, 0, gradient)[..., None])[..., 0]
    best, before = x.copy(), _cost(metric, nominal, rows, x)
    waiting = np.arange(len(x))
    for _ in range(HALVINGS):
        tried = np.clip(x[waiting] + step[waiting], 0, upper)
        better = _cost(metric, nominal[waiting], rows.part(waiting), tried) < before[waiting]
        best[waiting[better]] = tried[better]
        waiting = waiting[~better]
        if not len(waiting):
            return best
        step[waiting] /= 2
    best[waiting] = _sweep(metric, nominal[waiting], upper, rows.part(waiting), x[waiting])
    return best


def _sweep(
    metric: np.ndarray, nominal: np.ndarray, upper: np.ndarray, rows: Rows, x: np.ndarray
) -> np.ndarray:
    """One weight after the other to where it costs less, where bounds turn Newton's steps away."""
    x = x.copy()
    squares = rows.price @ np.square(rows.directions) + np.diag(metric)  # (T, n) at least the curvature
    for k in range(x.shape[1]):
        value = x @ rows.directions.T
        off = value - np.clip(value, rows.low, rows.high)
        slope = (x - nominal) @ metric[:, k] + (rows.price * off) @ rows.directions[:, k]
        x[:, k] = np.clip(x[:, k] - slope / squares[:, k], 0, upper[k])
    return x


def _cost(metric: np.ndarray, nominal: np.ndarray, rows: Rows, x: np.ndarray) -> np.ndarray:
    """(T,)"""
    change = x - nominal
    value = x @ rows.directions.T
    off = value - np.clip(value, rows.low, rows.high)
    return ((change @ metric) * change).sum(axis=1) + (rows.price * off**2).sum(axis=1)
