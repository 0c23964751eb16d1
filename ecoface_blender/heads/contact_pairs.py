"""Where a head's lips and lids meet, found in what its keys move: pairs of vertices, one above the other."""

from dataclasses import dataclass

import numpy as np

from .shape import HeadShape

STATIONS = np.linspace(-0.72, 0.72, 9)
"""Places of the lips' pairs, of half the mouth's width, from the right corner to the left."""
LID_STATIONS = np.linspace(-0.5, 0.5, 3)
_LIP_UNITS = (
    "mouthPucker", "mouthFunnel", "mouthSmile", "mouthStretch", "mouthFrown", "mouthUpperUp",
    "mouthLowerDown", "mouthRollUpper", "mouthRollLower", "mouthShrugUpper", "mouthShrugLower", "mouthPress",
)  # fmt: skip
_FOLLOWS = 0.35  # of the most that lip units move anything: less is teeth, tongue or cheek
_COST = 2.0  # of a distance between vertices that should touch, against one by which they part
_BLINKS = (0.6, 0.7, 0.8, 0.9, 1.0)  # at the first at which the lids meet they are shut
MET = 0.06
"""Of half an eye's width, within which lids are shut."""
_COLUMNS = 40
_REACH = 0.2  # of half the width: coarse lips have few vertices
_END = 0.12  # of the widest parting: further out the lips are one fold
_LEAST = 0.25  # of the same; pairs that part less are not the lips


@dataclass(frozen=True)
class Pairs:
    """Vertices that meet."""

    upper: np.ndarray
    """(P,)"""
    lower: np.ndarray
    """(P,)"""
    places: np.ndarray
    """(P,) -1..1 from the right corner to the left."""
    corners: np.ndarray
    """(2, 2): the outermost pair to the right and to the left."""
    half_width: float
    """From the middle to a corner, in units of the mesh."""
    shut: np.ndarray
    """(P,) height of the upper vertices over the lower ones where they touch."""
    parted: np.ndarray
    """(P,) how much further they are apart when wide open."""
    open_at_rest: bool = False
    """Of lips: they do not touch with all keys at 0."""

    @property
    def vertices(self) -> np.ndarray:
        """(2 P + 4,): upper ones, lower ones, corners."""
        return np.concatenate([self.upper, self.lower, self.corners.ravel()])


def find_lips(head: HeadShape) -> Pairs | None:
    """The inner lips' pairs; None for a head whose jaw parts no lips."""
    opened = head.opened()
    if opened is None or not np.any(opened):
        return None
    lips = np.flatnonzero(_lip_share(head) > _FOLLOWS)
    if len(lips) < 8:
        return None
    found = _pairs(lips, head.rest, head.rest + opened, STATIONS)
    if found is None:
        return None
    size = found.half_width
    rest = _heights(head.rest, found)
    ajar = bool(np.median(rest) > 0.12 * size)
    shut = np.zeros_like(rest) if ajar else rest
    return Pairs(**(vars(found) | {"shut": shut, "open_at_rest": ajar}))


def find_lids(head: HeadShape, side: str) -> Pairs | None:
    """The lids' pairs of one eye ("Left" or "Right"); None for a head that does not blink."""
    blink = head.offset(f"eyeBlink{side}")
    if blink is None or not np.any(blink):
        return None
    size = np.linalg.norm(blink, axis=1)
    moving = size > 0.02 * size.max()
    low, high = head.rest[moving].min(axis=0), head.rest[moving].max(axis=0)
    near = np.flatnonzero(((head.rest >= low) & (head.rest <= high)).all(axis=1) & _skin(head))
    for share in _BLINKS:
        pose = head.rest + share * blink
        found = _pairs(near, pose, head.rest, LID_STATIONS)
        if found is None:
            continue
        apart = np.linalg.norm(pose[found.upper] - pose[found.lower], axis=1)
        if share == _BLINKS[-1] or np.median(apart) < MET * found.half_width:
            return Pairs(**(vars(found) | {"shut": np.clip(_heights(pose, found), 0, None)}))
    return None


