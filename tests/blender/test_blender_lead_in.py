"""A line that comes to rest after itself comes out of rest before: the frames that lead it in."""

import bpy
import numpy as np
import pytest
from blender_support import REFERENCE_HEAD, empty_blend
from test_blender_head_turn import N, receive, turned

from ecoface_blender.animation import actions
from ecoface_blender.heads import face_kinds
from ecoface_blender.heads import own_head as heads
from ecoface_blender.takes import evaluated, speech, takes

pytestmark = pytest.mark.blender_version


@pytest.fixture
def speaker():
    return heads.add_head(empty_blend(), heads.load_head(REFERENCE_HEAD), "Anna")


def shapes(speaker, first, last):
    """(frames, keys) as they are seen."""
    frames = np.arange(float(first), last + 1)
    return evaluated.key_values(bpy.context, face_kinds.known_rig(speaker), frames)


def test_a_line_later_in_the_scene_comes_out_of_rest_before_its_sound(speaker):
    take = receive(speaker, first_frame=50.0, idle=1.0)
    seen = shapes(speaker, 30, 50 + N)
    assert tuple(take.curve_frame_range) == (40.0, 49.0 + N)
    assert np.abs(seen[:11]).max() < 1e-6 and np.abs(seen[20]).max() > 0.01
    share = seen[10:21] @ seen[20] / (seen[20] @ seen[20])
    assert (np.diff(share) > 0).all() and share[[0, -1]] == pytest.approx([0, 1], abs=1e-6)
    at_once = receive(speaker, first_frame=50.0)
    np.testing.assert_allclose(shapes(speaker, 50, 49 + N), seen[20:-1], atol=1e-6)
    assert tuple(at_once.curve_frame_range) == (50.0, 49.0 + N)


def test_its_head_sets_off_as_the_line_begins_and_controls_move_all_of_it(speaker):
    take = receive(speaker, first_frame=12.0, idle=1.0)
    assert take.curve_frame_range[0] == 2.0
    seen = turned(speaker)
    ways = seen[1:14, 0, :, 1]
    steps = np.degrees(np.linalg.norm(np.diff(ways, axis=0), axis=1))  # from frame 2 on
    assert steps[0] < 0.3 * steps[9] and (np.diff(steps[:10]) > 0).all(), "ever faster, from rest"
    assert steps[9] == pytest.approx(steps[10], rel=0.25), "as fast as the line's own first frames"
    world = seen[1:12, 0] @ seen[1:12, 1]
    np.testing.assert_allclose(world, np.tile(world[-1], (11, 1, 1)), atol=0.02)
    before = shapes(speaker, 1, 30)
    take.ecoface_take.upper = 0.3
    take.ecoface_take.jaw = 1.5
    take.ecoface_take.upper = 1.0
    take.ecoface_take.jaw = 1.0
    np.testing.assert_allclose(shapes(speaker, 1, 30), before, atol=1e-5)
    assert takes.played(speaker) == take and take.curve_frame_range[0] == 2.0


@pytest.mark.parametrize(("first", "begins"), [(1.0, 1.0), (4.0, 1.0), (0.0, 0.0), (-20.0, -20.0)])
def test_no_frame_is_added_before_the_scene_begins(speaker, first, begins):
    take = receive(speaker, first_frame=first, idle=1.0)
    assert take.curve_frame_range[0] == begins


@pytest.mark.parametrize("seconds", [float("nan"), float("-inf"), 1e300, "1", None, []])
def test_a_lead_in_that_a_strange_file_says_moves_no_key_far(speaker, seconds):
    take = receive(speaker, first_frame=50.0, idle=1.0)
    actions.write_metadata(take, actions.read_metadata(take) | {speech.LEAD_IN: seconds})
    take.ecoface_take.jaw = 1.5
    assert 40 <= take.curve_frame_range[0] <= 50
