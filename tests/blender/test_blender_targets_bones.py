"""Any head that bones move: FLAME add-ons', and rigs whose jaw is a bone."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, seen_vertices, small_head, talking_motion
from speaking_meshes import mesh_with_keys, play, rig

from ecoface_blender.engine.settings import EngineSettings
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import face_kinds, jaw_bone, jaw_shape_keys
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads import report as face_report
from ecoface_blender.heads.key_names import ARKIT


@pytest.fixture(autouse=True)
def context():
    return empty_blend()


def add_on_head(arrays, upright=True, n_expressions=50):
    """A small head as FLAME's add-on makes it: Exp and Pose keys, bones along the head's up, an armature."""
    place = heads.to_blender if upright else lambda points: np.asarray(points, np.float32)
    template = place(arrays["v_template"])
    joint = place(arrays["J_regressor"][2] @ arrays["v_template"])
    up, side, eyes = (
        place(np.array([0, 0.01, 0])),
        place(np.array([0.03, 0, 0])),
        place(np.array([0, 0.05, 0.08])),
    )
    bones = {"neck": (0 * joint, up), "jaw": (joint, joint + up)}
    bones |= {"left_eye": (eyes + side, eyes + side + up), "right_eye": (eyes - side, eyes - side + up)}
    armature = rig(bones, "FLAME")
    mesh = bpy.data.meshes.new("FLAME")
    mesh.from_pydata(template, [], arrays["faces"])
    item = bpy.data.objects.new("FLAME", mesh)
    bpy.context.scene.collection.objects.link(item)
    item.parent = armature
    item.modifiers.new("Armature", "ARMATURE").object = armature
    for joint_index, name in ((1, "neck"), (2, "jaw")):
        group = item.vertex_groups.new(name=name)
        for vertex, weight in enumerate(arrays["weights"][:, joint_index]):
            group.add([vertex], float(weight), "REPLACE")
    item.shape_key_add(name="Basis", from_mix=False)
    named = [(f"Exp{n + 1}", arrays["shapedirs"][:, :, 2 + n % 50]) for n in range(n_expressions)]
    named += [(f"Pose{n + 1}", arrays["posedirs"][:, :, n]) for n in range(36)]
    for name, offsets in named:
        key = item.shape_key_add(name=name, from_mix=False)
        key.data.foreach_set("co", (template + place(offsets)).ravel())
        key.value = 0.0
    return item, armature


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "ZYX", "AXIS_ANGLE"])
@pytest.mark.parametrize("upright", [True, False])
def test_a_head_of_flame_s_add_on_moves_as_exact_skinning(mode, upright):
    arrays, motion = small_head(), talking_motion(4)
    item, armature = add_on_head(arrays, upright)
    armature.pose.bones["jaw"].rotation_mode = mode
    assert face_kinds.kind_of(item) == face_kinds.FLAME
    action = play(item, motion)
    assert len(action.slots) == 2
    for frame, exact in enumerate(jaw_shape_keys.skinned(arrays, motion)):
        bpy.context.scene.frame_set(frame + 1)
        wanted = heads.to_blender(exact) if upright else exact
        np.testing.assert_allclose(seen_vertices(item), wanted, atol=2e-5)


@pytest.mark.parametrize("count", [12, 60])
def test_as_many_expressions_as_there_are_get_curves(count):
    item, _ = add_on_head(small_head(), n_expressions=count)
    paths = [channel.path for channel in face_kinds.known_rig(item).channels(talking_motion(3))]
    assert sum('"Exp' in path for path in paths) == min(count, 50)
    assert not any('"Exp51"' in path for path in paths)
    assert (
        face_kinds.known_rig(item).coefficients(EngineSettings(flame="/models/generic_model.pkl"))
        == "FLAME (generic_model)"
    )
    with pytest.raises(EcoFaceBlenderError, match="a FLAME head"):
        face_kinds.known_rig(item).coefficients(EngineSettings())


def test_a_rig_without_the_key_jaw_open_turns_its_bone():
    names = [name for name in ARKIT if name != "jawOpen"]
    armature = rig({"head": ((0, 0, 0), (0, 0, 0.1)), "DEF-jaw": ((0, 0, 0), (0, -0.05, -0.05))})
    face = mesh_with_keys("Face", names)
    face.modifiers.new("Armature", "ARMATURE").object = armature
    motion = np.zeros((5, 53))
    motion[:, 50] = np.linspace(0, 0.3, 5)
    play(face, motion)
    bpy.context.scene.frame_set(5)
    bone = armature.pose.bones["DEF-jaw"]
    turned = bone.matrix.to_3x3() @ bone.bone.matrix_local.to_3x3().inverted()
    axis, angle = turned.to_quaternion().to_axis_angle()
    assert angle == pytest.approx(0.3, abs=1e-5) and tuple(axis) == pytest.approx((1, 0, 0), abs=1e-4)
    assert bone.tail.z < bone.bone.tail_local.z  # it opens


@pytest.mark.parametrize(
    "bones,jaw",
    [
        ({"jaw", "jaw_master", "MCH-jaw_master", "DEF-jaw", "jaw_master_mouth"}, "jaw_master"),
        ({"CC_Base_JawRoot", "CC_Base_UpperJaw", "CC_Base_Head"}, "CC_Base_JawRoot"),
        ({"lowerJaw", "upperTeeth", "lowerTeeth"}, "lowerJaw"),
        ({"mixamorig:Jaw", "mixamorig:Head"}, "mixamorig:Jaw"),
        ({"DEF-jaw", "DEF-jaw.L.001", "ORG-jaw"}, "DEF-jaw"),
        ({"head"}, None),
    ],
)
def test_the_bone_that_an_animator_turns_is_the_jaw(bones, jaw):
    armature = rig({name: ((0, 0, 0), (0, -0.1, 0)) for name in sorted(bones)})
    assert jaw_bone.find_jaw(armature) == jaw


def test_a_jaw_key_that_moves_nothing_leaves_the_jaw_to_its_bone():
    """As Character Creator exports it; a key that opens the mouth keeps it, and never both."""
    for opens, bone in ((0.0, "CC_Base_JawRoot"), (1.0, None)):
        armature = rig({"CC_Base_JawRoot": ((0, 0, 0), (0, -0.1, 0))}, f"Rig {opens}")
        names = ["Jaw_Open", "Mouth_Smile_L", "Mouth_Smile_R", "Brow_Drop_L", "Brow_Drop_R"]
        names += ["Mouth_Funnel", "Mouth_Pucker", "Eye_Blink_L", "Eye_Blink_R", "Mouth_Roll_In_Upper"]
        face = mesh_with_keys(f"Face {opens}", names)
        face.modifiers.new("Armature", "ARMATURE").object = armature
        face.data.shape_keys.key_blocks["Mouth_Smile_L"].data[0].co = (1, 0, 0)
        face.data.shape_keys.key_blocks["Jaw_Open"].data[0].co = (0, 0, -opens)
        found = face_kinds.rig_of(face)
        assert found.jaw == bone
        assert any(row.source == "jawOpen" for _, row in found.rows) == (bone is None)
        said = face_report.describe(face)
        assert "Character Creator" in said and ("the jaw's bone" in said) == (bone is not None)
