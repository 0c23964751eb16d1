"""Baking and FBX: what leaves the scene is what was seen in it, and the scene stays as it was."""

import bpy
import numpy as np
import pytest
from blender_support import REFERENCE_HEAD, empty_blend, seen_vertices, small_head, talking_motion

from ecoface_blender import export, keyframes
from ecoface_blender import head as heads
from ecoface_blender.errors import EcoFaceBlenderError

START = 4
N_FRAMES = 12


def talk(head, n_frames=N_FRAMES, start=START, seed=0):
    """Key the head at the motion's own rate."""
    bpy.context.scene.render.fps = 25
    frames, motion = keyframes.resample_to_scene(talking_motion(n_frames, seed), 25, 25, start)
    return keyframes.write_action(head, heads.key_values(head, motion), frames, "Take", {"seed": 3})


@pytest.fixture
def head():
    head = heads.add_head(empty_blend(), small_head(), "Anna")
    head.location, head.rotation_euler, head.scale = (0.1, 0.2, 0.3), (0.1, 0.2, 0.3), (2, 2, 2)
    talk(head)
    return head


def seen(item, frames):
    """World vertices (frames, V, 3) over time."""
    out = []
    for frame in frames:
        bpy.context.scene.frame_set(int(frame))
        out.append(seen_vertices(item))
    return np.array(out)


def imported(path, how):
    """The mesh that an importer makes of the file, in an empty scene."""
    empty_blend()
    bpy.context.scene.render.fps = 25
    if how == "python":
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    elif "fbx_import" in dir(bpy.ops.wm):
        bpy.ops.wm.fbx_import(filepath=str(path), anim_offset=0.0)
    else:
        pytest.skip("this Blender has no such importer")
    (mesh,) = [item for item in bpy.context.scene.objects if item.type == "MESH"]
    return mesh


def set_sliders_wide(item):
    for block in item.data.shape_keys.key_blocks[1:]:
        block.slider_max, block.slider_min = 10, -10


def everything():
    """What must be the same before and after an export."""
    context, data = bpy.context, bpy.data
    scene = context.scene
    keys = next(item for item in scene.objects if heads.is_head(item)).data.shape_keys
    return {
        "names": [sorted(block.name for block in getattr(data, kind)) for kind in
                  ("objects", "meshes", "actions", "shape_keys", "materials", "scenes", "collections")],
        "active": context.view_layer.objects.active,
        "selected": sorted(item.name for item in context.view_layer.objects if item.select_get()),
        "frame": (scene.frame_current, scene.frame_subframe, scene.frame_start, scene.frame_end),
        "action": (keys.animation_data.action, keys.animation_data.action_slot),
        "values": [block.value for block in keys.key_blocks],
    }  # fmt: skip


@pytest.mark.parametrize("how, raw", [("python", False), ("built in", False), ("python", True)])
def test_the_fbx_moves_as_the_head_did(head, tmp_path, how, raw):
    frames = range(START, START + N_FRAMES)
    expected = seen(head, frames)
    path = export.export_fbx(bpy.context, head, tmp_path / "anna.fbx", raw=raw)
    copy = imported(path, how)
    if raw:
        set_sliders_wide(copy)
    difference = np.linalg.norm(seen(copy, frames) - expected, axis=2)
    assert difference.max() < 1e-5  # metres, of a head that moves centimetres
    assert np.linalg.norm(expected - expected[0], axis=2).max() > 0.01


def test_engine_safe_keys_stay_between_0_and_1_and_are_the_same_in_every_file(head, tmp_path):
    names = []
    for seed in (1, 2):
        talk(head, seed=seed)
        halves = export._split_keys(head, export._seen_values(bpy.context, head, np.arange(4.0, 16.0)))
        assert all(half.values.min() >= 0 and half.values.max() <= 1 for half in halves)
        names.append([(half.name, half.offsets.tobytes()) for half in halves])
    assert names[0] == names[1]
    assert names[0][0][0] == "Expression01_pos" and names[0][1][0] == "Expression01_neg"
    copy = imported(export.export_fbx(bpy.context, head, tmp_path / "anna.fbx"), "python")
    assert [block.name for block in copy.data.shape_keys.key_blocks[1:]] == [name for name, _ in names[0]]


def test_the_imported_object_has_the_heads_name(head, tmp_path):
    assert imported(export.export_fbx(bpy.context, head, tmp_path / "x.fbx"), "python").name == "Anna"


