"""ARKit faces in Blender speak by their own lips: keys read, bones turned, fixed keys left alone."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, receive_take
from other_heads import ARRAYS, NAMES, babble, nominal, pucker_that_opens, reference

from ecoface_blender.animation import adjust
from ecoface_blender.channels import Channel
from ecoface_blender.engine.settings import EngineSettings
from ecoface_blender.heads import face_kinds
from ecoface_blender.heads.jaw_shape_keys import JAW
from ecoface_blender.heads.own_head import to_blender
from ecoface_blender.request import GenerationRequest
from ecoface_blender.takes import diagnosis, stored, takes

TOUCH = 0.015


def make_face(names=NAMES, **extra):
    """A face whose pucker opens the lips; `extra` are further keys (V, 3) with values of their own."""
    empty_blend()
    template = to_blender(ARRAYS["v_template"])
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata(template, [], ARRAYS["faces"])
    face = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(face)
    face.shape_key_add(name="Basis", from_mix=False)
    offsets = dict(zip(NAMES, pucker_that_opens().offsets, strict=True))
    for name in (*names, *extra):
        key = face.shape_key_add(name=name, from_mix=False)
        offset = extra[name] if name in extra else offsets[name]
        key.data.foreach_set("co", (template + to_blender(offset)).ravel())
        key.value = 1.0 if name in extra else 0.0
    return face


def add_jaw(face):
    """A bone that turns the jaw, and the weights by which it deforms the face."""
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    joint = to_blender(ARRAYS["J_regressor"][JAW] @ ARRAYS["v_template"])
    for name, tail in (("head", (0, 0, 0.1)), ("jaw", (0, -0.1, 0))):
        bone = armature.data.edit_bones.new(name)
        bone.head, bone.tail = joint, joint + np.array(tail)
    bpy.ops.object.mode_set(mode="OBJECT")
    for name, weights in (("jaw", ARRAYS["weights"][:, JAW]), ("head", 1 - ARRAYS["weights"][:, JAW])):
        group = face.vertex_groups.new(name=name)
        for vertex in np.flatnonzero(weights):
            group.add([int(vertex)], float(weights[vertex]), "REPLACE")
    face.modifiers.new("Armature", "ARMATURE").object = armature
    face.parent = armature
    return armature


def key_curves(face, channels):
    blocks = {block.path_from_id("value"): block.name for block in face.data.shape_keys.key_blocks}
    return {blocks[c.path]: c.values for c in channels if c.id_data == face.data.shape_keys}


def seen_gaps(face, channels, frames):
    """Metres between the middle of the lips in some frames, as Blender deforms the mesh."""
    lips = reference().lips
    upper, lower = lips.upper[2], lips.lower[2]
    out = []
    for frame in frames:
        for channel in channels:
            holder, _, name = channel.path.rpartition(".")
            found = channel.id_data.path_resolve(holder)
            if channel.index < 0:
                setattr(found, name, channel.values[frame])
            else:
                getattr(found, name)[channel.index] = channel.values[frame]
        bpy.context.view_layer.update()
        mesh = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
        out.append(mesh.vertices[int(upper)].co.z - mesh.vertices[int(lower)].co.z - lips.shut[2])
    return np.array(out)


def touching():
    gaps = reference().measure(babble()).gaps[:, 2]
    return np.flatnonzero(gaps < TOUCH)[::8], np.flatnonzero(gaps > np.percentile(gaps, 90))[::4]


@pytest.mark.parametrize("jaw", ["key", "bone", "both", "bone beside a dead key"])
def test_lips_are_seen_to_touch_and_the_jaw_opens_once(jaw):
    names = [name for name in NAMES if name != "jawOpen"] if jaw == "bone" else NAMES
    face = make_face(names)
    if jaw != "key":
        add_jaw(face)
    if jaw == "bone beside a dead key":
        basis = to_blender(ARRAYS["v_template"])
        face.data.shape_keys.key_blocks["jawOpen"].data.foreach_set("co", basis.ravel())
    channels = face_kinds.known_rig(face).channels(babble())
    turned = [channel for channel in channels if channel.id_data != face.data.shape_keys]
    assert bool(turned) == jaw.startswith("bone")
    assert ("jawOpen" in key_curves(face, channels)) == (not turned)
    shut, wide = touching()
    size = reference().lips.half_width
    assert np.abs(seen_gaps(face, channels, shut)).max() < 0.05 * size
    own = reference().measure(babble()).gaps[wide, 2]
    np.testing.assert_allclose(seen_gaps(face, channels, wide) / size, own, rtol=0.3)


def test_a_key_with_a_value_of_its_own_belongs_to_the_head():
    """An identity that lowers the lower lip: the mouth rests open, and shuts for a closure."""
    lower = np.zeros_like(ARRAYS["v_template"])
    lower += 0.12 * np.asarray(ARRAYS["arkit_units"][NAMES.index("jawOpen")], np.float32)
    face = make_face(Identity=lower)
    channels = face_kinds.known_rig(face).channels(babble())
    assert "Identity" not in key_curves(face, channels)
    assert np.abs(seen_gaps(face, channels, touching()[0])).max() < 0.06 * reference().lips.half_width


def test_a_driven_key_is_not_counted_on():
    face = make_face()
    blocks = face.data.shape_keys.key_blocks
    blocks["mouthUpperUpLeft"].driver_add("value").driver.expression = "0"
    curves = key_curves(face, face_kinds.known_rig(face).channels(babble()))
    column = NAMES.index("mouthUpperUpLeft")
    np.testing.assert_allclose(curves["mouthUpperUpLeft"], nominal()[:, column], atol=1e-4)
    assert np.abs(curves["mouthUpperUpRight"] - nominal()[:, column]).max() > 0.01


def test_sliders_are_not_passed():
    face = make_face()
    face.data.shape_keys.key_blocks["mouthPucker"].slider_max = 0.3
    assert key_curves(face, face_kinds.known_rig(face).channels(babble()))["mouthPucker"].max() < 0.3001


@pytest.mark.parametrize(
    "key,said",
    [
        ("jawOpen", "The mouth cannot open: the shape key 'jawOpen' of 'Face' is"),
        ("eyeBlinkRight", "The eyes cannot blink: the shape key 'eyeBlinkRight'"),
        ("browInnerUp", "The face shows no inner brow: the shape key 'browInnerUp'"),
        ("cheekPuff", None),
    ],
)
@pytest.mark.parametrize("how", ["driver", "mute"])
def test_one_needed_key_that_does_not_move_is_said(key, said, how):
    face = make_face()
    receive_take(face, babble())
    assert diagnosis.why_still(bpy.context.scene, face) is None
    block = face.data.shape_keys.key_blocks[key]
    if how == "driver":
        block.driver_add("value").driver.expression = "0"
    block.mute = how == "mute"
    found = diagnosis.why_still(bpy.context.scene, face)
    assert found is None if said is None else found.startswith(said)
    assert found is None or ("driver" in found) == (how == "driver")


def solved(face, take, settings):
    """Values by key that the take's motion gives on this head by these controls."""
    motion, rate = stored.motion_of(take)
    upper = np.frombuffer(take[stored.UPPER], "<f4").reshape(50, -1)
    shown = adjust.adjusted(motion, rate, upper, settings)
    return key_curves(face, face_kinds.known_rig(face).channels(shown)), reference().measure(shown).gaps[:, 2]


