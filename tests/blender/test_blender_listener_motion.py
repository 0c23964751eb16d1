"""What a face does that listens, by rule: blinks, nods, moods, its own and those it hears."""

import numpy as np
import pytest

from ecoface_blender.core.constants import LOWER_INNER, MOTION_DIM, UPPER_INNER
from ecoface_blender.core.head_file import read_head
from ecoface_blender.core.head_mesh import HeadLandmarks
from ecoface_blender.core.head_pose import direction
from ecoface_blender.core.jaw_skinning import rotations
from ecoface_blender.heads import source_curves
from ecoface_blender.heads.feelings import EMOTIONS
from ecoface_blender.takes import responses, silence
from ecoface_blender.takes.idle_motion import idle
from ecoface_blender.takes.responses import Heard

pytestmark = pytest.mark.blender_version


def test_idle_is_the_same_for_a_seed_and_within_people_s_ranges():
    long = idle(25 * 240, 25.0, 5)
    np.testing.assert_allclose(long.gaze, idle(25 * 240, 25.0, 5).gaze, rtol=0, atol=1e-12)
    assert not np.array_equal(long.head, idle(25 * 240, 25.0, 6).head)
    shut = long.blink > 0.9
    per_minute = np.sum(shut[1:] & ~shut[:-1]) / 4
    assert 10 < per_minute < 26
    assert np.degrees(np.abs(long.head)).max() < 9 and np.degrees(long.head.std(axis=0)).min() > 0.2
    world = (rotations(long.head) @ direction(long.gaze)[..., None])[:, :2, 0]
    assert np.degrees(np.median(np.abs(world))) < 4
    assert idle(3, 25.0, 0).head.shape == (3, 3)
    breath = np.degrees(idle(250, 25.0, 5, [8.0]).head - idle(250, 25.0, 5).head)[:, 0]
    assert breath[192] < -0.9 and not breath[:180].any() and not breath[200:].any(), "drawn before a line"
    for unit, weights in long.stirred.items():
        assert weights.min() >= 0 and 0.01 < weights.std() < 0.15, unit
        assert np.abs(np.diff(weights)).max() < 0.03, "slow"


def test_a_listener_s_lips_are_pressed_together_a_little():
    marks = HeadLandmarks(read_head())
    rest = np.zeros((2, MOTION_DIM), np.float32)
    height = [
        1000 * marks.of(motion)[..., 1] for motion in (rest, silence.lips_shut(rest).astype(np.float32))
    ]
    closer = np.subtract(*[y[:, UPPER_INNER] - y[:, LOWER_INNER] for y in height])
    assert closer.min() > 0.1 and closer.max() < 0.5, "mm"


def test_a_listener_s_head_is_never_still_for_a_second():
    for seed in range(4):
        turned = np.degrees(idle(25 * 240, 25.0, seed).head)
        ways = np.ptp(np.lib.stride_tricks.sliding_window_view(turned, 25, axis=0), axis=-1).max(axis=1)
        assert ways.min() > 0.35 and np.percentile(ways, 5) > 0.8, "degrees within any second"


SPOKE, SPEAKS = np.arange(0.0, 240.0, 10.0), np.arange(6.0, 240.0, 10.0)


"""Seconds at which lines end, and begin."""


def test_a_listener_never_blinks_twice_at_once_nor_beside_a_line():
    for seed in range(6):
        shut = idle(25 * 240, 25.0, seed).blink > 0.9
        begins = np.flatnonzero(shut[1:] & ~shut[:-1])
        assert np.diff(begins).min() >= 25, "a second"
        shut = idle(25 * 240, 25.0, seed, SPEAKS, SPOKE).blink > 0.05
        in_silence = np.arange(len(shut)) % 250 < 150  # of 10 s, the line takes the last four
        begins = np.flatnonzero(shut[1:] & ~shut[:-1] & in_silence[1:])
        assert np.diff(begins).min() >= 25 and (np.abs(begins % 250 - 75.5) < 60).all()
        assert 10 < len(begins) / (4 * 0.6) < 24, "the rate is kept"


PHRASES = [(start, start + 2.0) for start in np.arange(2.0, 230.0, 4.0)]


"""Seconds: two of speech, two of pause."""


def felt(emotion, n_frames):
    feelings = np.zeros((n_frames, len(EMOTIONS)))
    feelings[:, EMOTIONS.index(emotion)] = 1.0
    return feelings


