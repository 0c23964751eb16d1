"""Keys in time: resampling to the scene's frames, actions written in bulk, and what stays of those before."""

import time

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, small_head, talking_motion

from ecoface_blender.animation import actions
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import own_head as heads

pytestmark = pytest.mark.blender_version

RATES = [23.976, 24, 25, 29.97, 30, 50, 60, 120]


@pytest.fixture
def head():
    return heads.add_head(empty_blend(), small_head(), "Anna")


def make_action(head, n_frames=10, start=1.0, name="Take", **metadata):
    frames, motion = actions.resample_to_scene(talking_motion(n_frames), 25, 24, start)
    return actions.write_action(head, heads.key_values(head, motion), frames, name, metadata)


@pytest.mark.parametrize("rate", RATES)
def test_a_ramp_in_time_is_resampled_exactly(rate):
    """The motion is its own clock: each key's value says which second it shows."""
    seconds = np.arange(100) / 25
    start = 17.3
    frames, values = actions.resample_to_scene(np.tile(seconds[:, None], 53), 25, rate, start)
    heard = (frames - start) / rate
    np.testing.assert_allclose(values[:, 0], np.minimum(heard, seconds[-1]), atol=1e-9)
    np.testing.assert_array_equal(frames, np.arange(frames[0], frames[-1] + 1))
    assert frames[0] - 1 < start <= frames[0]
    assert frames[-1] < start + 4 * rate <= frames[-1] + 1 + 1e-6


def test_at_the_models_rate_the_motion_is_kept_as_it_is():
    motion = talking_motion(30)
    frames, values = actions.resample_to_scene(motion, 25, 25, 5)
    np.testing.assert_allclose(values, motion, atol=1e-12)
    np.testing.assert_array_equal(frames, np.arange(5, 35))


def test_a_single_motion_frame_gives_a_key():
    frames, values = actions.resample_to_scene(talking_motion(1), 25, 10, 3.5)
    assert frames.tolist() == [4] and len(values) == 1


def test_the_action_moves_the_keys(head):
    frames, motion = actions.resample_to_scene(talking_motion(10), 25, 30, 3)
    values = heads.key_values(head, motion)
    actions.write_action(head, values, frames, "Take")
    for row in (0, 5, -1):
        bpy.context.scene.frame_set(int(frames[row]))
        seen = [head.data.shape_keys.key_blocks[name].value for name in heads.key_names(head)]
        np.testing.assert_allclose(seen, values[row], atol=1e-5)
    bpy.context.scene.frame_set(int(frames[2]), subframe=0.5)
    seen = [head.data.shape_keys.key_blocks[name].value for name in heads.key_names(head)]
    np.testing.assert_allclose(seen, (values[2] + values[3]) / 2, atol=1e-5, err_msg="linear between keys")


def test_fifteen_thousand_frames_are_keyed_in_a_second(head):
    motion = np.tile(talking_motion(1000), (15, 1))
    values = heads.key_values(head, motion)
    started = time.process_time()
    actions.write_action(head, values, np.arange(15_000.0), "Long")
    assert time.process_time() - started < 1.0


def test_an_artists_action_is_kept(head):
    keys = head.data.shape_keys
    keys.key_blocks["Expression 01"].value = 0.7
    keys.key_blocks["Expression 01"].keyframe_insert("value", frame=3)
    own = keys.animation_data.action
    (curve,) = own.layers[0].strips[0].channelbags[0].fcurves
    action = make_action(head)
    assert keys.animation_data.action == action != own
    assert own.use_fake_user and own.name in bpy.data.actions
    assert [point.co[:] for point in curve.keyframe_points] == [(3, pytest.approx(0.7))]
    again = make_action(head)
    assert again != action and again.name != action.name


def test_metadata_comes_back(head):
    made = {"seed": 2**40, "style": "anna", "emotion": None, "temperature": 0.5, "text": "größer"}
    assert actions.read_metadata(make_action(head, **made)) == made
    own = bpy.data.actions.new("Own")
    assert actions.read_metadata(own) == {}
    own["ecoface"] = "{damaged"
    assert actions.read_metadata(own) == {}


