"""Takes: what is stored with them, their live controls, and parts made anew; the artist's keys stay."""

import time

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, small_head, talking_motion

from ecoface_blender.animation import actions, adjust
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import again as take_lines
from ecoface_blender.heads import own_head as heads
from ecoface_blender.request import GenerationRequest
from ecoface_blender.takes import names as take_names
from ecoface_blender.takes import stored, takes

pytestmark = pytest.mark.blender_version

FIRST, RATE = 3.4, 24
UPPER = np.diag(np.arange(50) % 2).astype(np.float32)
"""Every second coefficient moves the upper face."""
MADE_BY = {
    "style": "anna",
    "emotion": "happy",
    "seed": 4,
    "model": {"name": "tiny", "hash": "ab12"},
    "version": "1.0",
}


@pytest.fixture
def speaker():
    empty_blend().scene.render.fps = RATE
    return heads.add_head(bpy.context, small_head(), "Anna")


def line_of(speaker, **changes):
    values = {"sound": "/voices/hello.wav", "first_second": 0.5, "first_frame": FIRST, "seed": 4} | changes
    return GenerationRequest(
        scene=bpy.context.scene.name, speaker=speaker.name, head=heads.head_name(speaker), **values
    )


def receive(speaker, motion, **changes):
    takes.receive(bpy.context, line_of(speaker, **changes), motion, 25, UPPER, MADE_BY)
    return takes.played(speaker)


def curve_of(take, speaker, name="Expression 01"):
    keys = speaker.data.shape_keys
    path = keys.key_blocks[name].path_from_id("value")
    return adjust.find_curve(take, actions.Channel(keys, path, -1, np.zeros(0)))


def keys_of(take, speaker, name="Expression 01"):
    return adjust.read(curve_of(take, speaker, name).keyframe_points, "co")


def expected(speaker, motion):
    """Frames, and values by name, of a motion as it is keyed at first."""
    frames, at = actions.resample_to_scene(motion, 25, RATE, FIRST)
    return frames, dict(zip(heads.key_names(speaker), heads.key_values(speaker, at).T, strict=True))


def test_a_take_carries_all_that_made_it_through_a_file(speaker, tmp_path):
    motion = talking_motion(40).astype(np.float32)
    track = tmp_path / "track.npz"
    track.write_bytes(b"weights")
    take = receive(speaker, motion, emotion_track=str(track))
    assert take.name == "happy hello anna" and take.use_fake_user
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    empty_blend()
    track.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    take, speaker = bpy.data.actions["happy hello anna"], bpy.data.objects["Anna"]
    kept, rate = stored.motion_of(take)
    np.testing.assert_array_equal(kept, motion)
    assert rate == 25
    assert MADE_BY.items() <= actions.read_metadata(take).items()
    sound = tmp_path / "hello.wav"
    sound.touch()
    story = actions.read_metadata(take)
    actions.write_metadata(take, story | {"line": story["line"] | {"sound": str(sound)}})
    again = take_lines.request_again(bpy.context, take, str(tmp_path))
    assert (again.seed, again.first_second, again.first_frame) == (4, 0.5, FIRST)
    assert (tmp_path / "emotion_track.npz").read_bytes() == b"weights"
    take.ecoface_take.jaw = 0.5  # and its controls are alive
    _, values = expected(speaker, motion * np.r_[np.ones(50), np.full(3, 0.5)].astype(np.float32))
    np.testing.assert_allclose(keys_of(take, speaker, "Jaw Open")[:, 1], values["Jaw Open"], atol=1e-5)


def test_other_actions_are_no_takes(speaker):
    own = bpy.data.actions.new("Own")
    assert stored.motion_of(own) is None and not takes.takes_of(speaker)
    own[stored.MOTION] = b"short"
    assert stored.motion_of(own) is None


