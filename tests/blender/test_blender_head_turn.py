"""Head and eyes in takes: kept, shown by amounts, towards a target, beside a body's own animation."""

import bpy
import numpy as np
import pytest
from blender_support import REFERENCE_HEAD, empty_blend, talking_motion
from mathutils import Vector

from ecoface_blender.core.constants import EXPRESSION_DIM
from ecoface_blender.core.head_pose import direction, eye_angles
from ecoface_blender.core.jaw_skinning import rotations
from ecoface_blender.core.motion_file import FlameMotion
from ecoface_blender.engine.settings import EngineSettings
from ecoface_blender.heads import face_kinds, source_curves
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads.head_turn import (
    HEAD_SHARE,
    HeadTurn,
)
from ecoface_blender.request import GenerationRequest
from ecoface_blender.takes import bake, evaluated, stored, takes

pytestmark = pytest.mark.blender_version

N = 50
TIME = np.arange(N) / 25
HEAD = np.column_stack([0.1 * np.sin(5 * TIME), 0.2 * np.sin(3 * TIME), 0.05 * np.cos(4 * TIME)]).astype("f4")
GAZE = np.column_stack([0.2 * np.sin(4 * TIME), 0.1 * np.cos(3 * TIME)]).astype("f4")


def line_of(speaker, **changes):
    values = {
        "scene": bpy.context.scene.name,
        "speaker": speaker.name,
        "head": face_kinds.known_rig(speaker).coefficients(EngineSettings()),
        "sound": "/hello.wav",
        "first_frame": 1.0,
    }
    return GenerationRequest(**values | changes)


def receive(speaker, head=HEAD, gaze=GAZE, **changes):
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 25, 1
    motion = 0.2 * talking_motion(N)
    story = {"style": "anna", "emotion": "sad", "seed": 1}
    line = line_of(speaker, **changes)
    takes.receive(bpy.context, line, motion, 25, np.eye(EXPRESSION_DIM), story, None, head, gaze)
    return takes.played(speaker)


def turned(speaker):
    """(N, 3, 3, 3) of head, left and right eye as they are seen."""
    return evaluated.see(bpy.context, face_kinds.known_rig(speaker), np.arange(1.0, N + 1)).turned


@pytest.fixture
def speaker():
    return heads.add_head(empty_blend(), heads.load_head(REFERENCE_HEAD), "Anna")


def test_a_take_turns_head_and_eyes_as_its_motion_says_and_keeps_it(speaker):
    take = receive(speaker)
    seen = turned(speaker)
    np.testing.assert_allclose(seen[:, 0], rotations(HEAD), atol=1e-5)
    for eye, angles in zip((1, 2), eye_angles(GAZE).swapaxes(0, 1), strict=True):
        np.testing.assert_allclose(seen[:, eye, :, 2], direction(angles), atol=1e-5)
    np.testing.assert_array_equal(stored.head_of(take), HEAD)
    np.testing.assert_array_equal(stored.gaze_of(take), GAZE)
    assert take.slots[0].name_display == "Anna" and len(take.slots) == 2