def keyed(face, take, name):
    path = face.data.shape_keys.key_blocks[name].path_from_id("value")
    curve = adjust.find_curve(take, Channel(face.data.shape_keys, path, -1, np.zeros(0)))
    return adjust.read(curve.keyframe_points, "co")[:, 1]


@pytest.mark.parametrize("settings", [{"lips": 1.4}, {"jaw": 0.6, "upper": 1.5}, {"smoothing": 0.12}])
def test_live_controls_are_solved_on_this_head_too(settings):
    face = make_face()
    bpy.context.scene.render.fps = 25
    receive_take(face, babble())
    take = takes.played(face)
    for name, value in settings.items():
        setattr(take.ecoface_take, name, value)
    values, gaps = solved(face, take, adjust.Settings(**settings))
    for name in ("jawOpen", "mouthPucker", "mouthClose", "eyeBlinkLeft"):
        np.testing.assert_allclose(keyed(face, take, name), values[name], atol=2e-3)
    shut = np.flatnonzero(gaps < TOUCH)[::8]
    assert len(shut) and np.abs(seen_in(face, shut)).max() < 0.05 * reference().lips.half_width


@pytest.mark.parametrize("edits", [False, True])
def test_a_range_made_anew_closes_on_this_head(edits):
    face = make_face()
    bpy.context.scene.render.fps = 25
    receive_take(face, babble())
    if edits:
        bpy.context.view_layer.objects.active = face
        bpy.ops.ecoface.layer_add()
    other = babble().copy()
    other[:, :10] += 0.4  # the same words with another face
    line = GenerationRequest(
        scene=bpy.context.scene.name,
        speaker="Face",
        head=face_kinds.known_rig(face).coefficients(EngineSettings()),
        sound="/hello.wav",
        first_frame=1.0,
        frames=(40, 110),
    )
    takes.receive(bpy.context, line, other, 25, np.eye(50), {"style": "anna"})
    kept, _ = stored.motion_of(takes.played(face))
    shut = np.flatnonzero(reference().measure(kept).gaps[:, 2] < TOUCH)[::8]
    assert len(shut) > 5 and np.abs(seen_in(face, shut)).max() < 0.06 * reference().lips.half_width


def seen_in(face, frames):
    """Metres between the lips' middle as it plays, frame 1 first."""
    lips = reference().lips
    out = []
    for frame in frames:
        bpy.context.scene.frame_set(int(frame) + 1)
        mesh = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        out.append(
            mesh.vertices[int(lips.upper[2])].co.z - mesh.vertices[int(lips.lower[2])].co.z - lips.shut[2]
        )
    return np.array(out)


@pytest.mark.parametrize("group,by_key", [("jaw", False), ("DEF-jaw", False), ("head", True)])
def test_teeth_that_the_jaw_s_bone_turns_are_not_opened_by_a_key_besides(group, by_key):
    face = make_face([name for name in NAMES if name != "jawOpen"])
    armature = add_jaw(face)
    mesh = bpy.data.meshes.new("Teeth")
    mesh.from_pydata([(0, 0, 0), (0.01, 0, 0), (0, 0, 0.01)], [], [(0, 1, 2)])
    teeth = bpy.data.objects.new("Teeth", mesh)
    bpy.context.scene.collection.objects.link(teeth)
    teeth.parent = armature
    teeth.vertex_groups.new(name=group)
    teeth.shape_key_add(name="Basis", from_mix=False)
    teeth.shape_key_add(name="jawOpen", from_mix=False).data[0].co.z -= 0.01
    moved = [
        each for each in face_kinds.known_rig(face).channels(babble()) if each.id_data == mesh.shape_keys
    ]
    assert bool(moved) == by_key
