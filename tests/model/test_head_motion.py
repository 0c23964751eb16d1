"""Head and gaze of a line: that they follow the voice, the emotion and the seed, and what people do."""

import itertools

import numpy as np
import pytest
from tiny_model import voice

from ecoface_model.core.constants import EMOTIONS, FRAME_RATE
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_file import read_head
from ecoface_model.core.head_pose import head_angles, lid_follow
from ecoface_model.head_motion import pitch as pitch_module
from ecoface_model.head_motion.blinks import blink_curve, blinks_in, met, missing
from ecoface_model.head_motion.draws import GAZE, HEAD, draws, ease
from ecoface_model.head_motion.gaze import (
    Fixation,
    fixations,
    gaze_curve,
    head_share,
    saccade_seconds,
)
from ecoface_model.head_motion.head import LIMITS, _drawn_breaths, head_turns, not_tossed, within
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import Accent, Melody
from ecoface_model.head_motion.performance import Liveliness, Performance, perform
from ecoface_model.head_motion.pitch import PITCH_RATE, pitch
from ecoface_model.pipeline import EcoFace
from ecoface_model.postprocess.eyelids import SHUT, EyelidContact
from ecoface_model.windows import WindowPlan

SECONDS = np.arange(3000) / FRAME_RATE
WIDE, NARROW = WindowPlan(window=744, context=96), WindowPlan(window=160, context=24)


@pytest.fixture(scope="module")
def lids() -> EyelidContact:
    return EyelidContact(read_head())


def hum(seconds: float, hertz: float | np.ndarray, size: float = 0.2) -> np.ndarray:
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, (round(16000 * seconds),))) / 16000
    return (size * sum(np.sin(k * phase) / k for k in range(1, 6))).astype(np.float32)


