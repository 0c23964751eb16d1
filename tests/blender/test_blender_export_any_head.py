"""Baking and exporting heads that EcoFace did not make: meshes with ARKit's keys, a rig with a jaw bone."""

import csv
import json

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, small_head, talking_motion
from export_support import FRAMES, N_FRAMES, distance_mm, seen

from ecoface_blender.animation import actions
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.export import export
from ecoface_blender.export.export import Options
from ecoface_blender.heads import face_kinds
from ecoface_blender.takes.bake import bake, n_keys

KEYS = ("jawOpen", "eyeBlink_L", "eyeBlink_R", "mouthSmile_L", "mouthSmile_R", "mouthFunnel", "mouthPucker",
        "mouthClose", "browInnerUp", "cheekPuff")  # fmt: skip


def mesh_with_keys(name, names, seed, parent):
    """A ball whose keys of these names do something."""
    rng = np.random.default_rng(seed)
    arrays = small_head(seed)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(arrays["v_template"], [], arrays["faces"])
    item = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(item)
    item.parent = parent
    item.shape_key_add(name="Basis", from_mix=False)
    for each in names:
        key = item.shape_key_add(name=each, from_mix=False)
        offsets = rng.normal(0, 0.01, arrays["v_template"].shape)
        key.data.foreach_set("co", (arrays["v_template"] + offsets).astype(np.float32).ravel())
        key.value = 0.0
    return item


def talk(speaker):
    """Key it as a take does."""
    bpy.context.scene.render.fps = 25
    curves = face_kinds.known_rig(speaker).channels(talking_motion(N_FRAMES))
    actions.write_channels(curves, FRAMES.astype(float), "Take", {"seed": 3})


@pytest.fixture
def face():
    """A face and teeth with prefixed names under one parent."""
    empty_blend()
    parent = bpy.data.objects.new("Character", None)
    bpy.context.scene.collection.objects.link(parent)
    face = mesh_with_keys("Face", [f"CC_{key}" for key in KEYS], 1, parent)
    teeth = mesh_with_keys("Teeth", ["jawOpen", "tongueOut"], 2, parent)
    teeth.location.z, parent.scale = 1.0, (2, 2, 2)
    talk(face)
    return face


@pytest.fixture
def rigged():
    """A head as a FLAME add-on makes it: numbered expressions, and a jaw bone."""
    empty_blend()
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bone = armature.data.edit_bones.new("jaw")
    bone.head, bone.tail = (0, 0, 0), (0, 0.1, 0)
    bpy.ops.object.mode_set(mode="OBJECT")
    head = mesh_with_keys("Head", [f"Exp{number}" for number in range(1, 11)], 3, armature)
    head.vertex_groups.new(name="jaw").add(list(range(180)), 1.0, "REPLACE")
    head.modifiers.new("Armature", "ARMATURE").object = armature
    talk(head)
    return head


def both():
    """World vertices of face and teeth together; importers may put a mesh under an empty of its name."""
    meshes = {item.name.split(".")[0]: item for item in bpy.data.objects if item.type == "MESH"}
    return np.concatenate([seen(meshes[name]) for name in ("Face", "Teeth")], axis=1)


def test_all_meshes_of_a_face_are_in_the_file(face, tmp_path):
    expected = both()
    assert distance_mm(expected, np.tile(expected[:1], (N_FRAMES, 1, 1))) > 3
    for name in ("a.fbx", "a.glb", "a.usdc", "a.abc"):
        export.write(bpy.context, face, tmp_path / name)
    for name, read in (("a.fbx", bpy.ops.import_scene.fbx), ("a.glb", bpy.ops.import_scene.gltf),
                       ("a.usdc", bpy.ops.wm.usd_import), ("a.abc", bpy.ops.wm.alembic_import)):  # fmt: skip
        empty_blend()
        bpy.context.scene.render.fps = 25
        read(filepath=str(tmp_path / name), **({"anim_offset": 0.0} if name == "a.fbx" else {}))
        assert distance_mm(both(), expected) < 0.01, name


def test_keys_of_0_to_1_keep_their_names_and_get_apples_if_asked(face, tmp_path):
    for keys, first in (("SAFE", "CC_jawOpen"), ("ARKIT", "browInnerUp")):
        export.write(bpy.context, face, tmp_path / f"{keys}.fbx", Options(keys=keys))
        before = set(bpy.data.meshes)
        bpy.ops.import_scene.fbx(filepath=str(tmp_path / f"{keys}.fbx"))
        made = {mesh.name.split(".")[0]: mesh for mesh in set(bpy.data.meshes) - before}
        names = [block.name for block in made["Face"].shape_keys.key_blocks[1:]]
        assert names[0] == first and len(names) == len(KEYS)
        assert "jawOpen" in made["Teeth"].shape_keys.key_blocks
        assert ("eyeBlinkLeft" in names) == (keys == "ARKIT")


