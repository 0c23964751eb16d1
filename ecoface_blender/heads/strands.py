"""Brows and lashes of strands, each a narrow tapering ribbon: points and faces in numpy, no bpy."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

SEGMENTS = 4  # of a strand, from root to tip
N_BROW = 260  # hairs of one brow
N_LASHES = (74, 48)  # of one eye's upper and lower lid
BROW_WIDTH, LASH_WIDTH = 0.00013, 0.00013  # metres at the root
BROW_LENGTH = (0.0045, 0.0085)  # metres, at both ends of the brow and in its middle
UPPER_LENGTH, LOWER_LENGTH = 0.0085, 0.0045
EYES = (range(42, 48), range(36, 42))
"""Landmarks around the left eye and the right one, from the inner (left) or outer corner over the upper lid."""


@dataclass(frozen=True)
class Strands:
    """Ribbons as one mesh; FLAME's axes, metres."""

    points: np.ndarray
    """(S, SEGMENTS + 1, 2, 3): both edges of each strand from root to tip."""

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
    return Strands(np.concatenate([part.points for part in parts]))


def ribbons(lines: np.ndarray, across: np.ndarray, width: float) -> Strands:
    """Strands along lines (S, SEGMENTS + 1, 3), flat along `across` (S, 3)."""
    taper = np.array([1.0, 1.0, 0.85, 0.6, 0.12])[None, :, None, None]
    across = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
    side = across[:, None, None] * np.array([-0.5, 0.5])[None, None, :, None] * width * taper
    return Strands(lines[:, :, None] + side)


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
    """A brow's surface by its UVs, along (0 inner end, 1 tail) and across (0 below)."""

    def __init__(self, at: np.ndarray, faces: np.ndarray, uv: np.ndarray) -> None:
        self.corners, self.uv = at[faces], uv

    def place(self, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        """(n, 3) points."""
        wanted = np.column_stack([along, across])
        a, b, c = self.uv[:, 0], self.uv[:, 1], self.uv[:, 2]
        d1, d2 = b - a, c - a
        area = d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0]
        offset = wanted[:, None] - a[None]  # (n, F, 2)
        u = (offset[..., 0] * d2[:, 1] - offset[..., 1] * d2[:, 0]) / area
        v = (d1[:, 0] * offset[..., 1] - d1[:, 1] * offset[..., 0]) / area
        best = np.minimum(np.minimum(u, v), 1 - u - v).argmax(axis=1)
        rows = np.arange(len(wanted))
        u, v = u[rows, best][:, None], v[rows, best][:, None]
        p = self.corners[best]
        return p[:, 0] * (1 - u - v) + p[:, 1] * u + p[:, 2] * v


def _brow(ribbon: _Ribbon, random: np.random.Generator, side: int) -> Strands:
    along = np.sort(random.beta(1.15, 1.25, N_BROW)) * 0.97 + 0.005
    spread = 0.5 + (random.beta(1.6, 1.6, N_BROW) - 0.5) * 0.94
    root = ribbon.place(along, spread)
    step = 0.02
    tail = _unit(ribbon.place(np.clip(along + step, 0, 1), spread) - ribbon.place(np.clip(along - step, 0, 1), spread))
    up = _unit(ribbon.place(along, np.clip(spread + 0.1, 0, 1)) - ribbon.place(along, np.clip(spread - 0.1, 0, 1)))
    normal = _unit(np.cross(tail, up)) * side
    normal *= np.sign(normal[:, 2:] + 1e-9)
    # upright at the inner end, along the brow at the tail; hairs from above bend down to meet those from below
    lie = (np.clip(along / 0.5, 0, 1) * 58 + 24 + 14 * np.clip((along - 0.6) / 0.4, 0, 1))[:, None]
    lie = lie + (spread[:, None] - 0.45) * 58 * np.clip(along / 0.35, 0.15, 1)[:, None]
    lie = np.radians(lie + random.normal(0, 9, (N_BROW, 1)))
    direction = np.cos(lie) * up + np.sin(lie) * tail
    short, long = BROW_LENGTH
    size = short + (long - short) * np.sin(np.pi * np.clip(along, 0.06, 0.94))
    size = (size * random.uniform(0.75, 1.1, N_BROW))[:, None, None]
    t = np.linspace(0, 1, SEGMENTS + 1)[None, :, None]
    bend = 0.22 * t**2 * tail[:, None] - 0.10 * t**2 * up[:, None] * np.clip(along, 0, 1)[:, None, None]
    rise = (0.00022 + 0.0011 * np.sin(np.pi * (0.15 + 0.7 * t[0, :, 0]))[None] * 0.55)[..., None]
    lines = root[:, None] + size * (direction[:, None] * t + bend) + normal[:, None] * rise - normal[:, None] * 0.0002
    return ribbons(lines, np.cross(normal, direction), BROW_WIDTH)


