"""What is ready of a line plays while the rest is computed, and leaves nothing behind."""
# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import time

import bpy
import numpy as np
import pytest
from blender_engine import (  # noqa: F401
    context,
    preferences,
    speaker,
    start,
    step_to_the_end,
    write_sound,
)

from ecoface_blender import running
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import generation
from ecoface_blender.heads import face_kinds
from ecoface_blender.takes import takes
from ecoface_blender.takes.live_preview import NAME

pytestmark = pytest.mark.blender_version


@pytest.fixture(scope="module")
def minute(tmp_path_factory):
    """Of several windows."""
    t = np.arange(40 * 16_000) / 16_000
    hum = np.sin(2 * np.pi * 140 * t) * np.sin(2 * np.pi * 2.3 * t) ** 2
    return write_sound(tmp_path_factory.mktemp("voice") / "minute.wav", 0.4 * hum)


def played(speaker):
    animation = speaker.data.shape_keys.animation_data
    return animation and animation.action


def step_until_shown(job, speaker):
    before = played(speaker)
    while played(speaker) == before:
        assert not job.step(), "parts come before the whole"
        time.sleep(0.002)
    return played(speaker)


def last_frame(action):
    return action.curve_frame_range[1]


def test_a_line_is_shown_part_by_part_and_then_is_the_usual_take(context, speaker, minute):
    assert bpy.ops.ecoface.generate(sound=str(minute), seed=4) == {"FINISHED"}
    usual = {
        curve.data_path: [p.co.y for p in curve.keyframe_points] for curve in curves(played(speaker), speaker)
    }
    job = start(context, live=True, sound=str(minute), seed=4)
    action = step_until_shown(job, speaker)
    first = last_frame(action)
    assert action.name == NAME and 100 < first < 300
    ends = [first]
    while not job.step():
        if last_frame(played(speaker)) > ends[-1]:
            ends.append(last_frame(played(speaker)))
        time.sleep(0.002)
    assert len(ends) > 1, "it grows"
    generation.finish(context, job)
    running.end(job)
    now = {
        curve.data_path: [p.co.y for p in curve.keyframe_points] for curve in curves(played(speaker), speaker)
    }
    assert now == usual and takes.played(speaker) is not None
    assert not any(NAME in action.name for action in bpy.data.actions)


def curves(action, speaker):
    slot = speaker.data.shape_keys.animation_data.action_slot
    return [c for bag in action.layers[0].strips[0].channelbags if bag.slot == slot for c in bag.fcurves]


def test_head_and_eyes_turn_in_the_preview(context, speaker, minute):
    bones = face_kinds.known_rig(speaker).bones
    job = start(context, live=True, sound=str(minute), seed=4)
    step_until_shown(job, speaker)
    turned = []
    for frame in range(1, 100, 8):
        context.scene.frame_set(frame)
        turned.append([bones.armature.pose.bones[name].matrix.copy() for name in bones.names])
    for bone in zip(*turned, strict=True):
        assert np.ptp([np.array(each) for each in bone], axis=0).max() > 0.005
    bpy.ops.ecoface.cancel()
    running.end(job)


@pytest.mark.parametrize("played_before", [False, True])
def test_what_was_played_before_comes_back_when_a_line_is_cancelled(context, speaker, minute, played_before):
    if played_before:
        assert bpy.ops.ecoface.generate(sound=str(minute)) == {"FINISHED"}
    before, n_actions = played(speaker), len(bpy.data.actions)
    job = start(context, live=True, sound=str(minute), seed=4)
    assert step_until_shown(job, speaker).name == NAME
    bpy.ops.ecoface.cancel()
    with pytest.raises(EcoFaceBlenderError, match="Cancelled"):
        job.step()
    running.end(job)
    assert played(speaker) == before and len(bpy.data.actions) == n_actions


def test_a_face_that_played_nothing_looks_as_before_when_a_line_is_cancelled(context, speaker, minute):
    blocks = speaker.data.shape_keys.key_blocks
    blocks[5].value = 0.25
    before = [block.value for block in blocks]
    job = start(context, live=True, sound=str(minute), seed=4)
    step_until_shown(job, speaker)
    context.scene.frame_set(40)
    assert [block.value for block in blocks] != before
    bpy.ops.ecoface.cancel()
    running.end(job)
    assert [block.value for block in blocks] == before


def test_a_head_that_goes_meanwhile_takes_its_preview_along(context, speaker, minute):
    job = start(context, live=True, sound=str(minute))
    step_until_shown(job, speaker)
    bpy.data.objects.remove(speaker)
    with pytest.raises(EcoFaceBlenderError, match="is gone"):
        step_to_the_end(job)
    running.end(job)
    assert not bpy.data.actions


def test_edits_above_a_take_are_left_alone(context, speaker, minute):
    assert bpy.ops.ecoface.generate(sound=str(minute)) == {"FINISHED"}
    assert bpy.ops.ecoface.layer_add() == {"FINISHED"}
    layer = played(speaker)
    job = start(context, live=True, sound=str(minute), seed=4)
    while not job.step():
        assert played(speaker) == layer
        time.sleep(0.002)
    generation.finish(context, job)
    running.end(job)
    assert played(speaker) == layer and not any(NAME in each.name for each in bpy.data.actions)


def test_the_scene_goes_on_meanwhile_and_ends_where_it_did_when_a_line_is_cancelled(context, speaker, minute):
    scene = context.scene
    scene.ecoface.extend_frames, scene.frame_end = True, 50
    job = start(context, live=True, sound=str(minute), seed=4)
    action = step_until_shown(job, speaker)
    assert scene.frame_end == last_frame(action)
    bpy.ops.ecoface.cancel()
    running.end(job)
    assert scene.frame_end == 50


def test_the_scene_ends_with_the_take_as_without_a_preview(context, speaker, minute):
    scene = context.scene
    scene.ecoface.extend_frames, scene.frame_end = True, 50
    job = start(context, live=True, sound=str(minute), seed=4)
    step_to_the_end(job)
    assert "(it ended at 50)" in generation.finish(context, job)
    running.end(job)
    assert scene.frame_end == last_frame(played(speaker)) > 900


def test_a_scene_that_is_not_to_be_extended_is_left_alone(context, speaker, minute):
    scene = context.scene
    scene.ecoface.extend_frames, scene.frame_end = False, 50
    job = start(context, live=True, sound=str(minute), seed=4)
    step_to_the_end(job)
    generation.finish(context, job)
    running.end(job)
    assert scene.frame_end == 50