def test_the_export_leaves_the_scene_as_it_was(head, tmp_path):
    other = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT"))
    bpy.context.scene.collection.objects.link(other)
    bpy.context.view_layer.objects.active = other
    other.select_set(True)
    head.select_set(False)
    bpy.context.scene.frame_set(7, subframe=0.25)
    head.data.shape_keys.key_blocks["Jaw Open"].value = 0.123  # moved, not keyed
    before = everything()
    export.export_fbx(bpy.context, head, tmp_path / "anna.fbx")
    assert everything() == before
    with pytest.raises(EcoFaceBlenderError, match="cannot be written"):
        export.export_fbx(bpy.context, head, _unwritable(tmp_path))
    assert everything() == before
    assert [path.name for path in tmp_path.glob("*")] == ["anna.fbx", "taken"]


def _unwritable(tmp_path):
    (tmp_path / "taken").mkdir()
    return tmp_path / "taken"


def test_what_nla_and_drivers_show_is_exported(head, tmp_path):
    _layer(head)
    frames = range(START, START + N_FRAMES)
    expected = seen(head, frames)
    copy = imported(
        export.export_fbx(bpy.context, head, tmp_path / "a.fbx", START, START + N_FRAMES - 1), "python"
    )
    np.testing.assert_allclose(seen(copy, frames), expected, atol=1e-5)


def _layer(head):
    """The take in an NLA strip at half influence, a driver and a muted key."""
    animation = head.data.shape_keys.animation_data
    strip = animation.nla_tracks.new().strips.new("Take", START, animation.action)
    animation.action = None
    strip.influence = 0.5
    driver = head.data.shape_keys.key_blocks["Expression 03"].driver_add("value").driver
    driver.expression = "frame / 10"
    head.data.shape_keys.key_blocks["Expression 02"].mute = True


def test_bake_keeps_what_was_seen_in_plain_keys(head):
    _layer(head)
    frames = range(START, START + N_FRAMES)
    expected = seen(head, frames)
    bpy.context.scene.frame_set(9)
    action = export.bake(bpy.context, head, START, START + N_FRAMES - 1)
    assert bpy.context.scene.frame_current == 9
    assert head.data.shape_keys.animation_data.action == action
    head.data.shape_keys.driver_remove('key_blocks["Expression 03"].value')
    np.testing.assert_allclose(seen(head, frames), expected, atol=1e-6)
    curves = action.layers[0].strips[0].channelbags[0].fcurves
    assert len(curves) == len(heads.key_names(head))
    for curve in curves:
        assert [point.co.x for point in curve.keyframe_points] == list(frames)
        assert {point.interpolation for point in curve.keyframe_points} == {"LINEAR"}


def test_bake_takes_the_range_and_the_story_of_the_action(head):
    before = head.data.shape_keys.animation_data.action
    action = export.bake(bpy.context, head)
    assert action.curve_frame_range[:] == (START, START + N_FRAMES - 1)
    assert keyframes.read_metadata(action) == {"seed": 3, "baked_from": "Take"}
    assert before.use_fake_user


@pytest.mark.skipif(not REFERENCE_HEAD.is_file(), reason="the reference head is not built yet")
def test_the_reference_head_comes_back_from_fbx_within_a_hundredth_of_a_millimetre(tmp_path):
    head = heads.add_head(empty_blend(), heads.load_head(REFERENCE_HEAD), "Head")
    talk(head, n_frames=5)
    frames = range(START, START + 5)
    expected = seen(head, frames)
    copy = imported(export.export_fbx(bpy.context, head, tmp_path / "head.fbx"), "python")
    assert np.linalg.norm(seen(copy, frames) - expected, axis=2).max() < 1e-5


def test_what_cannot_be_exported_is_told_in_a_sentence(head, tmp_path):
    cube = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    with pytest.raises(EcoFaceBlenderError, match="'Cube' is not a head"):
        export.export_fbx(bpy.context, cube, tmp_path / "a.fbx")
    with pytest.raises(EcoFaceBlenderError, match="No head is chosen"):
        export.bake(bpy.context, None)
    with pytest.raises(EcoFaceBlenderError, match="Expected the folder"):
        export.export_fbx(bpy.context, head, tmp_path / "none" / "a.fbx")
    with pytest.raises(EcoFaceBlenderError, match="found 9 to 8"):
        export.bake(bpy.context, head, 9, 8)
    head.data.shape_keys.animation_data_clear()
    with pytest.raises(EcoFaceBlenderError, match="Nothing moves 'Anna' yet"):
        export.bake(bpy.context, head)
    talk(head)
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(EcoFaceBlenderError, match="'Anna' is being edited"):
        export.export_fbx(bpy.context, head, tmp_path / "a.fbx")
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.preferences.addon_disable(module="io_scene_fbx")
    try:
        with pytest.raises(EcoFaceBlenderError, match="'FBX format' is off"):
            export.export_fbx(bpy.context, head, tmp_path / "a.fbx")
    finally:
        bpy.ops.preferences.addon_enable(module="io_scene_fbx")
