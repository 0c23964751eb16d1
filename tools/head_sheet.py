"""The head that Add Head adds, as Blender renders it: `python tools/head_sheet.py [--engine eevee]`.

One picture for each face of FACES by name, side by side, and a row for each look, into work/head_sheet.png.
"""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import bpy
import numpy as np
from mathutils import Vector
from PIL import Image

import ecoface_blender
from ecoface_blender.heads import dressing, own_head
from ecoface_blender.heads.identity import with_face
from ecoface_blender.heads.looks import DEFAULT, looks

ENGINES = {
    "cycles": "CYCLES",
    "eevee": "BLENDER_EEVEE_NEXT" if bpy.app.version < (5, 0) else "BLENDER_EEVEE",
    "solid": "BLENDER_WORKBENCH",
}
BOTH = ("Left", "Right")
FACES: dict[str, dict[str, float]] = {
    "rest": {},
    "smile": {"cheekSquint": 0.95, "eyeSquint": 0.15, "browInnerUp": 0.55, "browOuterUp": 0.2,
              "mouthSmile": 0.9, "mouthUpperUp": 0.6, "mouthLowerDown": 0.3, "jaw": 5.0},
    "angry": {"browDown": 1.15, "eyeSquint": 0.3, "eyeWide": 0.65, "noseSneer": 0.6, "mouthUpperUp": 0.5,
              "mouthLowerDown": 0.6, "mouthStretch": 0.25, "mouthFrown": 0.25, "jaw": 4.0},
    "AA": {"mouthLowerDown": 0.1, "mouthUpperUp": 0.25, "jaw": 12.0},
    "blink": {"eyeBlink": 0.7},
    "P": {"mouthPress": 0.25, "mouthRollUpper": 0.1, "mouthRollLower": 0.15, "mouthPucker": 0.12,
          "mouthClose": 0.035, "jaw": 1.5},
    "surprised": {"browInnerUp": 2.0, "browOuterUp": 0.75, "eyeWide": 1.15, "jaw": 10.0, "mouthFunnel": 0.1},
    "disgust": {"noseSneer": 1.6, "browInnerUp": 0.4, "cheekSquint": 0.6, "eyeSquint": 0.5,
                "mouthUpperUp": 0.9, "mouthFrown": 0.6, "mouthShrugLower": 0.4},
    "TH": {"tongueOut": 0.52, "mouthLowerDown": 0.2, "mouthUpperUp": 0.3, "jaw": 5.0},
}  # fmt: skip
"""Units of ARKit, both sides alike; the jaw in degrees."""
CROPS = {
    "head": (0.33, 0.8, (0.0, 0.0, 0.015)),
    "eyes": (0.075, 1.7, (0.0, -0.07, 0.037)),
    "mouth": (0.085, 1.2, (0.0, -0.08, -0.03)),
}
"""Metres of height, width over height, middle."""


def motion_of(arrays: dict[str, np.ndarray], face: dict[str, float]) -> np.ndarray:
    """(1, 53)."""
    names = [str(name) for name in arrays["arkit_names"]]
    out = np.zeros((1, 53))
    for unit, weight in face.items():
        if unit == "jaw":
            out[0, 50] += np.radians(weight)
            continue
        for name in (unit, *(unit + side for side in BOTH)):
            if name in names:
                out[0] += weight * arrays["arkit_coefficients"][names.index(name)]
    return out


def set_face(head: bpy.types.Object, arrays: dict[str, np.ndarray], face: dict[str, float]) -> None:
    """Put the keys so."""
    values = own_head.key_values(head, motion_of(arrays, face))[0]
    for name, value in zip(own_head.key_names(head), values, strict=True):
        head.data.shape_keys.key_blocks[name].value = value


