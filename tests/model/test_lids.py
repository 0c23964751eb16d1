"""Lids: blinks that are finished, eyes that are never more than shut."""

import numpy as np
import pytest
from lid_gap import gap_along_lids

from ecoface_model.core.head_file import read_head
from ecoface_model.core.head_mesh import HeadMesh
from ecoface_model.head_motion.performance import with_lids
from ecoface_model.postprocess.eyelids import DONE, MOST_HANG, NO_BLINK, SHUT, EyelidContact


@pytest.fixture(scope="module")
def lids() -> EyelidContact:
    return EyelidContact(read_head())


def blinking(lids: EyelidContact, *weights: float) -> np.ndarray:
    """Four seconds of an open face; in the middle, frames of both eyes' blink at these weights."""
    motion = np.zeros((100, 53), np.float32)
    for place, weight in enumerate(weights, start=50):
        motion[place] = weight * lids._blink.sum(axis=0)
    return motion


def test_an_open_face_is_left_as_it_is(lids):
    motion = blinking(lids)
    np.testing.assert_array_equal(lids.settle(motion), motion)


@pytest.mark.parametrize("weight", [0.52, 0.65, 0.9, 1.2])
def test_a_blink_that_nearly_shuts_or_shuts_too_far_shuts_exactly(lids, weight):
    settled = lids.openings(lids.settle(blinking(lids, 0.3, weight, 0.3)))
    np.testing.assert_allclose(settled[51], [SHUT, SHUT], atol=0.15)
    assert settled.min() > SHUT - 0.15


def test_a_small_motion_of_the_lids_becomes_smaller_not_larger(lids):
    motion = blinking(lids, 0.05)
    before, after = lids.openings(motion)[50], lids.openings(lids.settle(motion))[50]
    assert (after > before).all() and (after < lids.openings(motion)[0] + 0.01).all()


def test_the_way_to_shut_is_monotone_and_continuous(lids):
    weights = np.linspace(0, 1, 41)
    found = np.stack([lids.openings(lids.settle(blinking(lids, float(w))))[50] for w in weights])
    assert (np.diff(found, axis=0) < 0.05).all()
    assert np.abs(np.diff(found, axis=0)).max() < 3 * 11.3 * (1 / 40) / (2 * (DONE - NO_BLINK))


@pytest.mark.parametrize(
    "weights",
    [(0.3, *[0.7] * 9, 0.3), (0.3, *[0.6] * 16, 0.3), (0.3, 0.6, 0.7, 0.5, 0.55, 0.7, 0.7, 0.5, 0.7, 0.3)],
)
def test_a_slow_or_double_blink_opens_again_soon_and_once(lids, weights):
    opening = lids.openings(lids.settle(blinking(lids, *weights))).mean(axis=1)
    shut = np.flatnonzero(opening < 0.5)
    assert 2 <= len(shut) <= 6 and (np.diff(shut) == 1).all() and opening[shut].min() < SHUT + 0.15
    assert (np.diff(opening[shut[-1] :]) > -0.3).all() and np.diff(opening).max() < 3.0
    whole = lids.openings(np.zeros((1, 53), np.float32)).mean()
    assert opening[shut[-1] + 6 :].min() > 0.9 * whole


def test_a_dip_is_a_whole_blink_or_none(lids):
    whole = lids.openings(np.zeros((1, 53), np.float32)).mean()
    told = []
    for weight in np.arange(0.05, 0.6, 0.02):
        dip = blinking(lids, 0.6 * weight, weight, weight, 0.6 * weight)
        depth = 1 - lids.openings(dip).mean(axis=1).min() / whole
        left = lids.openings(lids.settle(dip)).mean(axis=1).min() / whole
        told.append(left)
        assert NO_BLINK - 0.02 < depth < DONE + 0.04 or left < 0.1 or left > 0.9, (weight, depth, left)
    assert min(told) < 0.1 and max(told) > 0.9


@pytest.mark.parametrize(
    "tail", [[0.5, 0.4, 0.35, 0.3, 0.3, 0.2, 0.1], [0.45] * 4, [0.6, 0.5, 0.42, 0.36] + [0.3] * 36]
)
def test_lids_come_up_at_once_and_do_not_rest_half_way(lids, tail):
    """Of the generator's blinks some end half way, or leave the lids lower than they were."""
    opening = lids.openings(lids.settle(blinking(lids, 0.3, 0.65, 0.7, *tail))).mean(axis=1)
    wide, shut = opening[40], np.flatnonzero(opening < 0.5)
    up = opening[shut[-1] : shut[-1] + 6]
    assert len(shut) <= 3 and up[-1] > 0.95 * wide
    assert (np.diff(up) > 0.05 * wide).sum() >= 3 and np.diff(up[:5]).min() > 0.04 * wide, "no plateau"
    assert np.argmax(np.diff(up)) <= 2, "fast at first"
    later = np.diff(opening[shut[-1] + 5 :])
    assert later[:25].min() > -0.3, "lids that are lower by then sink slowly"
    lower = lids.openings(blinking(lids, *[tail[-1]] * 45)).mean(axis=1)[94] if len(tail) == 40 else wide
    assert opening[91] == pytest.approx(lower, abs=0.1)


