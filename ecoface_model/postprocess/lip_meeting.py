"""Where the lips of a head may meet: points of one lip and places of the other, found once for each head."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import EXPRESSION_DIM
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.head_mesh import HeadMesh

N_COLUMNS = 11
_WIDTH = 0.019  # m to either side of the middle; further out the lips are one fold
_CORNER = 0.004  # m of surface from where the lips join
_SURROUNDINGS = 0.02  # m
_NEAR = 0.001  # m between lips that just touch, for points that may meet
_CANDIDATES = 16  # places of the other lip that a point may meet; with fewer, those of pursed lips are missed
_ASIDE = 1.5  # mm from the nearest place, along its face; points further off are past the lip's rim
_UPPER_MIDDLE, _LOWER_MIDDLE = (51, 62), (57, 66)  # iBUG: outer and inner edge of each lip
PLACES = (
    np.array(
        [[2, 2, 2], [4, 1, 1], [1, 4, 1], [1, 1, 4], [2.8, 2.8, 0.4], [2.8, 0.4, 2.8], [0.4, 2.8, 2.8]],
        np.float32,
    )
    / 6
)  # (S, 3) of a triangle


@dataclass(frozen=True)
class Meeting:
    """Points of one lip, faces of the other, and which places of those each point may meet."""

    corners: Int64[NDArray[np.int64], "points 3"]
    shares: Float32[NDArray[np.float32], "points 3"]
    faces: Int64[NDArray[np.int64], "faces 3"]
    candidates: Int64[NDArray[np.int64], "points candidates"]
    """Numbers of places: those of the first face, of the second, ..."""

    def closest(
        self, vertices: Float32[NDArray[np.float32], "vertices 3 n"]
    ) -> tuple[
        Float32[NDArray[np.float32], "points n"],
        Float32[NDArray[np.float32], "3 points n"],
        Int64[NDArray[np.int64], "points n"],
    ]:
        """Height of each point over the face nearest to it, that face's normal, and the place's number.

        In mm, frames last.
        """
        n = vertices.shape[2]
        points = np.matmul(self.shares[:, None], vertices[self.corners].reshape(-1, 3, 3 * n))  # (P, 1, 3 n)
        faces = vertices[self.faces]  # (F, 3 corners, 3, n)
        places = np.matmul(PLACES, faces.reshape(-1, 3, 3 * n))  # (F, S, 3 n)
        point_axes = points.reshape(-1, 3, n).transpose(1, 0, 2)  # (3, P, n)
        place_axes = np.ascontiguousarray(places.reshape(-1, 3, n).transpose(1, 0, 2))  # (3, F S, n)
        place = self._nearest(point_axes, place_axes)  # (P, n)
        flat = place * n + np.arange(n)
        off = point_axes - np.take(place_axes.reshape(3, -1), flat, axis=1)  # (3, P, n)
        normals = _normals(faces).reshape(3, -1)  # (3, F n)
        normal = np.take(normals, place // len(PLACES) * n + np.arange(n), axis=1)  # (3, P, n)
        height = (off * normal).sum(axis=0)
        squared = (off * off).sum(axis=0)
        aside = np.sqrt(np.maximum(squared - height * height, 0))  # mm along that face
        return np.where(aside < _ASIDE, height, np.sqrt(squared)), normal, place

    def _nearest(
        self, points: Float32[NDArray[np.float32], "3 points n"], places: NDArray[np.float32]
    ) -> Int64[NDArray[np.int64], "points n"]:
        """The number of the place nearest to each point, among its candidates."""
        least: NDArray[np.float32] | None = None
        nearest = np.empty(points.shape[1:], np.int64)
        off, squared = np.empty_like(points[0]), np.empty_like(points[0])
        for candidates in self.candidates.T:  # (P,)
            for axis in range(3):
                np.subtract(points[axis], places[axis][candidates], out=off)
                np.multiply(off, off, out=off)
                if axis:
                    squared += off
                else:
                    squared[:] = off
            if least is None:
                least = squared.copy()
                nearest[:] = candidates[:, None]
            else:
                nearer = squared < least
                np.minimum(least, squared, out=least)
                np.copyto(nearest, candidates[:, None], where=nearer)
        return nearest


def _normals(faces: Float32[NDArray[np.float32], "faces 3 3 n"]) -> Float32[NDArray[np.float32], "3 faces n"]:
    """Unit normals."""
    a, b = (faces[:, k] - faces[:, 0] for k in (1, 2))  # (F, 3, n)
    normal = np.stack(
        [
            a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1],
            a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2],
            a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0],
        ]
    )  # (3, F, n)
    unit: NDArray[np.float32] = normal / np.maximum(np.sqrt((normal * normal).sum(axis=0)), 1e-12)
    return unit


def lip_sides(file: FlameFile) -> tuple[Bool[NDArray[Any], " vertices"], Bool[NDArray[Any], " vertices"]]:
    """Vertices nearer to the upper lip's middle than to the lower's along the surface, and the others."""
    corners = file.faces[file.landmark_faces]
    upper, lower = (_distance(file, corners[list(m)].ravel()) for m in (_UPPER_MIDDLE, _LOWER_MIDDLE))
    reached = np.isfinite(upper) & np.isfinite(lower)
    return reached & (upper < lower), reached & (upper >= lower)


def corner_of_mouth(file: FlameFile, upper: NDArray[Any], lower: NDArray[Any]) -> NDArray[Any]:
    """Vertices (V,) close to where the lips join."""
    joining = file.faces[upper[file.faces].any(axis=1) & lower[file.faces].any(axis=1)]
    near: NDArray[Any] = _distance(file, np.unique(joining)) <= _CORNER
    return near


def _distance(file: FlameFile, of: NDArray[Any]) -> NDArray[np.float64]:
    """Metres (V,) along edges from the nearest of some vertices; infinite off the lips' surroundings."""
    lips = file.v_template[file.masks["lips"]]
    low, high = lips.min(axis=0) - _SURROUNDINGS, lips.max(axis=0) + _SURROUNDINGS
    around = ((file.v_template >= low) & (file.v_template <= high)).all(axis=1)
    faces = file.faces[around[file.faces].all(axis=1)]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    length = np.linalg.norm(file.v_template[edges[:, 0]] - file.v_template[edges[:, 1]], axis=1)
    out = np.full(len(file.v_template), np.inf)
    out[of] = 0
    while True:
        shorter = out.copy()
        np.minimum.at(shorter, edges[:, 1], out[edges[:, 0]] + length)
        if np.array_equal(shorter, out):
            return out
        out = shorter


