"""Brows, lashes and the water along lower lids: narrow ribbons as points and faces in numpy, no bpy."""

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

import numpy as np

SEGMENTS = 4  # of a strand, from root to tip
N_BROW = 420  # hairs of one brow
N_LASHES = (84, 46)  # of one eye's upper and lower lid
BROW_WIDTH, LASH_WIDTH = 0.00010, 0.00017  # metres at the root
BROW_LENGTH = (0.0045, 0.0085)  # metres, at both ends of the brow and in its middle
UPPER_LENGTH, LOWER_LENGTH = 0.0072, 0.0042
N_TEARS, TEAR, TEAR_ENDS = 24, 0.0006, (0.10, 0.97)
"""Pieces of one eye's film of water, its width in metres, and where along the rim it begins and ends."""
_AROUND = np.array([0.017, 0.006, 0.010])  # metres from a lid's middle within which its rim is looked for
EYES = (range(42, 48), range(36, 42))
"""Landmarks around the left eye, from its inner corner, and the right, from its outer, upper lid first."""


@dataclass(frozen=True)
class Strands:
    """Ribbons as one mesh; FLAME's axes, metres."""

    points: np.ndarray
    """(S, SEGMENTS + 1, 2, 3): both edges of each strand from root to tip."""
    roots: np.ndarray
    """(S, 3) vertices of the head around each root: a strand moves as their triangle does."""
    shares: np.ndarray
    """(S, 3) of these at the root."""

    @property
    def vertices(self) -> np.ndarray:
        """(V, 3)."""
        return self.points.reshape(-1, 3)

    @property
    def faces(self) -> np.ndarray:
        """(F, 4)."""
        rows = np.arange(len(self.points) * (SEGMENTS + 1)).reshape(len(self.points), -1) * 2
        a, b = rows[:, :-1], rows[:, 1:]
        return np.stack([a, a + 1, b + 1, b], axis=-1).reshape(-1, 4)


def joined(*parts: Strands) -> Strands:
    """All of them."""
    fields = zip(*((part.points, part.roots, part.shares) for part in parts), strict=True)
    return Strands(*map(np.concatenate, fields))


def in_triangles(made: Strands, at: np.ndarray) -> np.ndarray:
    """(V, 3) of the strands' vertices in the frames of their roots' triangles, of the head's vertices `at`.

    A frame is along the first edge, across it in the triangle, and along the normal, from the root.
    """
    corners = at[made.roots]  # (S, 3, 3)
    along = _unit(corners[:, 1] - corners[:, 0])
    normal = _unit(np.cross(along, corners[:, 2] - corners[:, 0]))
    frame = np.stack([along, np.cross(normal, along), normal], axis=1)
    root = np.einsum("sk,skx->sx", made.shares, corners)
    away = made.points - root[:, None, None]
    return np.einsum("syx,snwx->snwy", frame, away).reshape(-1, 3)


def ribbons(
    lines: np.ndarray, across: np.ndarray, width: float, roots: np.ndarray, shares: np.ndarray
) -> Strands:
    """Strands along lines (S, SEGMENTS + 1, 3), flat along `across` (S, 3)."""
    taper = np.array([1.0, 1.0, 0.85, 0.6, 0.12])[None, :, None, None]
    across = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
    side = across[:, None, None] * np.array([-0.5, 0.5])[None, None, :, None] * width * taper
    return Strands(lines[:, :, None] + side, roots, shares)


def brows(arrays: Mapping[str, np.ndarray]) -> Strands:
    """Hairs that grow out of the head's brow ribbons: up at the inner end, outwards towards the tail."""
    names = [str(name) for name in arrays["material_names"]]
    chosen = np.flatnonzero(arrays["material"] == names.index("brow"))
    faces, uv_faces = arrays["faces"][chosen], arrays["uv_faces"][chosen]
    at = arrays["v_template"].astype(np.float64)
    random = np.random.default_rng(3)
    out = []
    for side in (1, -1):
        mine = np.sign(at[faces].mean(axis=1)[:, 0]) == side
        ribbon = _Ribbon(at, faces[mine], arrays["uv"][uv_faces[mine]].astype(np.float64))
        out.append(_brow(ribbon, random, side))
    return joined(*out)


