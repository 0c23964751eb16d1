"""Controls that turn a jaw through other bones: what they do to a mesh is measured by posing them."""

import addon_utils
import bpy
import numpy as np
import pytest
from blender_support import REFERENCE_HEAD, empty_blend, seen_vertices

from ecoface_blender.core.jaw_skinning import rotations
from ecoface_blender.heads import face_kinds, posed_bone, shape_keys, source_curves
from ecoface_blender.heads.own_head import load_head, to_blender

pytestmark = pytest.mark.blender_version

N = 40
UPRIGHT = np.array(
    [[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]
)  # rows: left, up, forward of a character of Blender's


def controlled(constraint="COPY_TRANSFORMS"):
    """A column of points, of which the lower follow a bone that follows the control jaw_master."""
    scene = empty_blend().scene
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for name, head in {"jaw_master": (0, 0, 0), "DEF-jaw": (0, 0, 0), "DEF-head": (0, 0, 0.1)}.items():
        bone = armature.data.edit_bones.new(name)
        bone.head, bone.tail = head, (head[0], head[1] - 0.1, head[2])
        bone.use_deform = name.startswith("DEF")
    bpy.ops.object.mode_set(mode="OBJECT")
    if constraint:
        follow = armature.pose.bones["DEF-jaw"].constraints.new(constraint)
        follow.target, follow.subtarget = armature, "jaw_master"
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.1, 0.1, (N, 3)) + np.array([0, -0.1, 0])
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata(points.tolist(), [], [])
    face = bpy.data.objects.new("Face", mesh)
    scene.collection.objects.link(face)
    face.modifiers.new("Armature", "ARMATURE").object = armature
    weights = rng.uniform(0, 1, N)
    for name, shares in (("DEF-jaw", weights), ("DEF-head", 1 - weights)):
        group = face.vertex_groups.new(name=name)
        for vertex, share in enumerate(shares):
            group.add([vertex], float(share), "REPLACE")
    return face, armature, weights


def test_shares_of_a_turn_are_found_in_what_it_moves():
    rng = np.random.default_rng(1)
    rest, shares, joint = rng.normal(0, 1, (N, 3)), rng.uniform(0, 1, N), np.array([0.1, 0.2, 0.3])
    turn = rotations(np.array([[0.3, 0, 0]]))[0]
    arms = rest - joint
    moved = shares[:, None] * (arms @ turn.T - arms)
    found = posed_bone.fitted(rest, moved, turn, joint)
    np.testing.assert_allclose(found.weights, shares, atol=1e-9)
    np.testing.assert_array_equal(found.joint, joint)
    assert posed_bone.fitted(rest, np.tile([1.0, 0, 0], (N, 1)), turn, joint) is None, "a shift is no turn"
    assert posed_bone.fitted(rest, 0 * moved, turn, joint) is None
    assert posed_bone.fitted(rest, 0.05 * moved, turn, joint) is None


def test_a_control_that_other_bones_follow_is_measured_and_everything_put_back():
    face, armature, weights = controlled()
    control = armature.pose.bones["jaw_master"]
    control.rotation_mode = "XYZ"
    control.rotation_euler = (0.1, 0.2, 0)
    face.modifiers.new("Subdivision", "SUBSURF")
    bpy.context.view_layer.update()
    before = seen_vertices(face)
    found = posed_bone.measured_jaw(face, "jaw_master", UPRIGHT)
    np.testing.assert_allclose(found.weights, weights, atol=2e-3)
    np.testing.assert_allclose(found.joint, 0, atol=1e-6)
    np.testing.assert_array_equal(seen_vertices(face), before)
    np.testing.assert_allclose(control.rotation_euler, (0.1, 0.2, 0), atol=1e-6)
    assert all(modifier.show_viewport for modifier in face.modifiers)
    again = posed_bone.measured_jaw(face, "jaw_master", UPRIGHT)
    assert again is found, "it is measured once"
    face.vertex_groups["DEF-jaw"].add([0], 0.0, "REPLACE")
    face.vertex_groups["DEF-head"].add([0], 1.0, "REPLACE")
    assert posed_bone.measured_jaw(face, "jaw_master", UPRIGHT).weights[0] == pytest.approx(0, abs=1e-3)


