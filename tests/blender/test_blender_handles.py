"""Close Lips Here, More Smile, Brows: on our head and on other characters, in the layer above the take."""

import bpy
import numpy as np
import pytest
from blender_support import REFERENCE_HEAD, empty_blend, receive_take, seen_vertices, small_head
from other_heads import ARRAYS, NAMES, babble, own_units, reference

from ecoface_blender.animation import layer_keys, layers
from ecoface_blender.heads import own_head
from ecoface_blender.takes import handles, takes

pytestmark = pytest.mark.blender_version

OPEN = 110
"""A frame of `babble` at 25 fps in which the mouth is open."""
MM = 1000.0


@pytest.fixture(autouse=True)
def scene():
    empty_blend()
    bpy.context.scene.render.fps = 25
    return bpy.context.scene


@pytest.fixture
def head():
    speaker = own_head.add_head(bpy.context, own_head.load_head(REFERENCE_HEAD), "Anna")
    receive_take(speaker, babble())
    return speaker


def arkit_face():
    """Our shape with ARKit's keys, each 1.3 times as strong as the unit."""
    template = own_head.to_blender(ARRAYS["v_template"])
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata(template, [], ARRAYS["faces"])
    face = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(face)
    face.shape_key_add(name="Basis", from_mix=False)
    for name, unit in zip(NAMES, own_units(), strict=True):
        key = face.shape_key_add(name=name, from_mix=False)
        key.data.foreach_set("co", (template + 1.3 * own_head.to_blender(unit)).ravel())
        key.value = 0.0
    bpy.context.view_layer.objects.active = face
    receive_take(face, babble())
    return face


def vrm_face():
    names = ("aa", "ih", "ou", "ee", "oh", "blink", "Fcl_MTH_Joy", "Fcl_BRW_Surprised", "Fcl_BRW_Angry")
    mesh = bpy.data.meshes.new("Miku")
    mesh.from_pydata([(0, 0, 0), (0, 0, 1), (0, 1, 0)], [], [])
    face = bpy.data.objects.new("Miku", mesh)
    bpy.context.scene.collection.objects.link(face)
    face.shape_key_add(name="Basis", from_mix=False)
    for number, name in enumerate(names):
        key = face.shape_key_add(name=name, from_mix=False)
        key.data[number % 3].co.x += 0.1
        key.value = 0.0
    bpy.context.view_layer.objects.active = face
    receive_take(face, babble())
    return face


def gaps(face, frame):
    """Millimetres between the lips' pairs beyond where they touch, as Blender shows them."""
    bpy.context.scene.frame_set(frame)
    lips = reference().lips
    seen = seen_vertices(face)
    return (seen[lips.upper, 2] - seen[lips.lower, 2] - lips.shut) * MM


def corners(face, frame):
    """Heights of the mouth's corners, mm."""
    bpy.context.scene.frame_set(frame)
    return seen_vertices(face)[reference().lips.corners.ravel(), 2].mean() * MM


def values(face, frame):
    bpy.context.scene.frame_set(frame)
    keys = face.data.shape_keys.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return {block.name: block.value for block in keys.key_blocks[1:]}


def press(shape, frame=OPEN, **more):
    bpy.context.scene.frame_set(frame)
    return bpy.ops.ecoface.face_handle(shape=shape, **more)


@pytest.mark.parametrize("make", [None, arkit_face])
def test_lips_are_closed_in_the_frame_alone(head, make):
    if make:
        bpy.data.objects.remove(head)
    face = make() if make else head
    before = {frame: gaps(face, frame).max() for frame in (OPEN - 20, OPEN, OPEN + 20)}
    assert before[OPEN] > 3
    assert press("CLOSE") == {"FINISHED"}
    assert np.abs(gaps(face, OPEN)).max() < 0.6
    for frame in (OPEN - 20, OPEN + 20):
        assert gaps(face, frame).max() == pytest.approx(before[frame], abs=1e-3)


def test_the_take_itself_stays_and_the_layer_holds_the_change(head):
    take = takes.played(head)
    curves = [c for bag in take.layers[0].strips[0].channelbags for c in bag.fcurves]
    before = [[tuple(p.co) for p in curve.keyframe_points] for curve in curves]
    press("SMILE")
    assert takes.played(head) == take and takes.edited(head) is not None
    assert layers.is_layer(head.data.shape_keys.animation_data.action)
    assert [[tuple(p.co) for p in curve.keyframe_points] for curve in curves] == before
    smiling = corners(head, OPEN)
    bpy.ops.ecoface.layer_remove()
    assert smiling - corners(head, OPEN) > 1


