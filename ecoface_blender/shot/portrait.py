"""A camera and lights for a portrait of a face, by where its keys move it and which way it looks."""

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..heads import face_kinds, face_shape
from ..heads.shape_keys import coordinates

LENS = 85.0  # mm, a portrait's
FRAME = 2.0  # heights of what moves, from chin to brows, that are seen from top to bottom
MOVES = 0.1  # of the most that anything moves
SHOT = "ecoface_shot"
"""Custom property of the objects that Set Up Shot makes: what each is."""


@dataclass(frozen=True)
class Portrait:
    """A face in the world."""

    middle: np.ndarray
    """(3,)"""
    height: float
    """From chin to brows."""
    axes: np.ndarray
    """(3, 3) unit rows left, up, forward."""


def portrait_of(speaker: bpy.types.Object) -> Portrait:
    """Where a speaker's face is at rest, whatever kind of head it is."""
    shape, axes = face_shape.shape_of(face_kinds.known_rig(speaker))
    points = coordinates(speaker.data.shape_keys.reference_key).astype(np.float64)
    if shape is not None and len(shape.rest) == len(points):
        moved = np.linalg.norm(shape.offsets, axis=2).max(axis=0)
        points = points[moved > MOVES * moved.max()]
    place = np.array(speaker.matrix_world)
    turned = axes @ place[:3, :3].T
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    in_world = points @ place[:3, :3].T + place[:3, 3]
    middle = (in_world.min(axis=0) + in_world.max(axis=0)) / 2
    return Portrait(middle, float(np.ptp(in_world @ turned[1])), turned)


def set_camera(context: bpy.types.Context, portrait: Portrait) -> bpy.types.Object:
    """The shot's camera before the face, as the scene's; one that an earlier click has made is moved."""
    scene = context.scene
    camera = _ours(context, "camera") or _added(
        context, "camera", "Portrait Camera", bpy.data.cameras.new("Portrait Camera")
    )
    camera.data.lens = LENS
    width, height = (
        scene.render.resolution_x * scene.render.pixel_aspect_x,
        scene.render.resolution_y * scene.render.pixel_aspect_y,
    )
    sensor = camera.data.sensor_width * height / max(width, height)  # mm, of the picture's height
    away = FRAME * portrait.height * LENS / sensor
    left, up, forward = portrait.axes
    middle = portrait.middle + 0.1 * portrait.height * up  # the crown is farther than the throat
    camera.matrix_world = _looking(middle + away * forward, left, up, forward)
    camera.data.clip_start = min(camera.data.clip_start, 0.1 * away)
    camera.data.dof.focus_distance = away
    scene.camera = camera
    return camera


def set_lights(context: bpy.types.Context, portrait: Portrait) -> list[bpy.types.Object]:
    """A soft light from above the face's left, and a weaker one from its right."""
    return [
        _set_light(context, portrait, "key", (0.9, 0.7, 1.2), 1.0),
        _set_light(context, portrait, "fill", (-1.2, 0.1, 0.9), 0.3),
    ]


def _set_light(
    context: bpy.types.Context, portrait: Portrait, kind: str, aside: tuple[float, float, float], share: float
) -> bpy.types.Object:
    """An area light, `aside` (left, up, forward) of the face in metres for a face of a person's size."""
    name = f"{kind.title()} Light"
    light = _ours(context, kind) or _added(context, kind, name, bpy.data.lights.new(name, "AREA"))
    size = portrait.height / 0.14  # of a person
    place = portrait.middle + size * np.array(aside) @ portrait.axes
    towards = place - portrait.middle
    light.matrix_world = (
        Matrix.Translation(place) @ Vector(towards).to_track_quat("Z", "Y").to_matrix().to_4x4()
    )
    light.data.size = 0.6 * size
    light.data.energy = 30.0 * share * size**2  # W
    return light


def _ours(context: bpy.types.Context, kind: str) -> bpy.types.Object | None:
    return next((item for item in context.scene.objects if item.get(SHOT) == kind), None)


def _added(context: bpy.types.Context, kind: str, name: str, data: bpy.types.ID) -> bpy.types.Object:
    item = bpy.data.objects.new(name, data)
    item[SHOT] = kind
    context.collection.objects.link(item)
    return item


def _looking(place: np.ndarray, left: np.ndarray, up: np.ndarray, forward: np.ndarray) -> Matrix:
    """A camera's matrix at a place, looking against `forward`; the face's left is the picture's right."""
    return Matrix.Translation(place) @ Matrix(np.column_stack([left, up, forward])).to_4x4()
