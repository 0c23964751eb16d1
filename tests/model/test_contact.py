"""Lips kept out of one another, judged by the surface measure that training uses, not by what moves them."""

from dataclasses import replace

import numpy as np
import pytest

from ecoface_model.core.errors import HeadError
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.core.head_mesh import HeadLandmarks
from ecoface_model.postprocess.lip_contact import FREE_DEPTH, GIVE, PULLED_FROM, LipContact, _goal
from ecoface_model.postprocess.lip_meeting import lip_sides
from training.evaluation.penetration import InnerMouth, penetration


@pytest.fixture(scope="module")
def file() -> FlameFile:
    return read_head()


@pytest.fixture(scope="module")
def contact(file) -> LipContact:
    return LipContact(file)


def unit(file, name: str) -> np.ndarray:
    return file.arkit_coefficients[file.arkit_names.index(name)].astype(np.float32)


def closing(file, most: float = 0.065, frames: int = 15) -> np.ndarray:
    """Lips that come together, cross and part again, smiling a little to one side."""
    share = np.sin(np.linspace(0, np.pi, frames)) ** 2
    open_jaw, close, smile = (unit(file, n) for n in ("jawOpen", "mouthClose", "mouthSmileLeft"))
    motion = 0.15 * (1 - share)[:, None] * open_jaw + most * share[:, None] * close + 0.15 * smile
    return motion.astype(np.float32)


def test_the_gap_of_a_column_is_the_depth_measured_on_the_surfaces(file, contact):
    motion = closing(file)[5:10]
    deepest = -np.minimum(contact.gaps(motion).min(axis=1), 0)
    measured = penetration(InnerMouth.of(file), motion).lips
    assert measured.max() > 0.8
    np.testing.assert_allclose(deepest, measured, atol=0.1)


def test_lips_that_cross_by_more_than_a_millimetre_end_within_the_soft_contact(file, contact):
    motion = closing(file)
    settled = contact.settle(motion)
    before, after = (penetration(InnerMouth.of(file), m) for m in (motion, settled))
    assert before.lips.max() > 1.0
    assert after.lips.max() < 0.5 and after.teeth.max() == 0
    assert after.lips[7] > 0.2  # it is still shut
    assert (contact.gaps(settled[7:8]) < 0.4).sum() >= len(contact.gaps(settled[7:8])[0]) - 2


def test_frames_whose_lips_do_not_press_stay_bit_for_bit(file, contact):
    motion = closing(file)
    settled = contact.settle(motion)
    free = contact.gaps(motion).min(axis=1) > -FREE_DEPTH
    assert free.any() and not free.all()
    np.testing.assert_array_equal(settled[free], motion[free])


def test_a_mouth_that_never_shuts_and_a_motion_without_frames_stay(file, contact):
    jaw = np.tile(0.8 * unit(file, "jawOpen"), (4, 1)).astype(np.float32)
    for motion in (jaw, np.zeros((0, 53), np.float32)):
        np.testing.assert_array_equal(contact.settle(motion), motion)


def test_brows_and_eyes_hardly_move(file, contact):
    motion = closing(file)
    marks = HeadLandmarks(file)
    moved = 1000 * np.linalg.norm(marks.of(contact.settle(motion)) - marks.of(motion), axis=-1)
    brows, eyes, lips = moved[:, 17:27], moved[:, 36:48], moved[:, 60:]  # the nose goes with the lip
    assert max(brows.max(), eyes.max()) < 0.15 and lips.max() > 0.5


def test_each_frame_is_treated_by_itself(file, contact):
    motion = closing(file)
    whole = contact.settle(motion)
    parts = [contact.settle(motion[first : first + 4]) for first in range(0, len(motion), 4)]
    np.testing.assert_allclose(whole, np.concatenate(parts), atol=1e-4)


def test_a_smooth_closing_stays_as_smooth(file, contact):
    motion = closing(file, most=0.04, frames=40)
    marks = HeadLandmarks(file)

    def shake(frames: np.ndarray) -> float:
        """Greatest third difference of the inner lips' height, mm."""
        height = 1000 * (marks.of(frames)[:, 62, 1] - marks.of(frames)[:, 66, 1])
        return float(np.abs(np.diff(height, n=3)).max())

    assert penetration(InnerMouth.of(file), motion[20:21]).lips[0] > 0.9
    assert shake(contact.settle(motion)) < shake(motion) + 0.35


