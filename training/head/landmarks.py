"""The 68 landmarks in iBUG's order, and the masks, on this head."""

import numpy as np

from training.head import seam
from training.head.brows import brow_curve
from training.head.source import Floats
from training.head.surface import Surface, SurfacePoint

EYE_LEFT = (13360, 13359, 13353, 13377, 13372, 13368)
"""hm08's vertices on the left lid's rim: inner corner, upper 2, outer corner, lower 2 (landmarks 42..47)."""
INNER_LIP_LOWER = (523, 7264)  # middle, left: the ridge of the lower lip
INNER_LIP_UPPER = ((-0.0051, 0.1003), (0.0, 0.1010), (0.0051, 0.1003))
"""m aside and in depth, from the right: points as high as those at rest, where lips touch."""
INNER_CORNER, OUTER_CORNER = 7192, 7250  # of the left side
OUTER_LIP_X = (0.0055, 0.0125)  # m, landmarks 52 and 53


def landmark_points(surface: Surface, of_source: dict[int, int], lips: Floats, eye_height: float) -> list[
    SurfacePoint
]:  # fmt: skip
    """68 points on the skin. `of_source` finds hm08's vertices, `lips` (V,) is their share of lip."""
    mirror = _Mirror(surface)

    def vertex(number: int) -> SurfacePoint:
        return surface.at_vertex(of_source[number])

    def other(number: int) -> SurfacePoint:
        return surface.at_vertex(mirror(of_source[number]))

    jaw = [_contour(surface, angle) for angle in np.linspace(-105, 105, 17)]
    x, y, _ = brow_curve(np.array([0.95, 0.72, 0.48, 0.25, 0.05]), eye_height)
    brows = [surface.front(-float(a), float(b)) for a, b in zip(x, y, strict=True)]
    brows += [surface.front(float(a), float(b)) for a, b in zip(x[::-1], y[::-1], strict=True)]
    nose = [surface.front(0.0, h) for h in np.linspace(eye_height - 0.003, 0.003, 4)]
    nose += [surface.front(x, -0.0085) for x in (-0.0125, -0.0065, 0.0, 0.0065, 0.0125)]
    right_eye = [other(EYE_LEFT[i]) for i in (3, 2, 1, 0, 5, 4)]
    left_eye = [vertex(i) for i in EYE_LEFT]
    columns = (*(-x for x in OUTER_LIP_X[::-1]), 0.0, *OUTER_LIP_X)
    upper = [_lip_rim(surface, lips, x, -0.010, -0.0005) for x in columns]
    lower = [_lip_rim(surface, lips, x, -0.050, 0.0005) for x in columns[::-1]]
    outer = [other(OUTER_CORNER), *upper, vertex(OUTER_CORNER), *lower]
    middle = of_source[seam.UPPER], of_source[seam.LOWER]
    inner_upper = [seam.underside(surface, *middle, x, depth) for x, depth in INNER_LIP_UPPER]
    inner = [other(INNER_CORNER), *inner_upper, vertex(INNER_CORNER)]
    inner += [vertex(INNER_LIP_LOWER[1]), vertex(INNER_LIP_LOWER[0]), other(INNER_LIP_LOWER[1])]
    return [*jaw, *brows, *nose, *right_eye, *left_eye, *outer, *inner]


class _Mirror:
    """Finds the vertex on the other side of the face."""

    def __init__(self, surface: Surface) -> None:
        self._vertices = surface.vertices

    def __call__(self, vertex: int) -> int:
        wanted = self._vertices[vertex] * [-1, 1, 1]
        distance = np.linalg.norm(self._vertices - wanted, axis=1)
        assert distance.min() < 1e-3, f"vertex {vertex} has no mirror image"
        return int(distance.argmin())


def _contour(surface: Surface, degrees: float) -> SurfacePoint:
    """Jaw contour at an angle from the chin: -105 near the right ear, 105 near the left."""
    angle = np.radians(degrees)
    forwards = 0.45 * np.cos(angle) - 0.15 * np.abs(np.sin(angle))
    return surface.hit(np.array([0.0, 0.005, 0.045]), np.array([np.sin(angle), -np.cos(angle), forwards]))


def _lip_rim(surface: Surface, lips: Floats, x: float, y: float, step: float) -> SurfacePoint:
    """Walks from y in steps until the skin turns into lip."""
    for height in np.arange(y, y + 60 * step, step):
        point = surface.front(x, float(height))
        if point.barycentric @ lips[surface.faces[point.face]] > 0.5:
            return point
    raise AssertionError(f"no lip at x = {x}")