def test_a_control_that_moves_nothing_is_none():
    face, _, _ = controlled(constraint="")
    assert posed_bone.measured_jaw(face, "jaw_master", UPRIGHT) is None
    assert posed_bone.measured_jaw(face, "nowhere", UPRIGHT) is None


def rigify_face():
    """EcoFace's head, without a key for the jaw, on the face of a human that Rigify has generated."""
    empty_blend()
    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_human_metarig_add()
    bpy.ops.pose.rigify_generate()
    rig = bpy.data.objects["rig"]
    bones, arrays = rig.data.bones, load_head(REFERENCE_HEAD)
    rest = to_blender(arrays["v_template"])
    marks = (rest[arrays["faces"][arrays["landmark_faces"]]] * arrays["landmark_barycentric"][..., None]).sum(
        1
    )
    eyes = arrays["J_regressor"][3:] @ rest
    ours = np.stack([marks[48], marks[54], (marks[62] + marks[66]) / 2, *eyes])
    ours = ours[np.argsort(ours[:, 0])]
    lips = [bones[f"DEF-lip.T.{side}.001"].tail_local for side in "LR"]
    middle = (bones["DEF-lip.T.L"].head_local + bones["DEF-lip.B.L"].head_local) / 2
    theirs = np.array([*lips, middle, *(bones[f"ORG-eye.{side}"].head_local for side in "LR")])
    theirs = theirs[np.argsort(theirs[:, 0])]
    scale = np.linalg.norm(theirs - theirs.mean(0)) / np.linalg.norm(ours - ours.mean(0))
    rest = (scale * (rest - ours.mean(0)) + theirs.mean(0)).astype(np.float32)
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata(rest, [], arrays["faces"])
    face = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(face)
    for item in bpy.context.scene.objects:
        item.select_set(item in (face, rig))
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.parent_set(type="ARMATURE_AUTO")
    face.shape_key_add(name="Basis", from_mix=False)
    for name, unit in zip(arrays["arkit_names"], arrays["arkit_units"], strict=True):
        if name != "jawOpen":
            key = face.shape_key_add(name=str(name), from_mix=False)
            moved = rest + scale * to_blender(unit.astype(np.float32))
            key.data.foreach_set("co", np.ascontiguousarray(moved, dtype=np.float32).ravel())
            key.value = 0.0
    return face


def played(face, channels, n_frames):
    """(T, V, 3) as it is seen."""
    out = []
    for frame in range(n_frames):
        for channel in channels:
            holder, _, name = channel.path.rpartition(".")
            value = float(channel.values[frame])
            if channel.index < 0:
                setattr(channel.id_data.path_resolve(holder), name, value)
            else:
                channel.id_data.path_resolve(channel.path)[channel.index] = value
        bpy.context.view_layer.update()
        out.append(seen_vertices(face))
    return np.stack(out)


@pytest.mark.slow
def test_lips_on_a_face_of_rigify_s_follow_the_reference_s():
    from other_heads import babble

    face = rigify_face()
    found = face_kinds.rig_of(face)
    assert (found.kind, found.jaw) == ("ARKit", "jaw_master") and "jaw_master" not in face.vertex_groups
    motion = babble()[:100]
    keys = {}
    for _, row in found.rows:
        keys.setdefault(row.source, []).append((row.target, row.gain))
    retarget = shape_keys.retarget_of(face, keys, found.jaw)
    assert retarget.head.bone is not None
    seen = played(face, found.channels(motion), len(motion))
    addon_utils.disable("rigify", default_set=True)
    lips, true = retarget.lips, source_curves.reference_mouth().measure(motion)
    middle, theirs = np.abs(lips.places).argmin(), np.abs(true.places).argmin()
    gap = seen[:, lips.upper[middle], 2] - seen[:, lips.lower[middle], 2] - lips.shut[middle]
    gap /= lips.half_width
    assert np.corrcoef(gap, true.gaps[:, theirs])[0, 1] > 0.97
    assert gap[true.gaps[:, theirs] < 0.015].max() < 0.1, "they shut"
    assert gap.min() > -0.12, "and do not go through one another"
