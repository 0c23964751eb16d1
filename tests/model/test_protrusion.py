"""Lips that purse: no further than lips do, and untouched where they do not."""

import numpy as np
import pytest

from ecoface_model.core.head_file import read_head
from ecoface_model.core.head_mesh import HeadLandmarks
from ecoface_model.postprocess.protrusion import FREE, GIVE, UPPER_LIP, LipProtrusion
from ecoface_model.postprocess.settling import Settling
from ecoface_model.postprocess.voice_activity import LevelGates

RAMP = np.linspace(0, 1, 41, dtype=np.float32)


@pytest.fixture(scope="module")
def head():
    return read_head(None)


def pursed(head, pucker, funnel=0.0):
    """(41, 53): from rest to so much of both."""
    unit = {name: head.arkit_coefficients[head.arkit_names.index(name)] for name in head.arkit_names}
    return np.outer(RAMP, pucker * unit["mouthPucker"] + funnel * unit["mouthFunnel"]).astype(np.float32)


def forward(head, motion):
    """(T,) mm of the upper lip before its place at rest."""
    places = HeadLandmarks(head).of(np.concatenate([np.zeros((1, 53), np.float32), motion]))[:, UPPER_LIP, 2]
    return 1000 * (places[1:] - places[0])


def test_lips_come_forward_by_no_more_than_lips_do(head):
    asked = pursed(head, 1.5, 0.5)
    before, after = forward(head, asked), forward(head, LipProtrusion(head).limited(asked))
    assert before.max() > FREE + GIVE + 1
    assert after.max() < FREE + GIVE
    assert (np.diff(after) > 0).all()  # more that is asked for is still more
    assert np.abs(np.diff(after, n=2)).max() < 0.1 * np.diff(before).max()  # no kink


def test_lips_that_purse_less_stay_as_they_are(head):
    gentle = pursed(head, 0.5)
    assert forward(head, gentle).max() < FREE
    np.testing.assert_array_equal(LipProtrusion(head).limited(gentle), gentle)


def test_it_is_part_of_what_is_done_to_every_motion(head):
    asked = pursed(head, 1.5, 0.5)
    silence = np.zeros(len(asked) * 640, np.float32) + 0.1 * np.sin(np.arange(len(asked) * 640) / 9)
    joined = np.concatenate([asked, np.zeros((len(asked), 1), np.float32)], axis=1)
    settled = Settling(head).settle_part(LevelGates.of(silence.astype(np.float32)), joined, range(len(asked)))
    assert forward(head, settled).max() < FREE + GIVE + 0.5