def _skin(head: HeadShape) -> np.ndarray:
    """(V,) what brows, squints or lids of the face move: no eyeball, and no lash that only blinks."""
    units = ["eyeSquint", "cheekSquint", "eyeWide"]
    found = [o for o in map(head.offset, units) if o is not None and np.any(o)]
    if not found:
        return np.ones(len(head.rest), dtype=bool)
    return np.sum([np.square(o).sum(axis=1) for o in found], axis=0) > 0


def _lip_share(head: HeadShape) -> np.ndarray:
    """(V,) 0..1, how much of what the lip units move most a vertex moves."""
    total = np.zeros(len(head.rest))
    for unit in _LIP_UNITS:
        offset = head.offset(unit)
        if offset is not None and np.any(offset):
            size = np.linalg.norm(offset, axis=1)
            total += size / size.max()
    return total / max(total.max(), 1e-12)


def _heights(points: np.ndarray, pairs: Pairs) -> np.ndarray:
    return points[pairs.upper, 1] - points[pairs.lower, 1]


def _pairs(chosen: np.ndarray, shut: np.ndarray, wide: np.ndarray, stations: np.ndarray) -> Pairs | None:
    """Of some vertices those that are together in one pose (V, 3) and apart in another."""
    x = shut[chosen, 0]
    edges = np.linspace(x.min(), x.max(), _COLUMNS + 1)
    reach = 0.75 * (edges[1] - edges[0])
    middles = (edges[1:] + edges[:-1]) / 2
    best = [_best_pair(chosen, shut, wide, middle, reach) for middle in middles]
    parting = np.array([0.0 if pair is None else pair[2] for pair in best])
    if parting.max() <= 0:
        return None
    span = np.flatnonzero(parting > _END * parting.max())
    right, left = best[span[0]], best[span[-1]]
    assert right is not None and left is not None, "they part"
    ends = [shut[list(pair[:2]), 0].mean() for pair in (right, left)]
    middle, half = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    if half <= 0:
        return None
    there = (_best_pair(chosen, shut, wide, middle + s * half, max(_REACH * half, reach)) for s in stations)
    parted_enough = [pair for pair in there if pair is not None and pair[2] > _LEAST * parting.max()]
    found = list(dict.fromkeys(parted_enough))
    if not found:
        return None
    upper, lower = (np.array([pair[k] for pair in found]) for k in (0, 1))
    places = ((shut[upper, 0] + shut[lower, 0]) / 2 - middle) / half
    heights = shut[upper, 1] - shut[lower, 1]
    parted = np.array([pair[2] for pair in found])
    corners = np.array([right[:2], left[:2]])
    return Pairs(upper, lower, places, corners, float(half), heights, parted)


def _best_pair(
    chosen: np.ndarray, shut: np.ndarray, wide: np.ndarray, middle: float, reach: float
) -> tuple[int, int, float] | None:
    """Upper and lower vertex of a column that part most for how near they were, and by how much."""
    column = chosen[np.abs(shut[chosen, 0] - middle) < reach]
    if len(column) < 2:
        return None
    rise = wide[column, 1] - shut[column, 1]
    above = rise > (rise.min() + rise.max()) / 2
    upper, lower = column[above], column[~above]
    if not len(upper) or not len(lower):
        return None
    distance = np.linalg.norm(shut[upper, None] - shut[None, lower], axis=-1)  # (upper, lower)
    aside = np.abs((shut[upper, None, 0] + shut[None, lower, 0]) / 2 - middle)
    parting = rise[above][:, None] - rise[~above][None]
    score = parting - _COST * (distance + aside)
    a, b = np.unravel_index(score.argmax(), score.shape)
    if score[a, b] <= 0:
        return None
    return int(upper[a]), int(lower[b]), float(parting[a, b])