@pytest.mark.parametrize(("distance", "left"), [(8, [50]), (18, [50]), (22, [50]), (30, [50, 80])])
def test_of_blinks_within_a_second_the_first_is_left_without_a_jump(lids, distance, left):
    motion = blinking(lids, 0.3, 0.6, 0.65, 0.3)
    motion[50 + distance : 54 + distance] += blinking(lids, 0.3, 0.7, 0.75, 0.3)[50:54]
    opening = lids.openings(lids.settle(motion)).mean(axis=1)
    shut = opening < 0.5
    assert np.flatnonzero(shut[1:] & ~shut[:-1]).tolist() == left
    if len(left) == 1:
        assert opening[60:].min() > opening[0] - 0.2, "nothing of the other one stays"
    assert np.abs(np.diff(opening, n=1)).max() < 6.5


def test_both_eyes_shut_together_where_one_is_ahead(lids):
    motion = np.zeros((100, 53), np.float32)
    for place, (right, left) in enumerate([(0.15, 0.05), (0.5, 0.35), (0.4, 0.38), (0.2, 0.1)], start=50):
        motion[place] = right * lids._blink[0] + left * lids._blink[1]
    opening = lids.openings(lids.settle(motion))
    assert opening[50:54].min() < SHUT + 0.15
    np.testing.assert_allclose(opening[:, 0], opening[:, 1], atol=0.1)


def test_lids_that_are_lowered_for_long_are_not_shut(lids):
    frames = np.arange(100)[:, None]
    lowered = (0.25 * np.clip((frames - 30) / 15, 0, 1) * lids._blink.sum(axis=0)).astype(np.float32)
    np.testing.assert_allclose(lids.settle(lowered), lowered, atol=0.02)


@pytest.mark.parametrize(
    "with_it", [None, "browDownLeft", "mouthSmileLeft", "eyeWideLeft", "cheekSquintLeft"]
)
def test_lids_touch_along_their_length_at_a_blinks_peak(lids, with_it):
    """Nothing of the eyeball is seen for more than 0.3 mm between the lids, from the front and from below."""
    head = read_head()
    motion = blinking(lids, 0.3, 0.6, 0.65, 0.3)
    if with_it is not None:
        motion += 0.6 * head.arkit_coefficients[list(head.arkit_names).index(with_it)].astype(np.float32)
    vertices = HeadMesh(head).vertices(lids.settle(motion)[50:53])[1]
    assert gap_along_lids(head, vertices, 0).max() < 0.3
    assert gap_along_lids(head, HeadMesh(head).vertices(motion[:1])[0], 0).max() > 4, "open, it is seen"
    if with_it is None:
        assert gap_along_lids(head, vertices, -10).max() < 0.3


def test_each_eye_is_settled_by_itself(lids):
    motion = np.zeros((100, 53), np.float32)
    motion[50] = 0.6 * lids._blink[0]
    opening = lids.openings(lids.settle(motion))
    assert opening[50, 0] < 0.2 and opening[50, 1] == pytest.approx(float(opening[0, 1]), abs=0.3)


def test_a_squint_is_kept_but_never_more_than_shut(lids):
    squint = np.float32(0.55) * lids._blink.sum(axis=0)[None].repeat(100, axis=0).astype(np.float32)
    np.testing.assert_allclose(lids.settle(squint), squint, atol=1e-5)
    squint[50] = 0.9 * lids._blink.sum(axis=0)
    assert lids.openings(lids.settle(squint))[50].min() > SHUT - 0.15


def test_wide_eyes_stay_wide_and_short_clips_have_lids_too(lids):
    wide = -0.2 * lids._blink.sum(axis=0)[None].repeat(3, axis=0).astype(np.float32)
    np.testing.assert_allclose(lids.settle(wide), wide, atol=1e-5)
    assert lids.settle(np.zeros((1, 53), np.float32)).shape == (1, 53)


