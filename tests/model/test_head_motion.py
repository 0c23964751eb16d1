"""The head of a line: that it follows the voice's melody, the emotion, the style and the seed."""

import numpy as np
import pytest
from melody_samples import SECONDS, melody, moods

from ecoface_model.core.constants import EMOTIONS, FRAME_RATE
from ecoface_model.head_motion import pitch as pitch_module
from ecoface_model.head_motion.draws import GAZE, HEAD, draws, ease
from ecoface_model.head_motion.gaze import (
    fixations,
)
from ecoface_model.head_motion.head import (
    LIMITS,
    LOWEST,
    drawn_breaths,
    head_turns,
    in_reach,
    nod_on,
    not_tossed,
    shift_seconds,
    within,
)
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import Accent, Melody
from ecoface_model.head_motion.pitch import PITCH_RATE, pitch


def hum(seconds: float, hertz: float | np.ndarray, size: float = 0.2) -> np.ndarray:
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, (round(16000 * seconds),))) / 16000
    return (size * sum(np.sin(k * phase) / k for k in range(1, 6))).astype(np.float32)


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


def test_large_nods_and_postures_take_longer_and_the_chin_stays_out_of_the_collar():
    here = moods()
    nods = [nod_on(Accent(1.0, float(k % 2)), here, draws(k // 2, HEAD)) for k in range(200)]
    size = np.array([np.abs(nod.turn).max() for nod in nods])
    took = np.array([nod.rise for nod in nods])
    assert took[size > 3].mean() > 1.3 * took[size < 1].mean() and (nods[0].fall > nods[0].rise)
    near, far = (shift_seconds(np.array([0.0, turn, 0.0]), here, 1.0, draws(0, HEAD)) for turn in (1.0, 12.0))
    assert far > near + 0.3 and 1.875 * 12 / far < 26, "degrees a second at the most"
    hung = in_reach(np.stack([np.zeros(50), np.linspace(-20, 20, 50), np.zeros(50)], axis=1))[:, 1]
    assert -LOWEST < hung.min() < -0.9 * LOWEST and hung.max() > LOWEST + 3 and (np.diff(hung) > 0).all()


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
    drawn = drawn_breaths(after_pause.phrases, SECONDS)
    assert drawn[47] > 0.8 and drawn[30] == 0 and drawn[75] == 0 and not drawn[100:].any()
    assert not drawn_breaths(at_once.phrases, SECONDS).any() and np.abs(raised - not_raised).max() > 0.5


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
