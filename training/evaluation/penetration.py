"""How deep lips go into one another and into the teeth, measured on the surface of the head.

A point of one lip is inside the other if it lies behind the other's surface, and its depth is the distance to
the nearest point of that surface: the way it would have to be pushed to get out. Every corner, edge middle
and face middle of the lips is such a point, on both lips and against both rows of teeth. Where the lips join,
at the corners of the mouth, nothing is measured: there they are one surface that folds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

from ecoface_model.core.errors import HeadError
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.within_mouth import within_mouth
from ecoface_model.flame import FlameHead
from ecoface_model.postprocess.lip_meeting import lip_sides

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_AROUND = 0.014  # m of surface round the lips that belongs to them: deeper than any lip goes
_INSIDE = 0.006  # m into the mouth, from the lips, that may touch teeth
_CORNER = 0.004  # m of surface from where the lips join
_REACH = 0.006  # m between vertices; further apart nothing can be inside
_SAME = 1e-9  # m, faces that share the nearest point
_FRAMES_AT_ONCE = 64
_PAIRS_AT_ONCE = 400_000  # of points and faces


@dataclass(frozen=True)
class Points:
    """Places on a mesh: mixes of three vertices each."""

    corners: Int[Ints, "points 3"]
    shares: Float[Floats, "points 3"]

    def of(self, vertices: Float[Floats, "frames vertices 3"]) -> Float[Floats, "frames points 3"]:
        """Where they are."""
        out: Floats = np.einsum("pc,fpcx->fpx", self.shares, vertices[:, self.corners])
        return out


@dataclass(frozen=True, kw_only=True)
class InnerMouth:
    """What of a head can touch in the mouth."""

    head: FlameHead
    upper: Points
    lower: Points
    near_teeth: Points
    upper_surface: Int[Ints, "upper_faces 3"]
    lower_surface: Int[Ints, "lower_faces 3"]
    teeth: tuple[Int[Ints, "_ 3"], ...]
    """The rows, each a surface of its own."""

    @staticmethod
    def of(file: FlameFile) -> "InnerMouth":
        """The lips and teeth of a head.

        Raises:
            HeadError: if it has no landmarks or no mask of lips to find them by.
        """
        if not file.has_landmarks or not len(file.masks["lips"]):
            raise HeadError(
                f"expected landmarks and a mask of lips with the head '{file.name}', found none; "
                "measure on the reference head"
            )
        lips, teeth = file.masks["lips"], file.masks["teeth"]
        bone = np.union1d(np.union1d(teeth, file.masks["tongue"]), file.masks["eyeballs"])
        faces = file.faces.astype(np.int64)
        skin = faces[~np.isin(faces, bone).any(axis=1)]
        upper, lower = lip_sides(file)
        is_lip = np.isin(np.arange(len(file.v_template)), lips)
        around = _within(file, skin, lips, _AROUND)
        joined = np.unique(skin[upper[skin].any(axis=1) & lower[skin].any(axis=1)])
        corner = _within(file, skin, joined, _CORNER)
        inside = _within(file, skin, lips, _INSIDE) & _is_mouth(file)
        return InnerMouth(
            head=FlameHead.from_file(file),
            upper=_points(skin, is_lip & upper & ~corner),
            lower=_points(skin, is_lip & lower & ~corner),
            near_teeth=_points(skin, (is_lip | inside) & ~corner),
            upper_surface=skin[(around & upper)[skin].all(axis=1)],
            lower_surface=skin[(around & lower)[skin].all(axis=1)],
            teeth=tuple(_connected(faces[np.isin(faces, teeth).all(axis=1)])),
        )


@dataclass(frozen=True)
class Penetration:
    """Millimetres per frame, of the deepest point; 0 where nothing is inside."""

    lips: Float[Floats, " frames"]
    """Of a lip in the other lip."""
    teeth: Float[Floats, " frames"]
    """Of a lip in the teeth."""

    def __add__(self, other: "Penetration") -> "Penetration":
        """Both clips' frames."""
        return Penetration(np.r_[self.lips, other.lips], np.r_[self.teeth, other.teeth])


