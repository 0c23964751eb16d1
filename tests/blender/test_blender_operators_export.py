"""Bake and export as a script calls them: what is said counts, then the panel, then what is animated."""

import json

import bpy
import numpy as np
import pytest
from blender_support import small_head
from drawn_panel import drawn
from export_support import FRAMES, N_FRAMES, START, talking_head

from ecoface_blender.animation import actions
from ecoface_blender.export import export
from ecoface_blender.export import operators as operators_export
from ecoface_blender.export import panel as panels_export
from ecoface_blender.takes import bake


@pytest.fixture
def head(tmp_path_factory):
    return talking_head(small_head(), tmp_path_factory.getbasetemp())


def content(path):
    return json.loads(path.read_text("utf-8"))


def key_names(path):
    """Of an FBX, as Blender's importer names them."""
    before = set(bpy.data.meshes)
    bpy.ops.import_scene.fbx(filepath=str(path))
    (mesh,) = set(bpy.data.meshes) - before
    return [block.name for block in mesh.shape_keys.key_blocks[1:]]


def test_the_suffix_says_what_is_written(head, tmp_path):
    for kind in ("FBX", "USD", "ALEMBIC", "JSON"):
        path = tmp_path / f"a{export.KINDS[kind].suffix}"
        assert bpy.ops.ecoface.export(filepath=str(path)) == {"FINISHED"}
        assert path.stat().st_size > 5000
    with pytest.raises(RuntimeError, match=r"Expected a name ending in .fbx, .* found 'a.xyz'"):
        bpy.ops.ecoface.export(filepath=str(tmp_path / "a.xyz"))


def test_what_a_script_leaves_out_is_the_panels(head, tmp_path):
    panel = bpy.context.scene.ecoface_export
    panel.keys = "RAW"
    bpy.ops.ecoface.export(filepath=str(tmp_path / "panel.fbx"), target="BLENDER")
    bpy.ops.ecoface.export(filepath=str(tmp_path / "script.fbx"), keys="SAFE")
    assert key_names(tmp_path / "panel.fbx")[0] == "Expression 01"
    assert key_names(tmp_path / "script.fbx")[0] == "Expression01_pos"


def test_the_range_is_what_is_said_or_chosen_or_animated(head, tmp_path):
    scene, path = bpy.context.scene, tmp_path / "a.json"

    def written(**said):
        bpy.ops.ecoface.export(filepath=str(path), **said)
        return content(path)["first_frame"], len(content(path)["flame"]["frames"])

    assert written() == (START, N_FRAMES)
    scene.ecoface_export.frames, scene.frame_start, scene.frame_end = "SCENE", 2, 6
    assert written() == (2, 5)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 5, 6
    assert written() == (5, 2)
    assert written(start=7, end=9) == (7, 3)


def test_an_inactive_jaw_bone_of_the_panel_does_not_stop_arkit(head, tmp_path):
    panel = bpy.context.scene.ecoface_export
    panel.keys, panel.jaw_bone = "ARKIT", True
    with pytest.raises(RuntimeError, match="'Anna' is a head 'small head'"):  # and not: choose no jaw bone
        bpy.ops.ecoface.export(filepath=str(tmp_path / "a.fbx"))
    with pytest.raises(RuntimeError, match="choose other keys, or no jaw bone"):
        bpy.ops.ecoface.export(filepath=str(tmp_path / "a.fbx"), jaw_bone=True)


def test_a_head_by_name_and_one_that_is_not_there(head, tmp_path):
    bpy.ops.ecoface.export(filepath=str(tmp_path / "a.json"), head="Anna")
    with pytest.raises(RuntimeError, match="Expected a head 'Nobody' in this scene"):
        bpy.ops.ecoface.export(filepath=str(tmp_path / "b.json"), head="Nobody")


def test_bake_simplifies_where_it_is_asked_to(head):
    bpy.ops.ecoface.bake()
    every = head.data.shape_keys.animation_data.action
    assert bake.n_keys(every) == N_FRAMES * (len(head.data.shape_keys.key_blocks) - 1)
    bpy.ops.ecoface.bake(simplify=True, error=1.0)
    few = head.data.shape_keys.animation_data.action
    assert bake.n_keys(few) < bake.n_keys(every)
    assert actions.read_metadata(few)["simplified_mm"] == pytest.approx(1.0)
    assert np.isin(few.curve_frame_range[:], FRAMES).all()


def test_without_keys_the_buttons_are_grey(head, tmp_path):
    head.data.shape_keys.animation_data_clear()
    for call in (bpy.ops.ecoface.bake, bpy.ops.ecoface.export):
        with pytest.raises(RuntimeError, match="Nothing moves 'Anna' yet"):
            call()


@pytest.mark.parametrize(
    "kind, options",
    [
        ("FBX", ["keys", "jaw_bone", "target", "animation_only", "frames"]),
        ("GLTF", ["keys", "jaw_bone", "frames"]),
        ("USD", ["keys", "jaw_bone", "frames"]),
        ("ALEMBIC", ["frames"]),
        ("LIVE_LINK", ["frames"]),
        ("JSON", ["frames"]),
    ],
)
def test_the_panel_shows_what_means_something_for_the_format(head, kind, options):
    bpy.context.scene.ecoface_export.kind = kind
    shown = drawn(panels_export.ECOFACE_PT_export, bpy.context)
    assert [each[1] for each in shown if each[0] == "prop"] == ["kind", *options]
    buttons = [each[1:3] for each in shown if each[0] == "operator"]
    assert buttons[0] == ("ecoface.bake", "Bake...")
    assert buttons[1] == ("ecoface.export", f"Export {export.KINDS[kind].label}...")


def test_every_option_says_what_it_is():
    operators = (bpy.ops.ecoface.export.get_rna_type(), bpy.ops.ecoface.bake.get_rna_type())
    for owner in (operators_export.EcoFaceExport.bl_rna, *operators):
        named = [each for each in owner.properties if not each.is_readonly and not each.is_hidden]
        assert len(named) >= 2
        for known in named:
            if known.identifier not in ("name", "filepath", "check_existing"):  # Blender's own
                assert known.description and not known.description.endswith("."), known.identifier
