"""The room behind the two heads of the showreel: two tones, and lamps far out of focus."""

import bpy
import numpy as np

RADIUS, HALF_HEIGHT, HALF_ANGLE = 2.4, 1.6, 115.0  # metres, metres, degrees from straight behind
ROWS, COLUMNS = 320, 1280  # of the picture
WARM, COOL = np.array([0.085, 0.043, 0.024]), np.array([0.022, 0.046, 0.062])  # linear, left and right
LAMPS, SEED = 44, 3
LAMP_COLOURS = np.array([[1.0, 0.56, 0.24], [1.0, 0.75, 0.45], [0.35, 0.62, 0.80]])
LAMP_RADIUS, LAMP_LIGHT = (0.03, 0.10), (0.02, 0.12)  # metres; linear
SOFT = 0.02  # metres of a lamp's edge


def room_colours() -> np.ndarray:
    """(ROWS, COLUMNS, 3), linear; rows from the floor up, columns from left to right."""
    across = RADIUS * np.radians(np.linspace(-HALF_ANGLE, HALF_ANGLE, COLUMNS))[None, :, None]  # m
    up = np.linspace(-HALF_HEIGHT, HALF_HEIGHT, ROWS)[:, None, None]  # m
    share = 1 / (1 + np.exp(-across / 0.7))
    light = 0.35 + 0.65 * np.exp(-(((up - 0.25) / 0.8) ** 2))
    out = light * (WARM + share * (COOL - WARM))
    random = np.random.default_rng(SEED)
    for _ in range(LAMPS):
        place, height = random.uniform(across.min(), across.max()), random.normal(0.25, 0.28)
        radius, strength = random.uniform(*LAMP_RADIUS), random.uniform(*LAMP_LIGHT)
        distance = np.hypot(across - place, up - height)
        disc = np.clip((radius - distance) / SOFT, 0, 1) * (0.75 + 0.25 * np.minimum(distance / radius, 1))
        out = out + strength * disc * LAMP_COLOURS[random.integers(len(LAMP_COLOURS))]
    return out


def build_room(scene: bpy.types.Scene) -> None:
    """A wall bent round the heads that shines, without lighting them."""
    angles = np.radians(np.linspace(-HALF_ANGLE, HALF_ANGLE, 65))
    foot = np.stack([RADIUS * np.sin(angles), RADIUS * np.cos(angles), np.full(65, -HALF_HEIGHT)], axis=-1)
    corners = np.concatenate([foot, foot + np.array([0, 0, 2 * HALF_HEIGHT])])
    first = np.arange(64)
    mesh = bpy.data.meshes.new("Room")
    mesh.from_pydata(
        corners.tolist(), [], np.stack([first, first + 1, first + 66, first + 65], axis=-1).tolist()
    )
    on_wall = np.stack([np.tile(np.linspace(0, 1, 65), 2), np.repeat([0.0, 1.0], 65)], axis=-1)
    numbers = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", numbers)
    mesh.uv_layers.new(name="UVMap").data.foreach_set("uv", on_wall[numbers].ravel())
    mesh.shade_smooth()
    mesh.materials.append(_wall_material(room_colours()))
    wall = bpy.data.objects.new("Room", mesh)
    wall.visible_diffuse = wall.visible_glossy = wall.visible_shadow = False
    scene.collection.objects.link(wall)


def _wall_material(colours: np.ndarray) -> bpy.types.Material:
    image = bpy.data.images.new("Room", COLUMNS, ROWS, float_buffer=True, is_data=False)
    image.pixels.foreach_set(np.dstack([colours, np.ones(colours.shape[:2])]).astype(np.float32).ravel())
    image.pack()
    material = bpy.data.materials.new("Room")
    material.use_nodes, material.diffuse_color = True, (*colours.mean(axis=(0, 1)), 1)
    tree = material.node_tree
    tree.nodes.clear()
    picture, shine, end = (
        tree.nodes.new(f"ShaderNode{kind}") for kind in ("TexImage", "Emission", "OutputMaterial")
    )
    picture.image = image
    tree.links.new(picture.outputs["Color"], shine.inputs["Color"])
    tree.links.new(shine.outputs[0], end.inputs["Surface"])
    return material
