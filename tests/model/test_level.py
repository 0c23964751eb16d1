"""How loud a clip is, and its speech at one level: a recording's gain is not heard."""

import numpy as np
import pytest
from tiny_model import voice

from ecoface_model.audio import n_frames
from ecoface_model.core.constants import SAMPLE_RATE
from ecoface_model.level import (
    FAINTEST,
    NOBODY,
    USUAL,
    frame_levels,
    is_lively,
    loud_and_quiet,
    nobody_speaks,
    remarks,
    usual_gain,
    without_silences,
)
from ecoface_model.postprocess.voice_activity import resting


def at_usual_level(sound):
    gain = usual_gain(sound)
    return sound if gain is None else sound * gain


def gained(waveform: np.ndarray, decibels: float) -> np.ndarray:
    return waveform * np.float32(10 ** (decibels / 20))


def noise(level: float, colour: float = 0.0) -> np.ndarray:
    """Four seconds at so many dB; the power of colour 0 is white, of 1 falls as 1 / f, of 2 as 1 / f^2."""
    n = 4 * SAMPLE_RATE
    hertz = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(n)) * (hertz > 20)
    sound = np.fft.irfft(spectrum / np.maximum(hertz, 1) ** (colour / 2))
    return gained((sound / sound.std()).astype(np.float32), level)


def loud(waveform: np.ndarray) -> float:
    return float(np.percentile(frame_levels(waveform), 95))


def test_a_frame_s_level_is_its_power():
    waveform = np.concatenate([np.full(640, 0.1), np.zeros(640), np.full(300, 1.0)]).astype(np.float32)
    np.testing.assert_allclose(frame_levels(waveform), [-20, -120], atol=1e-3)
    assert len(frame_levels(waveform[:1000])) == 2  # as many as round(25 s), the last filled up
    for n_samples in range(320, 320 * 1200, 640):  # right between two frames
        assert len(frame_levels(np.zeros(n_samples, np.float32))) == n_frames(n_samples)


@pytest.mark.parametrize("gain", [20, 0, -20, -35, -45])
def test_speech_comes_at_the_usual_level_whatever_its_recording_s(gain):
    levelled = at_usual_level(gained(voice(2.0), gain))
    assert loud(levelled) == pytest.approx(USUAL, abs=0.01)
    np.testing.assert_allclose(levelled, at_usual_level(voice(2.0)), atol=1e-5)


@pytest.mark.parametrize("colour", [0, 1, 2])
@pytest.mark.parametrize("level", [-80, -66, -60, -40])
def test_the_noise_of_a_room_stays_as_it_is_of_any_colour(level, colour):
    room = noise(level, colour)
    assert not is_lively(room)
    assert at_usual_level(room) is room
    assert nobody_speaks(room) == (loud(room) < NOBODY)


@pytest.mark.parametrize("sound", [np.zeros(16_000), np.ones(16_000), np.zeros(640), 0.1 * np.ones(300)])
def test_silence_an_offset_and_a_shred_stay_as_they_are(sound):
    sound = sound.astype(np.float32)
    if len(frame_levels(sound)):
        assert at_usual_level(sound) is sound


def test_the_last_bit_of_a_file_is_no_speech():
    flicker = np.where(np.arange(32_000) // 4_000 % 2, np.random.default_rng(0).integers(-1, 2, 32_000), 0)
    sound = (flicker / 32_768).astype(np.float32)
    assert is_lively(sound) and nobody_speaks(sound) and at_usual_level(sound) is sound


def test_faint_speech_is_speech_down_to_where_nothing_is():
    speech = voice(2.0)
    for level in (NOBODY - 5, FAINTEST + 1):
        faint = gained(speech, level - loud(speech))
        assert not nobody_speaks(faint) and not resting(faint).all()
    gone = gained(speech, FAINTEST - 1 - loud(speech))
    assert nobody_speaks(gone) and resting(gone).all() and at_usual_level(gone) is gone


@pytest.mark.parametrize("gain", [20, -20, -35, -45])
def test_the_gain_of_a_recording_is_not_heard_and_not_seen(tiny_ecoface, gain):
    speech = np.concatenate([np.zeros(8_000, np.float32), voice(2.0), np.zeros(8_000, np.float32)])
    other = gained(speech, gain)
    usual, heard = tiny_ecoface.listen(speech), tiny_ecoface.listen(other)
    np.testing.assert_allclose(heard.shares, usual.shares, atol=1e-4)
    np.testing.assert_array_equal(heard.speech, usual.speech)
    motion = tiny_ecoface.generate(speech).motion
    np.testing.assert_allclose(tiny_ecoface.generate(other).motion, motion, atol=1e-4)
    baselines = [tiny_ecoface.voice_baseline([line]).states for line in (speech, other)]
    np.testing.assert_allclose(*baselines, atol=1e-3)


def test_sixteen_bits_of_a_quiet_recording_are_enough(tiny_ecoface):
    speech = voice(2.0)
    quiet = (np.round(gained(speech, -35) * 32_768) / 32_768).astype(np.float32)
    difference = tiny_ecoface.listen(quiet).overall - tiny_ecoface.listen(speech).overall
    assert np.abs(difference).max() < 0.05


@pytest.mark.parametrize("seconds", [2, 10, 600])
@pytest.mark.parametrize("room", [0.0, 1e-4])
def test_speech_is_as_loud_in_a_long_silence_as_alone(seconds, room):
    speech = voice(3.0)
    noise = room * np.random.default_rng(0).standard_normal(seconds * SAMPLE_RATE)
    long = np.concatenate([noise.astype(np.float32), speech])
    alone, _ = loud_and_quiet(frame_levels(speech))
    assert loud_and_quiet(frame_levels(long))[0] == pytest.approx(alone, abs=2)
    kept = np.concatenate(list(without_silences(long)))
    assert len(speech) <= len(kept) <= len(speech) + 1.1 * SAMPLE_RATE
    np.testing.assert_array_equal(kept[-len(speech) :], speech)


def test_where_there_is_no_silence_nothing_is_left_out():
    for sound in (voice(3.0), noise(-60), np.zeros(SAMPLE_RATE, np.float32)):
        np.testing.assert_array_equal(np.concatenate(list(without_silences(sound))), sound)


def test_what_should_be_known_of_a_level_is_said():
    speech = voice(3.0)
    assert remarks(gained(speech, USUAL - loud(speech) - 45)) == []
    (faint,) = remarks(gained(speech, -72 - loud(speech)))
    assert faint.startswith("the voice is very faint (72 dB below full scale)")
    for nobody in (np.zeros(SAMPLE_RATE, np.float32), noise(-70), noise(-40)):
        assert remarks(nobody) == ["nobody speaks in this sound, so the face rests"]


def test_a_file_of_floats_that_holds_whole_numbers_of_16_bits_is_heard_alike(tiny_ecoface):
    speech = voice(2.0)
    motion = tiny_ecoface.generate(speech).motion
    np.testing.assert_allclose(tiny_ecoface.generate(32_768 * speech).motion, motion, atol=1e-3)


def test_a_clip_comes_in_pieces_of_half_a_minute_at_its_gain_and_no_shred():
    sound = voice(61.5)
    pieces = list(without_silences(sound, np.float32(0.5)))
    assert [len(piece) / SAMPLE_RATE for piece in pieces] == [30, 30, 1.5]
    np.testing.assert_array_equal(np.concatenate(pieces), 0.5 * sound)
    assert len(list(without_silences(voice(60.5)))) == 2
