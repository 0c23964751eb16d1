"""F and V: the lower lip at the edge of the upper teeth, and nothing where there are none."""

from dataclasses import replace

import numpy as np
import pytest

from ecoface_model.core.constants import LOWER_INNER, MOTION_DIM
from ecoface_model.core.head_file import read_head
from ecoface_model.core.head_mesh import HeadLandmarks
from ecoface_model.core.phones import PHONES
from ecoface_model.postprocess.labiodental import BEFORE, COVERS, LabiodentalContact, labiodental_pull
from training.evaluation.penetration import InnerMouth, penetration


@pytest.fixture(scope="module")
def head():
    return read_head(None)


def rims(head, motion):
    """(T, 3, 3) mm: the lower lip's inner landmarks."""
    return 1000 * HeadLandmarks(head).of(motion)[:, LOWER_INNER]


def rolled(head):
    """(3, 53): a lip that is rolled in, before all of the teeth; one that does not reach them; a smile."""
    unit = {name: head.arkit_coefficients[head.arkit_names.index(name)] for name in head.arkit_names}
    raised = 0.65 * unit["mouthRollLower"] + 0.08 * unit["mouthClose"] + 0.12 * unit["jawOpen"]
    smile = 0.4 * (unit["mouthSmileLeft"] + unit["mouthSmileRight"])
    upper = 0.5 * (unit["mouthUpperUpLeft"] + unit["mouthUpperUpRight"])
    return np.stack([raised + upper, 0.13 * unit["jawOpen"] + upper, smile + upper + raised]).astype(
        np.float32
    )


def test_the_rim_goes_to_the_edge_of_the_teeth_and_not_into_them(head):
    asked = rolled(head)
    settled = LabiodentalContact(head).settle(asked, np.ones(3, np.float32))
    teeth = 1000 * head.v_template[head.masks["teeth"]]
    front = teeth[(head.weights[head.masks["teeth"], 2] < 0.5) & (np.abs(teeth[:, 0]) < 3)]
    edge = front[front[:, 1].argmin()]
    before, after = (rims(head, motion)[:, 1] - edge for motion in (asked, settled))
    assert np.abs(before[:, 1] - COVERS).max() > 1.5
    assert np.abs(after[:, 1] - COVERS).max() < 0.5
    assert (after[:, 2] < BEFORE + 1).all()
    assert penetration(InnerMouth.of(head), settled).teeth.max() < 0.3


def test_half_a_pull_goes_about_half_the_way_and_none_leaves_the_numbers(head):
    asked, contact = rolled(head), LabiodentalContact(head)
    np.testing.assert_array_equal(contact.settle(asked, np.zeros(3, np.float32)), asked)
    whole, half = (
        rims(head, contact.settle(asked, np.full(3, pull, np.float32)))[..., 1] for pull in (1, 0.5)
    )
    np.testing.assert_allclose(half, (whole + rims(head, asked)[..., 1]) / 2, atol=0.3)


def test_a_head_without_teeth_keeps_its_motion(head):
    toothless = replace(head, masks={**head.masks, "teeth": np.zeros(0, np.int32)})
    asked = rolled(head)
    settled = LabiodentalContact(toothless).settle(asked, np.ones(3, np.float32))
    np.testing.assert_array_equal(settled, asked)


def test_the_pull_comes_and_goes_over_frames_and_needs_phones():
    channels = np.zeros((12, MOTION_DIM + 1 + len(PHONES)), np.float32)
    channels[5:7, MOTION_DIM + 1 + PHONES.index("V")] = 0.9
    pull = labiodental_pull(channels)
    np.testing.assert_allclose(pull, np.array([0, 0, 1, 5, 11, 15, 15, 11, 5, 1, 0, 0]) / 16, atol=1e-6)
    assert not labiodental_pull(channels[:, : MOTION_DIM + 1]).any()
