"""Any head: FLAME add-ons', ARKit's over several meshes, visemes, VRM, jaw bones, overrides."""

import time

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, seen_vertices, small_head, talking_motion

from ecoface_blender.animation import actions, adjust
from ecoface_blender.engine.settings import EngineSettings
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import chosen, face_kinds, finding, jaw_bone, jaw_shape_keys, source_curves
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads import report as face_report
from ecoface_blender.heads.key_names import ARKIT, OCULUS
from ecoface_blender.request import GenerationRequest
from ecoface_blender.takes import stored, takes
from ecoface_model.core.phones import PHONES

FRAMES = np.arange(1.0, 21.0)


@pytest.fixture(autouse=True)
def context():
    return empty_blend()


def mesh_with_keys(name, keys, vertices=((0, 0, 0), (0, 0, 1), (0, 1, 0)), collection=None):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], [])
    item = bpy.data.objects.new(name, mesh)
    (collection or bpy.context.scene.collection).objects.link(item)
    item.shape_key_add(name="Basis", from_mix=False)
    for key in keys:
        item.shape_key_add(name=key, from_mix=False).value = 0.0
    return item


def rig(bones, name="Rig"):
    """An armature with bones {name: (head, tail)}."""
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for bone, (start, end) in bones.items():
        made = armature.data.edit_bones.new(bone)
        made.head, made.tail = start, end
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


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


def play(speaker, motion):
    channels = face_kinds.known_rig(speaker).channels(motion)
    actions.open_sliders(channels)
    return actions.write_channels(channels, np.arange(1.0, len(motion) + 1), "Take")


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


def test_meshes_of_one_character_share_an_action_with_a_slot_for_each():
    parent = bpy.data.objects.new("Character", None)
    bpy.context.scene.collection.objects.link(parent)
    box = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    face = mesh_with_keys("Face", [f"head_{name}" for name in ARKIT], box)
    teeth = mesh_with_keys("Teeth", ["JawOpen", "Other"])
    brows = mesh_with_keys("Brows", ["browDown_L", "browDown_R", "browInnerUp"])
    hair = mesh_with_keys("Hair", ["Wind"])
    for item in (face, teeth, brows, hair):
        item.parent = parent
    assert finding.speaking_mesh(parent) == face and finding.find_faces(bpy.context) == [face]
    motion = talking_motion(20)
    action = play(face, motion)
    assert len(action.slots) == 3 and hair.data.shape_keys.animation_data is None
    curves = source_curves.reference_units().curves(motion, single=True)
    names = source_curves.reference_units().names
    bpy.context.scene.frame_set(8)
    for item, key, unit in (
        (face, "head_mouthSmileLeft", "mouthSmileLeft"),
        (teeth, "JawOpen", "jawOpen"),
        (brows, "browDown_L", "browDownLeft"),
    ):
        value = item.data.shape_keys.key_blocks[key].value
        assert value == pytest.approx(curves[7, names.index(unit)], abs=1e-5)


def test_parts_in_a_collection_are_those_at_the_same_place():
    people = bpy.data.collections.new("People")
    bpy.context.scene.collection.children.link(people)
    box = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    anna, teeth = (
        mesh_with_keys(name, ARKIT, box * size, people) for name, size in (("Anna", 1), ("Teeth", 0.9))
    )
    bert = mesh_with_keys("Bert", ARKIT, box + np.array([5.0, 0, 0]), people)
    bpy.context.view_layer.update()
    assert face_kinds.rig_of(anna).parts == (anna, teeth)
    assert face_kinds.rig_of(bert).parts == (bert,)


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
    "names",
    [
        OCULUS,
        [f"vrc.v_{name[7:].lower()}" for name in OCULUS],
        [name[7:] for name in OCULUS],
        [f"blendShape1.AA_VI_{number:02}_{name[7:]}" for number, name in enumerate(OCULUS)],
    ],
)
def test_visemes_open_and_shut_with_the_mouth(names):
    """Of a motion without phones."""
    face = mesh_with_keys("Face", names)
    motion = np.zeros((31, 53))
    motion[13:18, 50:] = source_curves.reference_units().turn * 0.5
    values = {c.path: c.values for c in face_kinds.known_rig(face).channels(motion)}
    open_keys = np.stack(
        [values[face.data.shape_keys.key_blocks[n].path_from_id("value")] for n in names[1:]]
    )
    assert len(values) == 15 and open_keys.min() >= 0 and open_keys.max() <= 1
    assert open_keys.sum(axis=0).max() <= 1 + 1e-6
    assert open_keys[:, 15].sum() > 0.5 and open_keys[:, [0, -1]].max() < 0.02
    silence = values[face.data.shape_keys.key_blocks[names[0]].path_from_id("value")]
    assert silence[0] > 0.9 > silence[15]


