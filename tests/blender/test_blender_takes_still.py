"""Why a face is still: each cause really stills it, is named, and is over when it is undone."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, receive_take, seen_vertices, small_head, talking_motion

from ecoface_blender.heads import own_head as heads
from ecoface_blender.takes import diagnosis

pytestmark = pytest.mark.blender_version


@pytest.fixture
def speaker():
    empty_blend()
    return heads.add_head(bpy.context, small_head(), "Anna")


def generate(speaker, first_frame=1.0):
    receive_take(speaker, talking_motion(100), first_frame)


def moves(speaker):
    seen = []
    for frame in (20, 33):
        bpy.context.scene.frame_set(frame)
        seen.append(seen_vertices(speaker))
    return np.abs(seen[0] - seen[1]).max() > 1e-4


def animation_of(speaker):
    return speaker.data.shape_keys.animation_data


def curves_of(speaker):
    return animation_of(speaker).action.layers[0].strips[0].channelbags[0].fcurves


def mute_keys(speaker):
    speaker.data.shape_keys.key_blocks.foreach_set("mute", [True] * len(speaker.data.shape_keys.key_blocks))


def pin(speaker):
    speaker.show_only_shape_key = True


def edit(speaker):
    bpy.ops.object.mode_set(mode="EDIT")


def absolute(speaker):
    speaker.data.shape_keys.use_relative = False


def drive(speaker):
    for name in heads.key_names(speaker):
        speaker.data.shape_keys.key_blocks[name].driver_add("value").driver.expression = "0.0"


def no_action(speaker):
    animation_of(speaker).action = None


def no_slot(speaker):
    animation_of(speaker).action_slot = None


def wrong_slot(speaker):
    animation = animation_of(speaker)
    animation.action_slot = animation.action.slots.new("KEY", "Other")


def another_action(speaker):
    animation = animation_of(speaker)
    animation.action = None
    animation.action = bpy.data.actions.new("Own")
    speaker.data.shape_keys.keyframe_insert("eval_time", frame=1)


def mute_curves(speaker):
    for curve in curves_of(speaker):
        curve.mute = True


def mute_track(speaker):
    bpy.ops.ecoface.take_push()
    animation_of(speaker).nla_tracks[0].mute = True


def mute_strip(speaker):
    bpy.ops.ecoface.take_push()
    animation_of(speaker).nla_tracks[0].strips[0].mute = True


def solo_elsewhere(speaker):
    bpy.ops.ecoface.take_push()
    track = animation_of(speaker).nla_tracks.new()
    track.name, track.is_solo = "Other", True


def solo_over_the_action(speaker):
    track = animation_of(speaker).nla_tracks.new()
    track.name, track.is_solo = "Other", True


def nla_off(speaker):
    bpy.ops.ecoface.take_push()
    animation_of(speaker).use_nla = False


def no_influence(speaker):
    animation = animation_of(speaker)
    animation.nla_tracks.new().strips.new("Own", 1, bpy.data.actions.new("Own"))
    animation.action_influence = 0


@pytest.mark.parametrize(
    ("still", "sentence"),
    [
        (mute_keys, "shape keys of 'Anna' are muted, the first is 'Expression 01'"),
        (pin, "shows its shape key 'Neutral' alone"),
        (edit, "in Edit Mode"),
        (absolute, "are absolute"),
        (drive, "Drivers move"),
        (no_action, "plays no action; click on a take"),
        (no_slot, "without a slot"),
        (wrong_slot, "the wrong slot 'Other'"),
        (another_action, "another action, 'Own'"),
        (mute_curves, "channels of 'hello anna' are muted"),
        (mute_track, "NLA track 'hello anna' of 'Anna' is muted"),
        (mute_strip, "NLA strip 'hello anna' of 'Anna' is muted"),
        (solo_elsewhere, "Only the NLA track 'Other'"),
        (solo_over_the_action, "Only the NLA track 'Other'"),
        (nla_off, "the NLA, which is switched off"),
        (no_influence, "influence of the action 'hello anna' is 0"),
    ],
)
def test_what_stills_a_face_is_named(speaker, still, sentence):
    assert diagnosis.why_still(bpy.context.scene, speaker) is None
    generate(speaker)
    assert moves(speaker) and diagnosis.why_still(bpy.context.scene, speaker) is None
    still(speaker)
    assert not moves(speaker)
    assert sentence in diagnosis.why_still(bpy.context.scene, speaker)


def test_a_take_outside_the_scene_is_named(speaker):
    generate(speaker, first_frame=300)
    assert not moves(speaker)
    assert "frames 300 to 395, outside the scene (1 to 250)" in diagnosis.why_still(
        bpy.context.scene, speaker
    )


def test_what_does_not_still_a_face_is_not_blamed(speaker):
    generate(speaker)
    bpy.context.scene.render.use_simplify = True
    for block in speaker.data.shape_keys.key_blocks[1:]:
        block.lock_shape = True
    animation_of(speaker).action_influence = 0  # means nothing without the NLA
    curves_of(speaker)[0].mute = True  # one alone is the artist's choice
    assert moves(speaker) and diagnosis.why_still(bpy.context.scene, speaker) is None
    bpy.ops.ecoface.take_push()
    assert diagnosis.why_still(bpy.context.scene, speaker) is None