class _Ribbon:
    """A brow's surface by its UVs, along (0 inner end, 1 tail) and across (0 below): a grid of columns."""

    def __init__(self, at: np.ndarray, faces: np.ndarray, uv: np.ndarray) -> None:
        self.faces, self.corners, self.uv = faces, at[faces], uv
        middle = uv[:, :, 0].mean(axis=1)
        self.n_columns = round(1 / np.ptp(uv[0, :, 0]))
        column = np.minimum(middle * self.n_columns, self.n_columns - 1).astype(int)
        self.of_column = np.argsort(column, kind="stable").reshape(self.n_columns, -1)

    def place(self, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        """(n, 3) points."""
        face, shares = self.find(along, across)
        return np.einsum("nk,nkx->nx", shares, self.corners[face])

    def find(self, along: np.ndarray, across: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of faces (n,) and barycentric shares (n, 3)."""
        column = (along * self.n_columns).astype(int).clip(0, self.n_columns - 1)
        faces = self.of_column[column]  # (n, faces of a column)
        a, b, c = np.moveaxis(self.uv[faces], 2, 0)
        d1, d2, offset = b - a, c - a, np.column_stack([along, across])[:, None] - a
        area = d1[..., 0] * d2[..., 1] - d1[..., 1] * d2[..., 0]
        u = (offset[..., 0] * d2[..., 1] - offset[..., 1] * d2[..., 0]) / area
        v = (d1[..., 0] * offset[..., 1] - d1[..., 1] * offset[..., 0]) / area
        best = np.minimum(np.minimum(u, v), 1 - u - v).argmax(axis=1)
        rows = np.arange(len(faces))
        u, v = u[rows, best][:, None], v[rows, best][:, None]
        return faces[rows, best], np.hstack([1 - u - v, u, v])


def _brow(ribbon: _Ribbon, random: np.random.Generator, side: int) -> Strands:
    along = np.sort(random.beta(1.0, 1.3, N_BROW)) * 0.98 + 0.005
    spread = 0.5 + (random.beta(1.5, 1.5, N_BROW) - 0.5) * (1.0 + 0.35 * (1 - along) ** 3)
    root = ribbon.place(along, spread)
    step = 0.02
    tail = _unit(
        ribbon.place(np.clip(along + step, 0, 1), spread) - ribbon.place(np.clip(along - step, 0, 1), spread)
    )
    up = _unit(
        ribbon.place(along, np.clip(spread + 0.1, 0, 1)) - ribbon.place(along, np.clip(spread - 0.1, 0, 1))
    )
    normal = _unit(np.cross(tail, up)) * side
    normal *= np.sign(normal[:, 2:] + 1e-9)
    # upright at the inner end, along the brow at the tail; hairs from above bend down to those from below
    lie = (np.clip(along / 0.5, 0, 1) * 58 + 24 + 14 * np.clip((along - 0.6) / 0.4, 0, 1))[:, None]
    lie = lie + (spread[:, None] - 0.45) * 58 * np.clip(along / 0.35, 0.15, 1)[:, None]
    lie = np.radians(lie + random.normal(0, 13, (N_BROW, 1)))
    direction = np.cos(lie) * up + np.sin(lie) * tail
    short, long = BROW_LENGTH
    size = short + (long - short) * np.sin(np.pi * np.clip(along, 0.06, 0.94))
    size = (size * random.uniform(0.75, 1.1, N_BROW))[:, None, None]
    t = np.linspace(0, 1, SEGMENTS + 1)[None, :, None]
    bend = 0.22 * t**2 * tail[:, None] - 0.10 * t**2 * up[:, None] * np.clip(along, 0, 1)[:, None, None]
    rise = (0.00022 + 0.0011 * np.sin(np.pi * (0.15 + 0.7 * t[0, :, 0]))[None] * 0.55)[..., None]
    lines = (
        root[:, None]
        + size * (direction[:, None] * t + bend)
        + normal[:, None] * rise
        - normal[:, None] * 0.0002
    )
    face, shares = ribbon.find(along, spread)
    return ribbons(lines, np.cross(normal, direction), BROW_WIDTH, ribbon.faces[face], shares)


def lashes(arrays: Mapping[str, np.ndarray], length: float = 1.0) -> Strands:
    """Lashes on both lids of both eyes; `length` 1 is usual."""
    random = np.random.default_rng(5)
    at = arrays["v_template"].astype(np.float64)
    balls = arrays["mask_eyeballs"]
    out = []
    for side, numbers in zip((1, -1), EYES, strict=True):
        eye = at[balls[np.sign(at[balls, 0]) == side]].mean(axis=0)
        near = np.linalg.norm(at - eye, axis=1) < 0.03
        faces = arrays["faces"][near[arrays["faces"]].all(axis=1)]
        lids = zip(lid_rims(arrays, numbers), (1, -1), N_LASHES, (UPPER_LENGTH, LOWER_LENGTH), strict=True)
        for rim, up, count, usual in lids:
            lid = _Lid(at, faces, rim, eye)
            out.append(_lashes(lid, eye, side, up, count, usual * length, random))
    return joined(*out)


def lid_rims(arrays: Mapping[str, np.ndarray], landmarks: range) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of the upper lid's rim and of the lower one's, each from the nose to the temple."""
    faces, shares = arrays["faces"][arrays["landmark_faces"]], arrays["landmark_barycentric"]
    stops = [int(faces[n][shares[n].argmax()]) for n in landmarks]
    at = arrays["v_template"].astype(np.float64)
    rims = (_path(arrays["faces"], at, s) for s in (stops[:4], [stops[0], *stops[:2:-1]]))
    upper, lower = (np.array(sorted_rim(rim, at)) for rim in rims)
    return upper, lower


def sorted_rim(rim: list[int], at: np.ndarray) -> list[int]:
    """A path of vertices, begun at its end that is nearer to the nose."""
    return rim if abs(at[rim[0], 0]) < abs(at[rim[-1], 0]) else rim[::-1]


class _Lid:
    """A lid's rim as a line, with the skin's triangle outside each of its edges."""

    def __init__(self, at: np.ndarray, faces: np.ndarray, rim: np.ndarray, eye: np.ndarray) -> None:
        self.at = at
        steps = np.linalg.norm(np.diff(at[rim], axis=0), axis=1)
        self.begun = np.concatenate([[0], np.cumsum(steps)]) / steps.sum()
        away = np.linalg.norm(at - eye, axis=1)
        triangles = []
        for a, b in pairwise(rim):
            beside = faces[((faces == a) | (faces == b)).sum(axis=1) == 2]
            thirds = beside[(beside != a) & (beside != b)]
            triangles.append((a, b, thirds[away[thirds].argmax()]))
        self.triangles = np.array(triangles)

    def find(self, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Triangles (n, 3) of places 0..1 from the nose, and shares of their corners (n, 3)."""
        edge = np.clip(np.searchsorted(self.begun, along, side="right") - 1, 0, len(self.triangles) - 1)
        share = (along - self.begun[edge]) / (self.begun[edge + 1] - self.begun[edge])
        return self.triangles[edge], np.column_stack([1 - share, share, 0 * share])

    def place(self, along: np.ndarray) -> np.ndarray:
        """(n, 3)."""
        corners, shares = self.find(along.clip(0, 1))
        return np.einsum("nk,nkx->nx", shares, self.at[corners])


def _path(faces: np.ndarray, at: np.ndarray, stops: list[int]) -> list[int]:
    """Vertices on the shortest way along edges over these."""
    inside = (np.abs(at - at[stops].mean(axis=0)) < _AROUND).all(axis=1)
    near = faces[inside[faces].all(axis=1)]
    edges = np.unique(np.sort(near[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    beside: dict[int, list[tuple[int, float]]] = {}
    lengths = np.linalg.norm(at[edges[:, 0]] - at[edges[:, 1]], axis=1)
    for (a, b), length in zip(edges.tolist(), lengths.tolist(), strict=True):
        beside.setdefault(a, []).append((b, length))
        beside.setdefault(b, []).append((a, length))
    out = [stops[0]]
    for start, end in pairwise(stops):
        out += _shortest(beside, start, end)[1:]
    return out


def _shortest(beside: Mapping[int, list[tuple[int, float]]], start: int, end: int) -> list[int]:
    """Dijkstra's."""
    away, before, open_ones = {start: 0.0}, dict[int, int](), [(0.0, start)]
    while open_ones:
        so_far, here = heappop(open_ones)
        if here == end:
            break
        for there, length in beside.get(here, ()):
            if so_far + length < away.get(there, np.inf):
                away[there], before[there] = so_far + length, here
                heappush(open_ones, (so_far + length, there))
    out = [end]
    while out[-1] != start:
        out.append(before[out[-1]])
    return out[::-1]


def tears(arrays: Mapping[str, np.ndarray]) -> Strands:
    """The film of water between lower lid and eyeball, in short pieces along the rim."""
    at = arrays["v_template"].astype(np.float64)
    balls, out = arrays["mask_eyeballs"], []
    for side, numbers in zip((1, -1), EYES, strict=True):
        ball = at[balls[np.sign(at[balls, 0]) == side]]
        middle = (ball.min(axis=0) + ball.max(axis=0)) / 2
        near = np.linalg.norm(at - middle, axis=1) < 0.03
        faces = arrays["faces"][near[arrays["faces"]].all(axis=1)]
        lid = _Lid(at, faces, lid_rims(arrays, numbers)[1], middle)
        ends = np.linspace(*TEAR_ENDS, N_TEARS + 1)
        along = ends[:-1, None] + np.diff(ends)[:, None] * np.linspace(0, 1, SEGMENTS + 1)
        rim = lid.place(along.ravel())
        width = TEAR * np.sin(np.pi * (along.ravel() - TEAR_ENDS[0]) / np.ptp(TEAR_ENDS)).clip(0) ** 0.3
        high = _on_ball(rim + width[:, None] * [0, 1, 0], ball, middle, 0.00008)
        low = rim + 0.35 * (_on_ball(rim, ball, middle, 0.0) - rim) + 0.15 * width[:, None] * [0, 1, 0]
        points = np.stack([high, low], axis=1).reshape(N_TEARS, SEGMENTS + 1, 2, 3)
        out.append(Strands(points, *lid.find(along.mean(axis=1))))
    return joined(*out)


def _on_ball(points: np.ndarray, ball: np.ndarray, middle: np.ndarray, above: float) -> np.ndarray:
    """Points (n, 3) moved onto an eyeball of vertices (B, 3), `above` metres over it."""
    away = _unit(points - middle)
    radii = np.linalg.norm(ball - middle, axis=1)
    cosine = away @ ((ball - middle) / radii[:, None]).T
    weights = np.exp(600 * (cosine - cosine.max(axis=1, keepdims=True)))
    radius = (weights * radii).sum(axis=1) / weights.sum(axis=1)
    out: np.ndarray = middle + (radius + above)[:, None] * away
    return out


def _lashes(
    lid: _Lid, eye: np.ndarray, side: int, up: int, count: int, length: float, random: np.random.Generator
) -> Strands:
    """Lashes along a rim: forwards and up (or down), fanned to both sides, bent."""
    along = (np.linspace(0.10, 0.97, count) + random.normal(0, 0.005, count)).clip(0.03, 0.99)
    root = lid.place(along)
    tangent = _unit(lid.place(along + 0.04) - lid.place(along - 0.04))  # towards the temple
    out = _unit(root - eye)
    high = np.array([0.0, up, 0.0])
    fan = (np.radians(-28 + 72 * along) + random.normal(0, 0.11, count))[:, None]
    aside = tangent * np.sin(fan)
    size = length * (0.55 + 0.5 * np.sin(np.pi * along**1.3)) * random.uniform(0.75, 1.08, count)
    t = np.linspace(0, 1, SEGMENTS + 1)[None, :, None]
    forward = _unit(0.55 * out + np.array([0.12 * side, 0.0, 0.85]))
    first = _unit(forward - 0.12 * high + 0.35 * aside)  # leaves the lid forwards, then curls
    second = _unit(0.90 * forward + 0.66 * high + 0.50 * aside)
    lines = first[:, None] * t + (second - first)[:, None] * t**2 * 0.8
    lines = root[:, None] + out[:, None] * 0.0001 + size[:, None, None] * lines
    return ribbons(lines, np.cross(forward, high), LASH_WIDTH, *lid.find(along))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
