"""What the tests of baking and export share: a head that talks, and what was seen of it."""

import json
import os
import subprocess
from pathlib import Path

import bpy
import numpy as np
from blender_support import empty_blend, seen_vertices, small_head, talking_motion
from engine_python import ENGINE_PYTHON

from ecoface_blender.animation import actions
from ecoface_blender.heads import jaw_shape_keys
from ecoface_blender.heads import own_head as heads

START = 4
N_FRAMES = 12
FRAMES = np.arange(START, START + N_FRAMES)
_saved: dict[bool, Path] = {}
READER = Path(__file__).with_name("read_exports.py")


def arkit_head() -> dict[str, np.ndarray]:
    """The small head with two units that are what its coefficients show, and all that their fit asks for."""
    arrays = {
        name: array.astype(np.float32) if array.dtype.kind == "f" else array
        for name, array in small_head().items()
    }
    coefficients = np.zeros((2, 53), np.float32)
    coefficients[0, 50] = 0.3  # jawOpen, radians
    coefficients[1, :6] = 2.0
    arrays["arkit_coefficients"] = coefficients
    arrays["mask_lips"] = np.arange(150, 160)
    arrays["landmark_faces"] = np.arange(68) * 5
    arrays["landmark_barycentric"] = np.full((68, 3), 1 / 3, np.float32)
    arrays["arkit_units"] = (jaw_shape_keys.skinned(arrays, coefficients) - arrays["v_template"]).astype(
        np.float32
    )
    return arrays


def talk(head, n_frames=N_FRAMES, start=START, seed=0):
    """Key the head at the motion's own rate."""
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 25, 1
    frames, motion = actions.resample_to_scene(talking_motion(n_frames, seed), 25, 25, start)
    return actions.write_action(head, heads.key_values(head, motion), frames, "Take", {"seed": 3})


def talking_head(arrays, folder):
    """A head off the origin, turned and twice as large, that talks; made once, then opened again."""
    file = _saved.get("arkit_units" in arrays)
    if file:
        bpy.ops.wm.open_mainfile(filepath=str(file))
        return bpy.data.objects["Anna"]
    head = heads.add_head(empty_blend(), arrays, "Anna")
    head.location, head.rotation_euler, head.scale = (0.1, 0.2, 0.3), (0.1, 0.2, 0.3), (2, 2, 2)
    talk(head)
    _saved["arkit_units" in arrays] = file = Path(folder) / f"talking_{len(_saved)}.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file), copy=True)
    return head


def seen(item, frames=FRAMES):
    """World vertices (frames, V, 3) over time."""
    out = []
    for frame in frames:
        bpy.context.scene.frame_set(int(frame))
        out.append(seen_vertices(item))
    return np.array(out)


def read_by_others(folder, paths, frames=FRAMES, rate=25.0):
    """By file name: vertices (frames, V, 3) in metres, key names and values, as programs that are not Blender
    read them."""
    out = Path(folder) / "read.npz"
    command = [ENGINE_PYTHON, str(READER), str(out), str(rate), ",".join(map(str, frames)), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(out) as arrays:
        return {name: arrays[name] for name in arrays.files}


def z_up(vertices):
    """From a file's axes (y up) to Blender's."""
    x, y, z = np.moveaxis(vertices, -1, 0)
    return np.stack([x, -z, y], axis=-1)


def distance_mm(vertices, expected):
    """The farthest that any vertex is from where it should be; files may hold a vertex more than once."""
    vertices, expected = np.asarray(vertices, float), np.asarray(expected, float)
    if vertices.shape != expected.shape:
        a, b = vertices[0], expected[0]
        squared = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        nearest = squared.argmin(axis=1)
        assert set(nearest) == set(range(len(b)))
        expected = expected[:, nearest]
    return 1000 * np.linalg.norm(vertices - expected, axis=2).max()


def everything(scene_items=("objects", "meshes", "actions", "shape_keys", "materials", "scenes",
                            "collections", "armatures")):  # fmt: skip
    """What must be the same before and after an export."""
    context, data = bpy.context, bpy.data
    scene = context.scene
    keys = next(item for item in scene.objects if heads.is_head(item)).data.shape_keys
    return json.dumps({
        "names": [sorted(block.name for block in getattr(data, kind)) for kind in scene_items],
        "active": context.view_layer.objects.active.name,
        "mode": context.mode,
        "selected": sorted(item.name for item in context.view_layer.objects if item.select_get()),
        "frame": (scene.frame_current, scene.frame_subframe, scene.frame_start, scene.frame_end),
        "action": keys.animation_data.action.name,
        "slot": keys.animation_data.action_slot.identifier,
        "values": [block.value for block in keys.key_blocks],
    })  # fmt: skip