def test_amounts_scale_their_part_alone(speaker):
    motion = talking_motion(30)
    take = receive(speaker, motion)
    take.ecoface_take.upper, take.ecoface_take.lips = 0.25, 2.0
    _, values = expected(speaker, motion)
    np.testing.assert_allclose(keys_of(take, speaker)[:, 1], 2 * values["Expression 01"], atol=1e-5)
    np.testing.assert_allclose(
        keys_of(take, speaker, "Expression 02")[:, 1], values["Expression 02"] / 4, atol=1e-5
    )


def test_smoothing_is_a_gaussian_that_keeps_a_still_face():
    still = np.ones((20, 53))
    np.testing.assert_allclose(adjust.smoothed(still, 25, 0.2), still)
    pulse = np.zeros((201, 53))
    pulse[100] = 1
    spread = adjust.smoothed(pulse, 25, 0.2)[:, 0]
    at = np.arange(201) - 100.0
    assert np.sqrt((spread * at**2).sum()) / 25 == pytest.approx(0.2, rel=0.03)


def test_edits_by_hand_stay_under_the_controls_and_reset_gives_the_first_keys_back(speaker):
    motion = talking_motion(30)
    take = receive(speaker, motion)
    first = keys_of(take, speaker)
    curve_of(take, speaker).keyframe_points[7].co[1] += 0.3
    curve_of(take, speaker).keyframe_points.remove(curve_of(take, speaker).keyframe_points[2])
    edited = keys_of(take, speaker)
    group = take.ecoface_take
    for step in range(20):
        group.lips, group.smoothing, group.offset = step / 10, step / 100, step / 50
    group.lips, group.smoothing, group.offset = 0.0, 0.0, 0.5
    moved = keys_of(take, speaker)
    assert moved[6, 1] == pytest.approx(0.3, abs=1e-4)
    np.testing.assert_allclose(np.delete(moved[:, 1], 6), 0, atol=1e-5)
    np.testing.assert_allclose(moved[:, 0], edited[:, 0] + 12, atol=1e-3)
    assert bpy.ops.ecoface.take_reset() == {"FINISHED"}
    np.testing.assert_allclose(keys_of(take, speaker), edited, atol=1e-4)
    np.testing.assert_allclose(np.delete(edited[:, 1], 6), np.delete(first[:, 1], [2, 7]), atol=1e-4)


def test_a_range_made_anew_leaves_every_other_key(speaker):
    old, new = talking_motion(100), talking_motion(100, seed=9)
    take = receive(speaker, old)
    curve_of(take, speaker).keyframe_points[2].co[1] += 0.5
    before = keys_of(take, speaker)
    part = receive(speaker, new, frames=(30, 60), seed=7)
    assert part != take and stored.is_take(take) and take.name in bpy.data.actions
    np.testing.assert_array_equal(keys_of(take, speaker), before)
    after, (frames, values) = keys_of(part, speaker), expected(speaker, new)
    outside = (frames < 30) | (frames > 60)
    np.testing.assert_array_equal(after[outside], before[outside])
    middle = (frames >= 35) & (frames <= 55)
    np.testing.assert_allclose(after[middle, 1], values["Expression 01"][middle], atol=1e-4)
    fade = after[(frames >= 29) & (frames <= 35), 1]
    assert np.abs(np.diff(fade)).max() < np.abs(np.diff(values["Expression 01"])).max() + 0.6
    part.ecoface_take.lips = 0.5  # the stored motion is the blended one
    halved = keys_of(part, speaker)
    middle = (frames >= 36) & (frames <= 54)
    np.testing.assert_allclose(halved[middle, 1], values["Expression 01"][middle] / 2, atol=1e-3)


def test_a_range_of_no_take_is_refused(speaker):
    with pytest.raises(EcoFaceBlenderError, match="plays no take"):
        receive(speaker, talking_motion(10), frames=(1, 5))
    receive(speaker, talking_motion(10))
    with pytest.raises(EcoFaceBlenderError, match="lie outside the take"):
        receive(speaker, talking_motion(10), frames=(100, 150))
    assert len(bpy.data.actions) == 1


def test_a_minute_is_adjusted_while_a_slider_moves(speaker):
    take = receive(speaker, np.tile(talking_motion(300), (5, 1)))
    started = time.process_time()
    take.ecoface_take.jaw = 1.3
    assert time.process_time() - started < 0.5


