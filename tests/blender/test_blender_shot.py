"""Add Head stands free and looks at the view; Set Up Shot; a scene that goes on to the line's end."""
# ruff: noqa: F811 (fixtures)

import math
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from blender_engine import context, preferences, speaker, voice  # noqa: F401
from blender_support import empty_blend, receive_take, small_head, talking_motion
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Euler, Quaternion, Vector

from ecoface_blender.heads import identity, own_head, placing
from ecoface_blender.heads.operators import FACE
from ecoface_blender.shot import portrait
from ecoface_blender.sound import sequencer
from ecoface_blender.takes import frames, takes

pytestmark = pytest.mark.blender_version


def world_box(item):
    bpy.context.view_layer.update()
    corners = np.array([item.matrix_world @ Vector(corner) for corner in item.bound_box])
    return corners.min(axis=0), corners.max(axis=0)


def overlap(one, other):
    (low, high), (low2, high2) = world_box(one), world_box(other)
    return bool(np.all(low < high2) and np.all(low2 < high))


def cube(size, location=(0, 0, 0)):
    mesh = bpy.data.meshes.new("Cube")
    points = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    mesh.from_pydata([tuple(size * c / 2 for c in p) for p in points], [], [(0, 1, 3, 2)])
    item = bpy.data.objects.new("Cube", mesh)
    item.location = location
    bpy.context.scene.collection.objects.link(item)
    return item


@pytest.fixture
def scene():
    return empty_blend().scene


def test_heads_stand_at_the_cursor_then_beside_one_another_each_with_a_face_of_its_own(scene):
    scene.cursor.location = (1, 2, 3)
    for _ in range(3):
        assert bpy.ops.ecoface.add_head() == {"FINISHED"}
    heads = own_head.find_heads(bpy.context)
    assert len(heads) == 3
    assert tuple(heads[0].location) == (1, 2, 3)
    assert sorted(head[FACE] for head in heads) == [0, 1, 2]
    for first, one in enumerate(heads):
        for other in heads[first + 1 :]:
            assert not overlap(one, other)
            assert (one.location - other.location).length < 0.8, "near enough for one picture"
            basis = [own.data.shape_keys.reference_key.data[0].co[:] for own in (one, other)]
            assert basis[0] != basis[1]
    assert own_head.head_name(heads[1]) == own_head.head_name(heads[0])


def test_a_head_stands_beside_the_default_cube_but_within_a_room_and_on_a_floor(scene):
    box, floor, room = cube(2.0), cube(3.0, (0, 0, -1.505)), cube(8.0)
    floor.scale.z = 0.001
    bpy.ops.ecoface.add_head()
    head = own_head.find_heads(bpy.context)[0]
    assert not overlap(head, box)
    assert head.location.length < 1.5
    bpy.data.objects.remove(box)
    bpy.data.objects.remove(head)
    bpy.ops.ecoface.add_head()
    assert own_head.find_heads(bpy.context)[0].location.length == 0
    assert overlap(own_head.find_heads(bpy.context)[0], room)


def test_what_is_hidden_or_not_wanted_is_no_obstacle(scene):
    box = cube(0.5)
    box.hide_set(True)
    bpy.ops.ecoface.add_head()
    bpy.ops.ecoface.add_head(beside=False, face=5)
    first, second = own_head.find_heads(bpy.context)
    assert first.location == second.location and second[FACE] == 5


@pytest.mark.parametrize(
    "view", [Euler((math.radians(63), 0, math.radians(46))), Euler((math.radians(90), 0, math.radians(-120)))]
)
def test_a_head_that_faces_the_view_looks_at_whoever_looks(view):
    seen_from = view.to_quaternion() @ Vector((0, 0, 1))
    turn = placing.facing(_context_of(view.to_quaternion()))
    looks = Euler((0, 0, turn)).to_matrix() @ Vector((0, -1, 0))
    assert looks.xy.normalized().dot(seen_from.xy.normalized()) > 0.9999


def test_from_above_a_head_looks_down_the_screen_and_without_a_view_to_the_front():
    turn = placing.facing(_context_of(Quaternion()))
    assert math.isclose(turn, 0.0, abs_tol=1e-6)
    assert placing.facing(SimpleNamespace(space_data=None)) == 0.0


def _context_of(rotation):
    return SimpleNamespace(space_data=SimpleNamespace(region_3d=SimpleNamespace(view_rotation=rotation)))


