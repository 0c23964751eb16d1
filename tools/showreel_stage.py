"""What is around the two heads of the showreel: clothes, cameras and light."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians, sin

import bpy
import numpy as np
from mathutils import Vector
from showreel_cuts import Shot
from showreel_room import build_room

TALL = {"both": 0.6, "past": 0.36, "one": 0.305}  # metres seen
HEIGHT = {"both": 0.02, "past": 0.03, "one": 0.045}  # and their middle
LENS = {"both": 40.0, "past": 100.0, "one": 55.0}  # mm
ASIDE = {"past": 76.0, "one": 72.0}
"""Degrees off the front of a camera on one head, as near to what is looked at as the other leaves room; from
further away it sees the back of that one's head."""
ROOM = {"both": 0.0, "past": 0.10, "one": 0.10}  # of the picture's height, that is left before a face
LIGHTS = (
    ("Key", (0.0, -0.62, 0.45), 0.6, 8.0, (1.0, 0.95, 0.88)),
    ("Fill", (0.0, -1.4, 0.0), 1.2, 4.5, (0.92, 0.96, 1.0)),
    ("Warm Rim", (-0.9, 0.8, 0.45), 0.8, 10.0, (1.0, 0.80, 0.60)),
    ("Cool Rim", (0.9, 0.8, 0.45), 0.8, 10.0, (0.75, 0.88, 1.0)),
)
"""Where each is, its width (metres), watts, colour. The key is between the heads: it lights the faces, and
temples and ears less."""


@dataclass(frozen=True)
class Garment:
    """What a head wears below the neck."""

    outline: tuple[tuple[float, float], ...]
    """Half widths and heights, metres, from the collar's inside outwards."""
    colour: tuple[float, float, float]
    """Linear."""
    ribs: int
    """Around the neck."""
    depth: float
    """Of the ribs, a share of the width."""


INSIDE, SHOULDERS = ((0.025, -0.115), (0.052, -0.098)), (
    (0.11, -0.13), (0.17, -0.16), (0.2, -0.25), (0.205, -0.5),
)  # fmt: skip
ROLL_NECK = Garment(
    (*INSIDE, (0.058, -0.086), (0.067, -0.083), (0.073, -0.092), (0.072, -0.108), *SHOULDERS),
    (0.020, 0.062, 0.070), 56, 0.012,
)  # fmt: skip
SHAWL = Garment(
    (*INSIDE, (0.066, -0.088), (0.083, -0.084), (0.094, -0.096), (0.088, -0.112), *SHOULDERS),
    (0.180, 0.050, 0.028), 9, 0.030,
)  # fmt: skip
GARMENTS = (ROLL_NECK, SHAWL)
AROUND = 224  # corners of a ring


def dress(head: bpy.types.Object, garment: Garment) -> bpy.types.Object:
    """A collar and shoulders about the foot of the neck, where the head's mesh ends."""
    angles = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    waves = np.cos(garment.ribs * angles)
    rings = []
    for ring, (wide, height) in enumerate(garment.outline):
        x = wide * (1 + garment.depth * waves * (len(INSIDE) <= ring < len(garment.outline) - len(SHOULDERS)))
        y = 0.012 + 0.9 * x * np.sin(angles)
        rings.append(np.stack([x * np.cos(angles), y, np.full(AROUND, height)], axis=-1))
    corners = np.arange(len(rings) * AROUND).reshape(-1, AROUND)
    after = np.roll(corners, -1, axis=1)
    quads = np.stack([corners[:-1], corners[1:], after[1:], after[:-1]], axis=-1).reshape(-1, 4)
    mesh = bpy.data.meshes.new("Cloth")
    mesh.from_pydata(np.concatenate(rings).tolist(), [], quads.tolist())
    mesh.shade_smooth()
    mesh.materials.append(bpy.data.materials.new("Cloth"))
    mesh.materials[0].use_nodes, mesh.materials[0].diffuse_color = True, (*garment.colour, 1)
    shader = mesh.materials[0].node_tree.nodes["Principled BSDF"].inputs
    shader["Base Color"].default_value, shader["Roughness"].default_value = (*garment.colour, 1), 0.9
    item = bpy.data.objects.new("Cloth", mesh)
    item.modifiers.new("Round", "SUBSURF").render_levels = 1
    item.matrix_world = head.matrix_world
    bpy.context.collection.objects.link(item)
    return item


def add_camera(name: str, shot: str, middle: Vector, side: int) -> bpy.types.Object:
    """A camera on a place, from the side to which the face there looks: -1 left, 1 right, 0 the front."""
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    camera.data.lens, camera.data.sensor_fit, camera.data.sensor_height = LENS[shot], "VERTICAL", 24
    angle = side * ASIDE.get(shot, 0.0)
    away = Vector((sin(radians(angle)), -cos(radians(angle)), 0))
    camera.location = middle + Vector((0, 0, HEIGHT[shot])) + TALL[shot] * LENS[shot] / 24 * away
    camera.rotation_euler = away.to_track_quat("Z", "Y").to_euler()
    camera.data.shift_x = side * ROOM[shot]
    bpy.context.collection.objects.link(camera)
    return camera


def film(scene: bpy.types.Scene, heads: list[bpy.types.Object], cuts: Sequence[tuple[int, Shot]]) -> None:
    """Cameras, light, a dim room; from each frame of `cuts` on its shot is seen."""
    cameras = {Shot(): add_camera("Both", "both", Vector(), 0)}
    for number, (head, side) in enumerate(zip(heads, (1, -1), strict=True)):
        cameras[Shot(number)] = add_camera(f"On {head.name}", "one", head.location, side)
        cameras[Shot(number, True)] = add_camera(f"Past {head.name}'s Other", "past", head.location, side)
    for frame, shot in cuts:
        camera = cameras[shot]
        scene.timeline_markers.new(camera.name, frame=frame).camera = camera
    both = cameras[Shot()]
    scene.camera, scene.world = both, bpy.data.worlds.new("Room")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.05, 0.055, 0.065, 1)
    for name, place, size, power, colour in LIGHTS:
        lamp = bpy.data.objects.new(name, bpy.data.lights.new(name, "AREA"))
        lamp.data.size, lamp.data.energy, lamp.data.color = size, power, colour
        lamp.location = place
        lamp.rotation_euler = lamp.location.to_track_quat("Z", "Y").to_euler()
        scene.collection.objects.link(lamp)
    build_room(scene)
