"""Pauses heard by level."""

import numpy as np
import pytest
from tiny_model import voice

from ecoface_model.core.constants import SAMPLE_RATE
from ecoface_model.postprocess.voice_activity import (
    BENEATH,
    LONG,
    LevelGates,
    long_pauses,
    pauses_in_noise,
    predicted_pauses,
    resting,
    speaking,
)
from training.data.real_speech import SOUNDS, read_recordings


def spoken(*parts: float, noise: float = 1e-4) -> np.ndarray:
    """Seconds of a loud tone (above 0) and of silence (below 0) in turn, in a room."""
    rng = np.random.default_rng(0)
    sounds = [np.sin(np.arange(round(abs(p) * SAMPLE_RATE)) * 0.3) * (0.3 if p > 0 else 0) for p in parts]
    sound = np.concatenate(sounds)
    return (sound + noise * rng.standard_normal(len(sound))).astype(np.float32)


def test_a_mouth_rests_in_a_pause_eases_into_it_and_parts_before_the_next_sound() -> None:
    gate = resting(spoken(1.0, -0.8, 1.0))
    assert len(gate) == 70
    assert not gate[:25].any() and not gate[45:].any()
    assert (gate[28:40] == 1).all()
    assert (np.diff(gate[24:30]) >= 0).all() and (np.diff(gate[40:46]) <= 0).all()
    assert np.abs(np.diff(gate)).max() <= 0.5


def test_the_silence_around_a_line_is_rest_to_the_very_ends() -> None:
    gate = resting(spoken(-0.5, 1.0, -0.5))
    assert gate[0] == gate[-1] == 1


def test_a_stops_closure_is_no_pause() -> None:
    assert not resting(spoken(1.0, -0.12, 1.0, -0.08, 1.0))[20:60].any()


@pytest.mark.parametrize("level", [1.0, 0.01])
def test_the_level_of_the_recording_does_not_matter(level: float) -> None:
    sound = spoken(1.0, -0.8, 1.0)
    np.testing.assert_array_equal(resting((level * sound).astype(np.float32)), resting(sound))


def test_in_loud_noise_and_without_pauses_nothing_is_claimed() -> None:
    assert not resting(spoken(1.0, -0.8, 1.0, noise=0.05)).any()
    assert not resting(spoken(2.0)).any()


def test_clips_of_any_length_and_digital_silence_have_a_gate_for_every_frame() -> None:
    for n_samples in (640, 700, 1281, 16_000):
        assert resting(np.zeros(n_samples, np.float32)).shape == (round(n_samples / 640),)
    assert resting(voice(1.0)).dtype == np.float32


@pytest.mark.parametrize("noise", [0.0, 2e-4])
def test_where_nobody_speaks_at_all_the_mouth_rests_throughout(noise: float) -> None:
    assert (resting(spoken(-3.0, noise=noise)) == 1).all()


@pytest.mark.skipif(not SOUNDS.is_dir(), reason="needs Debian's pocketsphinx-testdata")
def test_on_recorded_speech_rest_lies_in_aligned_pauses() -> None:
    inside = total = 0
    for clip in read_recordings():
        middles = (np.flatnonzero(resting(clip.waveform) > 0.5) + 0.5) / 25
        pauses = [(phone.start - 0.04, phone.end + 0.04) for phone in clip.phones if phone.name == "SIL"]
        inside += sum(any(start <= t < end for start, end in pauses) for t in middles)
        total += len(middles)
    assert total > 40 and inside / total > 0.95


def test_somebody_speaks_where_no_mouth_rests_at_any_rate() -> None:
    said = speaking(spoken(1.0, -2.0, 1.0), 40, 10)
    assert len(said) == 40 and (said[:9] == 1).all() and (said[12:28] == 0).all() and (said[31:] == 1).all()
    assert not speaking(np.zeros(SAMPLE_RATE, np.float32), 10, 10).any()
    noise = np.random.default_rng(0).normal(0, 0.01, 5 * SAMPLE_RATE).astype(np.float32)
    assert not speaking(noise, 50, 10).any(), "of a room, which has no mood"


def test_in_noise_what_does_not_stand_out_of_it_counts_less_as_speech() -> None:
    sound = spoken(1.0, -2.0, 1.0)
    noise = np.random.default_rng(0).normal(0, 1, len(sound)).astype(np.float32)
    noise *= np.sqrt(np.mean(np.square(sound[:SAMPLE_RATE]))) * 10 ** (-20 / 20)
    said = speaking(sound + noise, 40, 10)
    assert (said[12:28] == np.float32(BENEATH)).all(), "a pause that the level does not tell"
    assert said[:9].mean() > 0.9 and said[31:].mean() > 0.9
    assert (speaking(sound, 40, 10)[12:28] == 0).all()


def test_silence_is_told_as_a_pause_only_for_three_frames_and_more() -> None:
    silence = np.array([0, 0.9, 0, 0.8, 0.7, 0.9, 0, 1, 1, 0, 0.6, 0.6], np.float32)
    told = predicted_pauses(silence)
    np.testing.assert_allclose(told, [0, 0, 0, 0, 0.7, 0, 0, 0, 0, 0, 0, 0.6])
    assert predicted_pauses(np.ones(1, np.float32)).tolist() == [1]


def test_a_long_pause_is_told_from_short_ones_and_eased_but_at_the_clip_s_ends() -> None:
    rest = np.zeros(100, np.float32)
    rest[:20] = rest[40 : 40 + LONG - 1] = rest[70:95] = 1
    amid = long_pauses(rest)
    assert amid[0] == 1 and amid[10] == 1 and 0 < amid[19] < 0.5, "from the beginning on"
    assert not amid[20:70].any() and not amid[95:].any()
    assert amid[80] == 1 and np.abs(np.diff(amid[60:])).max() < 0.25
    assert (long_pauses(np.ones(5, np.float32)) == 1).all(), "a shred in which nobody speaks"


@pytest.mark.parametrize("decibels", [10, 15, 20])
def test_long_pauses_in_noise_are_told_by_level_and_phones_together(decibels: float) -> None:
    sound = spoken(-2.0, 2.0, -0.3, 1.0, -2.0, noise=0.3 * 0.7 * 10 ** (-decibels / 20))
    silence = np.full(round(len(sound) / 640), 0.05, np.float32)
    quiet = LevelGates.of(sound).quiet
    assert not pauses_in_noise(quiet, silence).any(), "the phones say that somebody speaks"
    silence[:50] = silence[-50:] = silence[100:107] = 0.7
    gate = pauses_in_noise(quiet, silence)
    assert (gate[:40] == 1).all() and (gate[-40:] == 1).all() and not gate[50:-50].any()


def test_in_a_noise_that_is_all_the_mouth_rests_as_the_phones_say() -> None:
    quiet = LevelGates.of(spoken(-4.0, noise=0.01)).quiet
    assert (pauses_in_noise(quiet, np.full(100, 0.7, np.float32)) == 1).all()
    assert not pauses_in_noise(quiet, np.zeros(100, np.float32)).any()
