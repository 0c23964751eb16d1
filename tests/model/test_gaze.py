"""Gaze and blinks of a line as peoples' are, and head and gaze together beside its 53 numbers."""

import itertools

import numpy as np
import pytest
from melody_samples import SECONDS, melody, moods
from tiny_model import voice

from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_file import read_head
from ecoface_model.core.head_mesh import HeadLandmarks
from ecoface_model.core.head_pose import head_angles, lid_follow
from ecoface_model.head_motion.blinks import blink_curve, blinks_in, met, missing
from ecoface_model.head_motion.draws import BLINKS, GAZE, HEAD, draws, ease
from ecoface_model.head_motion.gaze import (
    EYES_ALONE,
    Fixation,
    fixations,
    gaze_curve,
    head_share,
    saccade_seconds,
)
from ecoface_model.head_motion.melody import Melody
from ecoface_model.head_motion.performance import (
    Liveliness,
    Performance,
    kept_in_sight,
    perform,
    with_lids,
)
from ecoface_model.pipeline import EcoFace
from ecoface_model.postprocess.eyelids import SHUT, EyelidContact
from ecoface_model.windows import WindowPlan

WIDE, NARROW = WindowPlan(window=744, context=96), WindowPlan(window=160, context=24)


@pytest.fixture(scope="module")
def lids() -> EyelidContact:
    return EyelidContact(read_head())


def test_the_gaze_rests_and_leaves_as_peoples_do():
    """Lee et al. 2002: 3.1 s on somebody and 0.9 s away while talking, here as phrases part it."""
    on, away, sizes = [], [], []
    for seed in range(12):
        places = fixations(melody(), moods(), draws(seed, GAZE))
        times = [each.time for each in places]
        assert np.all(np.diff(times) > 0.1)
        spells = [each for k, each in enumerate(places) if k == 0 or each.away != places[k - 1].away]
        for here, then in itertools.pairwise(spells):
            (away if here.away else on).append(then.time - here.time)
        sizes += [b.size_from(a) for a, b in itertools.pairwise(places)]
    assert 1.8 < np.mean(on) < 4.5 and 0.6 < np.mean(away) < 1.3
    assert 3 < np.mean(sizes) < 8 and 0.02 < np.mean(np.array(sizes) > 15) < 0.2


def test_speakers_look_away_as_they_begin_and_back_as_they_end():
    starts, ends, amid = [], [], []
    for seed in range(30):
        places = fixations(melody(), moods(), draws(seed, GAZE))
        gaze = np.linalg.norm(gaze_curve(places, SECONDS), axis=1) > 3.2
        starts += [gaze[round(25 * (start + 0.1))] for start, _ in melody().phrases[1:]]
        ends += [gaze[round(25 * (end - 0.05))] for _, end in melody().phrases]
        amid += [gaze[round(25 * (end - 0.8))] for _, end in melody().phrases]
    assert np.mean(starts) > 1.5 * np.mean(amid) and np.mean(ends) < 0.5 * np.mean(amid)


def test_a_saccade_takes_the_time_of_the_main_sequence():
    assert saccade_seconds(10.0) == pytest.approx(0.049)
    places = [Fixation(-1.0, 0.0, 0.0, False), Fixation(1.0, 10.0, 0.0, True)]
    fine = np.arange(0.9, 1.2, 0.001)
    yaw = gaze_curve(places, fine)[:, 0]
    moving = fine[(yaw > 0.01) & (yaw < 9.99)]
    assert 0.035 < np.ptp(moving) <= 0.049 and yaw[0] == 0 and yaw[-1] == 10


def test_the_head_takes_a_part_of_a_look_away_and_the_eyes_the_rest(lids):
    line, here = melody(), moods()
    places = fixations(line, here, draws(2, GAZE))
    share = head_share(places, here, SECONDS)
    gaze = gaze_curve(places, SECONDS)
    away = np.abs(gaze[:, 0]) > 8
    assert away.any() and (np.sign(share[away, 0]) == np.sign(gaze[away, 0])).mean() > 0.8
    assert 0.1 < np.abs(share[away, 0]).mean() / np.abs(gaze[away, 0]).mean() < 0.35
    found = perform(np.zeros((3000, 53), np.float32), line, here, None, 2, Liveliness())
    world = np.degrees(found.gaze + head_angles(found.head)[:, :2])
    resting = np.linalg.norm(np.diff(world, axis=0), axis=1) < 0.5
    assert np.abs(np.diff(world, axis=0)[resting]).mean() < 0.02  # the eyes turn against the head
    assert resting.mean() > 0.9


