"""Head and gaze of a voice that goes on: as a whole line's, without jumps, and never growing."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from ecoface_model.audio import read_sound
from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.core.head_pose import head_angles
from ecoface_model.pipeline import EcoFace
from ecoface_model.streaming.speech_stream import SpeechStream, StreamedFrames, together
from ecoface_model.streaming.streamed_phrases import LONGEST, StreamedPhrases

DEMO = Path(__file__).parents[2] / "demo" / "speech.wav"


@pytest.fixture(scope="module")
def ecoface() -> EcoFace:
    return EcoFace.load()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Half a minute of real speech, in lines."""
    return np.tile(np.concatenate([read_sound(DEMO), np.zeros(8_000, np.float32)]), 5)


def streamed(stream: SpeechStream, sound: np.ndarray, chunk: int = 4_000) -> StreamedFrames:
    parts = [stream.feed(sound[begin : begin + chunk]) for begin in range(0, len(sound), chunk)]
    return together([*parts, stream.finish()])


@pytest.mark.parametrize("emotion", ["neutral", pytest.param("angry:1.5", marks=pytest.mark.slow)])
def test_a_stream_s_head_and_gaze_are_like_the_whole_line_s_and_do_not_jump(ecoface, speech, emotion):
    whole = ecoface.generate(speech, emotion=emotion, seed=1)
    made = streamed(ecoface.stream(emotion=emotion, seed=1), speech)
    here, usual = (np.degrees(head_angles(each.head)) for each in (made, whole))
    assert here.shape == usual.shape and made.gaze.shape == whole.gaze.shape
    for order in (1, 2):  # speeds and how they change
        jumps, most = (np.abs(np.diff(each, n=order, axis=0)).max() for each in (here, usual))
        assert jumps < 1.15 * most
    low, high = np.percentile([here, usual], [2.5, 97.5], axis=1)
    ranges = high - low
    np.testing.assert_allclose(ranges[0].mean(), ranges[1].mean(), rtol=0.3)
    assert np.corrcoef(here[:, 1], usual[:, 1])[0, 1] > 0.4, "it rises and falls with the melody"
    np.testing.assert_allclose(made.gaze.std(axis=0), whole.gaze.std(axis=0), rtol=0.4)


@pytest.mark.slow
def test_the_eyes_turn_against_the_head_and_shift_as_often(ecoface, speech):
    whole = ecoface.generate(speech, seed=2)
    made = streamed(ecoface.stream(seed=2), speech)
    shifts = []
    for each in (made, whole):
        world = np.degrees(head_angles(each.head)[:, :2] + each.gaze)
        steps = np.linalg.norm(np.diff(world, axis=0), axis=1)
        resting = steps < 0.5
        assert resting.mean() > 0.9 and steps[resting].mean() < 0.02
        shifts.append(np.sum(~resting))
    assert 0.6 < shifts[0] / shifts[1] < 1.6


def test_amounts_scale_a_stream_s_head_and_none_leaves_its_motion(ecoface, speech):
    line = speech[:160_000]
    usual, half = (streamed(ecoface.stream(head_motion=x, emotion="happy"), line) for x in (1.0, 0.5))
    np.testing.assert_allclose(head_angles(half.head), 0.5 * head_angles(usual.head), atol=1e-4)
    none = streamed(ecoface.stream(head_motion=0.0, gaze=0.0, emotion="happy"), line)
    assert none.head is None and none.gaze is None
    still = streamed(ecoface.stream(gaze=0.0, emotion="happy"), line)
    np.testing.assert_array_equal(none.motion, still.motion)
    assert (usual.motion != none.motion).any(), "lids follow the gaze"


@pytest.mark.slow
def test_what_head_and_gaze_keep_does_not_grow(ecoface, speech):
    noise = 0.05 * np.random.RandomState(0).randn(30 * 16_000).astype(np.float32)
    for sound in (speech, noise, np.zeros_like(noise)):
        stream, sizes = ecoface.stream(emotion="neutral"), []
        for _ in range(4):
            stream.feed(sound)
            kept = {k: v for k, v in vars(stream._performance).items() if k != "_lids"}
            sizes.append(len(pickle.dumps(kept)))
        assert sizes[3] < 1.15 * sizes[1]


def test_phrases_that_were_given_stay_and_long_ones_are_parted():
    phrases = StreamedPhrases()
    rest = np.ones(1000, np.float32)
    rest[100:150] = rest[153:200] = 0
    rest[300:302] = 0  # too short for one
    found = [phrases.add(rest[begin : begin + 40], 20) for begin in range(0, 960, 20)]
    spoken = [(p.start, p.end) for step in found for p in step if p.end > p.start]
    assert {start for start, _ in spoken} == {4.0}, "a pause of 3 frames parts none"
    assert spoken[-1] == (4.0, 8.0)
    marks = [p.start for p in found[-1] if p.start == p.end]
    assert marks and np.diff([8.0, *marks])[1:] == pytest.approx(LONGEST)
    talking = StreamedPhrases()
    for _ in range(60):
        last = talking.add(np.zeros(FRAME_RATE, np.float32), FRAME_RATE)
    assert all(p.end - p.start <= LONGEST + 0.1 for p in last) and last[-1].end == pytest.approx(60.0)
    assert [p.number for p in last] == list(range(last[0].number, last[-1].number + 1))
