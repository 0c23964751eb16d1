"""Lips that touch at rest from one corner of the mouth to the other.

hm08's touch at two places on either side and leave half a millimetre between them elsewhere: a smile, which
presses the middle shut, leaves a dotted line of teeth. Here each place along the seam is closed by what is
open there, half by either lip, and runs out over its height.
"""

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from training.head.source import Bools, Floats, Ints
from training.head.surface import Surface, SurfacePoint, edges_of, smoothstep

UPPER, LOWER = 520, 523
"""hm08's vertices in the middle of either lip, where they meet."""
LEFT = 0.00005  # m between lips at rest: they go into one another nowhere
REACH = (0.0015, 0.0085)  # m from the seam: up to here a lip goes with it whole, from there on it stays
HALF, STEP = 0.0225, 0.00075  # m: of the seam's length, and between the places along it
DEEP = 0.0005  # m of depth that lips are looked at in at once
AROUND = ((-0.026, 0.026), (-0.045, -0.014), (0.080, 0.112))
"""m: of the lips from side to side, in height and depth."""
EVEN = np.array([0.25, 0.5, 0.25])
ROUNDS = 12
ROUND = (0.002, 0.006)  # m from a corner: up to here skin is made even, from there on it is as it was
TIMES, PART = 12, 0.5  # how often, and how far towards the mean of its neighbours
WITHIN = 0.002  # m over the seam, within the upper lip
_SAMPLES = 8  # of a triangle's edge


def lips_shut(at: Floats, faces: Ints, upper: int, lower: int) -> Floats:
    """Offsets (V, 3), m, of skin at `at` (V, 3); `upper` and `lower` are vertices of it on either lip."""
    near = _near(at)[faces].all(axis=1)
    side = _sides(at, faces[near], upper, lower)  # (V,) 1 upper, -1 lower, 0 neither
    x = np.arange(-HALF, HALF + STEP / 2, STEP)
    out = np.zeros_like(at)
    for _ in range(ROUNDS):
        gaps, seam = _gaps(at + out, faces[near], side, x)
        shift = np.convolve(np.pad(gaps - LEFT, 1, mode="edge"), EVEN, "valid")
        shift = (shift + shift[::-1]) / 2
        chosen = np.flatnonzero(side)
        away = cKDTree(seam).query((at + out)[chosen])[0]
        along = np.interp(at[chosen, 0], x, shift)
        out[chosen, 1] -= side[chosen] / 2 * along * (1 - smoothstep(away, *REACH))
    return out


def underside(surface: Surface, upper: int, lower: int, x: float, depth: float) -> SurfacePoint:
    """The upper lip's point over the seam at x and `depth`, m."""
    at, faces = surface.vertices, surface.faces
    near = np.flatnonzero(_near(at)[faces].all(axis=1))
    side = _sides(at, faces[near], upper, lower)
    own = near[(side[faces[near]] == 1).all(axis=1)]
    origin = np.array([x, at[upper, 1] + WITHIN, depth])
    hit = Surface(at, faces[own]).hit(origin, np.array([0.0, -1.0, 0.0]))
    return SurfacePoint(int(own[hit.face]), hit.barycentric)


def corners_round(at: Floats, faces: Ints, corner: tuple[float, float, float]) -> Floats:
    """Offsets (V, 3), m, by which the skin folds evenly at the mouth's corners: hm08's ridge there shines."""
    mirrored = np.c_[np.abs(at[:, 0]), at[:, 1:]]
    share = 1 - smoothstep(np.linalg.norm(mirrored - corner, axis=1), *ROUND)
    chosen = faces[(share[faces] > 0).any(axis=1)]
    ends = edges_of(chosen)
    ends = np.concatenate([ends, ends[:, ::-1]])
    links = sparse.csr_matrix((np.ones(len(ends)), ends.T), (len(at), len(at)))
    count = np.asarray(links.sum(axis=1))
    out = np.zeros_like(at)
    for _ in range(TIMES):
        mean = links @ (at + out) / np.maximum(count, 1)
        out += PART * share[:, None] * np.where(count > 0, mean - at - out, 0)
    return out


def _near(at: Floats) -> Bools:
    low, high = np.array(AROUND).T
    out: Bools = ((at > low) & (at < high)).all(axis=1)
    return out


def _sides(at: Floats, faces: Ints, upper: int, lower: int) -> Ints:
    """Which lip each vertex (V,) is nearer to along the surface: 1 the upper, -1 the lower, 0 unreached."""
    edges = edges_of(faces)
    length = np.linalg.norm(at[edges[:, 0]] - at[edges[:, 1]], axis=1)
    graph = sparse.csr_matrix((length, edges.T), (len(at), len(at)))
    to_upper, to_lower = dijkstra(graph, directed=False, indices=[upper, lower])
    reached = np.isfinite(to_upper) & np.isfinite(to_lower)
    out: Ints = np.where(reached, np.where(to_upper < to_lower, 1, -1), 0)
    return out


def _gaps(at: Floats, faces: Ints, side: Ints, x: Floats) -> tuple[Floats, Floats]:
    """Height (C,), m, between the lips at each x (C,) where they are closest, and that place (C, 3)."""
    first, second = np.divmod(np.arange(_SAMPLES**2), _SAMPLES)
    kept = first + second < _SAMPLES
    shares = np.c_[first, second, _SAMPLES - 1 - first - second][kept] / (_SAMPLES - 1)
    depths = np.arange(AROUND[2][0], AROUND[2][1], DEEP)
    height = {}
    for lip in (1, -1):
        own = faces[(side[faces] == lip).all(axis=1)]
        points = np.einsum("sk,fkx->fsx", shares, at[own]).reshape(-1, 3)
        column = np.rint((points[:, 0] - x[0]) / STEP).astype(int)
        row = np.rint((points[:, 2] - depths[0]) / DEEP).astype(int)
        inside = (column >= 0) & (column < len(x)) & (row >= 0) & (row < len(depths))
        grid = np.full((len(x), len(depths)), np.inf)
        np.minimum.at(grid, (column[inside], row[inside]), lip * points[inside, 1])
        height[lip] = lip * grid
    gap = height[1] - height[-1]  # inf where one of them is not
    nearest = gap.argmin(axis=1)
    least = gap[np.arange(len(x)), nearest]
    known = np.flatnonzero(np.isfinite(least))
    middle = height[-1][known, nearest[known]] + least[known] / 2
    gaps = np.full(len(x), LEFT)
    gaps[known] = least[known]
    return gaps, np.c_[x[known], middle, depths[nearest[known]]]