def test_of_a_look_far_aside_the_head_takes_what_eyes_do_not_hold():
    places = [Fixation(-1.0, 0.0, 0.0, False)]
    places += [Fixation(2.0 + 4 * k, yaw, 0.0, True) for k, yaw in enumerate((6.0, 24.0))]
    places.insert(2, Fixation(4.0, 0.0, 0.0, False))
    share = head_share(places, moods(), SECONDS)[:, 0]
    assert share[95] == pytest.approx(0.3 * 6.0) and share[190] == pytest.approx(24 - EYES_ALONE[0])
    far = []
    for seed in range(20):
        found = perform(np.zeros((3000, 53), np.float32), melody(), moods("sad"), None, seed, Liveliness())
        far.append(np.abs(np.degrees(found.gaze[:, 0])) > 17)
    assert np.mean(far) < 0.01


def test_a_line_ends_in_a_blink_at_times_and_not_always_at_once():
    line = Melody(np.zeros(150), (), ((0.2, 4.0),), 6.0)
    at = [
        [time - 4.0 for time in missing([], [2.0], line, draws(seed, BLINKS)) if 3.9 < time < 4.6]
        for seed in range(200)
    ]
    after = np.concatenate(at)
    assert 0.25 < np.mean([len(each) > 0 for each in at]) < 0.65
    assert np.ptp(after) > 0.4 and after.std() > 0.1


def test_lines_of_three_seconds_one_after_the_other_leave_no_eye_open_for_long():
    line = Melody(np.zeros(75), (), ((0.1, 2.6),), 3.0)
    times = [
        3.0 * number + time
        for number in range(200)
        for time in missing([], [], line, draws(0, BLINKS, 0, number))
    ]
    gaps = np.diff(times)
    assert 12 < 20 * len(times) / 200 < 26, "a minute"
    assert np.percentile(gaps, 98) < 10 and gaps.max() < 14


def test_large_shifts_meet_blinks_that_are_near_and_stay_in_order():
    places = [
        Fixation(-1.0, 0.0, 0.0, False),
        Fixation(1.0, 10.0, 0.0, True),
        Fixation(1.5, 10.5, 0.0, True),
        Fixation(2.0, 0.0, 0.0, False),
    ]
    moved = met(places, [1.2, 5.0])
    assert [each.time for each in moved] == [-1, pytest.approx(1.22), 1.5, 2.0]
    assert met(places, []) == places and met(places, [1.4])[1].time == 1.0  # no room before the next


def test_blinks_are_added_at_ends_and_large_shifts_but_never_beside_others():
    line = melody()
    places = fixations(line, moods(), draws(0, GAZE))
    own = [3.6, 40.0, 40.5]
    added = missing(places, own, line, np.random.RandomState(0))
    together = sorted([*own, *added])
    assert 5 < len(added) < 40
    assert min(abs(a - b) for a in added for b in together if a != b) > 1.3
    curve = blink_curve([1.0], SECONDS)
    assert curve.max() > 0.95 and curve[:25].max() == 0 and curve[36:].max() == 0
    down, up = np.diff(curve[25 : 25 + curve[25:].argmax() + 1]), -np.diff(curve[28:35])
    assert len(down) <= 3 and up.max() > 0.3 and up.argmax() <= 1, "lids come up at once"


def test_eyes_do_not_stay_open_for_long_nor_blink_twice_at_once():
    line = melody()
    places = fixations(line, moods(), draws(3, GAZE))
    own = [20.0, 21.1, 70.0]
    together = np.sort([*own, *missing(places, own, line, np.random.RandomState(3))])
    apart = np.diff([0.0, *together, line.seconds])
    assert apart.max() < 8 and np.sort(apart)[:2].min() > 1.0
    assert 13 < 60 * len(together) / line.seconds < 24


def test_blinks_of_a_motion_are_found_where_the_eyes_shut():
    openings = np.full((100, 2), 7.0)
    openings[50:55] = np.array([4, 1, 0, 2, 5.0])[:, None]
    openings[70:74] = np.array([6, 5.5, 6, 6.5])[:, None]
    assert blinks_in(openings, np.full((100, 2), 7.0)) == [(51 - 2) / FRAME_RATE]


def still(frames: int = 750) -> np.ndarray:
    return np.zeros((frames, 53), np.float32)


def test_only_lids_move_in_the_53_numbers_and_blinks_shut_them(lids):
    found = perform(still(), melody(750), moods(frames=750), lids, 0, Liveliness())
    blink = lids._blink.sum(axis=0)
    part = (found.motion @ blink / (blink @ blink))[:, None] * blink
    assert np.linalg.norm(found.motion - part) < 0.1 * np.linalg.norm(part)
    openings = lids.openings(found.motion)
    assert openings.min() == pytest.approx(SHUT, abs=0.15)
    shut = np.convolve(openings[:, 0] < 4, np.ones(25), "same") > 0
    open_eyes = ~shut
    follow = lid_follow(found.gaze)[open_eyes]
    assert np.corrcoef(follow, openings[open_eyes, 0])[0, 1] < -0.95


