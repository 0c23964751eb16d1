"""The mapping editor: rows, Auto Fill, presets, parts; and what a mapped face gets."""

import json

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, talking_motion
from speaking_meshes import mesh_with_keys, receive, rig

from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.export import operators as operators_export
from ecoface_blender.heads import chosen, face_kinds, mapping, source_curves
from ecoface_blender.heads import report as face_report
from ecoface_blender.heads.mapping import Row
from ecoface_blender.takes import diagnosis, takes

MOTION = talking_motion(12)


@pytest.fixture
def face():
    """Names of an artist's own, and a jaw bone."""
    empty_blend()
    armature = rig({"Jaw": ((0, 0, 0), (0, -0.1, 0))})
    item = mesh_with_keys("Troll", ["MouthOpen", "Blink_L", "Blink_R", "Ears"])
    item.modifiers.new("Armature", "ARMATURE").object = armature
    bpy.context.view_layer.objects.active = item
    return item


def curve(name):
    return source_curves.curves(MOTION, {name})[name]


def test_a_row_is_gain_offset_and_bounds():
    row = Row(source="jawOpen", target="Open", gain=-2, offset=0.5, minimum=-0.4, maximum=0.3)
    np.testing.assert_allclose(row.values(np.array([0.0, 0.2, 1.0])), [0.3, 0.1, -0.4])


def test_auto_fill_maps_an_artist_s_own_names_and_leaves_rows_alone(face):
    assert face_kinds.rig_of(face) is None and chosen.chosen_head(bpy.context) is None
    assert bpy.ops.ecoface.mapping_fill() == {"FINISHED"}
    rows = face.ecoface_mapping.as_rows()
    assert {row.target: row.source for row in rows} == {
        "MouthOpen": "jawOpen",
        "Blink_L": "eyeBlinkLeft",
        "Blink_R": "eyeBlinkRight",
    }
    assert chosen.chosen_head(bpy.context) == face and face_kinds.kind_of(face) == face_kinds.MAPPED
    assert "3 of 4 shape keys" in face_report.describe(face)
    face.ecoface_mapping.rows[0].gain = 0.7
    assert bpy.ops.ecoface.mapping_fill() == {"CANCELLED"}
    assert face.ecoface_mapping.rows[0].gain == pytest.approx(0.7)


@pytest.mark.parametrize("roll", [0.0, 1.5708, 3.1416])
def test_auto_fill_opens_a_jaw_bone_however_it_is_rolled(roll):
    empty_blend()
    armature = rig({"Jaw": ((0, 0, 0), (0, -0.1, 0))})
    bpy.ops.object.mode_set(mode="EDIT")
    armature.data.edit_bones["Jaw"].roll = roll
    bpy.ops.object.mode_set(mode="OBJECT")
    item = mesh_with_keys("Troll", ["Ears"])
    item.modifiers.new("Armature", "ARMATURE").object = armature
    bpy.context.view_layer.objects.active = item
    bpy.ops.ecoface.mapping_fill()
    motion = np.zeros((2, 53))
    motion[:, 50] = 0.2
    receive(item, motion)
    bpy.context.scene.frame_set(2)
    assert armature.pose.bones["Jaw"].tail.z == pytest.approx(-0.1 * np.sin(0.2), abs=1e-5)


def test_a_mapped_face_moves_keys_and_bones_by_its_rows(face):
    group = face.ecoface_mapping
    group.rows.add().fill(Row(source="jawOpen", target="Ears", gain=2, maximum=0.5))
    group.rows.add().fill(Row(source="Jaw Pitch", target="Jaw", kind="BONE", axis="Z", gain=-1))
    group.rows.add().fill(Row(source="jawOpen", target="Gone"))
    group.use = True
    assert face_kinds.absent_targets(face) == ["Gone"] and "'Gone'" in face_report.describe(face)
    ears, *turn = face_kinds.known_rig(face).channels(MOTION)
    np.testing.assert_allclose(ears.values, np.minimum(2 * curve("jawOpen"), 0.5), atol=1e-6)
    assert [channel.index for channel in turn] == [0, 1, 2, 3] and turn[0].id_data.name == "Rig"
    np.testing.assert_allclose(2 * np.arcsin(turn[3].values), -MOTION[:, 50], atol=1e-6)
    group.use = False
    assert face_kinds.rig_of(face) is None


