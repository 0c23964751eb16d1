"""Edits by hand above a take: they are added, and stay when the take below is another one."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, receive_take, small_head, talking_motion

from ecoface_blender.animation import actions, layers
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import own_head as heads
from ecoface_blender.takes import diagnosis, takes

pytestmark = pytest.mark.blender_version

KEY, EDITED = "Expression 01", 20


@pytest.fixture
def speaker():
    empty_blend()
    return heads.add_head(bpy.context, small_head(), "Anna")


def generate(speaker, factor=1.0, first_frame=1.0):
    receive_take(speaker, (factor * talking_motion(100)).astype(np.float32), first_frame)
    return takes.played(speaker)


def value(speaker, frame=EDITED):
    bpy.context.scene.frame_set(frame)
    return speaker.data.shape_keys.evaluated_get(bpy.context.evaluated_depsgraph_get()).key_blocks[KEY].value


def edit(speaker, by=0.5):
    """Key by hand, as an artist who moves a slider and presses I."""
    block = speaker.data.shape_keys.key_blocks[KEY]
    bpy.context.scene.frame_set(EDITED)
    block.value += by
    block.keyframe_insert("value", frame=EDITED)


def test_a_layer_changes_nothing_until_something_is_keyed_in_it(speaker):
    generate(speaker)
    before = [value(speaker, frame) for frame in (5, 20, 60)]
    assert bpy.ops.ecoface.layer_add() == {"FINISHED"}
    assert [value(speaker, frame) for frame in (5, 20, 60)] == pytest.approx(before, abs=1e-6)
    assert diagnosis.why_still(bpy.context.scene, speaker) is None
    assert not bpy.ops.ecoface.layer_add.poll()


def test_edits_stay_when_another_take_is_made_played_adjusted_or_deleted(speaker):
    first = generate(speaker)
    plain = value(speaker)
    bpy.ops.ecoface.layer_add()
    edit(speaker)
    edits = speaker.data.shape_keys.animation_data.action
    assert value(speaker) == pytest.approx(plain + 0.5, abs=1e-5)
    second = generate(speaker, factor=0.5)
    assert second != first and takes.played(speaker) == second
    assert value(speaker) == pytest.approx(plain / 2 + 0.5, abs=1e-5)
    takes.play(speaker, first)
    assert takes.played(speaker) == first
    assert value(speaker) == pytest.approx(plain + 0.5, abs=1e-5)
    first.ecoface_take.lips, first.ecoface_take.upper = 0.0, 0.0
    assert abs(value(speaker) - 0.5) < abs(plain) / 2
    bpy.ops.ecoface.take_delete()
    assert takes.played(speaker) == second
    assert value(speaker) == pytest.approx(plain / 2 + 0.5, abs=1e-5)
    assert speaker.data.shape_keys.animation_data.action == edits


def test_a_take_elsewhere_in_time_is_heard_there_and_edits_stay_at_their_frames(speaker):
    generate(speaker)
    bpy.ops.ecoface.layer_add()
    edit(speaker)
    generate(speaker, first_frame=41.5)
    strip = layers.strip_below(speaker.data.shape_keys)
    assert (strip.frame_start_ui, strip.frame_end_ui) == tuple(takes.played(speaker).curve_frame_range)
    path = speaker.data.shape_keys.key_blocks[KEY].path_from_id("value")
    curve = next(c for c in _curves(takes.played(speaker)) if c.data_path == path)
    assert value(speaker, 60) == pytest.approx(curve.evaluate(60) + 0.5, abs=1e-4)


def _curves(action):
    return action.layers[0].strips[0].channelbags[0].fcurves


def test_removing_the_layer_leaves_the_take_as_it_was_made(speaker):
    take = generate(speaker)
    plain = value(speaker)
    bpy.ops.ecoface.layer_add()
    edit(speaker)
    bpy.ops.ecoface.layer_remove()
    animation = speaker.data.shape_keys.animation_data
    assert animation.action == take and not animation.nla_tracks
    assert animation.action_blend_type == "REPLACE"
    assert value(speaker) == pytest.approx(plain, abs=1e-6)
    assert not bpy.ops.ecoface.layer_remove.poll()


def test_a_take_that_cannot_be_written_leaves_edits_and_take_as_they_were(speaker, monkeypatch):
    take = generate(speaker)
    bpy.ops.ecoface.layer_add()
    edit(speaker)
    before = value(speaker)

    def fail(*_):
        raise EcoFaceBlenderError("The disk is full.")

    monkeypatch.setattr(actions, "_fill", fail)
    with pytest.raises(EcoFaceBlenderError, match="disk is full"):
        generate(speaker)
    assert takes.played(speaker) == take
    assert value(speaker) == pytest.approx(before, abs=1e-6)