@pytest.mark.parametrize("turn", [0.0, 1.1])
def test_the_portrait_camera_sees_all_of_the_face_upright(scene, turn):
    bpy.ops.ecoface.add_head()
    head = own_head.find_heads(bpy.context)[0]
    head.rotation_euler[2], head.location = turn, (0.3, -0.2, 1.6)
    bpy.context.view_layer.update()
    assert bpy.ops.ecoface.set_up_shot() == {"FINISHED"}
    bpy.context.view_layer.update()
    points = np.array([head.matrix_world @ v.co for v in list(head.data.vertices)[::20]])
    seen = np.array([world_to_camera_view(scene, scene.camera, Vector(point)) for point in points])
    assert (seen[:, 2] > 0).all()
    crown, throat = seen[points[:, 2].argmax()], seen[points[:, 2].argmin()]
    assert 0.75 < crown[1] < 1.0 and throat[1] < 0.15, "the crown within, the neck to the edge"
    assert seen[:, 0].min() > 0.2 and seen[:, 0].max() < 0.8
    looks = scene.camera.matrix_world.to_3x3() @ Vector((0, 0, -1))
    front = head.matrix_world.to_3x3() @ Vector((0, -1, 0))
    assert looks.dot(front) < -0.999
    assert sum(item.type == "LIGHT" for item in scene.objects) == 2


def test_set_up_twice_moves_the_same_camera_and_lights(scene):
    bpy.ops.ecoface.add_head()
    bpy.ops.ecoface.set_up_shot()
    before = {item.name for item in scene.objects}
    head = own_head.find_heads(bpy.context)[0]
    head.location.x = 2
    bpy.context.view_layer.update()
    bpy.ops.ecoface.set_up_shot()
    assert {item.name for item in scene.objects} == before
    assert scene.camera.location.x == pytest.approx(2, abs=0.01)


def test_only_what_is_ticked_is_set_up(scene):
    bpy.ops.ecoface.add_head()
    before = scene.use_audio_scrub, scene.sync_mode, scene.frame_end
    bpy.ops.ecoface.set_up_shot(camera=False, light=False, sound=False)
    assert scene.camera is None and not any(item.get(portrait.SHOT) for item in scene.objects)
    assert (scene.use_audio_scrub, scene.sync_mode, scene.frame_end) == before
    bpy.ops.ecoface.set_up_shot(camera=False, light=False)
    assert scene.use_audio_scrub and scene.sync_mode == "AUDIO_SYNC"


def test_without_a_head_there_is_nothing_to_set_up(scene):
    assert not bpy.ops.ecoface.set_up_shot.poll()


def test_the_scene_is_fitted_to_take_and_strip(context, speaker, voice):
    scene = context.scene
    scene.frame_end = 999
    strip = sequencer.add_sound_strip(scene, voice, 31)  # 3 s at 24 fps
    scene.ecoface.strip = strip.name
    receive_take(speaker, talking_motion(50), first_frame=21)
    bpy.ops.ecoface.set_up_shot(camera=False, light=False)
    assert (scene.frame_start, scene.frame_end) == (21, 102)


@pytest.mark.parametrize("extends", [True, False])
def test_a_scene_that_ends_before_the_line_goes_on_to_its_end(context, speaker, voice, extends):
    scene = context.scene
    scene.frame_end, scene.ecoface.extend_frames = 30, extends
    bpy.ops.ecoface.generate(sound=str(voice))
    last = takes.played(speaker).curve_frame_range[1]
    assert last > 60
    assert scene.frame_end == (math.ceil(last) if extends else 30)
    assert scene.frame_start == 1
    assert frames.extend(scene, speaker) == (
        "" if extends else f"the scene goes on to frame {last:.0f} now (it ended at 30)"
    )


def test_a_longer_scene_stays(context, speaker, voice):
    context.scene.frame_end = 250
    bpy.ops.ecoface.generate(sound=str(voice))
    assert context.scene.frame_end == 250


def test_a_head_whose_face_is_fixed_still_stands_beside(scene):
    """As FLAME's, whose identities are not held to its lips."""
    arrays = small_head()
    own_head.add_head(bpy.context, arrays, "Anna")
    assert identity.n_directions(arrays) == 0
    place = placing.free_place(bpy.context, arrays, 0.0)
    assert place.length > 0.2 and place.y == 0
