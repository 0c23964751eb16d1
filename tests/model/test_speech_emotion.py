"""SpeechEmotion: what is said of a whole clip, its row, its curves, its track."""

import json

import numpy as np
import pytest

from ecoface_model.core.constants import EMOTIONS
from ecoface_model.reference_emotion.speech_emotion import SpeechEmotion

ANGRY, SAD = EMOTIONS.index("angry"), EMOTIONS.index("sad")


def heard(*angry: float, speech=None, intensity=1.5) -> SpeechEmotion:
    """Angry in these shares, a fifth sad, the rest neutral."""
    shares = np.zeros((len(angry), len(EMOTIONS)), np.float32)
    shares[:, ANGRY], shares[:, SAD] = angry, 0.2
    shares[:, 0] = 1 - shares.sum(axis=1)
    spoken = np.ones(len(angry)) if speech is None else np.array(speech)
    return SpeechEmotion(shares, np.full(len(angry), intensity, np.float32), spoken.astype(np.float32))


def test_the_whole_is_the_mean_over_what_is_spoken():
    told = heard(0.8, 0.6, 0.0, 0.7, speech=[1, 0.5, 0, 1])
    assert told.overall[ANGRY] == pytest.approx((0.8 + 0.3 + 0.7) / 2.5)
    assert told.overall.sum() == pytest.approx(1)
    assert told.emotion == "angry" and told.share == told.overall.max()
    assert told.speech_seconds == pytest.approx(0.25)
    assert told.describe() == "angry 0.7, sad 0.2"


def test_where_nobody_speaks_it_is_neutral_without_intensity():
    told = heard(0.8, 0.8, speech=[0, 0])
    assert told.emotion == "neutral" and told.share == 1 and told.overall_intensity == 0
    assert told.describe() == "neutral 1.0" and told.speech_seconds == 0


def test_neutral_has_no_intensity_and_other_emotions_their_mean():
    assert heard(0.1, intensity=1.8).overall_intensity == 0
    assert heard(0.8, intensity=1.8).overall_intensity == pytest.approx(1.8)


def test_what_is_unlikely_is_not_said_but_never_nothing():
    shares = np.full((3, len(EMOTIONS)), 0.125, np.float32)
    shares[:, 2] += 0.01
    told = SpeechEmotion(shares, np.ones(3, np.float32), np.ones(3, np.float32))
    assert told.describe() == "happy 0.1" and told.describe(least=0.12).count(",") == 7


def test_the_row_and_the_summary_say_the_same():
    told = heard(0.7, 0.7)
    row, summary = told.row("a.wav"), told.summary()
    assert tuple(row) == ("file", "emotion", "intensity", *EMOTIONS)
    assert row["file"] == "a.wav" and row["angry"] == pytest.approx(0.7)
    assert {name: row[name] for name in EMOTIONS} == summary["shares"]
    assert (row["emotion"], row["intensity"]) == (summary["emotion"], summary["intensity"])
    assert summary["text"] == told.describe() and summary["baseline"] == "none"
    assert json.loads(json.dumps(summary)) == summary


def test_curves_are_plain_lists_of_one_length():
    curves = json.loads(json.dumps(heard(0.8, 0.6, 0.1, speech=[1, 0.5, 0]).curves()))
    assert curves["rate"] == 10 and curves["speech"] == [1, 0.5, 0] and len(curves["intensity"]) == 3
    assert list(curves["shares"]) == list(EMOTIONS) and curves["shares"]["angry"] == [0.8, 0.6, 0.1]


def test_its_track_has_the_same_points_in_the_middle_of_each_tenth_of_a_second():
    told = heard(0.8, 0.6, 0.1)
    track = told.track()
    np.testing.assert_array_equal(track.weights, told.shares)
    np.testing.assert_array_equal(track.intensity, told.intensity)
    assert (track.rate, track.first) == (10, 0.05)