def test_a_take_of_bones_alone_is_played_and_shown(face):
    face.ecoface_mapping.rows.add().fill(Row(source="Jaw Pitch", target="Jaw", kind="BONE"))
    face.ecoface_mapping.use = True
    take = receive(face, MOTION)
    assert take is not None and takes.takes_of(face) == [take]
    assert bpy.data.objects["Rig"].animation_data.action == take and not face.data.shape_keys.animation_data
    assert diagnosis.why_still(bpy.context.scene, face) is None
    bpy.context.view_layer.objects.active = face
    assert operators_export.why_no_keys(bpy.context) is None
    assert bpy.ops.ecoface.layer_add() == {"FINISHED"} and takes.edited(face) == bpy.data.objects["Rig"]
    assert not bpy.ops.ecoface.layer_add.poll() and takes.played(face) == take
    assert bpy.ops.ecoface.layer_remove() == {"FINISHED"} and takes.edited(face) is None
    assert takes.played(face) == take


def test_presets_are_saved_and_loaded_whole(face, tmp_path):
    bpy.ops.ecoface.mapping_fill()
    face.ecoface_mapping.rows[1].offset = 0.25
    rows = face.ecoface_mapping.as_rows()
    path = tmp_path / "troll.json"
    assert bpy.ops.ecoface.mapping_save(filepath=str(path)) == {"FINISHED"}
    other = mesh_with_keys("Other", ["MouthOpen", "Blink_L"])
    bpy.context.view_layer.objects.active = other
    assert bpy.ops.ecoface.mapping_load(filepath=str(path)) == {"FINISHED"}
    assert other.ecoface_mapping.as_rows() == rows == mapping.read_preset(path)
    assert face_kinds.absent_targets(other) == ["Blink_R"]
    assert bpy.ops.ecoface.mapping_clear() == {"FINISHED"} and face_kinds.rig_of(other) is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("nonsense", "Expected a mapping preset in"),
        ("[1]", "Expected a mapping preset in"),
        ('{"ecoface_mapping": 2, "rows": []}', "version 1 in"),
        (json.dumps({"ecoface_mapping": 1, "rows": [{"source": "jawOpen"}]}), "Row 1 of the mapping preset"),
        (json.dumps({"ecoface_mapping": 1, "rows": [{"source": "a", "target": "b", "gain": "x"}]}), "Row 1"),
        (json.dumps({"ecoface_mapping": 1, "rows": [{"source": "a", "target": "b", "kind": "X"}]}), "Row 1"),
        (json.dumps({"ecoface_mapping": 1, "rows": ["jawOpen"]}), "Row 1"),
    ],
)
def test_what_is_no_preset_is_refused_and_loses_nothing(face, tmp_path, content, sentence):
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(EcoFaceBlenderError, match=sentence):
        mapping.read_preset(path)
    bpy.ops.ecoface.mapping_fill()
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.ecoface.mapping_load(filepath=str(path))
    assert len(face.ecoface_mapping.rows) == 3


def test_a_preset_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(EcoFaceBlenderError, match=r"^Expected a folder .*absent to write a\.json"):
        mapping.write_preset(tmp_path / "absent" / "a.json", [])


def test_selected_meshes_become_parts_of_the_face(face):
    teeth = mesh_with_keys("Teeth", ["MouthOpen"])
    teeth.location = (9, 9, 9)
    bpy.ops.ecoface.mapping_fill()
    assert face_kinds.rig_of(face).parts == (face,)
    for item in (face, teeth):
        item.select_set(True)
    bpy.context.view_layer.objects.active = face
    assert bpy.ops.ecoface.mapping_parts() == {"FINISHED"}
    assert face_kinds.rig_of(face).parts == (face, teeth)


def test_rows_are_added_and_removed(face):
    assert not bpy.ops.ecoface.mapping_remove.poll()
    bpy.ops.ecoface.mapping_add()
    bpy.ops.ecoface.mapping_add()
    assert face.ecoface_mapping.active == 1
    bpy.ops.ecoface.mapping_remove()
    assert len(face.ecoface_mapping.rows) == 1 and face.ecoface_mapping.as_rows() == []
