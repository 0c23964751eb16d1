"""Emotions keyed on a head, and read over time."""

import math

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, talking_motion
from drawn_panel import drawn, laid_out
from emotion_stage import give_take, key_three, keyed, line_of, read, with_sound

from ecoface_blender.animation import actions, emotion_keys
from ecoface_blender.emotion import panel as panels_emotion
from ecoface_blender.emotion import properties as settings_emotion
from ecoface_blender.emotion import track as emotion_track
from ecoface_blender.engine.settings import engine_settings
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import gather
from ecoface_blender.takes import stored, takes

pytestmark = pytest.mark.blender_version

HAPPY, SAD, ANGRY = 2, 3, 4
pytest_plugins = ["emotion_fixtures"]


def played(context, speaker, frames):
    """What the scene shows at frames: the oracle of what is read from curves."""
    values = []
    for frame in frames:
        context.scene.frame_set(math.floor(frame), subframe=float(frame % 1))
        values.append([getattr(speaker.ecoface_emotions, name) for name in emotion_keys.NAMES])
    context.scene.frame_set(1)
    return np.array(values)


def test_weights_are_those_of_every_model():
    assert tuple(settings_emotion.EmotionWeights.__annotations__) == emotion_keys.NAMES


def test_a_click_keys_one_emotion_and_all_others_away(context, speaker):
    context.scene.frame_set(10)
    assert bpy.ops.ecoface.key_emotion(emotion="happy") == {"FINISHED"}
    bpy.ops.ecoface.key_emotion(emotion="sad", intensity=2.0, frame=40)
    assert keyed(speaker) == [(10, "Happy (1.5)"), (40, "Sad (2)")]
    assert context.scene.frame_current == 10
    frames = np.array([1, 10, 26, 33, 40, 90.0])
    happy, sad = emotion_track.sample(context.scene, speaker, frames)[:, [HAPPY, SAD]].T
    np.testing.assert_allclose(happy, [1, 1, 1, 0.5, 0, 0], atol=1e-6)  # 0.6 s are 14 frames
    np.testing.assert_allclose(happy + sad, 1, atol=1e-6)
    assert bpy.ops.ecoface.emotion_remove(frame=10) == {"FINISHED"}
    assert keyed(speaker) == [(40, "Sad (2)")]
    bpy.ops.ecoface.emotion_remove(frame=40)
    assert not emotion_keys.curves(speaker)
    with pytest.raises(RuntimeError, match="No emotion of 'Anna' is keyed in frame 40"):
        bpy.ops.ecoface.emotion_remove(frame=40)
    with pytest.raises(RuntimeError, match="Expected a head 'Nobody'"):
        bpy.ops.ecoface.key_emotion(emotion="happy", head="Nobody")


def test_emotions_keyed_between_others_hold_until_these_begin(context, speaker):
    key_three(speaker)
    expected = np.zeros((6, 3))
    expected[[0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 1, 2]] = 1
    frames = np.array([1, 36, 50, 70, 86, 100.0])
    found = emotion_track.sample(context.scene, speaker, frames)[:, [HAPPY, SAD, ANGRY]]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    emotion_keys.key(speaker, 50, {"calm": 1}, 4)  # keyed again, to come in faster
    assert keyed(speaker)[1] == (50, "Calm (1.5)")
    found = emotion_track.sample(context.scene, speaker, np.array([46, 70.0]))
    np.testing.assert_allclose(found[:, [HAPPY, 1]], [[1, 0], [0, 1]], atol=1e-6)
    emotion_keys.remove(speaker, 50)
    found = emotion_track.sample(context.scene, speaker, np.array([50, 86, 100.0]))
    np.testing.assert_allclose(found[:, [HAPPY, ANGRY]], [[1, 0], [1, 0], [0, 1]], atol=1e-6)


def test_mixes_are_said_in_percent_of_what_the_engine_mixes(speaker):
    for frame, values in enumerate(({"happy": 0.6, "sad": 0.2}, {"happy": 1, "sad": 1}, {}), 1):
        emotion_keys.key(speaker, frame, values, 0)
    mixes = [mix for _, mix in keyed(speaker)]
    assert mixes == ["Happy 60%, Sad 20%, Neutral 20% (1.5)", "Happy 50%, Sad 50% (1.5)", "Neutral"]


