"""Fewer keys within a stated error on the mesh: which keys of linear curves are needed. numpy only."""

import heapq

import numpy as np

STEPS = 10  # halvings, on a scale of ratios, in the search for the fewest keys
SAMPLE = 16  # every so many vertices stand for all in the search; the result is held by all of them
MARGIN = 0.98
PART = 64  # frames whose vertices are held at once


def needed_keys(values: np.ndarray, offsets: np.ndarray, tolerance: float) -> tuple[np.ndarray, float]:
    """Which keys (T, K) linear curves (T, K) need, and the error that is left.

    Each curve keeps its own keys. No vertex, moved by all curves together, is ever farther than `tolerance`
    from where all keys would have it: curves are straight between frames, so the frames are where the error
    is largest.

    Args:
        values: (T, K) of the shape keys.
        offsets: (K, V, 3) what each moves at value 1, in the unit of `tolerance`.
    """
    reach = np.linalg.norm(offsets, axis=2)  # (K, V)
    worth = np.stack([_worth(curve) for curve in values.T], axis=1) * reach.max(axis=1)  # (T, K)
    worth[[0, -1]] = np.inf
    some = np.union1d(reach.argmax(axis=1), np.arange(0, offsets.shape[1], SAMPLE))
    goal = tolerance
    while goal > tolerance / 10:
        kept = _fewest(values, worth, offsets[:, some], goal)
        error = _error(values, kept, offsets)
        if error <= tolerance:
            return kept, error
        goal *= MARGIN * tolerance / error
    kept = worth > 0  # all that are not on a straight line
    return kept, _error(values, kept, offsets)


def joint_keys(values: np.ndarray, tolerance: float) -> np.ndarray:
    """Rows (n,) of linear curves (T, K) that are needed as keys of all curves, the first and last always.

    Between them no curve is ever farther than `tolerance` from a straight line. As Douglas and Peucker.
    """
    kept, waiting = {0, len(values) - 1}, [(0, len(values) - 1)]
    while waiting:
        first, last = waiting.pop()
        inside = np.arange(first + 1, last)
        share = ((inside - first) / max(1, last - first))[:, None]
        away = np.abs(values[inside] - (1 - share) * values[first] - share * values[last]).max(axis=1)
        if away.max(initial=0) > tolerance:
            at = first + 1 + int(away.argmax())
            kept.add(at)
            waiting += [(first, at), (at, last)]
    return np.array(sorted(kept))


def _fewest(values: np.ndarray, worth: np.ndarray, offsets: np.ndarray, tolerance: float) -> np.ndarray:
    """The keys worth more than a threshold, the highest that is found to keep within the tolerance."""
    best = worth > 0
    low, high = tolerance / 50, max(tolerance, worth[np.isfinite(worth)].max(initial=0) * 1.01)
    for _ in range(STEPS):
        middle = float(np.sqrt(low * high))
        kept = worth > middle
        if _error(values, kept, offsets) <= tolerance:
            best, low = kept, middle
        else:
            high = middle
    return best


def _worth(curve: np.ndarray) -> np.ndarray:
    """(T,): the error below which each key of a curve is needed; its ends, needed always, are left at 0.

    As Douglas and Peucker: the key farthest from the straight line goes first, then both sides of it.
    """
    worth = np.zeros(len(curve))
    waiting = [(-np.inf, 0, len(curve) - 1)]
    while waiting:
        above, first, last = heapq.heappop(waiting)
        if last - first < 2:
            continue
        inside = np.arange(first + 1, last)
        line = curve[first] + (curve[last] - curve[first]) * (inside - first) / (last - first)
        away = np.abs(curve[inside] - line)
        farthest = int(away.argmax())
        if away[farthest] < 1e-7 * (1 + np.abs(curve[inside]).max()):  # straight, but for rounding
            continue
        at = first + 1 + farthest
        worth[at] = min(away[farthest], -above)  # never more than the key that made this side
        heapq.heappush(waiting, (-worth[at], first, at))
        heapq.heappush(waiting, (-worth[at], at, last))
    return worth


def _error(values: np.ndarray, kept: np.ndarray, offsets: np.ndarray) -> float:
    """How far any vertex is, at most, from where all keys would have it."""
    time = np.arange(len(values))
    shown = np.stack(
        [np.interp(time, time[k], curve[k]) for k, curve in zip(kept.T, values.T, strict=True)], axis=1
    )
    away, largest = (shown - values).astype(np.float32), 0.0
    flat = offsets.reshape(len(offsets), -1).astype(np.float32)
    for part in range(0, len(away), PART):
        moved = (away[part : part + PART] @ flat).reshape(-1, offsets.shape[1], 3)
        largest = max(largest, float(np.linalg.norm(moved, axis=2).max()))
    return largest
