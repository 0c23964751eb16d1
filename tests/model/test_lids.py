"""Lids: blinks that are finished, eyes that are never more than shut."""

import pytest
import torch

from ecoface_model.core.head_file import read_head
from ecoface_model.postprocess.eyelids import DONE, SHUT, EyelidContact


@pytest.fixture(scope="module")
def lids() -> EyelidContact:
    return EyelidContact(read_head())


def blinking(lids: EyelidContact, *weights: float) -> torch.Tensor:
    """Four seconds of an open face; in the middle, frames of both eyes' blink at these weights."""
    motion = torch.zeros(100, 53)
    for place, weight in enumerate(weights, start=50):
        motion[place] = weight * lids._blink.sum(dim=0)
    return motion


def test_an_open_face_is_left_as_it_is(lids):
    motion = blinking(lids)
    assert torch.equal(lids.settle(motion), motion)


@pytest.mark.parametrize("weight", [0.52, 0.65, 0.9, 1.2])
def test_a_blink_that_nearly_shuts_or_shuts_too_far_shuts_exactly(lids, weight):
    settled = lids.openings(lids.settle(blinking(lids, 0.3, weight, 0.3)))
    torch.testing.assert_close(settled[51], torch.full((2,), SHUT), atol=0.15, rtol=0)
    assert settled.min() > SHUT - 0.15


def test_a_small_motion_of_the_lids_becomes_smaller_not_larger(lids):
    motion = blinking(lids, 0.05)
    before, after = lids.openings(motion)[50], lids.openings(lids.settle(motion))[50]
    assert (after > before).all() and (after < lids.openings(motion)[0]).all()


def test_the_way_to_shut_is_monotone_and_continuous(lids):
    weights = torch.linspace(0, 1, 41)
    found = torch.stack([lids.openings(lids.settle(blinking(lids, float(w))))[50] for w in weights])
    assert (found.diff(dim=0) < 0.05).all()
    assert found.diff(dim=0).abs().max() < 3 * 11.3 * (1 / 40) / (2 * DONE)


def test_each_eye_is_settled_by_itself(lids):
    motion = torch.zeros(100, 53)
    motion[50] = 0.6 * lids._blink[0]
    opening = lids.openings(lids.settle(motion))
    assert opening[50, 0] < 0.2 and opening[50, 1] == pytest.approx(opening[0, 1].item(), abs=0.3)


def test_a_squint_is_kept_but_never_more_than_shut(lids):
    squint = 0.55 * lids._blink.sum(dim=0).expand(100, 53).clone()
    torch.testing.assert_close(lids.settle(squint), squint)
    squint[50] = 0.9 * lids._blink.sum(dim=0)
    assert lids.openings(lids.settle(squint))[50].min() > SHUT - 0.15


def test_wide_eyes_stay_wide_and_short_clips_have_lids_too(lids):
    wide = -0.2 * lids._blink.sum(dim=0).expand(3, 53)
    torch.testing.assert_close(lids.settle(wide), wide)
    assert lids.settle(torch.zeros(1, 53)).shape == (1, 53)


def test_brows_do_not_tremble_and_lips_and_blinks_stay(lids):
    units = list(read_head().arkit_names)
    coefficients = torch.from_numpy(read_head().arkit_coefficients).float()
    brows, jaw = coefficients[units.index("browInnerUp")], coefficients[units.index("jawOpen")]
    frames = torch.arange(100)
    trembling = (0.1 * (torch.pi * 0.8 * frames).cos())[:, None] * brows  # 10 Hz
    speaking = (0.3 * (1 + (torch.pi * 0.8 * frames).sin()))[:, None] * jaw
    calm = lids.settle(trembling + speaking + blinking(lids, 0.3, 1.0, 0.3))
    still = lids.settle(speaking + blinking(lids, 0.3, 1.0, 0.3))
    landmarks = [lids._head.landmarks(one) for one in (calm, still, trembling, torch.zeros(1, 53))]
    left = (landmarks[0] - landmarks[1])[2:-2, 17:27, 1].std(dim=0)
    assert (left < 0.15 * (landmarks[2] - landmarks[3])[:, 17:27, 1].std(dim=0)).all()
    untouched = lids._head.landmarks(speaking)[:, 48:, 1]
    torch.testing.assert_close(landmarks[0][:45, 48:, 1], untouched[:45], atol=2e-4, rtol=0)
    assert lids.openings(calm)[51].max() < SHUT + 0.15