def meeting_of(
    touching: Float32[NDArray[np.float32], "vertices 3"],
    own: Int64[NDArray[np.int64], "f 3"],
    other: Int64[NDArray[np.int64], "g 3"],
) -> Meeting:
    """The points of one lip's faces that come near the other's when they touch."""
    vertices = np.unique(own)
    edges = np.unique(
        np.sort(np.concatenate([own[:, [0, 1]], own[:, [1, 2]], own[:, [2, 0]]]), axis=1), axis=0
    )
    corners = np.concatenate([np.tile(vertices[:, None], 3), edges[:, [0, 1, 1]], own])  # (P, 3)
    kinds = [((1.0, 0.0, 0.0), len(vertices)), ((0.5, 0.5, 0.0), len(edges)), ((1 / 3,) * 3, len(own))]
    shares = np.concatenate([np.tile(np.array(share, np.float32), (n, 1)) for share, n in kinds])
    places = np.matmul(PLACES, touching[other]).reshape(-1, 3)  # (F S, 3)
    points = (shares[..., None] * touching[corners]).sum(axis=1)
    central = np.abs(points[:, 0]) < _WIDTH
    corners, shares, points = corners[central], shares[central], points[central]
    squared = sum(np.square(points[:, axis, None] - places[:, axis]) for axis in range(3))  # (P, F S)
    meets = squared.min(axis=1) < _NEAR**2
    corners, shares, squared = corners[meets], shares[meets], squared[meets]
    nearest = np.sort(np.argpartition(squared, _CANDIDATES, axis=1)[:, :_CANDIDATES], axis=1)
    order = np.argsort(np.take_along_axis(squared, nearest, axis=1), axis=1, kind="stable")
    candidates = np.take_along_axis(nearest, order, axis=1)
    used, number = np.unique(candidates // len(PLACES), return_inverse=True)
    number = number.reshape(candidates.shape)
    return Meeting(corners, shares, other[used], number * len(PLACES) + candidates % len(PLACES))


def columns_of(
    touching: Float32[NDArray[np.float32], "vertices 3"], meetings: list[Meeting]
) -> Int64[NDArray[np.int64], "columns points"]:
    """Numbers of the points of each column, one lip's and then the other's, filled up with one too many."""
    rows: list[NDArray[np.int64]] = []
    first = 0
    for meeting in meetings:
        x = (meeting.shares * touching[meeting.corners][..., 0]).sum(axis=1)
        of = np.clip(((x / _WIDTH + 1) / 2 * N_COLUMNS).astype(np.int64), 0, N_COLUMNS - 1)
        rows += [first + np.flatnonzero(of == column) for column in np.unique(of)]
        first += len(x)
    columns = np.full((len(rows), max(map(len, rows))), first)
    for row, numbers in zip(columns, rows, strict=True):
        row[: len(numbers)] = numbers
    return columns


def moves_of(mesh: HeadMesh) -> Float32[NDArray[np.float32], "vertices 3 53"]:
    """mm that each coefficient moves each vertex, at rest."""
    expression = mesh.moves[:, :EXPRESSION_DIM].reshape(-1, 3, EXPRESSION_DIM)
    arm = mesh.template - mesh.joint
    turns = np.stack([np.cross(axis, arm) for axis in np.eye(3, dtype=np.float32)], axis=-1)  # (K, 3, 3)
    moves: NDArray[np.float32] = np.concatenate([expression, mesh.weights[:, None, None] * turns], axis=2)
    return 1000 * moves
