"""Files for other programs: the scene stays as it was, what is seen is written, and what is refused."""

import csv
import json
import resource
import sys

import bpy
import numpy as np
import pytest
from blender_support import empty_blend
from export_support import (
    FRAMES,
    N_FRAMES,
    START,
    arkit_head,
    distance_mm,
    everything,
    seen,
    talk,
    talking_head,
)

from ecoface_blender import atomic_write
from ecoface_blender.core.arkit import ArkitUnits
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.export import export
from ecoface_blender.export import shape_keys as export_keys
from ecoface_blender.export.export import Options
from ecoface_blender.heads import face_kinds, jaw_shape_keys, shape_keys
from ecoface_blender.heads import own_head as heads
from ecoface_blender.takes import evaluated as seen_module
from ecoface_blender.takes.bake import bake

BLENDER = Options(target="BLENDER")
EDGE = 0.026  # metres between the vertices of the ball


@pytest.fixture(scope="module")
def arrays():
    return arkit_head()


@pytest.fixture
def head(arrays, tmp_path_factory):
    return talking_head(arrays, tmp_path_factory.getbasetemp())


EDGE = 0.026  # metres between the ball's vertices


def imported(path):
    """The mesh that Blender's importer makes of an FBX, in an empty scene."""
    empty_blend()
    bpy.context.scene.render.fps = 25
    bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    (mesh,) = [item for item in bpy.context.scene.objects if item.type == "MESH"]
    return mesh


def test_engine_safe_keys_stay_between_0_and_1_and_are_the_same_in_every_file(head, tmp_path):
    names = []
    for seed in (1, 2):
        talk(head, seed=seed)
        values = seen_module.key_values(bpy.context, face_kinds.known_rig(head), FRAMES)
        halves = export_keys.split_keys(head.data.shape_keys, values)
        assert all(half.values.min() >= 0 and half.values.max() <= 1 for half in halves)
        names.append([(half.name, half.offsets.tobytes()) for half in halves])
    assert names[0] == names[1]
    assert names[0][0][0] == "Expression01_pos" and names[0][1][0] == "Expression01_neg"


def test_keys_that_reach_from_0_to_1_keep_their_names():
    value = np.array([0.0, 0.5, 1.0])
    (whole,) = export_keys.split("jawOpen", np.ones((4, 3)), value, 0.0, 1.0)
    assert whole.name == "jawOpen" and (whole.values == value).all()
    (up,) = export_keys.split("Smile", np.ones((4, 3)), 2 * value, 0.0, 2.0)
    assert up.name == "Smile_pos" and (up.values == value).all() and (up.offsets == 2).all()


def test_the_motion_is_read_off_the_keys(head, arrays):
    motion = jaw_shape_keys.plausible_motion(arrays, 20, seed=3)
    found = seen_module.motion_of(head, heads.key_values(head, motion))
    np.testing.assert_allclose(found, motion, atol=1e-6)


def test_the_export_leaves_the_scene_as_it_was(head, arrays, tmp_path):
    other = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT"))
    bpy.context.scene.collection.objects.link(other)
    bpy.context.view_layer.objects.active = other
    other.select_set(True)
    head.select_set(False)
    bpy.context.scene.frame_set(7, subframe=0.25)
    head.data.shape_keys.key_blocks["Jaw Open"].value = 0.123  # moved, not keyed
    before = everything()
    for name, options in (("a.fbx", Options(jaw_bone=True)), ("a.usdc", Options()), ("a.abc", Options())):
        export.write(bpy.context, head, tmp_path / name, options, arrays)
        assert everything() == before
    (tmp_path / "taken.fbx").mkdir()
    with pytest.raises(EcoFaceBlenderError, match="Expected a file name to write, found the folder"):
        export.write(bpy.context, head, tmp_path / "taken.fbx")
    assert everything() == before
    assert sorted(path.name for path in tmp_path.glob("*")) == ["a.abc", "a.fbx", "a.usdc", "taken.fbx"]


def test_what_nla_and_drivers_show_is_exported(head, tmp_path):
    animation = head.data.shape_keys.animation_data
    strip = animation.nla_tracks.new().strips.new("Take", START, animation.action)
    animation.action = None
    strip.influence = 0.5
    driver = head.data.shape_keys.key_blocks["Expression 03"].driver_add("value").driver
    driver.expression = "frame / 10"
    head.data.shape_keys.key_blocks["Expression 02"].mute = True
    expected = seen(head)
    options = Options(start=START, end=START + N_FRAMES - 1, target="BLENDER")
    copy = imported(export.write(bpy.context, head, tmp_path / "a.fbx", options))
    assert copy.name == "Anna"
    assert distance_mm(seen(copy), expected) < 0.01


def test_a_head_that_is_carried_about_moves_in_the_file_too(head, tmp_path):
    carrier = bpy.data.objects.new("Carrier", None)
    bpy.context.scene.collection.objects.link(carrier)
    carrier.location.x = 1
    carrier.keyframe_insert("location", frame=START)
    carrier.location.x = 2
    carrier.rotation_euler.z = 1
    carrier.keyframe_insert("location", frame=START + 8)
    head.parent = carrier
    expected = seen(head)
    assert np.ptp(expected.mean(1)[:, 0]) > 0.5
    copy = imported(export.write(bpy.context, head, tmp_path / "a.fbx"))
    assert distance_mm(seen(copy), expected) < 0.01


