"""The time after a line: as long as asked for, with the expression fading and the line itself as before."""

import numpy as np
import pytest
from tiny_model import voice

from ecoface_model.core.errors import RequestError
from ecoface_model.idle import FADES, HELD, LEFT, points_of, shown_while_idle, steps_of, with_idle


@pytest.mark.parametrize(("samples", "seconds", "expected"), [(16_000, 1.0, 32_000), (16_100, 1.0, 32_000)])
def test_silence_is_added_in_whole_frames(samples, seconds, expected):
    waveform = np.ones(samples, np.float32)
    longer = with_idle(waveform, seconds)
    assert len(longer) == expected and not longer[samples:].any()
    np.testing.assert_array_equal(longer[:samples], waveform)
    assert with_idle(waveform, 0.0) is waveform


@pytest.mark.parametrize("seconds", [-1.0, 601.0, float("nan")])
def test_an_idle_that_is_none_is_refused(seconds):
    with pytest.raises(RequestError, match="expected 0 to 600 seconds of idle after the sound, found"):
        with_idle(np.zeros(640, np.float32), seconds)


def test_the_expression_is_held_then_fades_to_what_is_left():
    shown = shown_while_idle(50, 100)
    assert (shown[: 50 + round(25 * HELD)] == 1).all()
    assert shown[51 + round(25 * (HELD + FADES)) :] == pytest.approx(LEFT)
    assert (np.diff(shown) <= 0).all() and np.abs(np.diff(shown)).max() < 0.06


def test_steps_and_points_of_frames_are_theirs():
    shown = shown_while_idle(5, 60)
    steps = steps_of(shown, range(20, 70))
    np.testing.assert_array_equal(steps[::2], np.concatenate([shown[20:], np.full(10, shown[-1])]))
    points = points_of(shown, 24)
    assert len(points) == 24 and points[0] == 1 and points[-1] == pytest.approx(LEFT)


def test_a_line_goes_on_after_its_sound_and_is_neutral_there(tiny_ecoface):
    line = voice(2.0)
    made = tiny_ecoface.generate(line, emotion="angry:2", idle=2.0, gaze=0.0)
    assert made.n_frames == 100 and made.head.shape == (100, 3) and made.metadata["idle"] == 2.0
    neutral = tiny_ecoface.generate(line, emotion="neutral", idle=2.0, gaze=0.0)
    apart = np.linalg.norm(made.motion[:, :50] - neutral.motion[:, :50], axis=1)
    assert np.median(apart[92:]) < 0.5 * np.median(apart[10:40])
    assert tiny_ecoface.generate(line, emotion="angry:2").n_frames == 50
    with pytest.raises(RequestError, match="seconds of idle"):
        tiny_ecoface.generate(line, idle=-1.0)


def test_idle_fades_what_is_heard_too(tiny_ecoface):
    made = tiny_ecoface.generate(voice(2.0), idle=1.0)
    assert made.n_frames == 75 and made.metadata["heard"]["text"]