def test_a_take_without_moves_no_bone_and_lets_the_last_one_s_rest(speaker):
    first = receive(speaker)
    plain = receive(speaker, None, None)
    rig = face_kinds.known_rig(speaker).bones.armature
    assert rig.animation_data.action is None and stored.head_of(plain) is None
    np.testing.assert_allclose(turned(speaker)[N // 2], np.tile(np.eye(3), (3, 1, 1)), atol=1e-6)
    takes.play(speaker, first)
    np.testing.assert_allclose(turned(speaker)[:, 0], rotations(HEAD), atol=1e-5)
    takes.play(speaker, plain)
    np.testing.assert_allclose(turned(speaker)[N // 2], np.tile(np.eye(3), (3, 1, 1)), atol=1e-6)


def test_amounts_scale_the_head_and_keep_what_the_eyes_look_at(speaker):
    take = receive(speaker)
    before = turned(speaker)
    take.ecoface_take.head_motion = 0.5
    half = turned(speaker)
    np.testing.assert_allclose(half[:, 0], rotations(0.5 * HEAD), atol=1e-5)
    world = [seen[:, 0] @ seen[:, 1, :, 2, None] for seen in (before, half)]
    np.testing.assert_allclose(world[0], world[1], atol=1e-5)
    take.ecoface_take.gaze = 0
    still = turned(speaker)
    ahead = (still[:, 0] @ still[:, 1, :, 2, None])[..., 0]
    np.testing.assert_allclose(ahead, np.tile([0, 0, 1], (N, 1)), atol=1e-5)
    bpy.ops.ecoface.take_reset()
    np.testing.assert_allclose(turned(speaker), before, atol=1e-5)


def test_edits_by_hand_stay_when_an_amount_is_moved(speaker):
    take = receive(speaker)
    rig = face_kinds.known_rig(speaker).bones.armature
    bags = [bag for layer in take.layers for strip in layer.strips for bag in strip.channelbags]
    curves = [c for bag in bags for c in bag.fcurves if c.data_path == 'pose.bones["head"].rotation_euler']

    def point():
        return curves[0].keyframe_points[10].co

    was = point().y
    point().y += 0.3
    take.ecoface_take.head_motion = 0
    assert point().y == pytest.approx(0.3, abs=1e-5) and rig.animation_data.action == take
    take.ecoface_take.head_motion = 1
    assert point().y == pytest.approx(was + 0.3, abs=1e-5)


def angle_to(speaker, goal, eye):
    """Degrees between where an eye looks and a point of the world."""
    rig = face_kinds.known_rig(speaker).bones.armature
    posed = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    bone = posed.pose.bones[eye]
    start, end = posed.matrix_world @ bone.head, posed.matrix_world @ bone.tail
    return np.degrees((end - start).angle(Vector(goal) - start))


def test_both_eyes_meet_on_a_target_and_the_head_takes_its_share(speaker):
    take = receive(speaker, np.zeros_like(HEAD), np.zeros_like(GAZE))
    target = bpy.data.objects.new("Target", None)
    bpy.context.scene.collection.objects.link(target)
    speaker.rotation_euler, target.location = (0, 0, 0.3), (0.25, -0.5, 0.15)
    bpy.context.view_layer.update()
    speaker.ecoface_look_at = target
    bpy.context.scene.frame_set(20)
    for eye in ("eye_L", "eye_R"):
        assert angle_to(speaker, target.location, eye) < 0.05
    yaw = np.arctan2(turned(speaker)[20, 0, 0, 2], turned(speaker)[20, 0, 2, 2])
    bones = face_kinds.known_rig(speaker).bones
    x, y, _ = speaker.matrix_world.inverted() @ target.location
    depth = bones.eye_centres().mean(axis=0)[2]
    assert yaw == pytest.approx(HEAD_SHARE[0] * np.arctan2(x, -y - depth), abs=1e-3)
    target.location.x = -0.2
    bpy.context.view_layer.update()
    assert bpy.ops.ecoface.look_again() == {"FINISHED"}
    bpy.context.scene.frame_set(20)
    assert angle_to(speaker, target.location, "eye_L") < 0.05
    speaker.ecoface_look_at = None
    np.testing.assert_allclose(turned(speaker)[:, 0], np.tile(np.eye(3), (N, 1, 1)), atol=1e-5)
    assert stored.aim_of(take) is None and not bpy.ops.ecoface.look_again.poll()


def test_a_target_that_moves_is_followed_and_a_head_is_looked_in_the_eyes(speaker):
    other = heads.add_head(bpy.context, heads.load_head(REFERENCE_HEAD), "Ben")
    other.location, other.rotation_euler = (0.4, -0.9, 0.1), (0, 0, np.pi)
    for frame, place in ((1, -0.4), (N, 0.4)):
        other.location.x = place
        other.keyframe_insert("location", frame=frame)
    speaker.ecoface_look_at = other
    receive(speaker)
    speaker_take = takes.played(speaker)
    speaker_take.ecoface_take.gaze = 0
    speaker_take.ecoface_take.head_motion = 0
    eyes = face_kinds.known_rig(other).bones
    for frame in (1, 20, 45):
        bpy.context.scene.frame_set(frame)
        posed = eyes.armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        goal = sum((posed.matrix_world @ posed.pose.bones[name].head for name in eyes.eyes), Vector()) / 2
        assert angle_to(speaker, goal, "eye_L") < 0.6 and angle_to(speaker, goal, "eye_R") < 0.6


def test_a_take_of_before_looks_at_a_target_too(speaker):
    take = receive(speaker, None, None)
    target = bpy.data.objects.new("Target", None)
    bpy.context.scene.collection.objects.link(target)
    target.location = (0.3, -0.8, 0)
    bpy.context.view_layer.update()
    speaker.ecoface_look_at = target
    bpy.context.scene.frame_set(10)
    assert angle_to(speaker, target.location, "eye_R") < 0.05
    assert face_kinds.known_rig(speaker).bones.armature.animation_data.action == take


def test_lids_go_with_eyes_that_look_further_down_than_the_motion(speaker):
    def shut(take_gaze, amount):
        take = receive(speaker, None, take_gaze)
        take.ecoface_take.gaze = amount
        values = evaluated.key_values(bpy.context, face_kinds.known_rig(speaker), np.arange(1.0, N + 1))
        motion = evaluated.motion_of(speaker, values)
        return source_curves._face(motion)[2:].mean(axis=0)

    down = np.tile(np.float32([0, -0.3]), (N, 1))
    opened, as_made, twice = shut(down, 0), shut(down, 1), shut(down, 2)
    assert (opened > as_made + 0.0003).all() and (twice < as_made - 0.0003).all()


def test_a_part_that_is_made_anew_changes_head_and_eyes_there_alone(speaker):
    receive(speaker)
    before = turned(speaker)
    receive(speaker, -HEAD, -GAZE, frames=(20, 30))
    after, take = turned(speaker), takes.played(speaker)
    np.testing.assert_allclose(after[:15], before[:15], atol=1e-5)
    np.testing.assert_allclose(after[35:], before[35:], atol=1e-5)
    np.testing.assert_allclose(after[24, 0], rotations(-HEAD[24:25])[0], atol=1e-4)
    np.testing.assert_allclose(stored.head_of(take)[24], -HEAD[24], atol=1e-5)


def test_damaged_curves_of_a_file_are_as_if_there_were_none(speaker):
    take = receive(speaker)
    for key, read in ((stored.HEAD, stored.head_of), (stored.GAZE, stored.gaze_of)):
        whole = bytes(take[key])
        for damaged in (whole[:-4], b"", "text", 3, np.full(len(whole) // 4, np.nan, "f4").tobytes(),
                        np.full(len(whole) // 4, 1e9, "f4").tobytes()):  # fmt: skip
            del take[key]
            take[key] = damaged
            assert read(take) is None
            take.ecoface_take.jaw = 0.5
            take.ecoface_take.jaw = 1.0
        stored.store(take, key, whole)
        assert read(take) is not None


def test_a_layer_for_edits_is_put_on_and_taken_off_with_the_bones(speaker):
    take = receive(speaker)
    before = turned(speaker)
    bpy.ops.ecoface.layer_add()
    np.testing.assert_allclose(turned(speaker), before, atol=1e-5)
    rig = face_kinds.known_rig(speaker).bones.armature
    rig.pose.bones["head"].rotation_euler = (0.2, 0, 0)
    assert rig.animation_data.action != take
    take.ecoface_take.head_motion = 0.5
    bpy.ops.ecoface.layer_remove()
    np.testing.assert_allclose(turned(speaker)[:, 0], rotations(0.5 * HEAD), atol=1e-5)


def test_baking_keys_what_is_seen_of_head_and_eyes(speaker):
    receive(speaker)
    target = bpy.data.objects.new("Target", None)
    bpy.context.scene.collection.objects.link(target)
    target.location = (0.3, -0.8, 0)
    bpy.context.view_layer.update()
    speaker.ecoface_look_at = target
    before = turned(speaker)
    action = bake.bake(bpy.context, speaker)
    assert face_kinds.known_rig(speaker).bones.armature.animation_data.action == action
    np.testing.assert_allclose(turned(speaker), before, atol=1e-5)


def test_a_motion_file_brings_both_to_the_take(speaker, tmp_path):
    motion = FlameMotion(np.zeros((N, 53), "f4"), head=HEAD, gaze=GAZE)
    motion.write(tmp_path / "a.npz", upper=np.eye(EXPRESSION_DIM, dtype="f4"))
    found = stored.read_motion(tmp_path / "a.npz")
    np.testing.assert_array_equal(found[5], HEAD)
    np.testing.assert_array_equal(found[6], GAZE)


def test_a_body_s_animation_plays_on_below_the_head_s():
    from test_blender_head_bones import CONVENTIONS, rig_of

    armature = rig_of(CONVENTIONS["Mixamo"], mode="XYZ")
    arrays = heads.load_head(REFERENCE_HEAD)
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata(heads.to_blender(arrays["v_template"]) + np.array([0, 0, 1.5]), [], arrays["faces"])
    face = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(face)
    face.parent = armature
    face.modifiers.new("Armature", "ARMATURE").object = armature
    face.vertex_groups.new(name="mixamorig:Head").add(range(len(mesh.vertices)), 1.0, "REPLACE")
    for name in ("Basis", *(str(each) for each in arrays["arkit_names"] if "Look" not in str(each))):
        face.shape_key_add(name=name, from_mix=False).value = 0
    bones = armature.pose.bones
    for frame, nod, lean in ((1, 0.0, 0.0), (N, 0.2, 0.4)):
        bones["mixamorig:Head"].rotation_euler = (nod, 0, 0)
        bones["mixamorig:Neck"].rotation_euler = (0, 0, lean)
        for name in ("mixamorig:Head", "mixamorig:Neck"):
            bones[name].keyframe_insert("rotation_euler", frame=frame)
    walk = armature.animation_data.action
    take = receive(face)
    assert armature.animation_data.action == take and walk in [
        strip.action for track in armature.animation_data.nla_tracks for strip in track.strips
    ]
    bpy.context.scene.frame_set(N)
    assert bones["mixamorig:Neck"].rotation_euler.z == pytest.approx(0.4, abs=1e-4), "the walk goes on"
    head = face_kinds.known_rig(face).bones
    ours = next(c for c in head.channels(HeadTurn.of(HEAD[-1:], GAZE[-1:], 1)) if c.index == 0)
    assert bones["mixamorig:Head"].rotation_euler.x == pytest.approx(0.2 + ours.values[0], abs=1e-4)
    bpy.ops.ecoface.layer_add()
    bpy.ops.ecoface.layer_remove()
    bpy.context.scene.frame_set(N)
    assert bones["mixamorig:Head"].rotation_euler.x == pytest.approx(0.2 + ours.values[0], abs=1e-4)
