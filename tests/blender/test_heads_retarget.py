"""Weights solved on a head's own lips and lids: found from geometry, shut when the reference's are."""

import numpy as np
import pytest
from other_heads import (
    ARRAYS,
    HEADS,
    NAMES,
    babble,
    head_of,
    mouth_that_rests_open,
    nominal,
    own_units,
    pucker_that_opens,
    reference,
)
from scipy.optimize import lsq_linear

from ecoface_blender.core.constants import LOWER_INNER, UPPER_INNER
from ecoface_blender.heads import contact_pairs
from ecoface_blender.heads.bounded_rows import Rows, least_change
from ecoface_blender.heads.jaw_shape_keys import JAW, rotations, skinned
from ecoface_blender.heads.own_head import to_blender
from ecoface_blender.heads.retarget import Retarget, follow
from ecoface_blender.heads.shape import HeadShape, JawBone, face_axes

TOUCH = 0.015  # half widths of the mouth: lips of the reference this near touch
MIDDLE = 2  # of the five pairs of the reference's lips


def solved(head):
    retarget = Retarget.of(head, np.ones(len(head.names)))
    columns = [NAMES.index(name) for name in head.names]
    measured = reference().measure(babble())
    return retarget, retarget.weights(nominal()[:, columns], measured), measured


def test_least_change_finds_what_a_solver_of_one_frame_finds():
    rng = np.random.default_rng(1)
    n, m, frames = 6, 4, 30
    root, directions = rng.normal(size=(n, n)), rng.normal(size=(m, n))
    metric = root @ root.T + np.eye(n)
    nominal, goal = rng.uniform(0, 1, (frames, n)), rng.normal(0, 2, (frames, m))
    price, upper = rng.uniform(0, 1e4, (frames, m)), rng.uniform(0.3, 1, n)
    found = least_change(metric, nominal, upper, Rows(directions, goal, goal, price))
    half = np.linalg.cholesky(metric).T
    for x, start, wanted, weight in zip(found, nominal, goal, price, strict=True):
        rows = np.vstack([half, np.sqrt(weight)[:, None] * directions])
        exact = lsq_linear(rows, np.r_[half @ start, np.sqrt(weight) * wanted], (0, upper), tol=1e-14).x
        np.testing.assert_allclose(x, exact, atol=1e-4)


def test_what_lies_in_its_interval_costs_nothing():
    rows = Rows(np.eye(2), np.zeros((1, 2)), np.ones((1, 2)), np.full((1, 2), 1e6))
    np.testing.assert_array_equal(least_change(np.eye(2), np.full((1, 2), 0.4), np.ones(2), rows), 0.4)


def test_the_exact_vertices_of_a_motion_are_those_of_skinning():
    mouth, motion = reference(), babble()[::30]
    np.testing.assert_allclose(mouth._skinned(motion), skinned(ARRAYS, motion)[:, mouth.points], atol=1e-7)


def test_lips_are_found_where_the_landmarks_are():
    lips = contact_pairs.find_lips(head_of(own_units()))
    corners = ARRAYS["v_template"][ARRAYS["faces"][ARRAYS["landmark_faces"]]]
    landmarks = np.einsum("lc,lcx->lx", ARRAYS["landmark_barycentric"], corners)
    for vertices, inner in ((lips.upper, UPPER_INNER), (lips.lower, LOWER_INNER)):
        rim = ARRAYS["v_template"][vertices]
        height = np.interp(landmarks[inner, 0], rim[:, 0], rim[:, 1])
        np.testing.assert_allclose(height, landmarks[inner, 1], atol=0.0015)
    assert not lips.open_at_rest and np.all(np.diff(lips.places) > 0)
    assert contact_pairs.find_lips(mouth_that_rests_open()).open_at_rest


def test_lips_are_not_the_teeth_that_the_jaw_parts_as_well():
    lips = contact_pairs.find_lips(head_of(own_units()))
    assert not np.isin(lips.vertices, np.r_[ARRAYS["mask_teeth"], ARRAYS["mask_tongue"]]).any()


@pytest.mark.parametrize("turn", [np.eye(3), np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]), None])
def test_the_face_s_axes_are_seen_in_its_units(turn):
    turn = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]) if turn is None else turn  # Blender's
    units = {name: unit @ turn.T for name, unit in zip(NAMES, own_units(), strict=True)}
    axes = face_axes(ARRAYS["v_template"] @ turn.T, units)
    np.testing.assert_allclose(axes @ turn, np.eye(3), atol=1e-6)


