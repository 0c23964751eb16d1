"""The showreel's stage: who is seen alone is alone, and the room is behind everything."""

import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender_support import empty_blend
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import showreel
import showreel_room
import showreel_stage
from showreel_cuts import Shot

ROOM_OF_TURNS = 0.02  # m by which a head that looks about stands out further
HEADROOM = 0.1  # of the picture's height


@pytest.fixture(scope="module")
def staged() -> tuple[bpy.types.Scene, list[bpy.types.Object]]:
    scene = empty_blend().scene
    scene.render.resolution_x, scene.render.resolution_y = 960, 540
    heads = showreel.two_heads(scene)
    for head, garment in zip(heads, showreel_stage.GARMENTS, strict=True):
        showreel_stage.dress(head, garment)
    showreel_stage.film(scene, heads, [(1, Shot()), (11, Shot(0)), (21, Shot(1))])
    bpy.context.view_layer.update()
    return scene, heads


def seen(scene: bpy.types.Scene, camera: bpy.types.Object, places: np.ndarray) -> np.ndarray:
    """(n, 2) of places (n, 3) in metres: across and up the picture, 0..1 inside it."""
    return np.array([world_to_camera_view(scene, camera, Vector(place))[:2] for place in places])


def places_of(head: bpy.types.Object) -> np.ndarray:
    """(n, 3) metres; every tenth vertex, and every hundredth point of the hair."""
    hair = bpy.data.objects[f"{head.name} Hair"]
    depsgraph = bpy.context.evaluated_depsgraph_get()
    points = hair.evaluated_get(depsgraph).data.attributes["position"].data
    skin = [head.matrix_world @ vertex.co for vertex in list(head.data.vertices)[::10]]
    return np.array(skin + [hair.matrix_world @ Vector(point.vector) for point in list(points)[::100]])


def test_the_other_is_out_of_a_single_and_both_are_whole_in_the_picture_of_both(staged):
    scene, heads = staged
    cameras = {marker.frame: marker.camera for marker in scene.timeline_markers}
    for head, other, frame, side in ((0, 1, 11, 1), (1, 0, 21, -1)):
        alone = seen(scene, cameras[frame], places_of(heads[head]))
        assert alone[:, 0].min() > 0 and alone[:, 0].max() < 1
        assert alone[:, 1].max() < 1 - HEADROOM
        nearer = places_of(heads[other]) - [side * ROOM_OF_TURNS, 0, 0]
        places = np.array([world_to_camera_view(scene, cameras[frame], Vector(each)) for each in nearer])
        inside = ((places[:, :2] > 0) & (places[:, :2] < 1)).all(axis=1)
        assert not (inside & (places[:, 2] > 0)).any(), "beside the picture, or behind the camera"
    for head in heads:
        both = seen(scene, cameras[1], places_of(head))
        assert (both[:, 0] > 0).all() and (both[:, 0] < 1).all()
        assert both[:, 1].max() < 1 - HEADROOM


def test_every_picture_is_filled_by_the_room_and_its_tones_differ(staged):
    scene, _heads = staged
    for camera in {marker.camera for marker in scene.timeline_markers}:
        frame = [camera.matrix_world @ corner for corner in camera.data.view_frame(scene=scene)]
        start = camera.matrix_world.translation
        for corner in frame:
            way = (corner - start).normalized()
            hit, place, *_, found, _ = scene.ray_cast(
                bpy.context.view_layer.depsgraph, start + 2.2 * way, way
            )
            assert hit and found.name == "Room" and abs(place.z) < showreel_room.HALF_HEIGHT
    colours = showreel_room.room_colours()
    left, right = (np.median(half, axis=(0, 1)) for half in np.split(colours, 2, axis=1))
    assert left[0] > left[2] and right[0] < right[2]


def test_the_two_wear_different_clothes_that_hide_the_foot_of_the_neck(staged):
    _scene, heads = staged
    clothes = [item for item in bpy.data.objects if item.name.startswith("Cloth")]
    colours = [np.array(item.data.materials[0].diffuse_color) for item in clothes]
    assert len(clothes) == 2 and np.abs(colours[0] - colours[1]).max() > 0.1
    for head, cloth in zip(heads, clothes, strict=True):
        foot = min(vertex.co.z for vertex in head.data.vertices)
        assert max(vertex.co.z for vertex in cloth.data.vertices) > foot + 0.005


def test_past_the_other_a_head_is_whole_and_the_other_stands_at_the_edge_with_the_back_to_us():
    scene = empty_blend().scene
    scene.render.resolution_x, scene.render.resolution_y = 960, 540
    heads = showreel.two_heads(scene)
    showreel_stage.film(scene, heads, [(1, Shot(0, past_other=True)), (11, Shot(1, past_other=True))])
    bpy.context.view_layer.update()
    for number, marker in enumerate(scene.timeline_markers):
        camera, head, other = marker.camera, heads[number], heads[1 - number]
        spoken, before = (seen(scene, camera, places_of(each)) for each in (head, other))
        assert spoken.min() > 0 and spoken.max() < 1, "whole in the picture"
        beside = before[(before[:, 1] > 0) & (before[:, 1] < 1), 0]
        inside = ((beside > 0) & (beside < 1)).mean()
        assert 0.1 < inside < 0.9, "at its edge"
        gap = beside.min() - spoken[:, 0].max() if number == 0 else spoken[:, 0].min() - beside.max()
        assert gap > 0.02, "neither hides the other"
        assert (camera.location - other.location).length < (camera.location - head.location).length
