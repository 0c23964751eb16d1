"""The sheet of a check: a picture of every pose in the head's own materials, with what is wrong beside it."""

import math
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..atomic_write import written_beside
from ..heads import report as face_report
from .checks import Checked, Poses
from .poses import POSES, TITLES

CELL = (288, 360)  # pixels
COLUMNS = 4
FRAME = 2.1  # heights of what moves that are seen
SAMPLES = 10
PAPER = 0.7
FINE, WRONG = (0.02, 0.02, 0.02, 1), (0.7, 0.02, 0.02, 1)
_NOT_SHOWN = {"LIGHT", "CAMERA", "LIGHT_PROBE", "SPEAKER"}


def render(
    context: bpy.types.Context, poses: Poses, checked: Checked
) -> Generator[int, None, bpy.types.Image]:
    """An image, packed into the file: the head pose by pose; yields how many are drawn."""
    said = {finding.title: f"{finding.title}: {finding.label}" for finding in checked.findings}
    width, height = CELL
    rows = math.ceil(len(POSES) / COLUMNS)
    sheet = np.ones((rows * height, COLUMNS * width, 4), dtype=np.float32)
    sheet[..., :3] = PAPER
    with tempfile.TemporaryDirectory(prefix="ecoface-") as folder, _studio(context, checked) as (scene, text):
        scene.render.filepath = str(Path(folder) / "cell.png")
        for number, title in enumerate(TITLES):
            poses.show(number)
            _write(text, said.get(title, title), title in said)
            bpy.ops.render.render(write_still=True, scene=scene.name)
            row, column = divmod(number, COLUMNS)
            bottom = (rows - 1 - row) * height
            sheet[bottom : bottom + height, column * width : (column + 1) * width] = _pixels(scene)
            if number + 1 < len(TITLES):
                yield number + 1
    name = face_report.check_sheet(poses.rig.speaker)
    before = bpy.data.images.get(name)
    if before is not None:
        bpy.data.images.remove(before)
    image = bpy.data.images.new(name, COLUMNS * width, rows * height)
    image.pixels.foreach_set(sheet.ravel())
    image.update()
    image.pack()
    face_report.keep_checked(image, [str(finding) for finding in checked.findings])
    return image


def _pixels(scene: bpy.types.Scene) -> np.ndarray:
    image = bpy.data.images.load(scene.render.filepath)
    try:
        out = np.empty(CELL[0] * CELL[1] * 4, dtype=np.float32)
        image.pixels.foreach_get(out)
        return out.reshape(CELL[1], CELL[0], 4)
    finally:
        bpy.data.images.remove(image)


@contextmanager
def _studio(
    context: bpy.types.Context, checked: Checked
) -> Iterator[tuple[bpy.types.Scene, bpy.types.Object]]:
    """A scene with all that is seen in the context's, with a camera, light and a line of text of its own."""
    shown = [
        item for item in context.view_layer.objects if item.visible_get() and item.type not in _NOT_SHOWN
    ]
    data = bpy.data
    scene, world = data.scenes.new("EcoFace Check"), data.worlds.new("EcoFace Check")
    camera = data.objects.new("EcoFace Check", data.cameras.new("EcoFace Check"))
    light = data.objects.new("EcoFace Check Light", data.lights.new("EcoFace Check", "SUN"))
    text = data.objects.new("EcoFace Check Text", data.curves.new("EcoFace Check", "FONT"))
    ink = data.materials.new("EcoFace Check")
    made = [scene, world, camera, camera.data, light, light.data, text, text.data, ink]
    try:
        for item in (*shown, camera, light, text):
            scene.collection.objects.link(item)
        _set_up(scene, world)
        _place(checked, scene, camera, light, text)
        if ink.node_tree is None:  # from Blender 5.0 on there always is one
            ink.use_nodes = True
        ink.node_tree.nodes.clear()
        output = ink.node_tree.nodes.new("ShaderNodeOutputMaterial")
        glow = ink.node_tree.nodes.new("ShaderNodeEmission")
        ink.node_tree.links.new(glow.outputs[0], output.inputs["Surface"])
        text.data.materials.append(ink)
        yield scene, text
    finally:
        data.batch_remove(made)


def _set_up(scene: bpy.types.Scene, world: bpy.types.World) -> None:
    """Cycles, which needs no screen, with few samples."""
    if world.node_tree is None:
        world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.45, 0.45, 0.45, 1)
    scene.world = world
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.max_bounces = SAMPLES, False, 4
    scene.render.resolution_x, scene.render.resolution_y = CELL
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.view_settings.view_transform = "Standard"


def _place(
    checked: Checked,
    scene: bpy.types.Scene,
    camera: bpy.types.Object,
    light: bpy.types.Object,
    text: bpy.types.Object,
) -> None:
    """The camera looks at the face from the front; light comes from above its left shoulder."""
    size = FRAME * checked.height
    left, up, forward = checked.axes
    view = Matrix(np.column_stack([left, up, forward])).to_4x4()
    camera.matrix_world = Matrix.Translation(checked.middle + 4 * size * forward) @ view
    camera.data.type, camera.data.ortho_scale = "ORTHO", size
    camera.data.clip_start, camera.data.clip_end = 1e-3 * size, 10 * size
    scene.camera = camera
    light.matrix_world = view @ Matrix.Rotation(-0.6, 4, "X") @ Matrix.Rotation(0.5, 4, "Y")
    light.data.energy, light.data.angle = 1.6, 0.5
    text.matrix_world = Matrix.Translation(checked.middle + 3.9 * size * forward - 0.48 * size * up) @ view
    text.data.align_x, text.data.size = "CENTER", 0.045 * size


def _write(text: bpy.types.Object, body: str, wrong: bool) -> None:
    text.data.body = body
    glow = text.data.materials[0].node_tree.nodes["Emission"]
    glow.inputs["Color"].default_value = WRONG if wrong else FINE


def save(image: bpy.types.Image, path: Path) -> None:
    """Write the sheet as a PNG, whole or not at all.

    Raises:
        EcoFaceBlenderError: if it cannot be written there.
    """
    image.file_format = "PNG"
    with written_beside(path) as beside:
        image.filepath_raw = str(beside)
        image.save()
    image.filepath_raw = str(path)