@pytest.mark.parametrize("jaw_bone", [False, True])
def test_the_artists_own_keys_and_vertex_groups_are_in_the_file(head, arrays, tmp_path, jaw_bone):
    wrinkle = head.shape_key_add(name="Wrinkle", from_mix=False)
    wrinkle.data[5].co.z += 0.02
    wrinkle.value = 0.5
    group = head.vertex_groups.new(name="Left")
    group.add(list(range(0, 360, 2)), 0.7, "REPLACE")
    head.data.shape_keys.key_blocks["Expression 01"].vertex_group = "Left"
    head.data.shape_keys.key_blocks["Expression 02"].vertex_group = "gone"
    for block in head.data.shape_keys.key_blocks:
        if jaw_bone and block.name.startswith("Jaw"):  # a bone follows it otherwise, a little
            block.mute = True
    expected = seen(head)
    options = Options(jaw_bone=jaw_bone)
    copy = imported(export.write(bpy.context, head, tmp_path / "a.fbx", options, arrays))
    assert "Wrinkle" in copy.data.shape_keys.key_blocks
    assert distance_mm(seen(copy), expected) < 0.01


def test_a_linked_head_is_exported_and_not_baked(head, arrays, tmp_path):
    expected = seen(head)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    empty_blend()
    bpy.context.scene.render.fps = 25
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, linked):
        linked.objects = ["Anna"]
    (anna,) = linked.objects
    bpy.context.scene.collection.objects.link(anna)
    for name in ("a.abc", "a.json", "a.fbx"):
        export.write(bpy.context, anna, tmp_path / name, None, arrays)
    with pytest.raises(EcoFaceBlenderError, match="'Anna' is linked from another file"):
        bake(bpy.context, anna)
    assert distance_mm(seen(imported(tmp_path / "a.fbx")), expected) < 0.01


def test_an_arkit_file_has_the_units_shapes_and_curves(head, arrays, tmp_path):
    units = ArkitUnits.of(arrays)
    curves = units.curves(
        seen_module.motion_of(head, seen_module.key_values(bpy.context, face_kinds.known_rig(head), FRAMES))
    )
    assert np.ptp(curves, axis=0).min() > 0.1
    offsets = heads.to_blender(arrays["arkit_units"])
    rest = shape_keys.coordinates(head.data.shape_keys.key_blocks[0])
    local = rest + np.tensordot(curves, offsets, 1)
    world = np.array(head.matrix_world)
    expected = local @ world[:3, :3].T + world[:3, 3]
    copy = imported(export.write(bpy.context, head, tmp_path / "a.fbx", Options(keys="ARKIT"), arrays))
    assert [block.name for block in copy.data.shape_keys.key_blocks[1:]] == list(units.names)
    assert distance_mm(seen(copy), expected) < 0.01


def test_live_link_face_gets_its_table(head, arrays, tmp_path):
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 30, 1.001
    path = export.write(bpy.context, head, tmp_path / "a.csv", None, arrays)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == N_FRAMES and len(rows[0]) == 63
    assert list(rows[0])[:3] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft"]
    assert list(rows[0])[-10:-8] == ["TongueOut", "HeadYaw"] and list(rows[0])[-1] == "RightEyeRoll"
    motion = seen_module.motion_of(
        head, seen_module.key_values(bpy.context, face_kinds.known_rig(head), FRAMES)
    )
    curves = ArkitUnits.of(arrays).curves(motion, single=True)
    for k, row in enumerate(rows):
        hours, minutes, seconds, rest = map(float, row["Timecode"].split(":"))
        time = 3600 * hours + 60 * minutes + seconds + rest / 29.97003
        assert time == pytest.approx(k * 1.001 / 30, abs=1e-4) and row["BlendShapeCount"] == "61"
        assert float(row["JawOpen"]) == pytest.approx(curves[k, 0], abs=1e-6)
        assert float(row["MouthSmileLeft"]) == pytest.approx(curves[k, 1], abs=1e-6)
        assert {row[name] for name in row if name.startswith(("Head", "LeftEyeY", "RightEyeP"))} == {
            "0.000000"
        }


def test_json_holds_curves_of_every_kind(head, arrays, tmp_path):
    content = json.loads(
        export.write(bpy.context, head, tmp_path / "a.json", None, arrays).read_text("utf-8")
    )
    values = seen_module.key_values(bpy.context, face_kinds.known_rig(head), FRAMES)
    assert (content["format"], content["fps"], content["first_frame"]) == ("ecoface-motion-1", 25.0, START)
    assert content["seconds"] == N_FRAMES / 25 and content["metadata"] == {"seed": 3}
    np.testing.assert_allclose(content["shape_keys"]["frames"], values, atol=1e-6)
    assert content["shape_keys"]["names"] == list(heads.key_names(head))
    np.testing.assert_allclose(content["flame"]["frames"], seen_module.motion_of(head, values), atol=1e-6)
    assert np.shape(content["arkit"]["frames"]) == (N_FRAMES, 2)
    bare = {name: array for name, array in arrays.items() if "arkit" not in name}
    other = json.loads(export.write(bpy.context, head, tmp_path / "b.json", None, bare).read_text("utf-8"))
    assert "arkit" not in other and other["flame"] == content["flame"]


