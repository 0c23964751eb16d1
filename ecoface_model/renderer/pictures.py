"""Grey faces in numpy: what the visual encoder is shown of a performance, by whichever engine.

The same pictures as `grey.py` draws with gradient for training, and by the same steps as `raster.py`: every
triangle is cut into rows and every row into its pixels. Frames come last in all arrays of vertices and faces.
"""

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import MOTION_DIM
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.head_mesh import HeadLandmarks, HeadMesh
from ecoface_model.renderer.camera import GREY_HEIGHT, Pinhole, grey_lights, grey_view

AT_ONCE = 16  # frames: bounds the memory, and suits a processor's cache

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class GreyPictures:
    """A motion of one head -> grey faces before a fixed camera."""

    def __init__(self, file: FlameFile, size: int) -> None:
        self.size = size
        self._mesh = HeadMesh(file)
        self.camera = Pinhole(*grey_view(_camera_height(file), size))
        self._lights = grey_lights()
        order = np.argsort(self._mesh.faces.T.ravel(), kind="stable")  # corners, vertex by vertex
        self._face_of_corner = order % len(self._mesh.faces)
        self._used, self._first_corner = np.unique(self._mesh.faces.T.ravel()[order], return_index=True)

    def draw(
        self, motion: Float32[NDArray[np.float32], "frames 53"]
    ) -> Float32[NDArray[np.float32], "frames size size"]:
        """Pictures 0..1 on black: Lambert's shade of five lights, smooth over the surface."""
        out = np.zeros((len(motion), self.size, self.size), np.float32)
        for first in range(0, len(motion), AT_ONCE):
            self._draw(motion[first : first + AT_ONCE], out[first : first + AT_ONCE])
        return out

    def _draw(self, motion: Floats, out: Floats) -> None:
        vertices = self._mesh.posed(motion)  # (V, 3, n)
        n = len(motion)
        screen = np.stack(self.camera.on_screen(vertices[:, 0], vertices[:, 1], vertices[:, 2]))  # (3, V, n)
        corners = [screen[:, self._mesh.faces[:, k]] for k in range(3)]  # (3, F, n) each
        face, frame = fronts(corners, self.size)
        triangles = np.stack([corner[:, face, frame] for corner in corners])  # (3 corners, 3 axes, N)
        pixel, chosen = _visible(triangles, frame, n, self.size)
        centre = np.stack([pixel % self.size, pixel // self.size % self.size]).astype(np.float32) + 0.5
        weights = _barycentric(triangles[..., chosen], centre)  # (3, P)
        shade = self._shade(vertices).ravel()  # (V n)
        of_face = self._mesh.faces[face[chosen]].T * n + frame[chosen]  # (3, P)
        out.reshape(-1)[pixel] = (shade[of_face] * weights).sum(axis=0)

    def _shade(self, vertices: Floats) -> Floats:
        """Light at each vertex, (V, n): by unit normals, the mean of the faces around weighted by area."""
        a, b, c = (vertices[self._mesh.faces[:, k]] for k in range(3))  # (F, 3, n)
        u, v = b - a, c - a
        lit = np.zeros((len(self._lights), len(self._used), vertices.shape[2]), np.float32)
        squared = np.zeros(lit.shape[1:], np.float32)
        for axis in range(3):
            y, z = (axis + 1) % 3, (axis + 2) % 3
            of_face = u[:, y] * v[:, z] - u[:, z] * v[:, y]  # (F, n)
            normal = np.add.reduceat(of_face[self._face_of_corner], self._first_corner, axis=0)
            squared += normal * normal
            lit += self._lights[:, axis, None, None] * normal
        total = np.maximum(lit, 0).sum(axis=0) / np.maximum(np.sqrt(squared), np.float32(1e-12))
        shade = np.zeros((len(vertices), vertices.shape[2]), np.float32)
        shade[self._used] = total / np.float32(len(self._lights))
        return shade


def _camera_height(file: FlameFile) -> float:
    """Half way from chin to brows at rest; the published camera's where the head has no landmarks."""
    if not file.has_landmarks:
        return GREY_HEIGHT
    heights = HeadLandmarks(file).of(np.zeros((1, MOTION_DIM), np.float32))[0, :, 1]
    return float(heights.min() + heights.max()) / 2


def fronts(corners: list[Floats], size: int) -> tuple[Ints, Ints]:
    """Numbers of the faces that can be seen, and in which frames: in the picture, turned to the camera.

    `corners` are the three corners of each face, (x y z, F, n); what holds no pixel's centre is left out.
    """
    a, b, c = corners
    low = np.minimum(np.minimum(a[:2], b[:2]), c[:2])
    high = np.maximum(np.maximum(a[:2], b[:2]), c[:2])
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    seen = area < 0  # y points down, so anticlockwise turns negative
    seen &= (a[2] > 0) & (b[2] > 0) & (c[2] > 0)
    first, last = np.ceil(low - 0.5), np.ceil(high - 0.5)
    seen &= ((first < last) & (high > 0) & (low < size)).all(axis=0)
    face, frame = np.nonzero(seen)
    return face, frame


def _visible(triangles: Floats, frame: Ints, n: int, size: int) -> tuple[Ints, Ints]:
    """Flat pixels of the pictures that see a triangle, and which: the nearest, of equals the last."""
    pixel, nearness, triangle = _hits(triangles, frame, size)
    nearest = np.zeros(n * size * size, np.float32)
    np.maximum.at(nearest, pixel, nearness)
    wins = nearness == nearest[pixel]
    winner = np.full(len(nearest), -1)
    winner[pixel[wins]] = triangle[wins]  # triangles rise, and the last one stays
    seen = np.flatnonzero(winner >= 0)
    return seen, winner[seen]


def _hits(triangles: Floats, frame: Ints, size: int) -> tuple[Ints, Floats, Ints]:
    """Every meeting of a triangle with a pixel's centre: flat pixel, 1/z, number of the triangle."""
    y = triangles[:, 1]  # (3, N)
    first, last = (np.clip(np.ceil(f(y, axis=0) - 0.5), 0, size).astype(np.int64) for f in (np.min, np.max))
    of_triangle, row = _counted(first, last - first)  # (R,)
    centre = row.astype(np.float32) + np.float32(0.5)
    low, high = _span(triangles, of_triangle, centre)
    x = np.clip(np.ceil(low - np.float32(0.5)), 0, size)
    n_pixels = np.maximum(np.clip(np.ceil(high - np.float32(0.5)), 0, size) - x, 0).astype(np.int64)
    start, slope = _nearness(triangles, of_triangle, x + np.float32(0.5), centre)
    first_pixel = (frame[of_triangle] * size + row) * size + x.astype(np.int64)
    of_row, pixel = _counted(first_pixel, n_pixels)
    step = (pixel - first_pixel[of_row]).astype(np.float32)
    return pixel, start[of_row] + slope[of_row] * step, of_triangle[of_row]


def _counted(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """For each i its number, `count[i]` times, and beside it first[i], first[i] + 1, ..."""
    which = np.repeat(np.arange(len(count)), count)
    before = np.cumsum(count) - count
    return which, np.arange(len(which)) + (first - before)[which]


def _span(triangles: Floats, of_triangle: Ints, y: Floats) -> tuple[Floats, Floats]:
    """Where each row enters and leaves its triangle; see `raster`."""
    low, high = np.full_like(y, np.inf), np.full_like(y, -np.inf)
    for k in range(3):
        a, b = triangles[k, :2], triangles[(k + 1) % 3, :2]  # (2, N)
        down = a[1] <= b[1]
        upper, lower = np.where(down, a, b), np.where(down, b, a)
        with np.errstate(divide="ignore", invalid="ignore"):
            run = (lower[0] - upper[0]) / (lower[1] - upper[1])
        begin, end = upper[1, of_triangle], lower[1, of_triangle]
        crosses = (begin <= y) & (y < end)
        with np.errstate(invalid="ignore"):
            x = upper[0, of_triangle] + (y - begin) * run[of_triangle]
        low = np.where(crosses, np.minimum(low, x), low)
        high = np.where(crosses, np.maximum(high, x), high)
    return low, high


def _nearness(triangles: Floats, of_triangle: Ints, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """1/z at the first pixel of each row and its change per pixel; it is affine on the screen."""
    a, b, c = triangles  # (3, N) each
    inverse = 1 / triangles[:, 2]  # (3, N)
    u, v = b[:2] - a[:2], c[:2] - a[:2]
    du, dv = inverse[1] - inverse[0], inverse[2] - inverse[0]
    area = u[0] * v[1] - u[1] * v[0]
    slope_x, slope_y = (du * v[1] - dv * u[1]) / area, (dv * u[0] - du * v[0]) / area
    from_x, from_y = x - a[0, of_triangle], y - a[1, of_triangle]
    along = slope_x[of_triangle]
    return inverse[0, of_triangle] + along * from_x + slope_y[of_triangle] * from_y, along


def _barycentric(triangles: Floats, points: Floats) -> Floats:
    """Weights (3, P) of a screen triangle's corners at a point, corrected for perspective."""
    a, b, c = (corner[:2] - points for corner in triangles)  # (2, P)
    inside = np.stack([u[0] * v[1] - u[1] * v[0] for u, v in ((b, c), (c, a), (a, b))])
    # rounding lets a centre on an edge fall outside by a hair
    inside = np.maximum(inside * np.sign(inside.sum(axis=0)), 0)
    weighted = inside / triangles[:, 2]
    weights: Floats = weighted / np.maximum(weighted.sum(axis=0), np.float32(1e-20))
    return weights