def penetration(mouth: InnerMouth, motion: Float32[NDArray[Any], "frames 53"]) -> Penetration:
    """How deep each frame's lips are in one another and in the teeth."""
    lips, teeth = [], []
    for start in range(0, len(motion), _FRAMES_AT_ONCE):
        with torch.inference_mode():
            frames = mouth.head.vertices(torch.from_numpy(motion[start : start + _FRAMES_AT_ONCE]))
        vertices = frames.double().numpy()
        pairs = ((mouth.lower, mouth.upper_surface), (mouth.upper, mouth.lower_surface))
        lips.append(_deepest([depth(points.of(vertices), vertices, faces) for points, faces in pairs]))
        near = mouth.near_teeth.of(vertices)
        teeth.append(_deepest([depth(near, vertices, row) for row in mouth.teeth]))
    return Penetration(np.concatenate(lips), np.concatenate(teeth))


def _deepest(depths: list[Floats]) -> Floats:
    """mm of the deepest point of each frame."""
    out: Floats = 1000 * np.maximum.reduce([np.maximum(d.max(axis=1, initial=0), 0) for d in depths])
    return out


def depth(
    points: Float[Floats, "frames points 3"],
    vertices: Float[Floats, "frames vertices 3"],
    faces: Int[Ints, "faces 3"],
) -> Float[Floats, "frames points"]:
    """How far each point is behind the faces, in metres; at most 0 in front, far away or past their rim."""
    rim = _rim(faces)
    used, places = np.unique(faces, return_inverse=True)
    out = np.full(points.shape[:2], -_REACH)
    for frame, (p, v) in enumerate(zip(points, vertices, strict=True)):
        point, face = _candidates(p, v[used], places.reshape(-1, 3))
        for first, last in _blocks(point):
            some, own = np.unique(point[first:last], return_inverse=True)
            chosen = face[first:last]
            out[frame, some] = _signed(p[point[first:last]], v[faces[chosen]], rim[chosen], own)
    return out


def _candidates(points: Floats, vertices: Floats, faces: Ints) -> tuple[Ints, Ints]:
    """Pairs of points and faces, by rising point, that hold every face that may hold a point's nearest point.

    A triangle's points are within its longest edge / sqrt(3) of one of its corners.
    """
    squared = (points**2).sum(1)[:, None] - 2 * points @ vertices.T + (vertices**2).sum(1)
    distance = np.sqrt(np.maximum(squared, 0))  # (P, V)
    close = np.flatnonzero(distance.min(axis=1, initial=np.inf) < _REACH)
    corners = vertices[faces]
    longest = np.linalg.norm(corners - corners[:, [1, 2, 0]], axis=2).max(axis=1) / np.sqrt(3)  # (F,)
    near = distance[close][:, faces].min(axis=2)  # (P, F)
    row, face = np.nonzero(near <= distance[close].min(axis=1, initial=np.inf)[:, None] + longest + _SAME)
    return close[row], face


def _blocks(point: Ints) -> Iterator[tuple[int, int]]:
    """Parts of the pairs that fit into memory and hold all faces of each of their points."""
    first = 0
    while first < len(point):
        last = int(np.searchsorted(point, point[min(first + _PAIRS_AT_ONCE, len(point)) - 1], "right"))
        yield first, last
        first = last


def _signed(points: Floats, triangles: Floats, rim: Bools, own: Ints) -> Floats:
    """Depth of each point 0, 1, ... from pairs (N) of a point `own` and a triangle (N, 3, 3).

    `rim` (N, 3) says which edges, opposite a corner, belong to no other face.
    """
    nearest, shares = nearest_on_triangles(points, triangles)  # (N, 3) each
    off = points - nearest
    distance = np.linalg.norm(off, axis=1)  # (N,)
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    normal = np.cross(b - a, c - a)
    height = (off * normal).sum(axis=1) / np.maximum(np.linalg.norm(normal, axis=1), 1e-30)
    starts = np.flatnonzero(np.r_[True, np.diff(own) > 0])
    least = np.minimum.reduceat(distance, starts)  # (P,)
    # of the faces that share the nearest point, the one that is faced most squarely knows the side
    tied = distance <= least[own] + _SAME
    in_front = np.maximum.reduceat(np.where(tied, height, -np.inf), starts)
    behind = np.maximum.reduceat(np.where(tied, -height, -np.inf), starts)
    past = np.logical_or.reduceat(tied & ((shares == 0) & rim).any(axis=1), starts)
    out: Floats = np.where(~past & (behind > in_front), least, -least)
    return out