def test_what_cannot_be_exported_is_told_in_a_sentence(head, arrays, tmp_path):
    def refused(sentence, item=head, name="a.fbx", **options):
        with pytest.raises(EcoFaceBlenderError, match=sentence):
            export.write(bpy.context, item, tmp_path / name, Options(**options), arrays)
        assert not list(tmp_path.iterdir())

    refused("'Cube' is no mesh with shape keys", bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube")))
    refused("No head is chosen", None)
    refused("Expected a folder", name="none/a.fbx")
    refused(r"ending in .fbx, .glb, .usdc, .abc, .csv, .json, found 'a.obj'", name="a.obj")
    refused("found 9 to 8; swap them", start=9, end=8)
    refused("ARKit's keys move the jaw themselves", keys="ARKIT", jaw_bone=True)
    refused("/dev/null/a.fbx|Expected a folder", name="/dev/null/a.fbx")
    head.hide_set(True)
    refused("'Anna' is hidden; show it first", name="a.abc")
    head.hide_set(False)
    head["ecoface_head"] = "somebody"
    refused(
        "'Anna' is a head 'somebody' of 360 vertices, but the preferences name 'small head'", name="a.csv"
    )
    bpy.ops.object.mode_set(mode="EDIT")
    refused("'Anna' is being edited")
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.preferences.addon_disable(module="io_scene_fbx")
    try:
        refused("no exporter 'FBX format'")
    finally:
        bpy.ops.preferences.addon_enable(module="io_scene_fbx")
    head.data.shape_keys.animation_data_clear()
    refused("Nothing moves 'Anna' yet")


@pytest.mark.parametrize("name", ["a.fbx", "a.glb", "a.csv"])
def test_a_file_that_cannot_grow_leaves_the_old_one(head, arrays, tmp_path, name, monkeypatch):
    (tmp_path / name).write_text("old")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it would be cut off, too, and stay so
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(EcoFaceBlenderError, match=r"Cannot write .*File too large.*make room there"):
            export.write(bpy.context, head, tmp_path / name, None, arrays)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == "old"


@pytest.mark.parametrize("name", ["a.usdc", "a.abc"])
def test_a_full_disk_is_told_before_the_exporters_that_would_end_blender(head, tmp_path, monkeypatch, name):
    usage = type(atomic_write.shutil.disk_usage(tmp_path))(10**9, 10**9 - 5_000, 5_000)
    monkeypatch.setattr(atomic_write.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(EcoFaceBlenderError, match=r"may need [\d.]+ MB, found 0.0 MB free"):
        export.write(bpy.context, head, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_half_a_file_is_no_file(head, arrays, tmp_path):
    for suffix in (".fbx", ".glb", ".usdc", ".abc"):
        path = export.write(bpy.context, head, tmp_path / f"a{suffix}", None, arrays)
        assert atomic_write.is_whole(path)
        (kind,) = [each for each in export.KINDS.values() if each.suffix == suffix]
        room = kind.most_bytes(bpy.context, face_kinds.known_rig(head), N_FRAMES)
        assert room == 0 or path.stat().st_size < room < 8 * path.stat().st_size
        whole = path.read_bytes()
        path.write_bytes(
            whole[: len(whole) // 2] if suffix != ".abc" else whole.replace(b"Ogawa\xff", b"Ogawa\0")
        )
        assert not atomic_write.is_whole(path)
    with (
        pytest.raises(EcoFaceBlenderError, match="could not be written to its end"),
        atomic_write.written_beside(tmp_path / "b.fbx") as beside,
    ):
        beside.write_bytes(b"half")
    assert not list(tmp_path.glob("*b.*"))


@pytest.mark.slow
def test_a_subdivided_head_keeps_its_jaw_bone(head, arrays, tmp_path):
    """Weights are spread as positions are: bends are rounder than where the subdivision comes last."""
    options = Options(jaw_bone=True)
    plain = export.write(bpy.context, head, tmp_path / "plain.fbx", options, arrays)
    head.modifiers.new("Subdivision", "SUBSURF").levels = 1
    applied = export.write(bpy.context, head, tmp_path / "applied.fbx", options, arrays)
    copy = imported(plain)
    copy.modifiers.new("Subdivision", "SUBSURF").levels = 1
    expected = seen(copy)
    copy = imported(applied)
    assert len(copy.data.vertices) == expected.shape[1] > len(arrays["v_template"])
    for found, wanted in zip(seen(copy), expected, strict=True):  # in another order
        apart = np.linalg.norm(found[:, None] - wanted[None], axis=-1)
        assert max(apart.min(axis=0).max(), apart.min(axis=1).max()) < 0.4 * EDGE
    assert {"jaw", "head"} <= set(copy.vertex_groups.keys())