def lashes(arrays: Mapping[str, np.ndarray], length: float = 1.0) -> Strands:
    """Lashes on both lids of both eyes; `length` 1 is usual."""
    random = np.random.default_rng(5)
    at = arrays["v_template"].astype(np.float64)
    out = []
    for side, numbers in zip((1, -1), EYES, strict=True):
        upper, lower = lid_rims(arrays, numbers)
        balls = arrays["mask_eyeballs"]
        eye = at[balls[np.sign(at[balls, 0]) == side]].mean(axis=0)
        out.append(_lashes(at[upper], eye, side, 1, N_LASHES[0], UPPER_LENGTH * length, random))
        out.append(_lashes(at[lower], eye, side, -1, N_LASHES[1], LOWER_LENGTH * length, random))
    return joined(*out)


def lid_rims(arrays: Mapping[str, np.ndarray], landmarks: range) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of the upper lid's rim and of the lower one's, each from the right to the left."""
    faces, shares = arrays["faces"][arrays["landmark_faces"]], arrays["landmark_barycentric"]
    stops = [int(faces[n][shares[n].argmax()]) for n in landmarks]
    at = arrays["v_template"].astype(np.float64)
    upper = _path(arrays["faces"], at, stops[:4])
    lower = _path(arrays["faces"], at, [stops[0], *stops[:2:-1]])
    return tuple(np.array(sorted(rim, key=lambda v: at[v, 0])) for rim in (upper, lower))


def _path(faces: np.ndarray, at: np.ndarray, stops: list[int]) -> list[int]:
    """Vertices on the shortest way along edges over these."""
    centre = at[stops].mean(axis=0)
    near = np.linalg.norm(at - centre, axis=1) < 0.03
    beside: dict[int, set[int]] = {}
    for a, b, c in faces[near[faces].all(axis=1)]:
        for v, w in ((a, b), (b, c), (c, a)):
            beside.setdefault(int(v), set()).add(int(w))
            beside.setdefault(int(w), set()).add(int(v))
    out = [stops[0]]
    for start, end in zip(stops, stops[1:], strict=False):
        out += _shortest(beside, at, start, end)[1:]
    return out


def _shortest(beside: Mapping[int, set[int]], at: np.ndarray, start: int, end: int) -> list[int]:
    """Dijkstra's."""
    away, before, open_ones = {start: 0.0}, dict[int, int](), {start}
    while open_ones:
        here = min(open_ones, key=away.__getitem__)
        if here == end:
            break
        open_ones.remove(here)
        for there in beside.get(here, ()):
            far = away[here] + float(np.linalg.norm(at[here] - at[there]))
            if far < away.get(there, np.inf):
                away[there], before[there] = far, here
                open_ones.add(there)
    out = [end]
    while out[-1] != start:
        out.append(before[out[-1]])
    return out[::-1]


def _lashes(
    rim: np.ndarray, eye: np.ndarray, side: int, up: int, count: int, length: float, random: np.random.Generator
) -> Strands:
    """Lashes along a rim (n, 3): outwards and up (or down), fanned to both sides, bent."""
    steps = np.linalg.norm(np.diff(rim, axis=0), axis=1)
    begun = np.concatenate([[0], np.cumsum(steps)]) / steps.sum()
    along = np.linspace(0.07, 0.985, count) + random.normal(0, 0.004, count)
    if side < 0:
        along = 1 - along  # sparse at the inner corner, which is on the other end
    along = along.clip(0.02, 0.99)
    root = np.stack([np.interp(along, begun, column) for column in rim.T], axis=1)
    tangent = _unit(np.stack([np.interp(along + 0.03, begun, c) - np.interp(along - 0.03, begun, c) for c in rim.T], 1))
    out = _unit(root - eye)
    high = _unit(np.array([0.0, up, 0.0]) - (out * up)[:, 1:2] * out)
    outer = along if side > 0 else 1 - along  # 0 at the nose, 1 at the temple
    fan = (np.radians(-30 + 75 * outer) + random.normal(0, 0.10, count))[:, None]
    aside = tangent * side * np.sin(fan)
    size = length * (0.62 + 0.5 * np.sin(np.pi * outer**1.25)) * random.uniform(0.8, 1.08, count)
    t = np.linspace(0, 1, SEGMENTS + 1)[None, :, None]
    first = _unit(0.92 * out + 0.25 * high + 0.45 * aside)  # leaves the lid forwards, then curls
    second = _unit(0.35 * out + 1.0 * high + 0.55 * aside)
    lines = first[:, None] * t + (second - first)[:, None] * t**2 * 0.75
    lines = root[:, None] + out[:, None] * 0.0001 + size[:, None, None] * lines
    return ribbons(lines, np.cross(out, first + second * 0.5), LASH_WIDTH)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
