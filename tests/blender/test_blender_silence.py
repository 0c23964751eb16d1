"""Silence filled: a listener blinks, breathes and looks at who speaks; a line goes over into it and back."""

import bpy
import numpy as np
import pytest
from blender_support import REFERENCE_HEAD, empty_blend
from test_blender_head_turn import N, angle_to, receive, turned

from ecoface_blender.animation import actions, layers
from ecoface_blender.core.head_pose import direction
from ecoface_blender.core.jaw_skinning import rotations
from ecoface_blender.heads import face_kinds, source_curves
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads.feelings import EMOTIONS
from ecoface_blender.takes import evaluated, partner, silence, takes, turns
from ecoface_blender.takes.idle_motion import idle

pytestmark = pytest.mark.blender_version


@pytest.fixture
def two():
    arrays = heads.load_head(REFERENCE_HEAD)
    first = heads.add_head(empty_blend(), arrays, "Anna")
    second = heads.add_head(bpy.context, arrays, "Ben")
    second.location, second.rotation_euler = (0.3, -0.9, 0.05), (0, 0, np.pi)
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 25, 1, 250
    bpy.context.view_layer.update()
    return first, second


def openings(speaker, first, last):
    """(frames,) metres between the lids as they are seen."""
    frames = np.arange(float(first), last + 1)
    values = evaluated.key_values(bpy.context, face_kinds.known_rig(speaker), frames)
    return source_curves._face(evaluated.motion_of(speaker, values))[2:].mean(axis=0)


def test_a_listener_blinks_and_looks_at_who_speaks(two):
    speaking, listening = two
    receive(speaking, first_frame=40.0)
    assert bpy.ops.ecoface.fill_silence(head="Ben") == {"FINISHED"}
    bones = face_kinds.known_rig(speaking).bones
    bpy.context.scene.frame_set(80)
    goal = bones.armature.matrix_world @ bones.armature.data.bones["eye_L"].head_local
    goal.x -= 0.029
    away = []
    for frame in range(10, 240, 5):
        bpy.context.scene.frame_set(frame)
        away.append(angle_to(listening, goal, "eye_L"))
    assert np.median(away) < 5 and max(away) < 15, "on the face, and seldom beside it"
    seen = openings(listening, 1, 250)
    shut = seen < 0.001
    begins = np.flatnonzero(shut[1:] & ~shut[:-1])
    assert 1 <= len(begins) <= 8 and shut.mean() < 0.15
    assert takes.played(listening) is None and takes.played(speaking) is not None


def test_silences_around_a_take_begin_and_end_where_it_does(two):
    speaking, _ = two
    take = receive(speaking, first_frame=100.0)
    before = turned(speaking)
    assert silence.fill(bpy.context, speaking, seed=3) == 2
    assert takes.played(speaking) == take
    rig = face_kinds.known_rig(speaking)
    frames = np.arange(90.0, 100 + N + 10)
    shown = evaluated.see(bpy.context, rig, frames)
    ways = direction_of(shown.turned[:, 0])
    steps = np.degrees(np.arccos((ways[1:] * ways[:-1]).sum(axis=1).clip(-1, 1)))
    assert steps.max() < 2.5, "no frame in which the head jumps"
    values = shown.parts[0].values
    inside = np.abs(np.diff(values[12 : 12 + N - 4], axis=0)).max()
    at_edges = np.abs(np.diff(values, axis=0))[[9, 10, 8 + N, 9 + N]]
    assert at_edges.max() < 2 * inside
    bpy.context.scene.frame_set(20)
    assert np.abs(before).max() > 0, "the take is as it was"


def direction_of(turns):
    return turns[:, :, 2]


def test_lines_that_were_pushed_down_play_where_they_did_and_go_over_into_silence(two):
    speaking, _ = two
    rig = face_kinds.known_rig(speaking)
    played = []
    for first in (40.0, 150.0):
        receive(speaking, first_frame=first)
        frames = np.arange(first, first + N)
        played.append((frames, evaluated.key_values(bpy.context, rig, frames)))
        for owner in rig.owners:
            actions.push_down(owner)
    assert silence.fill(bpy.context, speaking, seed=3) == 3
    for frames, values in played:
        np.testing.assert_allclose(evaluated.key_values(bpy.context, rig, frames), values, atol=1e-6)
    for owner in rig.owners:
        for track in owner.animation_data.nla_tracks:
            for strip in track.strips:
                span = (strip.action_frame_start, strip.action_frame_end)
                assert span == (strip.frame_start, strip.frame_end), f"{owner.name}: {strip.name}"
    ways = direction_of(evaluated.see(bpy.context, rig, np.arange(1.0, 251)).turned[:, 0])
    steps = np.degrees(np.arccos((ways[1:] * ways[:-1]).sum(axis=1).clip(-1, 1)))
    assert steps.max() < 2.5, "no frame in which the head jumps"


def test_it_is_filled_anew_not_twice_and_a_take_s_layer_finds_its_take(two):
    speaking, _ = two
    take = receive(speaking, first_frame=100.0)
    count = len(bpy.data.actions)
    silence.fill(bpy.context, speaking)
    silence.fill(bpy.context, speaking)
    assert len(bpy.data.actions) == count + 1
    keys = speaking.data.shape_keys
    assert [track.name for track in keys.animation_data.nla_tracks].count(silence.TRACK) == 1
    bpy.context.view_layer.objects.active = speaking
    bpy.ops.ecoface.layer_add()
    assert layers.strip_below(keys).action == take and takes.played(speaking) == take
    bpy.ops.ecoface.layer_remove()
    assert keys.animation_data.action == take


