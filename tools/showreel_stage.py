"""What is around the two heads of the showreel: clothes, cameras and light."""

from math import cos, radians, sin

import bpy
import numpy as np
from mathutils import Vector

TALL, HEIGHT = {"both": 0.38, "one": 0.31}, {"both": 0.02, "one": 0.035}  # metres seen, and their middle
LENS = {"both": 40.0, "one": 85.0}  # mm; near two who face each other, it sees more than their profiles
LIGHTS = (("Key", -30, 0.5, 0.7, 22), ("Fill", 40, 0.1, 1.0, 9), ("Rim", 180, 0.6, 0.5, 18))
"""Degrees from the front, metres up, metres wide, watts."""
CLOTH = ((0.055, -0.092), (0.068, -0.082), (0.074, -0.1), (0.11, -0.13), (0.17, -0.16), (0.2, -0.25))
"""Half widths and heights of what the heads wear below the neck, metres."""


def dress(head: bpy.types.Object) -> None:
    """A dark collar and shoulders about the foot of the neck, where the head's mesh ends."""
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    rings = [[(x * cos(a), 0.012 + 0.9 * x * sin(a), z) for a in angles] for x, z in CLOTH]
    corners = np.arange(len(CLOTH) * 64).reshape(-1, 64)
    after = np.roll(corners, -1, axis=1)
    quads = np.stack([corners[:-1], corners[1:], after[1:], after[:-1]], axis=-1).reshape(-1, 4)
    mesh = bpy.data.meshes.new("Cloth")
    mesh.from_pydata(np.concatenate(rings).tolist(), [], quads.tolist())
    mesh.shade_smooth()
    mesh.materials.append(bpy.data.materials.new("Cloth"))
    mesh.materials[0].use_nodes, mesh.materials[0].diffuse_color = True, (0.02, 0.022, 0.03, 1)
    shader = mesh.materials[0].node_tree.nodes["Principled BSDF"].inputs
    shader["Base Color"].default_value, shader["Roughness"].default_value = (0.02, 0.022, 0.03, 1), 0.9
    item = bpy.data.objects.new("Cloth", mesh)
    item.matrix_world = head.matrix_world
    bpy.context.collection.objects.link(item)


def add_camera(name: str, shot: str, middle: Vector, angle: float) -> bpy.types.Object:
    """A camera `angle` degrees from the front of a place."""
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    camera.data.lens, camera.data.sensor_fit, camera.data.sensor_height = LENS[shot], "VERTICAL", 24
    away = Vector((sin(radians(angle)), -cos(radians(angle)), 0))
    camera.location = middle + Vector((0, 0, HEIGHT[shot])) + TALL[shot] * LENS[shot] / 24 * away
    camera.rotation_euler = away.to_track_quat("Z", "Y").to_euler()
    bpy.context.collection.objects.link(camera)
    return camera


def film(scene: bpy.types.Scene, heads: list[bpy.types.Object], cuts: list[tuple[int, int | None]]) -> None:
    """Cameras, light, a dim room; from each frame of `cuts` on one head is seen, or both for None."""
    both = add_camera("Both", "both", Vector(), 0)
    ones = [
        add_camera(f"On {head.name}", "one", head.location, -side * 42)
        for head, side in zip(heads, (-1, 1), strict=True)
    ]
    for frame, head in cuts:
        camera = both if head is None else ones[head]
        scene.timeline_markers.new(camera.name, frame=frame).camera = camera
    scene.camera, scene.world = both, bpy.data.worlds.new("Room")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.05, 0.055, 0.065, 1)
    for name, angle, up, size, power in LIGHTS:
        lamp = bpy.data.objects.new(name, bpy.data.lights.new(name, "AREA"))
        lamp.data.size, lamp.data.energy = size, power
        lamp.location = (1.1 * sin(radians(angle)), -1.1 * cos(radians(angle)), up)
        lamp.rotation_euler = lamp.location.to_track_quat("Z", "Y").to_euler()
        scene.collection.objects.link(lamp)
