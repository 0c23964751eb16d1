"""Worse recordings of speech: what each does to the sound, and that none moves it in time."""

import numpy as np
import pytest

from training.evaluation.degraded_speech import (
    CONDITIONS,
    NOISE_RATIO,
    in_noise,
    lowered,
    over_telephone,
    raised,
    with_music,
)

RATE = 16_000


def vowel(pitch: float = 120.0, seconds: float = 0.8) -> np.ndarray:
    """A voice at one pitch with a formant at 700 Hz, silent before 0.2 s."""
    time = np.arange(round(seconds * RATE)) / RATE
    tones = sum(
        np.exp(-(((n * pitch - 700) / 400) ** 2)) * np.sin(2 * np.pi * n * pitch * time) for n in range(1, 40)
    )
    return (0.2 * tones * (time > 0.2)).astype(np.float32)


def pitch_of(sound: np.ndarray) -> float:
    """Hz by the strongest repetition between 60 and 300 Hz."""
    middle = sound[round(0.4 * RATE) : round(0.7 * RATE)].astype(np.float64)
    repeated = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    lags = np.arange(RATE // 300, RATE // 60)
    return RATE / lags[repeated[lags].argmax()]


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition_keeps_length_and_onset_and_is_the_same_each_time(name):
    sound = vowel()
    found = CONDITIONS[name](sound)
    assert found.shape == sound.shape and found.dtype == np.float32 and np.isfinite(found).all()
    np.testing.assert_array_equal(found, CONDITIONS[name](sound))
    blocks = np.square(found, dtype=np.float64).reshape(-1, 160).mean(axis=1)  # of 10 ms
    onset = int(np.argmax(blocks > 0.5 * np.median(blocks[25:])))
    assert abs(onset - 20) <= 2


def test_the_voice_is_raised_and_lowered_by_a_fifth():
    sound = vowel()
    assert pitch_of(sound) == pytest.approx(120, rel=0.02)
    assert pitch_of(raised(sound)) == pytest.approx(144, rel=0.03)
    assert pitch_of(lowered(sound)) == pytest.approx(96, rel=0.03)


@pytest.mark.parametrize("worse", [in_noise, with_music])
def test_noise_and_music_are_ten_decibels_below_the_speech(worse):
    sound = vowel()
    noise = worse(sound) - sound
    ratio = 10 * np.log10(np.mean(sound.astype(float) ** 2) / np.mean(noise.astype(float) ** 2))
    assert ratio == pytest.approx(NOISE_RATIO, abs=0.1)


def test_a_telephone_passes_nothing_below_200_or_above_4000_hz():
    white = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    power = np.abs(np.fft.rfft(over_telephone(white))) ** 2
    inside = power[400:3300].mean()
    assert power[20:200].mean() < 1e-2 * inside and power[4200:7900].mean() < 1e-2 * inside