def light_up(scene: bpy.types.Scene, height: float) -> None:
    """A window, a fill, a rim, a grey wall."""
    world = scene.world or bpy.data.worlds.new("World")
    scene.world = world
    if world.node_tree is None:
        world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.10, 0.11, 0.125, 1)
    for name, place, size, power in (
        ("Key", (-0.55, -0.9, height + 0.35), 0.5, 14.0),
        ("Fill", (0.9, -0.7, height), 0.8, 4.0),
        ("Rim", (0.5, 0.7, height + 0.4), 1.0, 6.0),
    ):
        data = bpy.data.lights.new(name, "AREA")
        data.size, data.energy = size, power
        lamp = bpy.data.objects.new(name, data)
        scene.collection.objects.link(lamp)
        lamp.location = place
        lamp.rotation_euler = (Vector((0, 0, height)) - lamp.location).to_track_quat("-Z", "Y").to_euler()


def aim(scene: bpy.types.Scene, target: Vector, tall: float, azimuth: float) -> None:
    """A portrait lens before the face, `tall` metres of it in the picture."""
    data = bpy.data.cameras.new("Camera")
    data.lens, data.sensor_fit, data.sensor_height = 85, "VERTICAL", 24
    camera = bpy.data.objects.new("Camera", data)
    scene.collection.objects.link(camera)
    angle = np.radians(azimuth)
    away = tall * 85 / 24
    camera.location = target + away * Vector((np.sin(angle), -np.cos(angle), 0.03))
    camera.rotation_euler = (target - camera.location).to_track_quat("-Z", "Y").to_euler()
    scene.camera = camera


def set_engine(scene: bpy.types.Scene, engine: str, size: tuple[int, int], samples: int) -> None:
    render = scene.render
    render.engine = ENGINES[engine]
    render.resolution_x, render.resolution_y, render.resolution_percentage = *size, 100
    scene.view_settings.view_transform = "AgX" if engine != "solid" else "Standard"
    if engine == "cycles":
        scene.cycles.samples, scene.cycles.use_denoising = samples, True
        scene.cycles.max_bounces = 6
        scene.render.use_persistent_data = True
    elif engine == "eevee":
        scene.eevee.taa_render_samples = samples
    else:
        scene.display.shading.light = "STUDIO"
        scene.display.shading.color_type = "MATERIAL"


def render_faces(options: argparse.Namespace, look: str) -> np.ndarray:
    """The faces of one look, side by side."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene, arrays = bpy.context.scene, own_head.load_head()
    head = own_head.add_head(bpy.context, with_face(arrays, looks()[look].identity), "Head")
    dressing.apply_look(head, look)
    tall, wide, target = CROPS[options.crop]
    light_up(scene, 0.03)
    aim(scene, Vector(target), tall, options.azimuth)
    set_engine(scene, options.engine, (int(options.size * wide), options.size), options.samples)
    pictures = []
    with TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "face.png")
        for name in options.faces or FACES:
            set_face(head, arrays, FACES[name])
            bpy.ops.render.render(write_still=True)
            with Image.open(scene.render.filepath) as picture:
                pictures.append(np.asarray(picture.convert("RGB")))
    return np.hstack(pictures)


def main() -> None:
    """Render."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("faces", nargs="*", help=f"of {', '.join(FACES)}; all without any")
    parser.add_argument("--engine", choices=ENGINES, default="cycles")
    parser.add_argument("--size", type=int, default=400, help="pixels, height")
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--look", nargs="+", choices=looks(), default=[DEFAULT], help="a row for each")
    parser.add_argument("--crop", choices=CROPS, default="head")
    parser.add_argument("--azimuth", type=float, default=0.0, help="degrees, from the front")
    parser.add_argument("--out", type=Path, default=Path("work/head_sheet.png"))
    options = parser.parse_args()
    ecoface_blender.register()
    options.out.parent.mkdir(exist_ok=True)
    sheet = np.vstack([render_faces(options, look) for look in options.look])
    Image.fromarray(sheet).convert("P", palette=Image.Palette.ADAPTIVE, colors=256).save(
        options.out, optimize=True
    )
    print(f"wrote {options.out}")
    ecoface_blender.unregister()


if __name__ == "__main__":
    main()
    os._exit(0)  # some of Blender's wheels do not return from their own clean-up
