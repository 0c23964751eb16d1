"""Check Head: what does not close or move is found, said and shown, and nothing of the scene changes."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, receive_take, small_head
from other_heads import ARRAYS, NAMES, babble
from test_blender_heads import add_jaw, make_face

from ecoface_blender.head_check import checks as head_check
from ecoface_blender.head_check import operators as operators_check
from ecoface_blender.head_check import sheet
from ecoface_blender.head_check.poses import TITLES
from ecoface_blender.headless import commands
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads import report as face_report
from ecoface_blender.heads.own_head import to_blender

pytestmark = pytest.mark.blender_version


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    monkeypatch.setattr(sheet, "SAMPLES", 1)
    monkeypatch.setattr(sheet, "CELL", (40, 48))


def found(face):
    with head_check.posed(bpy.context, face) as poses:
        return {each.title: str(each) for each in head_check.check(bpy.context, poses).findings}


def everything():
    collections = (bpy.data.scenes, bpy.data.objects, bpy.data.worlds, bpy.data.materials, bpy.data.cameras,
                   bpy.data.lights, bpy.data.curves, bpy.data.actions, bpy.data.meshes)  # fmt: skip
    return [[item.name for item in each] for each in collections]


def state_of(face):
    keys = face.data.shape_keys
    animation = keys.animation_data
    return (
        animation.action,
        animation.action_slot,
        animation.use_nla,
        [block.value for block in keys.key_blocks],
    )


@pytest.mark.parametrize("jaw", ["key", "bone"])
def test_a_head_that_shows_all_is_left_as_it_was(jaw, tmp_path):
    face = make_face([name for name in NAMES if name != "jawOpen"] if jaw == "bone" else NAMES)
    if jaw == "bone":
        add_jaw(face)
    face.modifiers.new("Mirror", "MIRROR")
    receive_take(face, babble())
    bpy.context.scene.frame_set(20)
    before, state = everything(), state_of(face)
    assert found(face) == {}
    assert bpy.ops.ecoface.check_head(head="Face", filepath=str(tmp_path / "sheet.png")) == {"FINISHED"}
    assert everything() == before and state_of(face) == state
    assert face_report.last_checked(face) == []
    assert bpy.context.scene.frame_current == 20 and face.modifiers["Mirror"].show_viewport
    image = bpy.data.images["Check of Face"]
    assert tuple(image.size) == (160, 144) and image.packed_file and (tmp_path / "sheet.png").is_file()
    pixels = np.array(image.pixels).reshape(3, 48, 4, 40, 4)
    rest, wide = pixels[2, :, 0], pixels[2, :, TITLES.index("A")]
    assert np.abs(rest - wide).mean() > 0.002


def test_each_pose_that_is_wrong_is_named_with_what_mends_it():
    closing = ("mouthClose", "mouthPress", "mouthRoll", "mouthShrug", "mouthPucker", "mouthFunnel")
    jaw = np.asarray(ARRAYS["arkit_units"][NAMES.index("jawOpen")], np.float32)
    face = make_face([name for name in NAMES if not name.startswith(closing)], Identity=0.2 * jaw)
    said = found(face)
    assert "the lips stay" in said["P"] and "add a key for its lip closing, or map" in said["P"]
    face = make_face()
    for side in ("Left", "Right"):
        block = face.data.shape_keys.key_blocks[f"eyeBlink{side}"]
        offset = ARRAYS["arkit_units"][NAMES.index(f"eyeBlink{side}")].astype(np.float32)
        block.data.foreach_set("co", to_blender(ARRAYS["v_template"] + 0.5 * offset).ravel())
    said = found(face)
    assert set(said) == {"blink"} and "eye stays" in said["blink"] and "'eyeBlink" in said["blink"]
    face = make_face()
    face.data.shape_keys.key_blocks["jawOpen"].driver_add("value").driver.expression = "0"
    for side in ("Left", "Right"):
        face.shape_key_remove(face.data.shape_keys.key_blocks[f"eyeBlink{side}"])
    said = found(face)
    assert "the mouth does not open; the mouth cannot open: the shape key 'jawOpen'" in said["A"]
    assert said["blink"].endswith("add a key for its blink, or map one in Shape Key Mapping")
    face = make_face([name for name in NAMES if not name.startswith(("brow", "nose", "eyeS", "mouthPress"))])
    assert found(face)["anger"].startswith("anger: no lowered brow; add a key for its lowered brow")


def test_heads_without_units_are_checked_by_what_moves():
    empty_blend()
    own = heads.add_head(bpy.context, ARRAYS, "Own")
    assert found(own) == {}
    other = heads.add_head(bpy.context, small_head(), "Ball")
    assert all("moves" in each or "looks like" in each for each in found(other).values())


def test_the_command_line_checks_a_file(tmp_path, capsys):
    face = make_face()
    face.data.shape_keys.key_blocks["jawOpen"].mute = True
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "face.blend"))
    empty_blend()
    arguments = ["check", "--open", str(tmp_path / "face.blend"), "--sheet", str(tmp_path / "face.png")]
    assert commands.run(arguments) == 2
    assert "A: the mouth does not open" in capsys.readouterr().out and (tmp_path / "face.png").is_file()
    bpy.data.objects["Face"].data.shape_keys.key_blocks["jawOpen"].mute = False
    assert commands.run(["check"]) == 0 and "'Face' shows every pose" in capsys.readouterr().out
    assert commands.run(["check", "--open", str(tmp_path / "none.blend")]) == 2
    assert "found none; correct the path" in capsys.readouterr().err


def test_a_click_names_the_first_thing_that_is_wrong(capsys):
    face = make_face([name for name in NAMES if not name.startswith("eyeBlink")])
    findings, image = operators_check.check(bpy.context, face)
    assert [each.title for each in findings] == ["blink"] and image.name == "Check of Face"
    assert face_report.last_checked(face) == [str(findings[0])]
    bpy.data.images.remove(image)
    assert face_report.last_checked(face) is None
    with pytest.raises(RuntimeError, match="Expected a head 'Nobody' in this scene"):
        bpy.ops.ecoface.check_head(head="Nobody")


def test_a_check_given_up_halfway_leaves_nothing():
    face = make_face()
    receive_take(face, babble())
    bpy.context.scene.frame_set(20)
    before, state = everything(), state_of(face)
    steps = operators_check.steps(bpy.context, face)
    assert [next(steps) for _ in range(3)] == [0, 1, 2]
    assert everything() != before
    steps.close()
    assert everything() == before and state_of(face) == state
    assert "Check of Face" not in bpy.data.images and bpy.context.scene.frame_current == 20