VROID = [
    *(f"Fcl_MTH_{name}" for name in ("A", "I", "U", "E", "O", "Fun", "Joy", "Angry", "Sorrow", "Surprised")),
    *(f"Fcl_EYE_{name}" for name in ("Close", "Close_L", "Close_R", "Fun", "Joy", "Angry", "Sorrow")),
    *(f"Fcl_BRW_{name}" for name in ("Fun", "Joy", "Angry", "Sorrow", "Surprised")),
    *(f"Fcl_ALL_{name}" for name in ("Fun", "Joy", "Angry", "Sorrow", "Surprised")),
]


def phones_of(*timed):
    """Shares (T, 40) uint8 of (phone, frames)."""
    rows = [PHONES.index(phone) for phone, n_frames in timed for _ in range(n_frames)]
    return (255 * np.eye(len(PHONES))[rows]).astype(np.uint8)


@pytest.mark.parametrize("prefix", ["", "Face.M_F00_000_00_"])
def test_vroid_says_the_phones_feels_what_was_asked_and_blinks_once(prefix):
    face = mesh_with_keys("Face", [prefix + name for name in VROID])
    assert face_kinds.kind_of(face) == face_kinds.VRM
    phones = phones_of(("SIL", 10), ("P", 3), ("AA", 6), ("P", 3), ("OW", 6), ("SIL", 10))
    motion = np.zeros((len(phones), 53))
    motion[12:29, 50] = np.radians(8)
    reference = heads.load_head()
    units = list(reference["arkit_names"])
    for side in ("Left", "Right"):
        lids = reference["arkit_coefficients"][units.index(f"eyeBlink{side}")]
        motion[4:7, :50] += 0.72 * lids[:50]
    made_by = {"emotion": "angry:2", "phones": list(PHONES)}
    take = receive(face, motion, phones, made_by)
    curves = keys_of(take, face, len(phones))
    moved = {name.removeprefix(prefix): curve for name, curve in curves.items()}
    assert not [name for name in moved if "_ALL_" in name or name.endswith(("Close_L", "Close_R"))]
    a, o = moved["Fcl_MTH_A"], moved["Fcl_MTH_O"]
    vowels = sum(moved[f"Fcl_MTH_{vowel}"] for vowel in "AIUEO")
    assert a[15] > 0.5 > 3 * o[15] and o[23] > 0.5 > 3 * a[23]
    assert vowels[[11, 20]].max() < 1e-3 and vowels.max() <= 1
    assert moved["Fcl_EYE_Close"][5] > 0.9 > 0.1 > moved["Fcl_EYE_Close"][15]
    assert moved["Fcl_BRW_Angry"][18] > 0.8 and moved["Fcl_MTH_Angry"][18] > 0.2
    assert max(moved[f"Fcl_BRW_{name}"].max() for name in ("Joy", "Sorrow", "Surprised")) < 1e-6
    assert stored.phones_of(take).tolist() == phones.tolist()
    take.ecoface_take.lips = take.ecoface_take.jaw = 0.0
    still = keys_of(take, face, len(phones))
    assert max(still[f"{prefix}Fcl_MTH_{vowel}"].max() for vowel in "AIUEO") < 1e-3
    assert still[f"{prefix}Fcl_BRW_Angry"][18] > 0.8


def keys_of(take, face, n_frames):
    """Values (n_frames,) from frame 1 on of the keys that a take moves, by their names."""
    out = {}
    for block in face.data.shape_keys.key_blocks[1:]:
        channel = actions.Channel(face.data.shape_keys, block.path_from_id("value"), -1, np.zeros(1))
        curve = adjust.find_curve(take, channel)
        if curve is not None:
            out[block.name] = np.array([curve.evaluate(1 + frame) for frame in range(n_frames)])
    return out


def test_a_range_made_anew_brings_its_phones_and_its_emotion():
    face = mesh_with_keys("Face", VROID)
    said = phones_of(("SIL", 10), ("AA", 30), ("SIL", 10))
    motion = np.zeros((50, 53))
    motion[:, 50] = np.radians(8)
    receive(face, motion, said, {"emotion": "sad:2", "phones": list(PHONES)})
    other = phones_of(("SIL", 10), ("OW", 30), ("SIL", 10))
    made_by = {"emotion": "angry:2", "phones": list(PHONES)}
    take = receive(face, motion, other, made_by, frames=(20, 35))
    moved = keys_of(take, face, 50)
    assert moved["Fcl_MTH_A"][14] > moved["Fcl_MTH_O"][14] and moved["Fcl_MTH_O"][27] > moved["Fcl_MTH_A"][27]
    assert moved["Fcl_BRW_Sorrow"][14] > 0.7 and moved["Fcl_BRW_Angry"][27] > 0.7
    assert stored.phones_of(take)[27].argmax() == PHONES.index("OW")
    take.ecoface_take.upper = 0.5
    assert keys_of(take, face, 50)["Fcl_BRW_Angry"][27] < 0.6


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


