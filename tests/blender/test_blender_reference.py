"""A reference in Blender: a head's performance, a tracker's file, a strip, before it reaches the engine."""

import json
import subprocess
from dataclasses import replace

import bpy
import numpy as np
import pytest
from blender_support import (
    read_sound,
    small_head,
    talking_motion,
    write_head,
)
from emotion_stage import REFERENCE, UPPER, give_take, line_of, read, with_sound
from engine_python import ENGINE_PYTHON

from ecoface_blender.animation import actions
from ecoface_blender.emotion import reference as emotion_reference
from ecoface_blender.emotion import reference_motion
from ecoface_blender.engine.settings import EngineSettings, engine_settings
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import gather
from ecoface_blender.heads import face_kinds, own_head
from ecoface_blender.sound import sequencer
from ecoface_blender.takes import takes

pytest_plugins = ["emotion_fixtures"]


def test_a_performance_is_the_take_that_a_head_plays_as_its_controls_show_it(context, other, tmp_path):
    motion = talking_motion(40)
    give_take(other, motion)
    found = read(
        reference_motion.of_head(context, face_kinds.known_rig(other), EngineSettings(), str(tmp_path))
    )
    np.testing.assert_allclose(found["motion"], motion, atol=1e-6)
    assert found["fps"] == 25 and json.loads(str(found["metadata"])) == {"head": REFERENCE}
    takes.played(other).ecoface_take.jaw = 0.5
    found = read(
        reference_motion.of_head(context, face_kinds.known_rig(other), EngineSettings(), str(tmp_path))
    )
    np.testing.assert_allclose(found["motion"][:, 50:], motion[:, 50:] / 2, atol=1e-6)


@pytest.mark.parametrize("rate", [24, 60])
def test_a_performance_by_hand_is_read_back_from_the_keys(context, other, tmp_path, rate):
    context.scene.render.fps = rate
    motion = talking_motion(40)
    frames, at = actions.resample_to_scene(motion, 25, rate, 5)
    actions.write_action(other, own_head.key_values(other, at), frames, "By hand")
    context.scene.frame_set(3)
    found = read(
        reference_motion.of_head(context, face_kinds.known_rig(other), EngineSettings(), str(tmp_path))
    )
    assert found["fps"] == rate and json.loads(str(found["metadata"])) == {"head": REFERENCE}
    assert context.scene.frame_current == 3
    np.testing.assert_allclose(found["motion"], at, atol=1e-4)


def test_a_head_that_nothing_moves_is_no_reference(context, other, tmp_path):
    with pytest.raises(EcoFaceBlenderError, match="Nothing moves 'Ben' yet"):
        reference_motion.of_head(context, face_kinds.known_rig(other), EngineSettings(), str(tmp_path))
    other.data.shape_keys.key_blocks["Expression 07"].name = "Smirk"
    with pytest.raises(EcoFaceBlenderError, match="'Ben' has lost 1 of its shape keys"):
        reference_motion.of_head(context, face_kinds.known_rig(other), EngineSettings(), str(tmp_path))


def test_another_kind_of_head_is_a_reference_by_its_take_alone(context, tmp_path):
    mesh = bpy.data.meshes.new("Robot")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    robot = bpy.data.objects.new("Robot", mesh)
    context.scene.collection.objects.link(robot)
    sides = ("Left", "Right")
    names = [
        "jawOpen",
        "mouthPucker",
        *(n + side for n in ("mouthSmile", "eyeBlink", "browDown") for side in sides),
    ]
    for name in ("Basis", *names):
        robot.shape_key_add(name=name, from_mix=False).value = 0
    with pytest.raises(EcoFaceBlenderError, match="'Robot' plays no take, and its keys are not EcoFace's"):
        emotion_reference.of_head(context, "Robot", EngineSettings(), str(tmp_path))
    motion = talking_motion(20)
    line = replace(line_of(bpy.data.objects["Anna"]), speaker="Robot")
    takes.receive(context, line, motion, 25, UPPER, {"style": "a", "emotion": "sad", "seed": 0})
    found = read(emotion_reference.of_head(context, "Robot", EngineSettings(), str(tmp_path))["emotion_from"])
    np.testing.assert_allclose(found["motion"], motion, atol=1e-6)
    assert json.loads(str(found["metadata"])) == {"head": REFERENCE}
    bpy.data.objects["Robot"].shape_key_clear()
    with pytest.raises(EcoFaceBlenderError, match="'Robot' is no mesh with shape keys"):
        emotion_reference.of_head(context, "Robot", EngineSettings(), str(tmp_path))