def nearest_on_triangles(
    points: Float[Floats, "pairs 3"], triangles: Float[Floats, "pairs 3 3"]
) -> tuple[Float[Floats, "pairs 3"], Float[Floats, "pairs 3"]]:
    """Each triangle's nearest point to its own point, and its barycentric shares.

    The foot of the perpendicular, or else the nearest of the three edges' own nearest points.
    """
    corner = [triangles[:, i] for i in range(3)]
    ab, ac, ap = corner[1] - corner[0], corner[2] - corner[0], points - corner[0]
    aa, bb, cc = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    pa, pb = (ap * ab).sum(-1), (ap * ac).sum(-1)
    area = np.maximum(aa * cc - bb * bb, 1e-30)
    v, w = (cc * pa - bb * pb) / area, (aa * pb - bb * pa) / area
    best = np.stack([1 - v - w, v, w], axis=-1)
    outside = (best < 0).any(axis=-1)
    least = np.full(outside.shape, np.inf)
    for i in range(3):
        j = (i + 1) % 3
        edge = corner[j] - corner[i]
        along = ((points - corner[i]) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-30)
        t = np.clip(along, 0, 1)
        distance = ((points - corner[i] - t[:, None] * edge) ** 2).sum(-1)
        closer = outside & (distance < least)
        least = np.where(closer, distance, least)
        on_edge = np.zeros(best.shape)
        on_edge[:, i], on_edge[:, j] = 1 - t, t
        best = np.where(closer[:, None], on_edge, best)
    nearest: Floats = sum(best[:, i, None] * corner[i] for i in range(3))
    return nearest, best


def _rim(faces: Ints) -> Bools:
    """Whether the edge opposite each corner (F, 3) belongs to no other face."""
    edges = np.sort(np.stack([faces[:, [1, 2]], faces[:, [2, 0]], faces[:, [0, 1]]], axis=1), axis=2)
    _, index, count = np.unique(edges.reshape(-1, 2), axis=0, return_inverse=True, return_counts=True)
    out: Bools = (count[index.ravel()] == 1).reshape(-1, 3)
    return out


def _within(file: FlameFile, skin: Ints, of: NDArray[Any], reach: float) -> Bools:
    """Vertices (V,) within a distance of some others along the skin."""
    out: Bools = _distance(file, skin, of) <= reach
    return out


def _distance(file: FlameFile, faces: Ints, of: NDArray[Any]) -> Floats:
    """Metres (V,) along edges from the nearest of some vertices."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    length = np.linalg.norm(file.v_template[edges[:, 0]] - file.v_template[edges[:, 1]], axis=1)
    n = len(file.v_template)
    graph = coo_matrix((length, (edges[:, 0], edges[:, 1])), (n, n)).tocsr()
    out: Floats = dijkstra(graph, directed=False, indices=np.asarray(of, np.int64), min_only=True)
    return out


def _is_mouth(file: FlameFile) -> Bools:
    """Vertices (V,) of the mouth's inside."""
    out = np.zeros(len(file.v_template), dtype=bool)
    out[within_mouth(file.faces, file.material, file.material_names, file.masks["lips"])] = True
    return out


def _points(faces: Ints, chosen: Bools) -> Points:
    """Corners, edge middles and middles of the faces whose corners are all chosen."""
    inside = faces[chosen[faces].all(axis=1)]
    vertices = np.unique(inside)
    edges = np.unique(
        np.sort(np.concatenate([inside[:, [0, 1]], inside[:, [1, 2]], inside[:, [2, 0]]])), axis=0
    )
    corners = np.concatenate([np.repeat(vertices[:, None], 3, 1), np.c_[edges, edges[:, 1]], inside])
    kinds = ((1, 0, 0), len(vertices)), ((0.5, 0.5, 0), len(edges)), ((1 / 3, 1 / 3, 1 / 3), len(inside))
    return Points(corners, np.concatenate([np.tile(share, (n, 1)) for share, n in kinds]).astype(np.float64))


def _connected(faces: Ints) -> Iterator[Ints]:
    """The faces of each connected surface."""
    n = int(faces.max(initial=-1)) + 1
    graph = coo_matrix((np.ones(2 * len(faces)), (faces[:, [0, 0]].ravel(), faces[:, 1:].ravel())), (n, n))
    _, label = connected_components(graph, directed=False)
    for one in np.unique(label[faces[:, 0]]):
        yield faces[label[faces[:, 0]] == one]