@pytest.mark.parametrize("make", [None, arkit_face])
def test_a_smile_raises_the_corners_and_is_added_to_by_each_click(head, make):
    face = make() if make else head
    if make:
        bpy.data.objects.remove(head)
    before = corners(face, OPEN)
    press("SMILE", amount=0.3)
    once = corners(face, OPEN) - before
    press("SMILE", amount=0.3)
    twice = corners(face, OPEN) - before
    assert once > 0.5 and twice > 1.5 * once
    press("SMILE", amount=-0.6)
    assert corners(face, OPEN) == pytest.approx(before, abs=0.15 if make else 0.05)


@pytest.mark.parametrize(("shape", "sign"), [("BROWS_UP", 1), ("BROWS_DOWN", -1)])
def test_brows_go_up_and_down_and_the_mouth_stays(head, shape, sign):
    brow = np.linalg.norm(own_units()[NAMES.index("browInnerUp")], axis=1).argmax()
    lips = reference().lips.vertices
    bpy.context.scene.frame_set(OPEN)
    before = seen_vertices(head)
    press(shape, amount=0.5)
    bpy.context.scene.frame_set(OPEN)
    moved = (seen_vertices(head) - before) * MM
    assert sign * moved[brow, 2] > 0.5
    assert np.linalg.norm(moved[lips], axis=1).max() < 0.6


def test_a_character_of_visemes_and_emotion_keys_is_closed_smiles_and_frowns():
    face = vrm_face()
    frame = max(range(1, 140), key=lambda f: values(face, f)["aa"])
    before = values(face, frame)
    press("CLOSE", frame)
    shut = values(face, frame)
    vowels = ("aa", "ih", "ou", "ee", "oh")
    assert sum(before[name] for name in vowels) > 0.2
    assert sum(shut[name] for name in vowels) < 0.02
    press("SMILE", frame, amount=0.5)
    press("BROWS_UP", frame, amount=0.5)
    after = values(face, frame)
    assert after["Fcl_MTH_Joy"] > before["Fcl_MTH_Joy"] + 0.03, "as far as it leaves speech room"
    assert after["Fcl_BRW_Surprised"] > before["Fcl_BRW_Surprised"] + 0.3
    assert after["Fcl_BRW_Angry"] == before["Fcl_BRW_Angry"]
    assert values(face, frame + 40)["Fcl_MTH_Joy"] == pytest.approx(0, abs=1e-6)


def test_keys_lie_at_the_frame_and_where_it_comes_and_goes(head):
    press("SMILE", ease=0.4)
    layer = head.data.shape_keys.animation_data.action
    curve = layer.layers[0].strips[0].channelbags[0].fcurves[0]
    assert [point.co.x for point in curve.keyframe_points] == [OPEN - 10, OPEN, OPEN + 10]
    assert [point.co.y for point in curve.keyframe_points][::2] == [0, 0]


def test_what_a_head_cannot_show_is_said(head):
    with pytest.raises(RuntimeError, match="Expected a frame of"):
        press("CLOSE", frame=900)
    other = own_head.add_head(bpy.context, small_head(), "Ben")
    receive_take(other, babble())
    bpy.context.view_layer.objects.active = other
    with pytest.raises(RuntimeError, match="'Ben' is a FLAME head"):
        press("SMILE")
    assert takes.edited(other) is None, "nothing is half done"


def test_a_head_without_a_take_has_greyed_buttons():
    own_head.add_head(bpy.context, small_head(), "Anna")
    assert not bpy.ops.ecoface.face_handle.poll()


def test_a_quaternion_s_change_is_the_turn_that_blender_puts_on_top():
    from mathutils import Quaternion

    before, after = Quaternion((1, 0.2, 0, 0)).normalized(), Quaternion((1, 0.1, 0.1, 0)).normalized()
    turn = Quaternion(layer_keys.turn_between(np.array(before), np.array(after)))
    assert (before @ turn).rotation_difference(after).angle < 1e-6


def test_the_motion_s_lips_close_on_the_reference_in_every_frame():
    mouth, size = reference(), reference().lips.half_width * MM
    motion = babble()[::6]
    assert mouth.measure(motion).gaps.max() * size > 3
    shut = np.vstack([handles._with_units(row[None], "CLOSE", 1.0) for row in motion])
    after = mouth.measure(shut).gaps * size
    assert after.max() < 0.1
    assert after.min() > min(-0.3, mouth.measure(motion).gaps.min() * size - 0.1)


def test_it_is_seen_at_once_without_going_to_another_frame(head):
    bpy.context.scene.frame_set(OPEN)
    lips = reference().lips
    bpy.ops.ecoface.face_handle(shape="SMILE")
    bpy.context.view_layer.update()
    assert gaps(head, OPEN).max() > 3
    bpy.ops.ecoface.face_handle(shape="CLOSE", ease=0.1)
    bpy.context.view_layer.update()
    seen = seen_vertices(head)
    assert ((seen[lips.upper, 2] - seen[lips.lower, 2] - lips.shut) * MM).max() < 0.6
