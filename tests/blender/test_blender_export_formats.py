"""Every kind of file read back, by Blender's importers and by others than Blender, in millimetres."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, seen_vertices
from export_support import (
    FRAMES,
    arkit_head,
    distance_mm,
    read_by_others,
    seen,
    talking_head,
    z_up,
)

from ecoface_blender.export import export
from ecoface_blender.export.export import Options
from ecoface_blender.heads import face_kinds, jaw_shape_keys, shape_keys
from ecoface_blender.heads import own_head as heads
from ecoface_blender.takes import evaluated as seen_module

pytestmark = pytest.mark.blender_version

SEEN_MM = 0.01
"""Of a head of 40 cm that moves centimetres: float32 of the exporters."""
FILES = {
    "unreal.fbx": Options(),
    "unity.fbx": Options(target="UNITY"),
    "maya.fbx": Options(target="MAYA"),
    "blender.fbx": Options(target="BLENDER"),
    "raw.fbx": Options(keys="RAW"),
    "jaw.fbx": Options(jaw_bone=True),
    "jaw raw.fbx": Options(jaw_bone=True, keys="RAW", target="BLENDER"),
    "keys.glb": Options(),
    "jaw.glb": Options(jaw_bone=True),
    "keys.usdc": Options(),
    "jaw.usdc": Options(jaw_bone=True),
    "cache.abc": Options(),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """All files of one talking head; what was seen of it; what exact skinning gives; what others read."""
    folder, arrays = tmp_path_factory.mktemp("files"), arkit_head()
    head = talking_head(arrays, tmp_path_factory.getbasetemp())
    motion = seen_module.motion_of(
        head, seen_module.key_values(bpy.context, face_kinds.known_rig(head), FRAMES)
    )
    exact, world = heads.to_blender(jaw_shape_keys.skinned(arrays, motion)), np.array(head.matrix_world)
    expected = {"keys": seen(head), "jaw": exact @ world[:3, :3].T + world[:3, 3]}
    for name, options in FILES.items():
        export.write(bpy.context, head, folder / name, options, arrays)
    return folder, expected, read_by_others(folder, [folder / name for name in FILES])


def should_be(name, expected):
    """With a jaw bone it is exact skinning, which the jaw's keys follow closely."""
    return expected["jaw" if name.startswith("jaw") else "keys"]


def imported(path, how):
    """The mesh that an importer of Blender makes of the file, in an empty scene."""
    empty_blend()
    bpy.context.scene.render.fps = 25
    if how == "io_scene_fbx":
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    elif path.suffix == ".fbx":
        bpy.ops.wm.fbx_import(filepath=str(path), anim_offset=0.0)
    elif path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
    elif path.suffix == ".usdc":
        bpy.ops.wm.usd_import(filepath=str(path))
    else:
        bpy.ops.wm.alembic_import(filepath=str(path))
    (mesh,) = [each for each in bpy.context.scene.objects if each.type == "MESH" and each.name != "Icosphere"]
    return mesh


def test_the_expected_moves_and_the_two_differ(written):
    _, expected, _ = written
    assert np.linalg.norm(expected["keys"] - expected["keys"][0], axis=2).max() > 0.02
    assert 0.05 < distance_mm(expected["keys"], expected["jaw"]) < 1.5  # of a head twice as large


@pytest.mark.parametrize("name", FILES)
def test_others_see_what_was_seen(written, name):
    _, expected, read = written
    vertices = read[f"{name} vertices"]
    error = distance_mm(vertices if name.endswith("usdc") else z_up(vertices), should_be(name, expected))
    print(f"{name}: {error:.6f} mm by others")
    assert error < SEEN_MM


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith("abc")])
def test_others_see_engine_safe_values(written, name):
    _, _, read = written
    names, values = list(read[f"{name} names"]), read[f"{name} values"]
    assert len(names) == len(set(names)) == values.shape[1]
    if FILES[name].keys == "SAFE":
        assert values.min() >= 0 and values.max() <= 1
        assert {text.rsplit("_")[-1] for text in names} == {"pos", "neg"}
    else:
        assert values.min() < -1 and values.max() > 1


@pytest.mark.parametrize("name", FILES)
def test_blenders_importers_see_what_was_seen(written, name):
    folder, expected, _ = written
    both = ("io_scene_fbx", "fbx_import") if name.endswith("fbx") else ("its own",)
    for how in both:
        if how == "fbx_import" and how not in dir(bpy.ops.wm):
            continue  # Blender 4.5 and later have it, not every build does
        copy = imported(folder / name, how)
        if FILES[name].keys == "RAW" and copy.data.shape_keys:
            for block in copy.data.shape_keys.key_blocks[1:]:
                block.slider_max, block.slider_min = 10, -10
        error = distance_mm(seen(copy), should_be(name, expected))
        print(f"{name}: {error:.6f} mm by Blender ({how})")
        assert error < SEEN_MM


@pytest.mark.parametrize("name, scale, turned", [("unreal.fbx", 0.01, True), ("unity.fbx", 1.0, True)])
def test_units_and_axes_are_in_the_shapes(written, name, scale, turned):
    """What an engine reads, that does not look at the object: the size of the mesh itself."""
    folder, _, _ = written
    copy = imported(folder / name, "io_scene_fbx")
    rest = shape_keys.coordinates(copy.data.shape_keys.key_blocks[0])
    own = heads.to_blender(arkit_head()["v_template"])
    file_axes = np.stack([own[:, 0], own[:, 2], -own[:, 1]], axis=1) / scale
    np.testing.assert_allclose(rest, file_axes, atol=1e-5 / scale)


@pytest.mark.parametrize("fps", [24, 30])
def test_times_are_those_of_the_scene_at_broken_rates(tmp_path, tmp_path_factory, fps):
    """At 23.976 and 29.97, halfway between frames too, where half a millisecond would be seen."""
    head = talking_head(arkit_head(), tmp_path_factory.getbasetemp())
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = fps, 1.001
    times = FRAMES[:-1] + 0.5
    expected = []
    for time in times:
        scene.frame_set(int(time), subframe=time % 1)
        expected.append(seen_vertices(head))
    speed = np.linalg.norm(np.diff(seen(head), axis=0), axis=2).max() * fps  # metres a second
    names = ["a.fbx", "a.glb", "a.usdc", "a.abc"]
    paths = [export.write(bpy.context, head, tmp_path / name) for name in names]
    read = read_by_others(tmp_path, paths, times, rate=fps / 1.001)
    for name in names:
        vertices = read[f"{name} vertices"]
        error = distance_mm(vertices if name.endswith("usdc") else z_up(vertices), np.array(expected))
        print(f"{name}: {error:.5f} mm, {error / speed:.5f} ms")
        assert error / speed < 0.05  # mm by mm/ms: milliseconds
