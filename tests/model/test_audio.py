"""Any sound file becomes a mono 16 kHz waveform of exactly the right length, or one clear sentence."""

import re
import wave

import av
import numpy as np
import pytest
import soundfile
from tiny_model import voice

from ecoface_model.audio import fit_to_frames, n_frames, read_sound
from ecoface_model.core.errors import SoundError
from ecoface_model.sound.timeline import AT_ONCE as BLOCK


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def loudest_hertz(waveform: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(waveform)).argmax() * 16_000 / len(waveform))


def write_with_ffmpeg(
    path, codec: str, waveform: np.ndarray, rate: int, *, with_picture: bool = False
) -> None:
    with av.open(str(path), "w") as container:
        if with_picture:
            video = container.add_stream("mpeg4", rate=25)
            video.width = video.height = 64
        stream = container.add_stream(codec, rate=rate, layout="mono")
        if with_picture:
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(video.encode(picture))
            container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(waveform[None], format="fltp", layout="mono")
        frame.rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_every_rate_gives_round_16000_s_samples_and_the_same_pitch(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", tone(rate, 1.37), rate)
    waveform = read_sound(tmp_path / "a.wav")
    assert waveform.dtype == np.float32
    assert len(waveform) == round(16_000 * round(rate * 1.37) / rate)
    assert loudest_hertz(waveform) == pytest.approx(440, abs=1)
    assert np.abs(waveform[800:-800]).max() == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "ULAW"])
def test_every_sample_format_is_read_alike(tmp_path, subtype):
    soundfile.write(tmp_path / "a.wav", tone(16_000), 16_000, subtype=subtype)
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav"), tone(16_000), atol=0.02)


def test_channels_are_averaged(tmp_path):
    left, right = tone(16_000), tone(16_000, hertz=900)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), 16_000, subtype="FLOAT")
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav"), (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3"])
def test_libsndfile_formats_are_read(tmp_path, name):
    soundfile.write(tmp_path / name, tone(44_100), 44_100)
    assert loudest_hertz(read_sound(tmp_path / name)) == pytest.approx(440, abs=2)


def test_m4a_and_a_video_s_soundtrack_are_read(tmp_path):
    for name, with_picture in (("a.m4a", False), ("a.mp4", True), ("a.mkv", True)):
        write_with_ffmpeg(tmp_path / name, "aac", tone(44_100), 44_100, with_picture=with_picture)
        waveform = read_sound(tmp_path / name)
        assert loudest_hertz(waveform) == pytest.approx(440, abs=3)
        assert len(waveform) / 16_000 == pytest.approx(1, abs=0.06)  # AAC comes in blocks of 1024


def test_reading_in_blocks_equals_reading_at_once(tmp_path):
    waveform = voice(2.2 * BLOCK / 16_000)
    soundfile.write(tmp_path / "a.wav", waveform, 16_000, subtype="FLOAT")
    np.testing.assert_array_equal(read_sound(tmp_path / "a.wav"), waveform)


def test_a_truncated_wav_is_read_as_far_as_it_goes(tmp_path):
    soundfile.write(tmp_path / "whole.wav", tone(16_000, 2), 16_000)
    data = (tmp_path / "whole.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: len(data) // 2])
    assert len(read_sound(tmp_path / "cut.wav")) / 16_000 == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.ogg"])
def test_a_truncated_compressed_file_is_read_as_far_as_it_goes(tmp_path, name):
    soundfile.write(tmp_path / name, voice(4), 16_000)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    assert 0.5 < len(read_sound(tmp_path / name)) / 16_000 < 3  # ogg comes in pages of a second


def test_not_a_number_becomes_silence(tmp_path):
    waveform = tone(44_100)
    waveform[100:200] = np.nan
    soundfile.write(tmp_path / "a.wav", waveform, 44_100, subtype="FLOAT")
    read = read_sound(tmp_path / "a.wav")
    assert np.isfinite(read).all() and np.abs(read[800:]).max() == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.wav", None, "expected a sound file at .*missing.wav, found none"),
        ("empty.wav", b"", "expected a sound in empty.wav, found an empty file"),
        ("text.wav", b"this is no sound, only words\n" * 50, "expected sound in text.wav, found none"),
        ("noise.mp4", bytes(range(256)) * 40, "expected sound in noise.mp4, found none"),
    ],
)
def test_what_is_no_sound_is_said_in_one_sentence(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SoundError, match=message) as caught:
        read_sound(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_sound_of_no_length_is_refused(tmp_path):
    for n_samples in (0, 300):
        with wave.open(str(tmp_path / "short.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(b"\0\0" * n_samples)
        with pytest.raises(SoundError, match=re.escape("short.wav")):
            read_sound(tmp_path / "short.wav")


def test_a_picture_without_sound_is_refused(tmp_path):
    with av.open(str(tmp_path / "mute.mp4"), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width = video.height = 64
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(video.encode(frame))
        container.mux(video.encode(None))
    with pytest.raises(SoundError, match=r"expected sound in mute\.mp4"):
        read_sound(tmp_path / "mute.mp4")


def test_frames_are_round_25_s_for_every_length_and_rate(tmp_path):
    for n_samples in range(16_000, 17_300, 37):
        assert n_frames(n_samples) == round(25 * (n_samples / 16_000))
    for n_samples in range(44_100, 48_000, 441):  # many of these fall right between two frames
        soundfile.write(tmp_path / "a.wav", np.zeros(n_samples, np.float32), 44_100)
        assert n_frames(len(read_sound(tmp_path / "a.wav"))) == round(25 * (n_samples / 44_100))


def test_a_waveform_fits_its_frames_exactly():
    for n_samples in (639, 640, 641, 5_000):
        waveform = np.arange(n_samples, dtype=np.float32)
        fitted = fit_to_frames(waveform, 4)
        assert len(fitted) == 4 * 640
        shared = min(n_samples, 4 * 640)
        np.testing.assert_array_equal(fitted[:shared], waveform[:shared])
        assert not fitted[shared:].any()
