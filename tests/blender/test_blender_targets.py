"""Any head: ARKit's over several meshes, overrides, what a face lacks, and the takes of all of them."""

import time

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, small_head, talking_motion
from speaking_meshes import mesh_with_keys, play, receive

from ecoface_blender.animation import actions, adjust
from ecoface_blender.engine.settings import EngineSettings
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import chosen, face_kinds, finding, source_curves
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads import report as face_report
from ecoface_blender.heads.key_names import ARKIT
from ecoface_blender.takes import takes


@pytest.fixture(autouse=True)
def context():
    return empty_blend()


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