def test_text_is_read_off_the_keys(face, tmp_path):
    block = face.data.shape_keys.key_blocks["CC_eyeBlink_L"]
    wanted = []
    for frame in FRAMES:
        bpy.context.scene.frame_set(int(frame))
        wanted.append(block.value)
    with export.write(bpy.context, face, tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_allclose([float(row["EyeBlinkLeft"]) for row in rows], wanted, atol=1e-6)
    content = json.loads(export.write(bpy.context, face, tmp_path / "a.json").read_text("utf-8"))
    column = content["shape_keys"]["names"].index("Face/CC_eyeBlink_L")
    np.testing.assert_allclose(np.array(content["shape_keys"]["frames"])[:, column], wanted, atol=1e-6)
    assert "Teeth/tongueOut" in content["shape_keys"]["names"] and "flame" not in content
    assert "eyeBlinkLeft" in content["arkit"]["names"] and content["metadata"] == {"seed": 3}


def test_the_error_of_baking_holds_on_every_mesh(face):
    expected = both()
    action = bake(bpy.context, face, tolerance_mm=0.5)
    assert len(action.slots) == 2 and n_keys(action) < N_FRAMES * (len(KEYS) + 2)
    assert 0.1 < distance_mm(both(), expected) < 0.501


def test_a_jaw_bone_is_baked_and_cached(rigged, tmp_path):
    expected = seen(rigged)
    action = bake(bpy.context, rigged, tolerance_mm=0.2)
    assert len(action.slots) == 2
    assert distance_mm(seen(rigged), expected) < 0.201
    expected = seen(rigged)
    export.write(bpy.context, rigged, tmp_path / "a.abc")
    content = json.loads(export.write(bpy.context, rigged, tmp_path / "a.json").read_text("utf-8"))
    assert (
        content["bones"]["names"][0].startswith('Rig/pose.bones["jaw"].rotation') and "arkit" not in content
    )
    with pytest.raises(
        EcoFaceBlenderError, match="'Head' turns its jaw by a bone of 'Rig': write an Alembic"
    ):
        export.write(bpy.context, rigged, tmp_path / "a.fbx")
    with pytest.raises(EcoFaceBlenderError, match="Expected keys of ARKit's names on 'Head', found none"):
        export.write(bpy.context, rigged, tmp_path / "a.csv")
    empty_blend()
    bpy.context.scene.render.fps = 25
    bpy.ops.wm.alembic_import(filepath=str(tmp_path / "a.abc"))
    assert distance_mm(seen(bpy.data.objects["Head"]), expected) < 0.01


def test_what_other_heads_lack_is_told_in_a_sentence(face, tmp_path):
    with pytest.raises(
        EcoFaceBlenderError, match="'Face' is no head of EcoFace, so its jaw moves by its keys"
    ):
        export.write(bpy.context, face, tmp_path / "a.fbx", Options(jaw_bone=True))


def test_mirror_and_subdivision_are_in_the_file_as_they_are_seen(face, tmp_path):
    face.modifiers.new("Mirror", "MIRROR").use_mirror_merge = False
    face.modifiers.new("Subdivision", "SUBSURF").levels = 1
    face.modifiers.new("Hidden", "WAVE").show_viewport = False
    expected = both()
    for name in ("a.fbx", "a.glb", "a.usdc"):
        export.write(bpy.context, face, tmp_path / name)
    assert [each.name for each in face.modifiers] == ["Mirror", "Subdivision", "Hidden"]
    for name, read in (("a.fbx", bpy.ops.import_scene.fbx), ("a.usdc", bpy.ops.wm.usd_import)):
        empty_blend()
        bpy.context.scene.render.fps = 25
        read(filepath=str(tmp_path / name), **({"anim_offset": 0.0} if name == "a.fbx" else {}))
        assert distance_mm(both(), expected) < 0.02, name


def test_what_keys_cannot_follow_is_said_before_anything_is_written(face, tmp_path):
    cast = face.modifiers.new("Ball", "CAST")
    cast.factor, cast.use_radius_as_size = 0.5, True
    with pytest.raises(
        EcoFaceBlenderError, match="cannot follow the modifiers 'Ball' of 'Face': write an Al"
    ):
        export.write(bpy.context, face, tmp_path / "a.fbx")
    assert not list(tmp_path.iterdir())
    assert export.write(bpy.context, face, tmp_path / "a.abc").is_file()
    face.modifiers.remove(cast)
    face.modifiers.new("Cloth", "CLOTH")
    with pytest.raises(EcoFaceBlenderError, match="'Cloth'"):
        export.write(bpy.context, face, tmp_path / "a.glb")
    assert not [item for item in bpy.data.objects if item.name.startswith("Face.")]
