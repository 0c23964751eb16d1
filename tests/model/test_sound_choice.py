"""Which track and which channel is heard, and that it is said."""

import numpy as np
import pytest
import soundfile
from sound_kinds import encode
from tiny_model import voice

from ecoface_model.core.constants import SAMPLE_RATE
from ecoface_model.core.errors import RequestError
from ecoface_model.sound.channels import KNOWN_AFTER
from ecoface_model.sound.reader import names_of_tracks, read

LINE = voice(3.0)
OTHER = voice(3.0, seed=5)
SILENT = np.zeros_like(LINE)


def read_wav(tmp_path, *channels: np.ndarray, channel: int | None = None):
    soundfile.write(tmp_path / "a.wav", np.stack(channels, axis=1), SAMPLE_RATE, subtype="FLOAT")
    return read(tmp_path / "a.wav", channel=channel)


def test_of_channels_in_antiphase_the_loudest_is_heard(tmp_path):
    sound = read_wav(tmp_path, 0.8 * LINE, -LINE)
    np.testing.assert_array_equal(sound.waveform, -LINE)
    assert sound.notes == ("channel 2 of 2 was heard, as all together cancel out",)


@pytest.mark.parametrize("faint", [0.0, 1e-3])
def test_a_dead_channel_is_left_out(tmp_path, faint):
    hum = np.float32(faint) * np.random.default_rng(0).standard_normal(len(LINE)).astype(np.float32)
    sound = read_wav(tmp_path, hum, LINE)
    np.testing.assert_array_equal(sound.waveform, LINE)
    assert sound.notes == ("channel 2 of 2 was heard, as the other is silent beside it",)


def test_two_people_on_two_channels_are_both_heard(tmp_path):
    sound = read_wav(tmp_path, LINE, OTHER)
    np.testing.assert_allclose(sound.waveform, (LINE + OTHER) / 2, atol=1e-6)
    assert not sound.notes


@pytest.mark.parametrize("where", ["wav", "m4a"])
def test_a_voice_in_the_centre_of_a_surround_mix_is_heard_alone(tmp_path, where):
    music = 0.2 * np.random.default_rng(0).standard_normal((6, len(LINE))).astype(np.float32)
    music[2] = LINE
    if where == "wav":
        sound = read_wav(tmp_path, *music)
        np.testing.assert_array_equal(sound.waveform, LINE)
    else:
        sound = read(encode(tmp_path / "a.m4a", "aac", music, layout="5.1"))
        assert np.corrcoef(sound.waveform[: len(LINE)], LINE[: len(sound.waveform)])[0, 1] > 0.98
    assert sound.notes == ("the voice was taken from the centre, channel 3 of 6",)


def test_eight_channels_are_read(tmp_path):
    sound = read(encode(tmp_path / "a.m4a", "aac", np.stack([LINE] * 8), layout="7.1"))
    assert np.corrcoef(sound.waveform[: len(LINE)], LINE[: len(sound.waveform)])[0, 1] > 0.98


def test_a_channel_is_chosen_and_one_that_is_not_there_refused(tmp_path):
    sound = read_wav(tmp_path, LINE, OTHER, channel=2)
    np.testing.assert_array_equal(sound.waveform, OTHER)
    assert not sound.notes
    with pytest.raises(RequestError, match="expected a channel from 1 to 2, found 3; choose one of these"):
        read(tmp_path / "a.wav", channel=3)
    encode(tmp_path / "a.mp3", "libmp3lame", LINE)
    with pytest.raises(RequestError, match="expected a channel from 1 to 1, found 2"):
        read(tmp_path / "a.mp3", channel=2)


def test_the_choice_of_a_long_recording_is_made_before_its_end(tmp_path):
    long = np.tile(LINE, KNOWN_AFTER // len(LINE) + 3)
    sound = read_wav(tmp_path, long, -long)
    np.testing.assert_array_equal(sound.waveform, long)


def test_the_default_track_is_heard_if_it_speaks(tmp_path):
    path = encode(tmp_path / "a.mkv", "pcm_s16le", LINE, OTHER, default=1)
    sound = read(path)
    np.testing.assert_allclose(sound.waveform[: len(OTHER)], OTHER, atol=2e-3)
    assert sound.notes == ("track 2 of 2 was heard",)


def test_of_silent_tracks_the_first_that_speaks_is_heard(tmp_path):
    path = encode(tmp_path / "a.mkv", "aac", SILENT, SILENT, LINE, default=0)
    sound = read(path)
    assert np.abs(sound.waveform).max() > 0.1
    assert sound.notes == ("track 3 of 3 was heard, as tracks 1 and 2 are silent",)
    assert np.abs(read(path, track=2).waveform).max() < 1e-3 and not read(path, track=3).notes


def test_a_track_that_is_not_there_is_refused(tmp_path):
    encode(tmp_path / "a.mka", "aac", LINE, LINE)
    soundfile.write(tmp_path / "a.wav", LINE, SAMPLE_RATE)
    for name, n in (("a.mka", 2), ("a.wav", 1)):
        with pytest.raises(
            RequestError, match=f"expected a track from 1 to {n}, found 3; choose one of these"
        ):
            read(tmp_path / name, track=3)


def test_where_all_tracks_are_silent_there_is_silence(tmp_path):
    sound = read(encode(tmp_path / "a.mkv", "aac", SILENT, SILENT))
    assert np.abs(sound.waveform).max() < 1e-3


def test_what_there_is_to_choose_is_told(tmp_path):
    assert read_wav(tmp_path, LINE).channels == ()
    assert read_wav(tmp_path, LINE, LINE).channels == ()
    for channel in (None, 2):
        sound = read_wav(tmp_path, LINE, OTHER, channel=channel)
        assert (sound.channels, sound.tracks) == (("1", "2"), ())
    alike = read(encode(tmp_path / "alike.m4a", "aac", np.stack([LINE, LINE]), layout="stereo"))
    assert (alike.channels, len(alike.tracks)) == ((), 1)
    path = encode(tmp_path / "a.mkv", "aac", SILENT, LINE)
    for track in (None, 1, 2):
        assert len(read(path, track).tracks) == 2
    assert len(names_of_tracks(path)) == 2