@pytest.mark.parametrize("weight", [0.08, 0.15, 0.22])
def test_upper_lids_that_hang_for_a_second_are_raised_to_an_eye_that_is_awake(lids, weight):
    frames = np.arange(100)[:, None]
    share = np.clip((frames - 30) / 10, 0, 1) * np.clip((80 - frames) / 10, 0, 1)
    hanging = (weight * share * lids._blink.sum(axis=0)).astype(np.float32)
    awake, before = lids.opened_share(lids.awake(hanging, hanging)), lids.opened_share(hanging)
    rest = lids.openings(np.zeros((1, 53), np.float32)).mean()
    assert before[40:70].max() < 0.9 and awake.min() > 1 - MOST_HANG / rest - 0.01
    np.testing.assert_allclose(awake[:30], before[:30], atol=1e-5)
    assert np.abs(np.diff(awake, axis=0)).max() < np.abs(np.diff(before, axis=0)).max() + 1e-4


def test_squints_wide_eyes_blinks_and_eyes_shut_on_purpose_are_no_heavy_lids(lids):
    names, coefficients = list(read_head().arkit_names), read_head().arkit_coefficients
    for unit in ("eyeSquintLeft", "cheekSquintLeft", "eyeWideLeft"):
        motion = np.tile(0.6 * coefficients[names.index(unit)], (60, 1)).astype(np.float32)
        changed = lids.openings(lids.awake(motion, motion)) - lids.openings(motion)  # mm
        assert np.abs(changed).max() < 0.05, unit
    blink = blinking(lids, 0.3, 0.7, 0.7, 0.5, 0.3, 0.1)
    np.testing.assert_array_equal(lids.awake(blink, blink), blink)
    shut = np.tile(np.float32(0.7) * lids._blink.sum(axis=0), (60, 1)).astype(np.float32)
    np.testing.assert_allclose(lids.awake(shut, shut), shut, atol=1e-5)


def test_lids_that_hang_are_raised_beside_blinks_that_stay_shut(lids):
    hanging = np.float32(0.15) * lids._blink.sum(axis=0) * np.ones((100, 1), np.float32)
    blinking_too = hanging + blinking(lids, 0.2, 0.6, 0.6, 0.2)
    settled = lids.settle(blinking_too)
    awake = lids.openings(lids.awake(settled, blinking_too)).mean(axis=1)
    assert awake[50:54].min() < SHUT + 0.15
    assert awake[0] > lids.openings(settled)[0].mean() + 0.3


def test_brows_do_not_tremble_and_lips_and_blinks_stay(lids):
    units = list(read_head().arkit_names)
    coefficients = read_head().arkit_coefficients.astype(np.float32)
    brows, jaw = coefficients[units.index("browInnerUp")], coefficients[units.index("jawOpen")]
    frames = np.arange(100, dtype=np.float32)
    trembling = (0.1 * np.cos(np.float32(np.pi * 0.8) * frames))[:, None] * brows  # 10 Hz
    speaking = (0.3 * (1 + np.sin(np.float32(np.pi * 0.8) * frames)))[:, None] * jaw
    calm = lids.settle(trembling + speaking + blinking(lids, 0.3, 1.0, 0.3))
    still = lids.settle(speaking + blinking(lids, 0.3, 1.0, 0.3))
    landmarks = [lids._landmarks.of(one) for one in (calm, still, trembling, np.zeros((1, 53), np.float32))]
    left = (landmarks[0] - landmarks[1])[2:-2, 17:27, 1].std(axis=0)
    assert (left < 0.15 * (landmarks[2] - landmarks[3])[:, 17:27, 1].std(axis=0)).all()
    untouched = lids._landmarks.of(speaking)[:, 48:, 1]
    np.testing.assert_allclose(landmarks[0][:45, 48:, 1], untouched[:45], atol=2e-4)
    assert lids.openings(calm)[51].max() < SHUT + 0.15


@pytest.mark.parametrize("wide", [0.5, 1.0, 1.4])
def test_wide_eyes_shut_along_all_of_their_lids(lids, wide):
    """Of blinks of the motion's own, and of those that are added."""
    head = read_head()
    units = dict(zip(head.arkit_names, head.arkit_coefficients, strict=True))
    sides = ("Left", "Right")
    opened = wide * sum(units[f"eyeWide{side}"] + 0.6 * units[f"browOuterUp{side}"] for side in sides)
    blink = blinking(lids, 0.8)
    still = np.broadcast_to(opened, blink.shape).astype(np.float32)
    motion = blink + still
    added = with_lids(lids.settle(still), lids, np.zeros((100, 2), np.float32), np.ones(100))
    for shut in (lids.settle(motion)[50:51], added[50:51]):
        vertices = HeadMesh(head).vertices(shut)[0]
        for side in (1, -1):
            assert gap_along_lids(head, vertices, 0.0, side).max() < 0.3
