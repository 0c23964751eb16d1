"""Bones of head and eyes: our own head's against FLAME's skinning, other rigs' by their names and axes."""

import addon_utils
import bpy
import numpy as np
import pytest
from blender_support import REFERENCE_HEAD, empty_blend, seen_vertices
from mathutils import Matrix, Vector

from ecoface_blender.core.head_pose import direction, eye_rotations
from ecoface_blender.core.jaw_skinning import rotations
from ecoface_blender.heads import face_kinds, head_bones, own_bones
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads.head_turn import HeadTurn

pytestmark = pytest.mark.blender_version

TURN = HeadTurn(np.array([[0.2, 0.3, 0.1]]), np.array([[0.3, -0.2]]), np.array([[0.2, 0.1]]))


def pose(channels, frame=0):
    for channel in channels:
        holder, _, name = channel.path.rpartition(".")
        value = float(channel.values[frame])
        if channel.index < 0:
            setattr(channel.id_data.path_resolve(holder), name, value)
        else:
            channel.id_data.path_resolve(channel.path)[channel.index] = value
    bpy.context.view_layer.update()


def flame(arrays, turn):
    """Eq. (2) of neck and eyes, vertex by vertex of a neutral face, in Blender's axes."""
    template, weights = arrays["v_template"].astype(float), arrays["weights"].astype(float)
    joints = arrays["J_regressor"].astype(float) @ template
    neck = rotations(turn.head)[0]

    def about(points, turned, joint):
        return (points - joint) @ turned.T + joint

    out = weights[:, :1] * template + weights[:, 1:3].sum(axis=1, keepdims=True) * about(
        template, neck, joints[1]
    )
    for joint, turned in zip((3, 4), eye_rotations(turn.eyes)[:, 0], strict=True):
        eye = about(about(template, turned, joints[joint]), neck, joints[1])
        out += weights[:, joint : joint + 1] * eye
    return heads.to_blender(out)


@pytest.fixture
def own():
    return heads.add_head(empty_blend(), heads.load_head(REFERENCE_HEAD), "Anna")


def test_our_own_head_turns_as_flame_does(own):
    own.location, own.rotation_euler, own.scale = (1, 2, 3), (0.3, 0.2, 0.1), (2, 2, 2)
    bpy.context.view_layer.update()
    world = np.array(own.matrix_world)
    pose(face_kinds.known_rig(own).turned(TURN))
    exact = flame(heads.load_head(REFERENCE_HEAD), TURN) @ world[:3, :3].T + world[:3, 3]
    assert 1000 * np.linalg.norm(seen_vertices(own) - exact, axis=1).max() < 0.02


def test_a_turned_head_keeps_the_edge_of_its_neck_and_a_resting_one_its_shape(own):
    arrays = heads.load_head(REFERENCE_HEAD)
    rest = seen_vertices(own)
    np.testing.assert_allclose(rest, heads.to_blender(arrays["v_template"]), atol=1e-6)
    pose(face_kinds.known_rig(own).turned(HeadTurn.of(np.array([[0, 0.5, 0]]), None, 1)))
    moved = np.linalg.norm(seen_vertices(own) - rest, axis=1)
    lowest = rest[:, 2] < rest[:, 2].min() + 0.002
    assert lowest.sum() > 10 and moved[lowest].max() < 0.002 and moved.max() > 0.04


def test_a_head_of_an_older_file_has_no_bones_and_gets_them_by_a_button(own):
    rig = own_bones.rig_of(own)
    own.modifiers.clear()
    bpy.data.objects.remove(rig)
    own.vertex_groups.clear()
    found = face_kinds.known_rig(own)
    assert found.bones is None and found.turned(TURN) == []
    assert bpy.ops.ecoface.add_neck() == {"FINISHED"}
    assert face_kinds.known_rig(own).bones.names == ["head", "eye_L", "eye_R"]
    assert not bpy.ops.ecoface.add_neck.poll()


CONVENTIONS = {
    "Mixamo": ("mixamorig:Neck", "mixamorig:Head", "mixamorig:LeftEye", "mixamorig:RightEye"),
    "Character Creator": ("CC_Base_NeckTwist01", "CC_Base_Head", "CC_Base_L_Eye", "CC_Base_R_Eye"),
    "Daz 8": ("neckLower", "head", "lEye", "rEye"),
    "Daz 9": ("neck1", "head", "l_eye", "r_eye"),
    "Ready Player Me": ("Neck", "Head", "LeftEye", "RightEye"),
    "VRM": ("J_Bip_C_Neck", "J_Bip_C_Head", "J_Adj_L_FaceEye", "J_Adj_R_FaceEye"),
    "MetaHuman": ("neck_01", "head", "FACIAL_L_Eye", "FACIAL_R_Eye"),
    "Biped": ("Bip001 Neck", "Bip001 Head", "Bip001 L Eye", "Bip001 R Eye"),
    "MMD": ("首", "頭", "左目", "右目"),
    "SMPL-X": ("neck", "head", "left_eye_smplhf", "right_eye_smplhf"),
    "Auto-Rig Pro": ("c_neck.x", "c_head.x", "c_eye.l", "c_eye.r"),
    "joints": ("Neck_jnt", "Head_jnt", "L_Eye_jnt", "R_Eye_jnt"),
}
OTHERS = (
    "HeadTop_End", "head_end", "LeftEyeLid", "eyebrow.L", "FACIAL_L_EyelidUpperA", "hair_head", "DEF-head",
    "CC_Base_JawRoot", "MCH-eye.L", "Forehead", "LeftEye_End", "eye_target.L",
)  # fmt: skip