def test_a_listener_nods_where_phrases_end_and_moves_more_than_alone():
    n = 25 * 232
    heard = Heard(PHRASES, felt("happy", n))
    times = responses.nod_times(heard, np.random.RandomState(4))
    nearest = np.abs(np.subtract.outer(times, [end for _, end in PHRASES])).min(axis=1)
    assert nearest.max() < 0.4 and 0.6 < len(times) / len(PHRASES) < 0.9
    within = responses.nod_times(Heard([(0.0, 60.0)], felt("sad", 1)), np.random.RandomState(4))
    assert 15 < len(within) < 35 and np.diff(within).min() >= responses.NODS_APART
    listening = idle(n, 25.0, 5, heard=heard)
    np.testing.assert_array_equal(listening.head, idle(n, 25.0, 5, heard=heard).head)
    alone = idle(n, 25.0, 5)
    never = idle(n, 25.0, 5, heard=Heard([], felt("happy", n)))
    pitched, still = (np.abs(np.diff(each.head[:, 0])).sum() for each in (listening, never))
    assert pitched > 1.5 * still
    assert np.degrees(np.abs(listening.head)).max() < 14
    np.testing.assert_array_equal(listening.blink, alone.blink)


def test_a_listener_takes_on_a_trace_of_the_mood_and_raises_brows_at_some_ends():
    seconds = np.arange(25 * 232) / 25
    smile, concern = (
        responses.units(Heard(PHRASES, felt(mood, len(seconds))), seconds, 25.0, np.random.RandomState(1))
        for mood in ("happy", "sad")
    )
    assert smile["mouthSmile"].max() < 0.5 and smile["mouthSmile"][200:].min() > 0.35
    assert "mouthFrown" not in smile or not smile["mouthFrown"].any()
    assert concern["browInnerUp"][200:].min() > 0.8 and concern["mouthSmile"].max() == 0
    brows = smile["browOuterUp"] > 0.12 + 0.2
    raised = np.flatnonzero(brows[1:] & ~brows[:-1]) / 25
    assert 0.15 < len(raised) / len(PHRASES) < 0.55
    assert np.abs(np.subtract.outer(raised, [end for _, end in PHRASES])).min(axis=1).max() < 0.6
    late = np.zeros((250, len(EMOTIONS)))
    late[100:, EMOTIONS.index("happy")] = 1.0
    shown = responses.units(Heard([], late), np.arange(250) / 25, 25.0, np.random.RandomState(1))[
        "mouthSmile"
    ]
    assert shown[100] < 0.1 and shown[140] > 0.35 and (np.diff(shown) > -1e-9).all(), "a moment later"


def test_a_listener_is_awake_whatever_it_hears_and_does_not_blink_at_one_beat_after_every_line():
    n = 25 * 20
    for mood in EMOTIONS:
        shown = responses.units(
            Heard([], 1.3 * felt(mood, n)), np.arange(n) / 25, 25.0, np.random.RandomState(0)
        )
        weights = {unit: weight[-1:] for unit, weight in shown.items()}
        face = source_curves.with_units(np.zeros((1, MOTION_DIM)), weights)
        assert source_curves.opened_lids(face).min() > 0.88, mood
    shut = [idle(n, 25.0, seed, (), [5.0]).blink > 0.05 for seed in range(40)]
    begins = np.concatenate([np.flatnonzero(each[1:] & ~each[:-1]) / 25 - 5.0 for each in shut])
    after = begins[(begins > 0) & (begins < 2)]
    assert np.histogram(after, np.arange(0.0, 2.1, 0.2))[0].max() < 0.4 * len(after)


def test_a_silence_between_lines_has_a_blink_however_short_the_lines_are():
    speaks, spoke = np.arange(3.0, 240.0, 6.0), np.arange(0.0, 240.0, 6.0)  # silent for half of the time
    for seed in range(6):
        shut = (idle(25 * 240, 25.0, seed, speaks, spoke).blink > 0.9).reshape(-1, 150)
        assert shut[:-1, :75].any(axis=1).all()


def test_a_face_takes_on_its_own_mood_before_a_line_and_loses_it_after():
    seconds, n = np.arange(500) / 25, 500
    angry = felt("angry", n) * ((seconds >= 8) & (seconds <= 12))[:, None]
    own = responses.own_mood(angry, seconds, [8.0], [12.0])
    shown = responses.units(Heard([], felt("happy", n)), seconds, 25.0, np.random.RandomState(1), own)
    brows, smile = shown["browDown"], shown["mouthSmile"]
    assert not brows[: 8 * 25 - 40].any() and brows[8 * 25] == pytest.approx(0.84, abs=0.03)
    assert brows[8 * 25 - 15] > 0.25, "before the line's first frame"
    assert smile[100] > 0.3 and smile[8 * 25] < 0.02, "what is heard gives way"
    assert 0.1 < brows[12 * 25 + 12] < brows[12 * 25 + 1] < 0.3 and brows[-1] == 0 and smile[-1] > 0.3
    assert np.abs(np.diff(brows[: 8 * 25])).max() < 0.04
    alone = idle(n, 25.0, 3, [8.0], [12.0], felt=angry).stirred
    assert alone["browDown"][8 * 25] > 0.5 and alone["browDown"][100] == 0
