"""How much of an eyeball is seen between lids, column by column: an oracle that draws every triangle."""

import numpy as np

PIXEL = 0.1  # mm
_AROUND = (17.0, 12.0)  # mm about the eye's middle that are drawn
_BALL = ("sclera", "iris", "pupil")


def gap_along_lids(head, vertices, elevation, side=1):
    """(columns,) mm of eyeball in sight between the lids, seen from `elevation` degrees above.

    Args:
        head: a FlameFile with materials.
        vertices: (V, 3) metres.
        side: 1 for the left eye, -1 for the right.
    """
    eye = head.J_regressor[3 if side > 0 else 4] @ head.v_template + (0, 0, 0.012)
    a = np.radians(elevation)
    turn = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    points, middle = 1000 * vertices @ turn.T, 1000 * turn @ eye
    low = middle[:2] - _AROUND
    size = np.round(2 * np.array(_AROUND) / PIXEL).astype(int)
    depth, seen = np.full(size[::-1], -np.inf), np.full(size[::-1], -1)
    corners = points[head.faces]
    near = (corners[..., 2].max(axis=1) > middle[2] - 45) & (
        (corners[..., :2].max(axis=1) > low) & (corners[..., :2].min(axis=1) < low + 2 * np.array(_AROUND))
    ).all(axis=1)
    for face in np.flatnonzero(near):
        _draw(face, (corners[face, :, :2] - low) / PIXEL, corners[face, :, 2], depth, seen)
    ball = np.isin(np.array(head.material_names)[head.material], _BALL)
    return ((seen >= 0) & ball[seen.clip(0)]).sum(axis=0) * PIXEL


def _draw(face, xy, z, depth, seen):
    first = np.maximum(np.ceil(xy.min(axis=0) - 0.5).astype(int), 0)
    last = np.minimum(np.floor(xy.max(axis=0) - 0.5).astype(int), np.array(depth.shape[::-1]) - 1)
    (x0, y0), (x1, y1), (x2, y2) = xy
    area = (y1 - y2) * (x0 - x2) + (x2 - x1) * (y0 - y2)
    if (last < first).any() or abs(area) < 1e-12:
        return
    x, y = np.meshgrid(np.arange(first[0], last[0] + 1) + 0.5, np.arange(first[1], last[1] + 1) + 0.5)
    a = ((y1 - y2) * (x - x2) + (x2 - x1) * (y - y2)) / area
    b = ((y2 - y0) * (x - x2) + (x0 - x2) * (y - y2)) / area
    here = a * z[0] + b * z[1] + (1 - a - b) * z[2]
    part = np.s_[first[1] : last[1] + 1, first[0] : last[0] + 1]
    nearer = (a >= 0) & (b >= 0) & (a + b <= 1) & (here > depth[part])
    depth[part][nearer], seen[part][nearer] = here[nearer], face