def test_hand_keyed_curves_are_read_as_the_scene_plays_them(context, speaker):
    key_three(speaker)
    speaker.keyframe_insert("ecoface_emotions.fearful", frame=20)
    curves = emotion_keys.curves(speaker)
    curves["happy"].keyframe_points[1].interpolation = "ELASTIC"
    curves["sad"].modifiers.new("CYCLES")
    curves["angry"].mute = True
    speaker.ecoface_emotions.angry = 0.25
    frames = np.arange(-3, 140, 2.4)
    found = emotion_track.sample(context.scene, speaker, frames)
    np.testing.assert_allclose(found, played(context, speaker, frames), atol=1e-5)


@pytest.mark.parametrize("mover", ["driver", "NLA"])
def test_drivers_and_nla_strips_are_read_and_the_playhead_stays(context, speaker, mover):
    key_three(speaker)
    if mover == "driver":
        speaker.driver_add("ecoface_emotions.fearful").driver.expression = "frame / 200"
    else:
        action = speaker.animation_data.action
        track = speaker.animation_data.nla_tracks.new()
        track.strips.new("Moods", 11, action).action_slot = action.slots[0]
        speaker.animation_data.action = None
    context.scene.frame_set(7, subframe=0.25)
    speaker.ecoface_emotions.disgust = 0.125  # moved, not keyed
    frames = np.array([12, 30.5, 61, 97.25])
    found = emotion_track.sample(context.scene, speaker, frames)
    assert (context.scene.frame_current, context.scene.frame_subframe) == (7, 0.25)
    assert speaker.ecoface_emotions.disgust == 0.125
    expected = played(context, speaker, frames)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected[:, HAPPY]) > 0.5


def test_a_track_is_at_ten_points_a_second_from_the_lines_first_frame(context, speaker, tmp_path):
    context.scene.render.fps, context.scene.render.fps_base = 24, 1.001
    key_three(speaker)
    emotion_track.write_track(context.scene, speaker, 37.5, 2.04, tmp_path / "track.npz")
    track = read(tmp_path / "track.npz")
    assert track["rate"] == 10 and track["weights"].shape == (22, 8)
    frames = 37.5 + np.arange(22) / 10 * 24 / 1.001
    expected = played(context, speaker, frames)
    np.testing.assert_allclose(track["weights"], expected[:, :-1], atol=1e-5)
    np.testing.assert_allclose(track["intensity"], expected[:, -1], atol=1e-5)
    context.scene.frame_end = 20
    emotion_track.write_track(context.scene, speaker, 1.0, None, tmp_path / "track.npz")
    assert read(tmp_path / "track.npz")["weights"][-1, ANGRY] == 1  # until the last key


def test_overshoot_is_kept_within_what_the_engine_takes(context, speaker, tmp_path):
    key_three(speaker)
    for point in emotion_keys.curves(speaker)["happy"].keyframe_points:
        point.interpolation, point.easing = "BACK", "EASE_IN_OUT"
    frames = np.arange(1, 101.0)
    curve = emotion_keys.curves(speaker)["happy"]
    assert min(curve.evaluate(frame) for frame in frames) < -0.01
    assert emotion_track.sample(context.scene, speaker, frames).min() == 0


def test_a_head_without_keys_has_no_track_but_may_have_a_steady_mix(context, speaker, tmp_path):
    context.scene.ecoface.emotion_from = "TRACK"
    sentence = "No emotion is keyed on 'Anna'"
    assert sentence in gather.what_is_missing(with_sound(context))
    with pytest.raises(EcoFaceBlenderError, match=sentence):
        gather.emotion_fields(context, engine_settings(context), line_of(speaker), str(tmp_path))
    speaker.ecoface_emotions.happy = 0.5
    assert gather.what_is_missing(context) is None
    fields = gather.emotion_fields(context, engine_settings(context), line_of(speaker), str(tmp_path))
    np.testing.assert_allclose(read(fields["emotion_track"])["weights"][:, HAPPY], 0.5)