def test_takes_are_switched_copied_and_deleted_and_the_artists_action_is_none_of_them(speaker):
    keys = speaker.data.shape_keys
    keys.key_blocks["Expression 01"].keyframe_insert("value", frame=3)
    own = keys.animation_data.action
    first, second = receive(speaker, talking_motion(10)), receive(speaker, talking_motion(10, seed=1))
    assert takes.takes_of(speaker) == [first, second]
    scene = bpy.context.scene
    assert bpy.data.actions[scene.ecoface_take] == second
    scene.ecoface_take = bpy.data.actions.find(first.name)
    assert takes.played(speaker) == first
    bpy.ops.ecoface.take_duplicate()
    copy = takes.played(speaker)
    assert copy not in (first, second)
    copy.ecoface_take.lips = 2.0
    np.testing.assert_allclose(keys_of(copy, speaker)[:, 1], 2 * keys_of(first, speaker)[:, 1], atol=1e-5)
    bpy.ops.ecoface.take_delete()
    assert set(bpy.data.actions) == {own, first, second}
    bpy.ops.ecoface.take_play(take=first.name)
    scene.ecoface_take = bpy.data.actions.find(own.name)  # no take: it is not the list's to play
    assert takes.played(speaker) == first


def test_a_pushed_take_plays_as_before(speaker):
    receive(speaker, talking_motion(40)).ecoface_take.offset = 0.11  # between frames
    shown = []
    for _ in range(2):
        bpy.context.scene.frame_set(20)
        shown.append([block.value for block in speaker.data.shape_keys.key_blocks])
        if takes.played(speaker):
            bpy.ops.ecoface.take_push()
    assert takes.played(speaker) is None
    np.testing.assert_allclose(shown[0], shown[1], atol=1e-5)
    with pytest.raises(RuntimeError, match="plays no take"):
        bpy.ops.ecoface.take_push()


def test_names_and_descriptions_say_what_is_shown(speaker):
    motion = talking_motion(100).astype(np.float32)
    upset = {"style": "anna", "emotion": "happy:1.5", "seed": 4}

    def made(story, **changes):
        takes.receive(bpy.context, line_of(speaker, **changes), motion, 25, UPPER, story)
        return takes.played(speaker)

    names = [made(upset).name for _ in range(2)]
    assert names == ["happy (1.5) hello anna", "happy (1.5) hello anna.001"]
    angry = upset | {"emotion": "angry:2"}
    part = made(angry, frames=(20, 40))
    assert part.name == "happy (1.5) + angry (2) hello anna"
    said = stored.describe(speaker)
    assert said == "hello: happy 1.5, angry 2 in frames 20 to 40, anna, seed 4"
    part.name = "The best"
    renamed = made(angry, frames=(50, 60))
    assert renamed.name == "The best.001", "what the artist called it stays"
    assert (stored.describe(speaker) or "").startswith("The best.001: happy 1.5")
    takes.play(speaker, bpy.data.actions["happy (1.5) hello anna"])
    whole = made(angry, frames=(-100, 1000))
    assert whole.name == "angry (2) hello anna" and "happy" not in stored.describe(speaker)
    like = made(upset, emotion_from="/voices/mother.wav")
    assert like.name == "like mother hello anna"
    heard = {"text": "sad 0.7", "shares": {"sad": 0.7, "calm": 0.3}}
    spoken = made(upset | {"emotion": "from the speech", "heard": heard})
    assert spoken.name == "heard sad hello anna"
    assert stored.describe(speaker) == "hello: emotion as heard, anna, seed 4"
    keyed = made(upset | {"emotion": "from an emotion track"})
    assert keyed.name == "keyed hello anna"
    long = take_names.take_name({"line": {"sound": "/a.wav"}, "style": "s" * 46, "emotion": "happy:1.5"})
    assert len(long) <= take_names.LENGTH and not long.rpartition(".")[2].isdigit()