@pytest.mark.parametrize("name", HEADS)
def test_lips_touch_when_the_reference_s_do_and_no_deeper(name):
    retarget, weights, measured = solved(HEADS[name]())
    gaps, plain = retarget.gaps(weights), retarget.gaps(nominal())
    middle = np.abs(retarget.lips.places).argmin()
    touching = measured.gaps[:, MIDDLE] < TOUCH
    assert 20 < touching.sum() < 130
    assert gaps[touching, middle].max() < 0.03
    assert gaps.min() > -0.06
    opened = np.percentile(measured.gaps[:, MIDDLE], 95) * reference().lips.half_width
    own = np.percentile(gaps[:, middle], 95) * retarget.lips.half_width
    ratio = retarget.lips.parted[middle] / reference().lips.parted[MIDDLE]
    assert own == pytest.approx(opened * ratio, rel=0.15)
    if name in ("a pucker that opens", "a mouth that rests open"):
        assert plain[touching, middle].max() > 0.15  # it is for something


@pytest.mark.parametrize("name", HEADS)
def test_weights_stay_within_bounds_and_do_not_jump(name):
    """Seen four times as often, what moves steadily goes about a quarter as far in a frame."""
    retarget, weights, _ = solved(HEADS[name]())
    assert weights.min() >= 0 and weights.max() <= 1
    steps = []
    for times in (16, 64):  # lips meet within a third of a frame here
        at = np.arange(8 * times) / times
        motion, often = (
            np.stack([np.interp(at, np.arange(len(table)), column) for column in table.T], axis=1)
            for table in (babble(), nominal())
        )
        fine = retarget.weights(often, reference().measure(motion))
        steps.append(np.abs(np.diff(fine, axis=0)).max())
    assert steps[1] < max(0.6 * steps[0], 0.02)


def test_each_frame_is_solved_by_itself():
    head = pucker_that_opens()
    retarget, weights, _ = solved(head)
    some = slice(40, 60)
    alone = retarget.weights(nominal()[some], reference().measure(babble()[some]))
    np.testing.assert_allclose(alone, weights[some], atol=2e-3)


def test_on_its_own_units_little_changes():
    _, weights, _ = solved(head_of(own_units()))
    assert np.abs(weights - nominal()).mean() < 0.02


def test_a_blink_shuts_eyes_that_need_all_of_it():
    units = own_units().copy()
    for side in ("Left", "Right"):
        units[NAMES.index(f"eyeBlink{side}")] *= 0.7
    _, weights, measured = solved(head_of(units))
    blink = weights[:, NAMES.index("eyeBlinkLeft")]
    shut = measured.lids["Left"] < 0.05
    assert shut.any() and blink[shut].min() > 0.8
    assert blink[measured.lids["Left"] > 0.97].max() < 0.1


def test_a_head_whose_bone_opens_the_jaw_shuts_its_lips_too():
    names = tuple(name for name in NAMES if name != "jawOpen")
    bone = JawBone(ARRAYS["weights"][:, JAW].astype(float), ARRAYS["J_regressor"][JAW] @ ARRAYS["v_template"])
    head = pucker_that_opens()
    columns = [NAMES.index(name) for name in names]
    head = head_of(head.offsets[columns], bone=bone, names=names)
    retarget = Retarget.of(head, np.ones(len(names)))
    measured, turns = reference().measure(babble()), rotations(babble()[:, 50:])
    weights = retarget.weights(nominal()[:, columns], measured, turns)
    gaps = retarget.gaps(weights, turns)[:, np.abs(retarget.lips.places).argmin()]
    touching = measured.gaps[:, MIDDLE] < TOUCH
    assert gaps[touching].max() < 0.03
    opened = np.percentile(measured.gaps[:, MIDDLE], 95)
    assert np.percentile(gaps, 95) == pytest.approx(opened, rel=0.2)


def test_units_that_may_not_change_do_not_and_the_rest_makes_up_for_it():
    head = pucker_that_opens()
    kept = NAMES.index("mouthPucker")
    fewer = tuple(name for name in NAMES if name != "mouthPucker")
    head = head_of(np.delete(head.offsets, kept, axis=0), names=fewer)
    curves = dict(zip(NAMES, nominal().T, strict=True))
    out = follow([Retarget.of(head, np.ones(len(fewer)))], curves, reference().measure(babble()))
    np.testing.assert_array_equal(out["mouthPucker"], curves["mouthPucker"])


def test_a_mesh_without_lips_or_lids_keeps_what_the_units_mean():
    box = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
    head = HeadShape(to_blender(box), ("jawOpen", "mouthSmileLeft"), np.zeros((2, 8, 3), np.float32))
    retarget = Retarget.of(head, np.ones(2))
    assert retarget.lips is None and not retarget.lids
    curves = {name: nominal()[:, NAMES.index(name)] for name in head.names}
    out = follow([retarget], curves, reference().measure(babble()))
    for name in head.names:
        np.testing.assert_array_equal(out[name], curves[name])