def test_a_linked_head_refuses_keys_in_one_sentence(context, speaker, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    empty_blend()
    with bpy.data.libraries.load(str(tmp_path / "head.blend"), link=True) as (_, there):
        there.objects = ["Anna"]
    with pytest.raises(EcoFaceBlenderError, match="'Anna' is linked from another file"):
        emotion_keys.key(bpy.data.objects["Anna"], 1, {"happy": 1}, 0)


def test_an_overridden_head_is_keyed_in_the_file_that_links_it(context, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    context = empty_blend()
    with bpy.data.libraries.load(str(tmp_path / "head.blend"), link=True) as (_, there):
        there.objects = ["Anna"]
    context.scene.collection.objects.link(bpy.data.objects["Anna"])
    key_three(bpy.data.objects["Anna"].override_create(remap_local_usages=True))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    speaker = bpy.context.scene.objects["Anna"]
    assert speaker.override_library
    bpy.context.scene.frame_set(50)
    assert speaker.ecoface_emotions.sad == 1
    assert [mix for _, mix in keyed(speaker)] == ["Happy (1.5)", "Sad (1.5)", "Angry (2)"]


def test_keyed_emotions_live_in_the_file_and_beside_takes(speaker, tmp_path):
    key_three(speaker)
    give_take(speaker, talking_motion(30))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    empty_blend()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    speaker = bpy.data.objects["Anna"]
    assert [frame for frame, _ in keyed(speaker)] == [1, 50, 100]
    assert takes.played(speaker) is not None


def test_the_panel_lists_the_changes_around_the_playhead(context, speaker):
    panel = context.scene.ecoface
    track = panels_emotion.ECOFACE_PT_emotion_track
    panel.intensity, panel.transition = 1.25, 0.2
    before = laid_out(track, context).height
    buttons = [given for kind, *_, given in drawn(track, context) if kind == "operator"]
    assert [each["emotion"] for each in buttons] == list(emotion_keys.EMOTIONS)
    assert all(each["intensity"] == 1.25 for each in buttons)
    for number in range(20):
        emotion_keys.key(speaker, 10 * number + 1, {"sad": 1} if number % 2 else {"happy": 1}, 4)
    context.scene.frame_set(95)
    shown = drawn(track, context)
    rows = [each[2] for each in shown if each[0] == "operator" and each[2] and "frame" in each[3]]
    assert rows == [f"{10 * n + 1}  {'Sad' if n % 2 else 'Happy'} (1.5)" for n in range(6, 12)]
    labels = [each[1] for each in shown if each[0] == "label"]
    assert labels[1:] == ["6 more before", "8 more after"]
    assert laid_out(track, context).height == before, "keys change no height"


def test_emotions_outlive_the_take_that_is_deleted(context, speaker):
    give_take(speaker, talking_motion(40))
    take = takes.played(speaker)
    key_three(speaker)
    assert speaker.animation_data.action != take and len(take.slots) == 1
    before = keyed(speaker)
    bpy.ops.ecoface.take_delete()
    assert keyed(speaker) == before and len(before) == 3


@pytest.mark.parametrize("by", ["take_delete", "layer_add", "key_emotion"])
def test_emotions_of_an_older_file_leave_the_take(context, speaker, by):
    """There Blender has keyed them into the take, in a slot beside that of the face."""
    give_take(speaker, talking_motion(40))
    take = takes.played(speaker)
    key_three(speaker)
    before, curves = keyed(speaker), emotion_track.sample(context.scene, speaker, np.arange(1, 120.0))
    slot = take.slots.new("OBJECT", speaker.name)
    for name, curve in emotion_keys.curves(speaker).items():
        copy = take.layers[0].strips[0].channelbag(slot, ensure=True).fcurves.new(f"ecoface_emotions.{name}")
        copy.keyframe_points.add(len(curve.keyframe_points))
        for point, old in zip(copy.keyframe_points, curve.keyframe_points, strict=True):
            point.co, point.type, point.interpolation = old.co, old.type, old.interpolation
            point.handle_left_type = point.handle_right_type = "AUTO_CLAMPED"
        copy.update()
    own = speaker.animation_data.action
    actions.assign(speaker, take, slot)
    bpy.data.actions.remove(own)
    assert keyed(speaker) == before
    getattr(bpy.ops.ecoface, by)()
    assert speaker.animation_data.action != take and stored.MOTION not in speaker.animation_data.action
    if by != "key_emotion":
        assert keyed(speaker) == before
        found = emotion_track.sample(context.scene, speaker, np.arange(1, 120.0))
        np.testing.assert_allclose(found, curves, atol=1e-5)
    if by != "take_delete":
        assert takes.played(speaker) == take and len(take.slots) == 1