def moods(emotion: str = "neutral", amount: float = 0.0, frames: int = 3000, style: str = "natural") -> Moods:
    amounts = np.zeros((-(-frames * 2 // 5), len(EMOTIONS)), np.float32)
    amounts[:, EMOTIONS.index(emotion)] = amount
    return Moods.of(amounts, frames, style)


def melody(frames: int = 3000) -> Melody:
    """Phrases of 3 s with pauses of 1 s, and an accent every 0.6 s."""
    seconds = frames / FRAME_RATE
    phrases = tuple((s + 0.5, min(s + 3.5, seconds)) for s in np.arange(0, seconds - 1, 4.0))
    accents = tuple(
        Accent(float(t), 0.3 + 0.7 * (k % 3 == 0))
        for s, e in phrases
        for k, t in enumerate(np.arange(s + 0.3, e, 0.6))
    )
    contour = np.sin(2 * np.pi * 0.5 * np.arange(frames) / FRAME_RATE) * 3
    return Melody(contour, accents, phrases, seconds)


@pytest.mark.parametrize("hertz", [80.0, 140.0, 300.0])
def test_the_pitch_of_a_hum_is_found_whole_or_in_parts(hertz, monkeypatch):
    sound = hum(1.0, hertz)
    found = pitch(sound)
    assert len(found) == PITCH_RATE + 1
    np.testing.assert_allclose(found[5:-5], hertz, rtol=0.01)
    monkeypatch.setattr(pitch_module, "_AT_ONCE", 7)
    np.testing.assert_allclose(pitch(sound), found)


def test_noise_and_silence_have_no_pitch():
    noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    assert np.isfinite(pitch(noise)).mean() < 0.2
    assert np.isnan(pitch(np.zeros(16000, np.float32))).all() and len(pitch(np.zeros(1, np.float32))) == 1


def test_the_melody_of_a_voice_rises_where_it_does_and_its_loud_syllable_is_an_accent():
    times = np.arange(64000) / 16000
    sound = hum(4.0, 120 * 2 ** (np.exp(-((times - 2.0) ** 2) / 0.02) / 3))
    sound *= (
        0.15 + 0.85 * np.exp(-((times[:, None] - [0.7, 1.3, 2.0, 2.7, 3.3]) ** 2) / 0.005).sum(1)
    ).astype(np.float32)
    sound[:4000] = sound[-4000:] = 0
    rest = np.zeros(100, np.float32)
    rest[:6] = rest[-6:] = 1
    found = Melody.of(sound, rest)
    assert found.phrases == ((0.24, 3.76),)
    assert abs(found.contour.argmax() / FRAME_RATE - 2.0) < 0.08 and found.contour.max() > 1
    strongest = max(found.accents, key=lambda accent: accent.strength)
    assert abs(strongest.time - 2.0) < 0.1 and strongest.strength == 1
    assert abs(found.contour[0]) < 1e-3


def test_where_nobody_speaks_there_is_no_melody_and_still_some_life():
    silence = Melody.of(np.zeros(160000, np.float32), np.ones(250, np.float32))
    assert not silence.phrases and not silence.accents and not silence.contour.any()
    turns = head_turns(silence, moods(frames=250), 250, draws(1, HEAD))
    assert turns.std(axis=0).min() > 0.2 and np.abs(turns).max() < 6
    assert len(fixations(silence, moods(frames=250), draws(1, GAZE))) > 4


def test_the_head_follows_the_melody_and_nods_on_accents():
    line = melody()
    turns = head_turns(line, moods(), 3000, draws(0, HEAD))
    assert np.corrcoef(turns[:, 1], line.contour)[0, 1] > 0.25
    speed = np.linalg.norm(np.diff(turns, axis=0), axis=1)
    near = np.zeros(2999, bool)
    for accent in line.accents:
        near |= np.abs(SECONDS[:-1] - accent.time + 0.07) < 0.15
    assert speed[near].mean() > 1.2 * speed[~near].mean()
    assert (turns.std(axis=0) > [1.5, 1.0, 0.8]).all() and (turns.std(axis=0) < 5).all()
    assert (np.abs(turns.mean(axis=0)) < 1.5).all()


def test_a_head_never_jerks_nor_passes_its_limits():
    turns = head_turns(melody(), moods("angry", 2.0), 3000, draws(3, HEAD))
    assert (np.abs(turns) < LIMITS).all()
    power = np.abs(np.fft.rfft(turns - turns.mean(axis=0), axis=0)) ** 2
    assert power[np.fft.rfftfreq(3000, 1 / 25) > 8].sum() < 1e-3 * power.sum()
    far = within(np.array([[100.0, -100.0, 1.0]]), LIMITS)[0]
    np.testing.assert_allclose(far, [LIMITS[0], -LIMITS[1], 1.0], atol=1e-6)


def test_no_emotion_tosses_the_head_and_one_accent_on_another_is_no_larger():
    line = melody()
    crowd = Melody(
        0 * line.contour, tuple(Accent(t, 1.0) for t in np.arange(0.5, 119, 0.25)), line.phrases, line.seconds
    )
    turns = not_tossed(head_turns(crowd, moods("angry", 2.0, style="lively"), 3000, draws(3, HEAD)))
    within_200_ms = np.abs(turns[5:] - turns[:-5]).max(axis=0)
    assert within_200_ms.max() < 10 and within_200_ms[1] > 3


def test_only_turns_that_are_too_fast_are_slowed():
    swaying = np.stack([np.zeros(100), 6 * np.sin(SECONDS[:100]), np.zeros(100)], axis=1)
    tossed = swaying + np.array([0, 12.0, 0]) * ease((SECONDS[:100] - 2) / 0.16)[:, None]
    np.testing.assert_array_equal(not_tossed(swaying), swaying)
    slowed = not_tossed(tossed)
    np.testing.assert_allclose(slowed[[0, 30, 70, 99]], tossed[[0, 30, 70, 99]], atol=0.1)
    assert np.diff(slowed, axis=0).max() < 0.6 * np.diff(tossed, axis=0).max()
    np.testing.assert_array_equal(not_tossed(swaying[:1]), swaying[:1])


def test_a_breath_is_drawn_before_a_phrase_that_follows_silence():
    line = melody()
    after_pause = Melody(line.contour, (), ((2.0, 6.0), (6.2, 9.0)), line.seconds)
    at_once = Melody(line.contour, (), ((0.2, 6.0), (6.2, 9.0)), line.seconds)
    raised, not_raised = (
        head_turns(each, moods(), 3000, draws(3, HEAD))[:, 1] for each in (after_pause, at_once)
    )
    drawn = _drawn_breaths(after_pause, SECONDS)
    assert drawn[47] > 0.8 and drawn[30] == 0 and drawn[75] == 0 and not drawn[100:].any()
    assert not _drawn_breaths(at_once, SECONDS).any() and np.abs(raised - not_raised).max() > 0.5


def test_anger_moves_larger_and_faster_and_sadness_lower_and_slower_than_neutral():
    found = {
        name: head_turns(melody(), moods(name, 1.5), 3000, draws(5, HEAD))
        for name in ("neutral", "angry", "sad", "surprised")
    }
    speed = {name: np.linalg.norm(np.diff(turns, axis=0), axis=1).mean() for name, turns in found.items()}
    assert speed["angry"] > 1.3 * speed["neutral"] > 1.3**2 * speed["sad"]
    lift = {name: turns[:, 1].mean() for name, turns in found.items()}
    assert lift["sad"] < lift["neutral"] - 3 and lift["surprised"] > lift["neutral"] + 1.5


def test_styles_move_more_or_less_and_unknown_ones_as_usual():
    sizes = [
        np.abs(head_turns(melody(), moods(style=style), 3000, draws(0, HEAD))).mean()
        for style in ("poised", "natural", "lively", "somebody")
    ]
    assert sizes[0] < sizes[1] == sizes[3] < sizes[2]


def test_a_mood_that_changes_reaches_the_head_in_time():
    amounts = np.zeros((1200, len(EMOTIONS)), np.float32)
    amounts[600:, EMOTIONS.index("sad")] = 2
    hanging = Moods.of(amounts, 3000, "natural").curves["pitch"]
    assert hanging[:1400].max() == 0 and hanging[1600:].min() == pytest.approx(2 * 3.2)


def test_moods_together_are_no_more_than_a_strong_one():
    amounts = np.full((100, len(EMOTIONS)), 2, np.float32)
    assert Moods.of(amounts, 250, "natural").curves["size"].max() < 1.4


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