def test_a_failure_leaves_the_head_as_it_was(head, monkeypatch):
    first = make_action(head)
    slot = head.data.shape_keys.animation_data.action_slot
    n_actions = len(bpy.data.actions)
    filled = []

    def break_down(*_):
        filled.append(1)
        if len(filled) == 5:
            raise MemoryError

    monkeypatch.setattr(actions, "_fill", break_down)
    with pytest.raises(MemoryError):
        make_action(head)
    assert len(bpy.data.actions) == n_actions
    assert head.data.shape_keys.animation_data.action == first
    assert head.data.shape_keys.animation_data.action_slot == slot


def test_one_action_moves_a_face_its_teeth_and_a_bone_by_a_slot_each(head):
    teeth = heads.add_head(bpy.context, small_head(1), "Teeth")
    frames, values = np.arange(3.0, 6.0), np.array([0.0, 0.5, 1.0])
    keyed = [item.data.shape_keys for item in (head, teeth)]
    path = keyed[0].key_blocks["Jaw Open"].path_from_id("value")
    channels = [actions.Channel(keys, path, -1, values * n) for n, keys in enumerate(keyed, 1)]
    channels += [actions.Channel(head, "rotation_euler", axis, values * axis) for axis in (0, 2)]
    action = actions.write_channels(channels, frames, "Both", {"seed": 1})
    assert [slot.target_id_type for slot in action.slots] == ["KEY", "KEY", "OBJECT"]
    bpy.context.scene.frame_set(5)
    assert [keys.key_blocks["Jaw Open"].value for keys in keyed] == [1, 2]
    assert head.rotation_euler[:] == (0, 0, 2)
    assert all(each.animation_data.action == action for each in (*keyed, head))


def test_a_failure_in_the_last_of_several_data_blocks_leaves_them_all(head):
    action = make_action(head)
    keys = head.data.shape_keys
    path = keys.key_blocks["Jaw Open"].path_from_id("value")
    channels = [actions.Channel(keys, path, -1, np.ones(1))]
    channels += [actions.Channel(head, "location", 0, np.array([{}]))]  # no number
    with pytest.raises(TypeError):
        actions.write_channels(channels, np.ones(1), "Both")
    assert keys.animation_data.action == action and head.animation_data is None
    assert list(bpy.data.actions) == [action]
    with pytest.raises(EcoFaceBlenderError, match="Expected curves to write"):
        actions.write_channels([], np.ones(1), "None")


def test_a_failure_on_a_fresh_head_leaves_no_animation_data(head):
    with pytest.raises(TypeError):
        actions.write_action(
            head, np.zeros((1, len(heads.key_names(head)))), np.ones(1), "Take", {"a": object()}
        )
    assert head.data.shape_keys.animation_data is None
    assert not bpy.data.actions


def test_a_head_in_tweak_mode_is_refused(head):
    action = make_action(head)
    animation = head.data.shape_keys.animation_data
    track = animation.nla_tracks.new()
    track.strips.new("Strip", 1, action)
    animation.action = None
    track.select = True
    animation.use_tweak_mode = True
    if not animation.use_tweak_mode:
        pytest.skip("this Blender enters tweak mode only by its editor")
    with pytest.raises(EcoFaceBlenderError, match="tweak mode"):
        make_action(head)


def test_a_broken_or_linked_head_is_refused(head, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    empty_blend()
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, into):
        into.objects = ["Anna"]
    (linked,) = into.objects
    with pytest.raises(EcoFaceBlenderError, match="linked from another file"):
        make_action(linked)
    with pytest.raises(EcoFaceBlenderError, match="No head is chosen"):
        actions.write_action(None, np.zeros((1, 3)), np.ones(1), "Take")


def test_the_animated_range_covers_actions_strips_and_drivers(head):
    keys, scene = head.data.shape_keys, bpy.context.scene
    with pytest.raises(EcoFaceBlenderError, match="Nothing moves 'Anna' yet"):
        actions.animated_frames(keys, scene)
    action = make_action(head, n_frames=25, start=10)
    assert actions.animated_frames(keys, scene) == (10, 33)
    keys.animation_data.nla_tracks.new().strips.new("Later", 100, action)
    assert actions.animated_frames(keys, scene) == (10, 123)
    keys.key_blocks["Jaw Open"].driver_add("value")
    assert actions.animated_frames(keys, scene) == (1, 250)
