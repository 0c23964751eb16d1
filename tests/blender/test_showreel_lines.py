"""What is said in the showreel, and the shoulders that go with it."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import showreel_body
from showreel_lines import EMOTIONS, PHRASES, SPEECH, dialogue, parts_of

from ecoface_blender.core.jaw_skinning import rotations
from ecoface_model.audio import read_sound
from ecoface_model.core.constants import SAMPLES_PER_FRAME


def test_no_words_are_said_twice_in_a_row_and_no_line_takes_over_the_reel():
    lines = dialogue([[SPEECH], [SPEECH]], 60.0)
    assert not any(a.part.shares_words(b.part) for a, b in pairwise(lines))
    said = [line.part for line in lines]
    assert max(map(said.count, said)) <= len(said) / 4
    assert len(set(said)) == len(parts_of(SPEECH)) == 5
    for speaker in (0, 1):
        assert {line.emotion for line in lines if line.speaker == speaker} == set(EMOTIONS)
    assert all(a.end_frame < b.first_frame for a, b in pairwise(lines))


def test_phrases_lie_between_quiet_moments_of_the_clip():
    sound = read_sound(SPEECH)
    level = np.sqrt(np.convolve(sound**2, np.ones(800) / 800, "same"))
    for frame in PHRASES[1:-1]:
        near = level[(frame - 1) * SAMPLES_PER_FRAME : (frame + 2) * SAMPLES_PER_FRAME]
        assert near.min() < 0.06 * level.max()
    assert PHRASES[-1] * SAMPLES_PER_FRAME >= len(sound)


def test_clips_of_the_second_head_are_said_whole_and_in_turn(tmp_path):
    other = tmp_path / "other.wav"
    other.write_bytes(SPEECH.read_bytes())
    lines = dialogue([[SPEECH], [other, SPEECH]], 30.0)
    assert lines[1].part == parts_of(other)[0] and lines[3].part.sound == SPEECH
    np.testing.assert_array_equal(lines[1].part.read(), read_sound(other))


def test_shoulders_go_with_a_turn_a_moment_later_and_rise_with_a_breath_before_a_line():
    yaw = np.zeros((250, 3))
    yaw[125:, 1] = np.radians(12)  # about the head's up: to the left
    still, none = showreel_body.turns(rotations(0 * yaw), [], 3)
    turned, up = showreel_body.turns(rotations(yaw), [(5.0, 6.0)], 3)
    followed = np.degrees((turned - still)[:, 0])
    step = followed[160] - followed[90]
    assert step == pytest.approx(12 * showreel_body.FOLLOWS[0], rel=0.05)
    assert followed[125] - followed[90] < 0.5 * step < followed[136] - followed[90]
    assert 0.002 < (up - none)[125] < 0.004 and not (up - none)[:110].any()
    moved = np.degrees(np.ptp(np.lib.stride_tricks.sliding_window_view(still, 50, axis=0), axis=-1))
    assert moved.max(axis=1).min() > 0.2, "never two seconds without any motion"