def rig_of(names, roll=0.0, turn=None, mode="QUATERNION"):
    """A bust of these bones (neck, head, eyes) among others that only look alike; z up unless turned."""
    context = empty_blend()
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    context.scene.collection.objects.link(armature)
    context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    neck, head, left, right = names
    turn = turn or Matrix.Identity(3)
    places = {
        "root": ((0, 0, 0), (0, 0, 0.2)),
        neck: ((0, 0.02, 1.4), (0, 0, 1.5)),
        head: ((0, 0, 1.5), (0, 0, 1.7)),
        left: ((0.03, -0.08, 1.56), (0.03, -0.1, 1.56)),
        right: ((-0.03, -0.08, 1.56), (-0.03, -0.1, 1.56)),
    } | {name: ((0, 0, 1.6), (0, 0, 1.7)) for name in OTHERS}
    for name, (start, end) in places.items():
        bone = armature.data.edit_bones.new(name)
        bone.head, bone.tail = turn @ Vector(start), turn @ Vector(end)
        bone.roll = roll
        above = {neck: "root", head: neck, "root": None}.get(name, head)
        bone.parent = armature.data.edit_bones.get(above) if above else None
    bpy.ops.object.mode_set(mode="OBJECT")
    for bone in armature.pose.bones:
        bone.rotation_mode = mode
    return armature


@pytest.mark.parametrize("name", CONVENTIONS)
def test_bones_are_known_by_the_names_of_many_tools(name):
    _, head, left, right = CONVENTIONS[name]
    found = head_bones.find(rig_of(CONVENTIONS[name]))
    assert (found.head, found.eyes) == (head, (left, right))


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "ZXY", "AXIS_ANGLE"])
@pytest.mark.parametrize("roll", [0.0, 1.1])
@pytest.mark.parametrize("y_up", [False, True])
def test_bones_turn_about_the_heads_axes_however_they_lie(mode, roll, y_up):
    up = Matrix(((1, 0, 0), (0, 0, 1), (0, -1, 0))) if y_up else Matrix.Identity(3)
    armature = rig_of(CONVENTIONS["Mixamo"], roll, up, mode)
    bones = head_bones.find(armature)
    axes = up @ Matrix(((1, 0, 0), (0, 0, -1), (0, 1, 0)))
    np.testing.assert_allclose(bones.axes, np.array(axes), atol=1e-6)
    armature.pose.bones["mixamorig:Neck"].rotation_mode = "XYZ"
    armature.pose.bones["mixamorig:Neck"].rotation_euler = (0.2, 0.1, 0.3)  # the body's own
    pose(bones.channels(TURN))
    head, left, right = bones.seen(armature.evaluated_get(bpy.context.evaluated_depsgraph_get()))
    np.testing.assert_allclose(head, rotations(TURN.head)[0], atol=1e-5)
    np.testing.assert_allclose(left @ [0, 0, 1], direction(TURN.left)[0], atol=1e-5)
    np.testing.assert_allclose(right @ [0, 0, 1], direction(TURN.right)[0], atol=1e-5)


def test_bones_that_constraints_turn_are_not_keyed():
    armature = rig_of(CONVENTIONS["Daz 8"])
    armature.pose.bones["head"].constraints.new("COPY_ROTATION").target = armature
    found = head_bones.find(armature)
    assert found.head == "neckLower"
    armature.pose.bones["lEye"].constraints.new("COPY_ROTATION").target = armature
    assert head_bones.find(armature).eyes is None
    assert head_bones.find(None) is None


def test_bones_of_a_linked_armature_are_left_alone(own, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "anna.blend"), copy=True)
    empty_blend()
    with bpy.data.libraries.load(str(tmp_path / "anna.blend"), link=True) as (_, asked):
        asked.objects = ["Anna"]
    rig = own_bones.rig_of(bpy.data.objects["Anna"])
    assert rig is not None and head_bones.find(rig) is None


@pytest.mark.slow
def test_eyes_of_rigify_look_by_their_target():
    empty_blend()
    addon_utils.enable("rigify", default_set=True)
    try:
        bpy.ops.object.armature_human_metarig_add()
        bpy.ops.pose.rigify_generate()
    finally:
        addon_utils.disable("rigify", default_set=True)
    armature = bpy.data.objects["rig"]
    found = head_bones.find(armature)
    assert (found.head, found.targets) == ("head", ("eyes",))
    rest = [armature.pose.bones[name].matrix.copy() for name in found.eyes]
    look = HeadTurn.of(None, np.array([[[0.3, 0.15], [0.3, 0.15]]]), 1)
    pose(found.channels(look))
    turned = [armature.pose.bones[name].matrix for name in found.eyes]
    for before, now in zip(rest, turned, strict=True):
        way = (now.to_3x3() @ before.to_3x3().inverted()) @ Vector((0, -1, 0))
        seen = np.array([way.x, way.z, -way.y])
        np.testing.assert_allclose(seen, direction(look.left)[0], atol=0.02)
