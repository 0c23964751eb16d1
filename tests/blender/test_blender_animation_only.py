"""FBX of the curves alone: the same curves as in the whole file, on a triangle for each mesh."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend
from export_support import FRAMES, arkit_head, read_by_others, talking_head

from ecoface_blender.export import export
from ecoface_blender.export.export import Options

pytestmark = pytest.mark.blender_version

OPTIONS = {
    "unreal": {},
    "unity": {"target": "UNITY"},
    "blender": {"target": "BLENDER"},
    "raw": {"keys": "RAW"},
    "jaw": {"jaw_bone": True},
}
IMPORTERS = ["import_scene.fbx", "wm.fbx_import"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Both files of each kind, and what ufbx reads of them."""
    folder, arrays = tmp_path_factory.mktemp("files"), arkit_head()
    head = talking_head(arrays, tmp_path_factory.getbasetemp())
    paths = []
    for name, given in OPTIONS.items():
        for suffix, only in (("", False), (" curves", True)):
            options = Options(**given, animation_only=only)
            path = export.write(bpy.context, head, folder / f"{name}{suffix}.fbx", options, arrays)
            paths.append(path)
    return folder, read_by_others(folder, paths)


@pytest.mark.parametrize("name", OPTIONS)
def test_ufbx_reads_the_same_curves_as_of_the_whole_file(files, name):
    folder, read = files
    whole, curves = f"{name}.fbx", f"{name} curves.fbx"
    assert read[f"{curves} names"].tolist() == read[f"{whole} names"].tolist()
    assert np.ptp(read[f"{whole} values"], axis=0).max() > 0.1
    np.testing.assert_array_equal(read[f"{curves} values"], read[f"{whole} values"])
    assert len({tuple(row) for row in read[f"{curves} vertices"][0]}) == 3
    assert (folder / curves).stat().st_size < (folder / whole).stat().st_size / 2


def test_every_key_moves_something_lest_an_importer_leave_it_out(files):
    _, read = files
    moved = np.ptp(read["unreal curves.fbx vertices"], axis=0).max()
    assert moved > 0.001  # metres, of the triangle


@pytest.mark.parametrize("importer", IMPORTERS)
@pytest.mark.parametrize("name", ["unreal", "blender"])
def test_blender_reads_the_same_curves_as_of_the_whole_file(files, name, importer):
    folder, _ = files
    whole, curves = (imported(folder / f"{name}{suffix}.fbx", importer) for suffix in ("", " curves"))
    assert list(curves) == list(whole) and len(whole) > 100
    for key, values in whole.items():
        np.testing.assert_array_equal(curves[key], values, key)


@pytest.mark.parametrize("importer", IMPORTERS)
def test_the_jaws_bone_turns_as_in_the_whole_file(files, importer):
    folder, _ = files
    found = []
    for suffix in ("", " curves"):
        imported(folder / f"jaw{suffix}.fbx", importer)
        (rig,) = [item for item in bpy.context.scene.objects if item.type == "ARMATURE"]
        assert [bone.name for bone in rig.data.bones] == ["head", "jaw"]
        found.append(np.array([posed(rig, frame) for frame in FRAMES]))
    assert np.ptp(found[0], axis=0).max() > 0.001
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)


def imported(path, importer):
    """By name the values (frames,) of each key that an importer of Blender's makes of an FBX."""
    empty_blend()
    bpy.context.scene.render.fps = 25
    module, name = importer.split(".")
    start = {"anim_offset": 0.0} if importer == "import_scene.fbx" else {}
    getattr(getattr(bpy.ops, module), name)(filepath=str(path), **start)
    (mesh,) = [item for item in bpy.context.scene.objects if item.type == "MESH"]
    blocks = mesh.data.shape_keys.key_blocks[1:]
    rows = []
    for frame in FRAMES:
        bpy.context.scene.frame_set(int(frame))
        rows.append([block.value for block in blocks])
    return dict(zip([block.name for block in blocks], np.array(rows).T, strict=True))


def posed(rig, frame):
    """(2, 4, 4) of both bones in the world."""
    bpy.context.scene.frame_set(int(frame))
    return [np.array(rig.matrix_world @ bone.matrix) for bone in rig.pose.bones]
