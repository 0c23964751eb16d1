"""Where a new head stands: at the 3D cursor, or beside what stands there; with its face to the view."""

import math
from collections.abc import Mapping, Sequence

import bpy
import numpy as np
from mathutils import Vector

GAP = 0.06
"""Metres left between a new head and what it stands beside."""
SURROUNDS = 4.0
"""Metres: what is wider is a floor, a room or a backdrop, in which a head may stand."""
FLAT = 0.01
_SOLID = {"MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "POINTCLOUD", "VOLUME"}
_FROM_ABOVE = 0.2  # horizontal share of the view's direction below which one looks down, or up


def facing(context: bpy.types.Context) -> float:
    """Radians about Z by which a face that looks along -Y looks at the view instead; 0 without a 3D view."""
    view = getattr(context.space_data, "region_3d", None)
    if view is None:
        return 0.0
    turned = view.view_rotation
    towards = turned @ Vector((0, 0, 1))
    if math.hypot(towards.x, towards.y) < _FROM_ABOVE:
        towards = turned @ Vector((0, -1, 0))  # down the screen
    return math.atan2(towards.x, -towards.y)


def free_place(context: bpy.types.Context, arrays: Mapping[str, np.ndarray], turn: float) -> Vector:
    """The 3D cursor, or the nearest place to the right or left of it where a head of these arrays is free.

    Right and left are a viewer's for whom the head is turned by `turn` radians. Floors, rooms and other wide
    or flat things are no obstacles.
    """
    cursor = context.scene.cursor.location
    points = arrays["v_template"]  # y up
    reach = float(np.hypot(points[:, 0], points[:, 2]).max()) + GAP
    low, high = cursor.z + float(points[:, 1].min()), cursor.z + float(points[:, 1].max())
    aside = Vector((math.cos(turn), math.sin(turn), 0))
    context.view_layer.update()  # places of what a script has just moved
    taken = [
        span
        for box in map(_box, _standing(context))
        if box[0][2] < high and box[1][2] > low and (span := _span(cursor, aside, box, reach))
    ]
    return cursor + _nearest_free(taken) * aside


def _standing(context: bpy.types.Context) -> list[bpy.types.Object]:
    return [item for item in context.view_layer.objects if item.type in _SOLID and item.visible_get()]


def _box(item: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner in the world; none of what surrounds or lies flat."""
    corners = np.array([item.matrix_world @ Vector(corner) for corner in item.bound_box])
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = high - low
    if size[:2].max() > SURROUNDS or size.min() < FLAT:
        return np.full(3, np.inf), np.full(3, -np.inf)
    return low, high


def _span(
    start: Vector, along: Vector, box: tuple[np.ndarray, np.ndarray], reach: float
) -> tuple[float, float] | None:
    """From where to where on a line one is nearer to a box than `reach` in x or y; None if nowhere."""
    first, last = -math.inf, math.inf
    for axis in (0, 1):
        low = float(box[0][axis]) - reach - start[axis]
        high = float(box[1][axis]) + reach - start[axis]
        if abs(along[axis]) < 1e-6:
            if low >= 0 or high <= 0:
                return None
            continue
        ends = sorted((low / along[axis], high / along[axis]))
        first, last = max(first, ends[0]), min(last, ends[1])
    return (first, last) if first < last else None


def _nearest_free(taken: Sequence[tuple[float, float]]) -> float:
    """The place nearest to 0 that lies in no span, on the right of two that are as near."""
    tried = [0.0, *(end for span in taken for end in span)]
    free = [place for place in tried if not any(low + 1e-6 < place < high - 1e-6 for low, high in taken)]
    return min(free, key=lambda place: (round(abs(place), 4), -place))