def test_a_head_that_speaks_all_the_time_has_no_silence(two):
    speaking, _ = two
    receive(speaking)
    bpy.context.scene.frame_end = N - 1
    with pytest.raises(RuntimeError, match="found 'Anna' speaking all the time"):
        bpy.ops.ecoface.fill_silence(head="Anna")


def test_the_gaze_goes_further_from_eye_to_eye_of_somebody_near(two):
    _, listening = two
    wide = []
    for angle in np.radians([1.0, 3.0]):
        shown = idle(6000, 25.0, 2, eye_angle=angle)
        world = np.degrees((rotations(shown.head) @ direction(shown.gaze)[..., None])[:, 0, 0])
        wide.append(np.ptp(np.percentile(world, [10, 90])))
    assert 1.5 < wide[0] < 3.5 < 5 < wide[1] < 7.5, "degrees"
    rig = face_kinds.known_rig(listening)
    near, far = (np.degrees(turns.eye_angle(rig, np.array([[0.0, 0.05, away]]))) for away in (0.6, 2.0))
    assert 2.5 < near < 4.0 and 0.5 < far < 1.2
    assert turns.eye_angle(rig, np.zeros((1, 3))) <= turns.EYE_ANGLES[1]


def test_a_line_at_the_scene_s_beginning_and_a_short_silence_are_met_without_a_jump(two):
    speaking, _ = two
    rig = face_kinds.known_rig(speaking)
    for first in (4.0, 4.0 + N + 5):
        receive(speaking, first_frame=first)
        for owner in rig.owners:
            actions.push_down(owner)
    silence.fill(bpy.context, speaking, seed=3)
    ways = direction_of(evaluated.see(bpy.context, rig, np.arange(1.0, 100.0)).turned[:, 0])
    steps = np.degrees(np.arccos((ways[1:] * ways[:-1]).sum(axis=1).clip(-1, 1)))
    assert steps.max() < 2.5


def test_a_listener_s_face_is_never_quite_still_and_its_lips_stay_shut(two):
    speaking, listening = two
    receive(speaking, first_frame=40.0)
    silence.fill(bpy.context, listening)
    rig = face_kinds.known_rig(listening)
    values = evaluated.key_values(bpy.context, rig, np.arange(1.0, 251))
    motion = evaluated.motion_of(listening, values)
    moved = np.abs(np.diff(motion, axis=0)).max(axis=1)
    still = np.convolve(moved > 1e-4, np.ones(12), "valid")
    assert still.min() > 0, "no half second without any motion"
    apart = source_curves._face(motion)[0]
    assert apart.max() < 0.001, "metres"


def test_a_listener_hears_its_partner_s_strips_and_moves_as_much_as_its_controls_say(two):
    speaking, listening = two
    receive(speaking, first_frame=40.0)
    for owner in face_kinds.known_rig(speaking).owners:
        actions.push_down(owner)
        for strip in owner.animation_data.nla_tracks[-1].strips:
            strip.frame_start, strip.frame_end = strip.frame_start + 10, strip.frame_end + 10
    frames = np.arange(1.0, 251.0)
    heard = partner.heard(bpy.context.scene, [speaking], frames, 25.0)
    assert heard.phrases == [pytest.approx((49 / 25, (49 + N - 1) / 25), abs=0.05)], "a take without phones"
    sad = heard.feelings[:, EMOTIONS.index("sad")]
    assert sad[60:90].min() > 0.5 and not sad[:45].any() and not sad[110:].any()
    assert partner.heard(bpy.context.scene, [listening], frames, 25.0) is None
    take = receive(listening, first_frame=200.0)
    moved = []
    for amount in (1.0, 0.0):
        take.ecoface_take.head_motion = amount
        silence.fill(bpy.context, listening, seed=2)
        seen = evaluated.see(bpy.context, face_kinds.known_rig(listening), np.arange(20.0, 180.0))
        moved.append(np.abs(np.diff(direction_of(seen.turned[:, 0]), axis=0)).sum())
    assert moved[1] < 0.02 * moved[0]


def test_a_line_in_a_strip_comes_out_of_the_silence_before_it_not_out_of_rest(two):
    speaking, _ = two
    rig = face_kinds.known_rig(speaking)
    take = receive(speaking, first_frame=120.0, idle=1.0)
    assert take.curve_frame_range[0] == 110.0
    for owner in rig.owners:
        actions.push_down(owner)
    alone = evaluated.key_values(bpy.context, rig, np.arange(100.0, 131))
    assert silence.fill(bpy.context, speaking, seed=3) == 2
    seen = evaluated.key_values(bpy.context, rig, np.arange(100.0, 131))
    np.testing.assert_allclose(seen[20:], alone[20:], atol=1e-6)
    assert np.abs(seen[10]).max() > 0.02 and np.abs(alone[10]).max() < 1e-6
    assert np.abs(np.diff(seen, axis=0))[7:21].max() < 0.13 * np.abs(seen[10]).max(), "over ten frames"
    for owner in rig.owners:
        *_, track = owner.animation_data.nla_tracks
        assert [strip.blend_out for strip in track.strips] == [10.0, 0.0]
        assert track.strips[0].frame_end == 120.0