def test_what_a_face_lacks_is_said():
    face = mesh_with_keys("Face", [name for name in ARKIT if name not in ("browInnerUp", "mouthPucker")])
    assert face_report.shortcomings(face) is None or "pucker" not in face_report.shortcomings(face)
    mmd = mesh_with_keys("Miku", ["あ", "い", "う", "え", "お", "まばたき", "髪"])
    assert face_report.describe(mmd) == (
        "'Miku' is moved by VRM: 6 of 7 shape keys; it has no joy, no anger, no sorrow, no surprise, "
        "no head bone, no eyes that look about."
    )
    assert not face_report.knows_too_little(mmd)
    ready = mesh_with_keys("Ready", ["mouthOpen", "mouthSmile"])
    assert face_kinds.kind_of(ready) == face_kinds.ARKIT and face_report.knows_too_little(ready)
    assert "Ready Player Me: 2 of 2 shape keys; it has no lip closing" in face_report.describe(ready)


def test_somebody_who_has_chosen_a_face_hears_about_that_face():
    face = mesh_with_keys("Troll", ["MouthOpen", "Blink_L", "Ears"])
    bpy.context.view_layer.objects.active = face
    assert "'Troll'" in chosen.why_no_head(bpy.context)
    assert "Auto Fill finds 2" in chosen.why_no_head(bpy.context)
    assert bpy.ops.ecoface.mapping_fill(head="Troll") == {"FINISHED"}
    assert chosen.why_no_head(bpy.context) is None


def test_an_overridden_character_takes_the_keys_and_a_linked_one_says_why_not(tmp_path):
    character = bpy.data.collections.new("Character")
    bpy.context.scene.collection.children.link(character)
    mesh_with_keys("Face", ARKIT, collection=character)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "character.blend"))
    scene = empty_blend().scene
    with bpy.data.libraries.load(str(tmp_path / "character.blend"), link=True) as (_, into):
        into.collections = ["Character"]
    scene.collection.children.link(into.collections[0])
    (linked,) = into.collections[0].objects
    motion = talking_motion(20)
    with pytest.raises(
        EcoFaceBlenderError, match="'Face' is linked from another file; make it local, or over"
    ):
        receive(linked, motion)
    assert len(bpy.data.actions) == 0
    into.collections[0].override_hierarchy_create(scene, bpy.context.view_layer, do_fully_editable=True)
    (face,) = (item for item in bpy.data.objects if item.override_library)
    receive(face, motion)
    scene.frame_set(8)
    jaw = source_curves.curves(motion, {"jawOpen"})["jawOpen"]
    assert face.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(jaw[7], abs=1e-5)


def receive(speaker, motion, phones=None, made_by=None, **changes):
    name = face_kinds.known_rig(speaker).coefficients(EngineSettings())
    rate = bpy.context.scene.render.fps
    line = GenerationRequest(
        scene=bpy.context.scene.name,
        speaker=speaker.name,
        head=name,
        sound="/v/hello.wav",
        first_frame=1.0,
        **changes,
    )
    story = {"style": "anna"} | (made_by or {})
    takes.receive(bpy.context, line, motion, rate, np.eye(50, dtype=np.float32), story, phones)
    return takes.played(speaker)


def test_takes_of_several_meshes_switch_and_adjust_together():
    parent = bpy.data.objects.new("Character", None)
    bpy.context.scene.collection.objects.link(parent)
    face, teeth = mesh_with_keys("Face", ARKIT), mesh_with_keys("Teeth", ["jawOpen"])
    face.parent = teeth.parent = parent
    motion = talking_motion(20)
    first, second = receive(face, motion), receive(face, motion[::-1].copy())
    takes.play(face, first)
    assert teeth.data.shape_keys.animation_data.action == first != second
    assert takes.speaker_of(first) == face
    first.ecoface_take.jaw = 0.5
    jaw = source_curves.curves(motion * np.r_[np.ones(50), [0.5] * 3], {"jawOpen"})["jawOpen"]
    for item in (face, teeth):
        keys = item.data.shape_keys
        path = keys.key_blocks["jawOpen"].path_from_id("value")
        curve = adjust.find_curve(first, actions.Channel(keys, path, -1, jaw))
        np.testing.assert_allclose(adjust.read(curve.keyframe_points, "co")[:, 1], jaw, atol=1e-5)


def test_what_is_no_face_says_so():
    cube = mesh_with_keys("Cube", ["Big", "Small"])
    assert "names of no kind that EcoFace knows" in face_kinds.why_not_a_face(cube)
    assert "no mesh with shape keys" in face_kinds.why_not_a_face(bpy.data.objects.new("Empty", None))
    with pytest.raises(EcoFaceBlenderError, match="no kind that EcoFace knows"):
        face_kinds.known_rig(cube).coefficients(EngineSettings())
    own = heads.add_head(bpy.context, small_head(), "Anna")
    assert (
        face_kinds.is_face(own) and face_kinds.known_rig(own).coefficients(EngineSettings()) == "small head"
    )


def test_fifteen_thousand_frames_are_done_in_about_a_second():
    face = mesh_with_keys("Face", ARKIT)
    source_curves.reference_units()
    motion = np.tile(talking_motion(500), (30, 1))
    start = time.process_time()  # the wall clock tells what else the machine does
    channels = face_kinds.known_rig(face).channels(motion)
    assert len(channels) == 52 and len(channels[0].values) == 15_000
    assert time.process_time() - start < 8  # on both cores, which others keep busy
