"""Triangle meshes: where rays meet them, their edges, and how what is done to a part of one runs out."""

from dataclasses import dataclass

import numpy as np

from training.head.source import Floats, Ints


@dataclass(frozen=True)
class SurfacePoint:
    """A point that rides on one face."""

    face: int
    barycentric: Floats  # (3,)


class Surface:
    """A mesh at rest that answers where rays meet it."""

    def __init__(self, vertices: Floats, faces: Ints) -> None:
        self.vertices, self.faces = vertices, faces
        self._first_face: dict[int, int] = {}
        for f, face in enumerate(faces):
            for v in face:
                self._first_face.setdefault(int(v), f)

    def at_vertex(self, vertex: int) -> SurfacePoint:
        """A vertex, as a corner of one of its faces."""
        face = self._first_face[vertex]
        return SurfacePoint(face, (self.faces[face] == vertex).astype(float))

    def front(self, x: float, y: float) -> SurfacePoint:
        """The frontmost point straight behind (x, y), seen along -z."""
        return self.hit(np.array([x, y, 0.0]), np.array([0.0, 0.0, 1.0]))

    def hit(self, origin: Floats, direction: Floats) -> SurfacePoint:
        """The last point that the ray leaves the mesh at (Moeller-Trumbore)."""
        a, b, c = np.moveaxis(self.vertices[self.faces], 1, 0)
        u_edge, v_edge = b - a, c - a
        p = np.cross(direction, v_edge)
        scale = (u_edge * p).sum(1)
        scale = np.where(np.abs(scale) < 1e-15, np.nan, scale)
        s = origin - a
        u = (s * p).sum(1) / scale
        q = np.cross(s, u_edge)
        v = (q @ direction) / scale
        distance = (v_edge * q).sum(1) / scale
        inside = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9)
        assert inside.any(), f"no surface at {origin} towards {direction}"
        face = int(np.argmax(np.where(inside, distance, -np.inf)))
        return SurfacePoint(face, np.array([1 - u[face] - v[face], u[face], v[face]]))

    def position(self, point: SurfacePoint) -> Floats:
        """Where a point is at rest, (3,) metres."""
        out: Floats = point.barycentric @ self.vertices[self.faces[point.face]]
        return out


def edges_of(faces: Ints) -> Ints:
    """(E, 2) vertices of the edges of triangles (F, 3), each once."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    out: Ints = np.unique(np.sort(ends, axis=1), axis=0)
    return out


def smoothstep(values: Floats, low: float, high: float) -> Floats:
    """0 up to `low`, 1 from `high` on, without a corner between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    out: Floats = t * t * (3 - 2 * t)
    return out
