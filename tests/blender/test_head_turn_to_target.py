"""How head and eyes turn to a target: eyes that meet on it, stay a pair, and stay in sight."""

import numpy as np
import pytest

from ecoface_blender.core.head_pose import direction, gaze_along
from ecoface_blender.core.jaw_skinning import rotations
from ecoface_blender.heads.head_turn import EYES_AT_EASE, LOOKS_ASIDE, MOST_ASIDE, MOST_UP, HeadTurn

pytestmark = pytest.mark.blender_version

EYES = np.array([[0.03, 0.04, 0.07], [-0.03, 0.04, 0.07]])  # middles of the left and the right one


def test_eyes_on_a_target_above_go_down_with_lids_that_shut():
    up = HeadTurn.of(None, np.tile([0.1, 0.25], (4, 1)), 4)
    shown = up.under_lids(np.array([[1.1, 1.1], [0.5, 1.1], [0.0, 0.0], [-0.1, 0.5]]))
    assert (shown.left[0] == up.left[0]).all() and (shown.right[:2] == up.right[:2]).all()
    assert (np.diff(shown.left[:3, 1]) < -0.05).all() and -0.05 < shown.left[2, 1] < 0
    np.testing.assert_array_equal(shown.left[:, 0], up.left[:, 0])


def test_looking_at_a_point_keeps_what_the_gaze_makes_up_for():
    head = np.array([[0.1, 0.2, 0.0]])
    vor = HeadTurn.of(head, np.zeros((1, 2)), 1)
    held = HeadTurn(head, *[_held(head) for _ in range(2)])  # eyes that stay ahead while the head turns
    far = np.array([[2000.0, 500.0, 4000.0]])
    shown = held.looking_at(far, EYES)
    way = (rotations(shown.head) @ direction(shown.left)[..., None])[0, :, 0]
    np.testing.assert_allclose(way, far[0] / np.linalg.norm(far), atol=1e-3)
    assert np.abs(vor.looking_at(far, EYES, head=0.0).left).max() <= MOST_ASIDE


def test_eyes_stay_at_ease_on_targets_that_a_head_can_turn_to_and_in_sight_on_others():
    rest = HeadTurn.of(None, None, 1)
    for yaw, pitch in ((60, 0), (-50, 20), (20, 35), (30, -40)):
        aside, up = np.radians([yaw, pitch])
        target = 300 * np.array([[np.sin(aside) * np.cos(up), np.sin(up), np.cos(aside) * np.cos(up)]])
        shown = rest.looking_at(target, EYES)
        assert (np.abs(shown.gaze[0]) < EYES_AT_EASE * [1.3, 1.3] + np.radians(1)).all(), (yaw, pitch)
    aside = HeadTurn.of(None, np.radians([[24.0, 0.0], [-24.0, 0.0]]), 2)
    shown = aside.looking_at(np.tile([150.0, 0.0, 260.0], (2, 1)), EYES)
    assert np.abs(shown.eyes[..., 0]).max() <= LOOKS_ASIDE + 1e-9, "no look away into an eye's corner"
    above = rest.looking_at(np.array([[0.0, 400.0, 100.0]]), EYES)
    assert 0 < above.gaze[0, 1] <= MOST_UP


def test_eyes_that_look_away_from_a_target_go_parallel_and_stop_together():
    yaw = np.linspace(-24, 24, 25)
    away = np.radians(np.column_stack([yaw, np.zeros(25)]))
    shown = HeadTurn.of(None, away, 25).looking_at(np.tile([0.0, 0.04, 0.8], (25, 1)), EYES)
    converged = np.degrees(shown.right[:, 0] - shown.left[:, 0])
    assert np.degrees(np.abs(shown.gaze[:, 0])).max() > 12
    assert 3 < converged[12] < 6 and np.ptp(converged[11:14]) < 0.1, "they meet on it"
    assert np.abs(converged[np.abs(yaw) > 9]).max() < 0.01, "one that stopped alone would squint"
    assert (np.diff(converged[12:]) < 0.05).all() and (np.diff(converged[:13]) > -0.05).all()


def _held(head):
    return gaze_along(rotations(head).transpose(0, 2, 1) @ [0.0, 0, 1])