def test_a_trackers_file_is_read_as_coefficients_of_the_flame_head(tmp_path):
    rng = np.random.default_rng(0)
    expression, poses = rng.normal(size=(30, 100)), rng.normal(size=(30, 15))
    motion = np.hstack([expression[:, :50], poses[:, 6:9]])
    tracked, flame = tmp_path / "actor.npz", tmp_path / "head.npz"
    write_head(small_head(), flame)
    for arrays in (
        {"exp": expression, "pose": poses, "fps": 30.0},
        {"exp": expression[:, :50], "pose": poses[:, 3:9], "fps": np.array([30.0])},
        {"expression": expression[:, :50], "jaw": poses[:, 6:9], "fps": 30.0},
        {"motion": motion, "fps": 30.0},
    ):
        np.savez(tracked, **arrays)
        for file, name in ((flame, "small head"), ("/models/flame2023.pkl", "FLAME (flame2023)")):
            found = read(reference_motion.from_file(tracked, str(file), str(tmp_path)))
            np.testing.assert_allclose(found["motion"], motion, atol=1e-6)
            assert found["fps"] == 30 and json.loads(str(found["metadata"])) == {"head": name}
    np.savez(tracked, motion=motion, fps=30.0, metadata="{}")
    assert reference_motion.from_file(tracked, "", str(tmp_path)) == tracked  # the engine's own


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (None, "Expected a performance at .*actor.npz', found none"),
        (b"PK junk", "Expected arrays in actor.npz, found a damaged file"),
        ({"exp": np.array([{}], dtype=object)}, "found a damaged file or pickled objects"),
        ({"code": np.zeros(3)}, "Expected exp and pose, or expression and jaw, in .* found code"),
        ({"exp": np.zeros((5, 50)), "pose": np.zeros((5, 7))}, "Expected poses of 6 numbers .* or 15"),
        ({"exp": np.zeros((5, 20)), "pose": np.zeros((5, 6))}, "Expected exp of 50 numbers a frame"),
        ({"exp": np.full((5, 50), np.nan), "pose": np.zeros((5, 6))}, "Expected finite coefficients in"),
        ({"expression": np.zeros((5, 50)), "jaw": np.zeros((4, 3))}, "found 4 and 5"),
        ({"motion": np.zeros((5, 53)), "fps": 0.0}, "Expected frames per second"),
    ],
)
def test_a_file_without_a_performance_is_one_sentence(tmp_path, arrays, sentence):
    path = tmp_path / "actor.npz"
    if isinstance(arrays, bytes):
        path.write_bytes(arrays)
    elif arrays is not None:
        np.savez(path, **arrays)
    with pytest.raises(EcoFaceBlenderError, match=sentence) as caught:
        reference_motion.from_file(path, "/models/flame.pkl", str(tmp_path))
    assert str(caught.value).count("\n") == 0 and str(caught.value).endswith(".")


def test_a_trackers_file_needs_the_flame_head(tmp_path):
    np.savez(tmp_path / "actor.npz", exp=np.zeros((5, 50)), pose=np.zeros((5, 6)))
    with pytest.raises(EcoFaceBlenderError, match="are FLAME's; choose your FLAME head in the preferences"):
        reference_motion.from_file(tmp_path / "actor.npz", "", str(tmp_path))


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("FILE", "Choose the recording or the performance"),
        ("STRIP", "Choose the strip whose emotion"),
        ("HEAD", "Choose the head whose performance"),
    ],
)
def test_a_reference_that_is_not_chosen_is_said_before_the_click(
    context, speaker, tmp_path, reference, sentence
):
    panel = with_sound(context).scene.ecoface
    panel.emotion_from, panel.reference_from = "REFERENCE", reference
    assert sentence in gather.what_is_missing(context)
    with pytest.raises(EcoFaceBlenderError, match=sentence):
        gather.emotion_fields(context, engine_settings(context), line_of(speaker), str(tmp_path))


