"""Where a new head stands: at the 3D cursor, or beside what stands there; with its face to the view."""

import itertools
import math
from collections.abc import Mapping, Sequence

import bpy
import numpy as np
from mathutils import Vector

GAP = 0.06
"""Metres left between a new head and what it stands beside."""
CLEAR = 1.2
"""Metres before a head in which nothing else stands: there a portrait's camera is."""
NEAR = 1e-6
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


def free_place(
    context: bpy.types.Context,
    arrays: Mapping[str, np.ndarray],
    turn: float,
    heads: Sequence[bpy.types.Object] = (),
) -> Vector:
    """The 3D cursor, or the nearest place beside or before what stands there, for a head of these arrays.

    Where others of `heads` are, it stands beside the one nearest to the cursor. Nothing touches the head
    then, nor stands between it and a portrait's camera, for a head that is turned by `turn` radians. Floors,
    rooms and other wide or flat things are no obstacles.
    """
    context.view_layer.update()  # places of what a script has just moved
    cursor = context.scene.cursor.location.copy()
    place = _free_from(context, cursor, arrays, turn)
    if place == cursor or not heads:
        return place
    places = [head.matrix_world.translation.copy() for head in heads]
    return _free_from(context, min(places, key=lambda each: (each - cursor).length), arrays, turn)


def _free_from(
    context: bpy.types.Context, start: Vector, arrays: Mapping[str, np.ndarray], turn: float
) -> Vector:
    """The free place nearest to a start."""
    points = arrays["v_template"]  # y up
    reach = float(np.hypot(points[:, 0], points[:, 2]).max()) + GAP
    low, high = start.z + float(points[:, 1].min()), start.z + float(points[:, 1].max())
    aside = np.array([math.cos(turn), math.sin(turn), 0.0])
    before = np.array([math.sin(turn), -math.cos(turn), 0.0])
    taken = []
    for corners in map(_corners, _standing(context)):
        if corners[:, 2].min() < high and corners[:, 2].max() > low and not _surrounds(corners):
            seen = (corners - np.array(start)) @ np.stack([aside, before], axis=1)  # (8, 2)
            (left, near), (right, far) = seen.min(axis=0), seen.max(axis=0)
            taken.append((left - reach, right + reach, near - CLEAR, far + reach))
    across, along = _nearest_free(taken)
    return start + Vector((across * aside + along * before).tolist())


def _standing(context: bpy.types.Context) -> list[bpy.types.Object]:
    return [item for item in context.view_layer.objects if item.type in _SOLID and item.visible_get()]


def _corners(item: bpy.types.Object) -> np.ndarray:
    """(8, 3) of its box, in the world."""
    return np.array([item.matrix_world @ Vector(corner) for corner in item.bound_box])


def _surrounds(corners: np.ndarray) -> bool:
    size = np.ptp(corners, axis=0)
    return bool(size[:2].max() > SURROUNDS or size.min() < FLAT)


def _nearest_free(taken: Sequence[tuple[float, float, float, float]]) -> tuple[float, float]:
    """The place (across, along) nearest to the middle that lies in no rectangle (left, right, near, far)."""
    across = [0.0, *(side for left, right, _, _ in taken for side in (right, left))]
    along = [0.0, *(far for *_, far in taken)]
    free = [
        (x, y)
        for x, y in itertools.product(across, along)
        if not any(a + NEAR < x < b - NEAR and c + NEAR < y < d - NEAR for a, b, c, d in taken)
    ]
    return min(free, key=lambda place: round(abs(place[0]) + 2 * place[1], 4))  # beside rather than before
