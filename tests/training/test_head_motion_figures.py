"""Figures of head and gaze, on motions whose figures are known."""

import numpy as np
import pytest

from ecoface_model.core.head_pose import axis_angles
from ecoface_model.core.motion_file import FlameMotion
from training.evaluation.head_motion import gaze_in_the_world, head_figures, saccades, spells


def turning(angles: np.ndarray, world: np.ndarray) -> FlameMotion:
    """Of yaw, pitch and roll in degrees, and of the gaze in the world."""
    head = axis_angles(np.radians(angles)).astype(np.float32)
    gaze = np.radians(world - angles[:, :2]).astype(np.float32)
    return FlameMotion(np.zeros((len(angles), 53), np.float32), head=head, gaze=gaze)


def test_saccades_are_found_whatever_the_head_does():
    seconds = np.arange(250) / 25
    angles = np.stack([8 * np.sin(seconds), 5 * np.sin(2 * seconds), 0 * seconds], axis=1)
    world = np.zeros((250, 2))
    world[50:100] = [6.0, 8.0]
    world[200:] = [-3.0, 0.0]
    motion = turning(angles, world)
    np.testing.assert_allclose(gaze_in_the_world(motion), world, atol=1e-3)
    frames, sizes = saccades(gaze_in_the_world(motion))
    assert frames.tolist() == [49, 99, 199]
    np.testing.assert_allclose(sizes, [10, 10, 3], atol=0.01)
    assert spells(world[:, 0] == 0) == [4.0] and spells(world[:, 0] > 1) == [2.0]


def test_the_heads_figures_are_those_of_a_sine():
    seconds = np.arange(5000) / 25
    angles = np.stack([3 * np.sin(2 * np.pi * 0.5 * seconds), 0 * seconds - 2, 0 * seconds], axis=1)
    found = head_figures(turning(angles, np.zeros((5000, 2))))
    assert found["yaw, standard deviation (degrees)"] == pytest.approx(3 / np.sqrt(2), rel=0.01)
    assert found["pitch, mean (degrees)"] == pytest.approx(-2, abs=1e-3)
    assert found["speed, mean (degrees/s)"] == pytest.approx(3 * 0.5 * 4, rel=0.02)
    assert found["energy above 8 Hz (share)"] < 1e-6