@pytest.mark.parametrize("packed", [False, True])
def test_of_a_reference_strip_only_what_is_heard_counts(context, speaker, voice, mood, tmp_path, packed):
    scene, panel = context.scene, context.scene.ecoface
    spoken = sequencer.add_sound_strip(scene, voice, 1)
    strip = sequencer.add_sound_strip(scene, mood, 1)
    strip.frame_final_start, strip.frame_final_end = 25, 61
    if packed:
        for each in (spoken, strip):
            each.sound.pack()
    panel.emotion_from, panel.reference_from, panel.reference_strip = "REFERENCE", "STRIP", strip.name
    panel.strip = spoken.name
    line = gather.request(context, engine_settings(context), {}, str(tmp_path))
    assert (line.emotion_first_second, line.emotion_seconds) == pytest.approx((1.0, 1.5))
    np.testing.assert_array_equal(read_sound(line.emotion_from)[0], read_sound(mood)[0])
    np.testing.assert_array_equal(read_sound(line.sound)[0], read_sound(voice)[0])
    strip.mute = True  # so that it is not heard beside the voice
    channel = scene.sequence_editor.channels[strip.channel]
    channel.mute = True
    assert gather.request(context, engine_settings(context), {}, str(tmp_path)) == line
    assert strip.mute and channel.mute
    scene.sequence_editor.strips.remove(strip)
    with pytest.raises(EcoFaceBlenderError, match="Expected a sound or movie strip 'mood', found none"):
        gather.request(context, engine_settings(context), {}, str(tmp_path))


def test_a_faded_reference_strip_is_heard_as_it_is_played(context, speaker, mood, tmp_path):
    strip = sequencer.add_sound_strip(context.scene, mood, 1)
    for frame, volume in ((1, 1.0), (49, 0.0)):
        strip.volume = volume
        strip.keyframe_insert("volume", frame=frame)
    fields = gather.emotion_fields(
        context,
        engine_settings(context),
        line_of(speaker),
        str(tmp_path),
        {"emotion_strip": strip.name},
    )
    samples, rate = read_sound(fields["emotion_from"])
    assert (fields["emotion_first_second"], fields["emotion_seconds"]) == (0, None)
    loud = [np.abs(samples[int(rate * second) :][: rate // 2]).max() for second in (0.0, 1.0, 2.5)]
    assert loud[0] > 1.5 * loud[1] > 0.01 and loud[2] < 0.01


MOVIE = """
import sys
import av
import numpy as np
with av.open(sys.argv[1], "w") as movie:
    video, sound = movie.add_stream("mpeg4", rate=24), movie.add_stream("aac", rate=16_000)
    video.width = video.height = 32
    video.pix_fmt, sound.layout = "yuv420p", "mono"
    pictures = [av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")] * 48
    movie.mux([p for picture in [*pictures, None] for p in video.encode(picture)])
    hum = 0.4 * np.sin(np.arange(32_000, dtype=np.float32)[None] / 10)
    frame = av.AudioFrame.from_ndarray(hum, format="fltp", layout="mono")
    frame.sample_rate = 16_000
    movie.mux([p for each in (frame, None) for p in sound.encode(each)])
"""


def test_of_a_movie_strip_that_part_of_its_sound_counts_that_is_seen(context, speaker, tmp_path):
    path = tmp_path / "actor.mp4"
    subprocess.run([ENGINE_PYTHON, "-c", MOVIE, str(path)], check=True)
    strips = context.scene.sequence_editor_create().strips
    strip = strips.new_movie("Actor", str(path), 1, 11)
    strip.frame_final_start, strip.frame_final_end = 23, 47
    fields = gather.emotion_fields(
        context,
        engine_settings(context),
        line_of(speaker),
        str(tmp_path),
        {"emotion_strip": "Actor"},
    )
    assert fields["emotion_from"] == str(path)
    assert (fields["emotion_first_second"], fields["emotion_seconds"]) == pytest.approx((0.5, 1.0))
    path.unlink()
    with pytest.raises(EcoFaceBlenderError, match="The movie of the strip 'Actor' is not at"):
        emotion_reference.of_strip(context, "Actor", str(tmp_path))