def test_eyes_that_look_up_go_down_with_their_lids_so_that_no_blink_shows_their_white_alone(lids):
    """Of what is seen between half-shut lids, no more than half is below the iris."""
    up = np.radians(np.tile([3.0, 16.0], (40, 1))).astype(np.float32)
    motion = with_lids(still(40), lids, up, blink_curve([0.6], np.arange(40) / 25))
    openings, gaze = lids.openings(motion).mean(axis=1), kept_in_sight(up, motion, lids)
    np.testing.assert_array_equal(gaze[:, 0], up[:, 0])
    np.testing.assert_array_equal(gaze[:10], up[:10])
    half = (openings > 1) & (openings < 6)
    assert half.sum() >= 2
    centre, radius = _eye()
    lower = 1000 * HeadLandmarks(read_head()).of(motion)[:, [41, 40], 1].mean(axis=1) - centre

    def white(pitch: np.ndarray) -> np.ndarray:
        return ((radius * np.sin(pitch) - 5.8 - lower) / openings)[half]

    assert white(up[:, 1]).max() > 0.9 and white(gaze[:, 1]).max() < 0.5
    np.testing.assert_array_equal(kept_in_sight(gaze, motion, lids), gaze)  # once is enough


def _eye() -> tuple[float, float]:
    """Height of the right eye's centre and its radius, mm."""
    file = read_head()
    balls = file.masks["eyeballs"]
    ball = 1000 * file.v_template[balls[file.v_template[balls, 0] < 0]]
    return float(ball[:, 1].mean()), float(np.ptp(ball[:, 0]) / 2)


def test_amounts_scale_what_they_name_and_none_leaves_the_53_numbers(lids):
    motion = still()

    def made(**amounts: float) -> Performance:
        return perform(motion, melody(750), moods(frames=750), lids, 7, Liveliness(**amounts))

    usual, half = made(), made(head_motion=0.5)
    np.testing.assert_allclose(head_angles(half.head), 0.5 * head_angles(usual.head), atol=1e-4)
    without_gaze = made(gaze=0.0)
    assert without_gaze.gaze is None and without_gaze.motion is motion
    assert made(head_motion=0.0).head is None and made(head_motion=0.0).gaze is not None
    neither = made(head_motion=0.0, gaze=0.0)
    assert neither.head is None and neither.gaze is None
    assert usual.head.dtype == usual.gaze.dtype == usual.motion.dtype == np.float32


@pytest.mark.parametrize("amounts", [{"head_motion": -0.1}, {"gaze": 2.5}, {"gaze": float("nan")}])
def test_amounts_out_of_range_are_refused(amounts):
    with pytest.raises(RequestError, match=r"expected an amount from 0 to 2 as (head_motion|gaze), found"):
        Liveliness(**amounts)


def test_a_seed_gives_the_same_line_and_another_another(lids):
    def made(seed: int) -> Performance:
        return perform(still(), melody(750), moods(frames=750), lids, seed, Liveliness())

    one, again, other, far = made(1), made(1), made(2), made(2**40 + 1)
    np.testing.assert_array_equal(one.head, again.head)
    np.testing.assert_array_equal(one.gaze, again.gaze)
    assert np.abs(one.head - other.head).max() > 0.02 and np.abs(one.head - far.head).max() > 0.02


def test_draws_are_those_of_every_numpy():
    found = draws(12345, HEAD).uniform(size=3)
    np.testing.assert_allclose(found, FROZEN, rtol=1e-12)
    assert ease(np.array([-1, 0, 0.5, 1, 2])).tolist() == [0, 0, 0.5, 1, 1]


FROZEN = [0.8079437202714251, 0.4112711116105411, 0.26398573405334547]


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_the_shortest_clips_have_head_and_gaze(lids, frames):
    found = perform(
        still(frames),
        Melody(np.zeros(frames), (), (), frames / 25),
        moods(frames=frames),
        lids,
        0,
        Liveliness(),
    )
    assert found.head.shape == (frames, 3) and found.gaze.shape == (frames, 2)


def test_a_line_has_head_and_gaze_and_its_53_numbers_without(tiny_ecoface):
    line = voice(3.0)
    made = tiny_ecoface.generate(line, emotion="happy")
    plain = tiny_ecoface.generate(line, emotion="happy", head_motion=0.0, gaze=0.0)
    assert made.head.shape == (75, 3) and made.gaze.shape == (75, 2)
    assert plain.head is None and plain.gaze is None
    np.testing.assert_array_equal(tiny_ecoface.generate(line, emotion="happy", gaze=0.0).motion, plain.motion)
    assert made.metadata["head_motion"] == made.metadata["gaze"] == 1
    np.testing.assert_array_equal(made.motion[:, 50:], plain.motion[:, 50:])
    with pytest.raises(RequestError, match="as head_motion, found 3"):
        tiny_ecoface.generate(line, head_motion=3.0)


def test_the_head_is_the_same_whatever_the_windows(tiny_ecoface):
    line = voice(20.0)
    whole = EcoFace(tiny_ecoface.backend, WIDE).generate(line, emotion="sad", gaze=0.0).head
    parts = EcoFace(tiny_ecoface.backend, NARROW).generate(line, emotion="sad", gaze=0.0).head
    np.testing.assert_array_equal(whole, parts)
