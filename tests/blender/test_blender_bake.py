"""Baking: plain keys that show what was seen, every frame or as few as a stated error allows."""

import bpy
import numpy as np
import pytest
from blender_support import seen_vertices, small_head
from export_support import FRAMES, N_FRAMES, START, seen, talk, talking_head

from ecoface_blender.animation import actions, simplify
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.export import operators as operators_export
from ecoface_blender.heads import own_head as heads
from ecoface_blender.takes.bake import bake, n_keys

pytestmark = pytest.mark.blender_version


@pytest.fixture
def head(tmp_path_factory):
    return talking_head(small_head(), tmp_path_factory.getbasetemp())


def curves_of(action):
    return action.layers[0].strips[0].channelbags[0].fcurves


def test_bake_keeps_what_was_seen_in_plain_keys(head):
    animation = head.data.shape_keys.animation_data
    strip = animation.nla_tracks.new().strips.new("Take", START, animation.action)
    animation.action = None
    strip.influence = 0.5
    driver = head.data.shape_keys.key_blocks["Expression 03"].driver_add("value").driver
    driver.expression = "frame / 10"
    head.data.shape_keys.key_blocks["Expression 02"].mute = True
    expected = seen(head)
    bpy.context.scene.frame_set(9)
    action = bake(bpy.context, head, START, START + N_FRAMES - 1)
    assert bpy.context.scene.frame_current == 9
    assert head.data.shape_keys.animation_data.action == action
    assert actions.read_metadata(action) == {"seed": 3}  # of the take in the strip
    head.data.shape_keys.driver_remove('key_blocks["Expression 03"].value')
    np.testing.assert_allclose(seen(head), expected, atol=1e-6)
    curves = curves_of(action)
    assert len(curves) == len(heads.key_names(head)) and n_keys(action) == len(curves) * N_FRAMES
    for curve in curves:
        assert [point.co.x for point in curve.keyframe_points] == list(FRAMES)
        assert {point.interpolation for point in curve.keyframe_points} == {"LINEAR"}


def test_bake_takes_the_range_and_the_story_of_the_action(head):
    before = head.data.shape_keys.animation_data.action
    action = bake(bpy.context, head)
    assert action.curve_frame_range[:] == (START, START + N_FRAMES - 1)
    assert actions.read_metadata(action) == {"seed": 3, "baked_from": "Take"}
    assert before.use_fake_user


@pytest.mark.parametrize("tolerance", [0.05, 0.5])
def test_no_vertex_leaves_the_stated_error_and_fewer_keys_do(head, tolerance):
    talk(head, n_frames=60)
    frames = np.arange(START, START + 60)
    between = frames[:-1] + 0.5
    expected, expected_between = seen(head, frames), halfway(head, between)
    action = bake(bpy.context, head, tolerance_mm=tolerance)
    shown = 1000 * np.linalg.norm(seen(head, frames) - expected, axis=2).max()
    assert tolerance / 2 < shown <= tolerance + 1e-3
    error = actions.read_metadata(action)
    assert error["simplified_mm"] == tolerance and error["error_mm"] == pytest.approx(shown, abs=2e-3)
    assert 1000 * np.linalg.norm(halfway(head, between) - expected_between, axis=2).max() <= tolerance + 1e-3
    assert n_keys(action) < (0.8 if tolerance < 0.1 else 0.5) * 60 * len(heads.key_names(head))
    for curve in curves_of(action):
        assert curve.range()[:] == (frames[0], frames[-1])


def halfway(head, times):
    """As `seen`, between frames."""
    out = []
    for time in times:
        bpy.context.scene.frame_set(int(time), subframe=time % 1)
        out.append(seen_vertices(head))
    return np.array(out)


def test_straight_curves_need_their_ends_alone():
    time = np.linspace(0, 1, 30)
    values = np.column_stack([time, np.zeros(30), np.minimum(time, 0.5)])
    kept, error = simplify.needed_keys(values, np.ones((3, 5, 3)), 1e-3)
    assert error <= 1e-3 and list(kept.sum(0))[:2] == [2, 2] and kept[:, 2].sum() <= 4


def test_what_moves_nothing_costs_no_key():
    rng = np.random.default_rng(0)
    offsets = np.stack([np.ones((5, 3)), np.zeros((5, 3))])
    kept, error = simplify.needed_keys(rng.normal(size=(40, 2)), offsets, 1e-4)
    assert error <= 1e-4 and list(kept.sum(0)) == [40, 2]


def test_no_error_at_all_keeps_every_bend():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(40, 4))
    kept, error = simplify.needed_keys(values, rng.normal(size=(4, 9, 3)), 1e-9)
    assert kept.all() and error <= 1e-9


def test_errors_of_all_curves_count_together():
    """Ten curves that do the same: each must be kept ten times as well as one alone."""
    wave = np.sin(np.linspace(0, 6, 80))
    one, _ = simplify.needed_keys(wave[:, None], np.ones((1, 3, 3)), 0.1)
    ten, error = simplify.needed_keys(np.tile(wave[:, None], 10), np.ones((10, 3, 3)), 0.1)
    assert error <= 0.1 and ten[:, 0].sum() > 2 * one.sum()


def test_what_cannot_be_baked_is_told_in_a_sentence(head):
    with pytest.raises(EcoFaceBlenderError, match="No head is chosen"):
        bake(bpy.context, None)
    with pytest.raises(EcoFaceBlenderError, match="found 9 to 8"):
        bake(bpy.context, head, 9, 8)
    head.data.shape_keys.animation_data_clear()
    with pytest.raises(EcoFaceBlenderError, match="Nothing moves 'Anna' yet"):
        bake(bpy.context, head)


def test_the_range_of_the_scene_is_the_preview_if_there_is_one():
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.use_preview_range = 3, 9, False
    assert operators_export.scene_range(scene) == (3, 9)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 4, 8
    assert operators_export.scene_range(scene) == (4, 8)