def test_a_sure_closure_brings_nearly_shut_lips_together_and_leaves_open_ones(file, contact):
    close, jaw = (unit(file, n) for n in ("mouthClose", "jawOpen"))
    motion = np.stack([-0.055 * close, -0.055 * close, 0.5 * jaw]).astype(
        np.float32
    )  # 1 mm, 1 mm and wide open
    settled = contact.settle(motion, np.array([1, 0, 1], np.float32))
    assert contact.gaps(motion[:1]).min() > 0.5
    middle = slice(3, 8)
    assert contact.gaps(settled[:1])[0, middle].max() < 0.1
    np.testing.assert_array_equal(settled[1:], motion[1:])


def test_amid_a_long_pause_lips_shut_however_far_they_were_apart(file, contact):
    jaw, smile = (unit(file, n) for n in ("jawOpen", "mouthSmileLeft"))
    motion = np.stack([0.1 * jaw, 0.5 * jaw, 0.1 * jaw, smile, 0.5 * jaw]).astype(np.float32)
    pause = np.array([1, 1, 0, 1, 0.5], np.float32)
    settled = contact.settle(motion, pause, pause)
    apart = contact.gaps(settled)[:, 3:8].max(axis=1)
    assert apart[0] < 0.3 and apart[1] < 0.3
    np.testing.assert_allclose(settled[2], contact.settle(motion[2:3])[0], atol=1e-4)
    assert np.linalg.norm(settled[3] - smile) < 0.6 * np.linalg.norm(smile), "a smile goes on"
    assert apart[1] < apart[4] < contact.gaps(motion[1:2])[0, 3:8].max()


def test_a_grin_that_a_long_pause_shuts_is_a_smile_and_a_jaw_comes_up(file, contact):
    smile = 0.8 * (unit(file, "mouthSmileLeft") + unit(file, "mouthSmileRight"))
    grin = smile + 0.8 * (unit(file, "mouthUpperUpLeft") + unit(file, "mouthUpperUpRight"))
    motion = np.stack([grin, grin + 0.15 * unit(file, "jawOpen")]).astype(np.float32)
    pause = np.ones(2, np.float32)
    assert contact.gaps(motion)[:, 3:8].max(axis=1).min() > 1.0, "teeth are seen"
    settled = contact.settle(motion, pause, pause)
    assert contact.gaps(settled)[:, 3:8].max() < 0.3
    marks = HeadLandmarks(file)
    corners = [marks.of(m)[:, [48, 54], 1] for m in (settled, motion[:1], np.zeros((1, 53), np.float32))]
    kept = (corners[0] - corners[2]) / (corners[1] - corners[2])
    assert kept.min() > 0.55 and kept.max() < 1.0


def test_the_goal_is_smooth_and_never_deeper_than_the_soft_contact():
    gaps = np.linspace(1, -3, 4001, dtype=np.float32)[:, None]
    goal = _goal(gaps, np.zeros(4001, np.float32), np.tile(np.array(PULLED_FROM, np.float32), (4001, 1)))
    np.testing.assert_array_equal(goal[gaps > -FREE_DEPTH], gaps[gaps > -FREE_DEPTH])
    assert goal.min() >= -FREE_DEPTH - GIVE - 1e-6
    slope = np.diff(goal, axis=0) / np.diff(gaps, axis=0)
    assert slope.min() >= -1e-3 and slope.max() <= 1 + 1e-3 and np.abs(np.diff(slope, axis=0)).max() < 0.02


def test_the_slopes_are_those_of_finite_differences(file, contact):
    motion = closing(file)[6:7]
    gaps, slopes = contact._gaps(motion)
    step = 1e-2
    for coefficient in (0, 3, 7):
        moved = motion.copy()
        moved[:, coefficient] += step
        found = (contact.gaps(moved) - gaps)[0] / step
        slope = slopes[0, :, coefficient]
        same = np.abs(found - slope) < 0.15 * np.abs(slope).max() + 0.02
        assert same.mean() > 0.8  # elsewhere another point became the closest


def test_upper_and_lower_lip_are_told_apart_by_their_landmarks(file):
    upper, lower = lip_sides(file)
    corners = file.faces[file.landmark_faces]
    assert upper[corners[[50, 51, 52, 61, 62, 63]]].all() and lower[corners[[56, 57, 58, 65, 66, 67]]].all()
    assert not (upper & lower).any() and not upper[file.masks["teeth"]].any()


def test_a_head_without_lips_is_refused(file):
    with pytest.raises(HeadError, match="expected landmarks, lips and mouthClose with the head"):
        LipContact(replace(file, arkit_names=()))
