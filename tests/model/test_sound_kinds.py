"""Streams that change, start late, have gaps or damage: all stands where it was, and what is lost is said."""

import os
import struct

import numpy as np
import pytest
import soundfile
import soxr
from sound_kinds import damaged, encode, joined, packets_of
from tiny_model import voice

from ecoface_model.core.constants import SAMPLE_RATE
from ecoface_model.core.errors import SoundError
from ecoface_model.sound.reader import read

LINE = voice(4.0)


def lag(waveform: np.ndarray, of: np.ndarray = LINE) -> float:
    """Milliseconds by which a waveform is behind another."""
    n = 2 * max(len(waveform), len(of))
    both = np.fft.irfft(np.fft.rfft(waveform, n) * np.fft.rfft(of, n).conj())
    place = int(both.argmax())
    return 1000 * (place if place < n // 2 else place - n) / SAMPLE_RATE


def part(waveform: np.ndarray, start: float, stop: float) -> np.ndarray:
    return waveform[round(start * SAMPLE_RATE) : round(stop * SAMPLE_RATE)]


def alike(waveform: np.ndarray, start: float, stop: float, off: float = 0.025) -> float:
    """How much a stretch is the line's own of the same time, or of `off` seconds before or after: r."""
    own = part(LINE, start, stop)
    steps = range(-round(off * SAMPLE_RATE), round(off * SAMPLE_RATE) + 1, 2)
    found = [part(waveform, start + step / SAMPLE_RATE, stop + step / SAMPLE_RATE) for step in steps]
    return max(float(np.corrcoef(each, own[: len(each)])[0, 1]) for each in found)


@pytest.mark.parametrize("suffix", ["mp3", "aac"])
def test_a_stream_that_changes_its_rate_midway_is_read_to_its_end(tmp_path, suffix):
    codec = {"mp3": "libmp3lame", "aac": "aac"}[suffix]
    untagged = {"write_xing": "0", "id3v2_version": "0"} if suffix == "mp3" else {}
    first, last = (
        encode(tmp_path / f"{rate}.{suffix}", codec, half, rate=rate, options=untagged)
        for rate, half in ((44_100, LINE[:32_000]), (48_000, LINE[32_000:]))
    )
    sound = read(joined(tmp_path / f"both.{suffix}", first, last))
    assert len(sound.waveform) / SAMPLE_RATE == pytest.approx(4.0, abs=0.09)
    assert alike(sound.waveform, 0.5, 1.9) > 0.98 and alike(sound.waveform, 2.2, 3.8) > 0.98
    assert abs(lag(sound.waveform)) < 40 and not sound.warnings


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("second_rate", [48_000, 16_000])
def test_chained_ogg_is_read_through_all_its_links(tmp_path, subtype, second_rate):
    links = [tmp_path / "0.ogg", tmp_path / "1.ogg"]
    for link, half, rate in zip(links, (LINE[:32_000], LINE[32_000:]), (48_000, second_rate), strict=True):
        sound = soxr.resample(half, SAMPLE_RATE, rate)
        soundfile.write(link, sound, rate, format="OGG", subtype=subtype)
    sound = read(joined(tmp_path / "both.ogg", *links))
    assert len(sound.waveform) / SAMPLE_RATE == pytest.approx(4.0, abs=0.05) and not sound.warnings
    assert abs(lag(sound.waveform)) < 10
    assert alike(sound.waveform, 0.5, 1.9) > 0.9 and alike(sound.waveform, 2.3, 3.9) > 0.9


def test_a_vbr_mp3_without_a_header_is_as_long_as_its_packets(tmp_path):
    path = encode(tmp_path / "a.mp3", "libmp3lame", LINE, options={"write_xing": "0", "id3v2_version": "0"})
    sound = read(path)
    assert len(sound.waveform) / SAMPLE_RATE == pytest.approx(4.0, abs=0.06) and not sound.warnings


def test_an_mp3_that_is_called_wav_is_read_as_what_it_is(tmp_path, capfd):
    path = encode(tmp_path / "a.mp3", "libmp3lame", LINE).rename(tmp_path / "a.wav")
    sound = read(path)
    assert len(sound.waveform) == len(LINE) and abs(lag(sound.waveform)) < 0.1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.flac", "flac"), ("a.mka", "aac")])
def test_a_damaged_packet_costs_itself_and_is_told(tmp_path, name, codec):
    whole = encode(tmp_path / f"whole {name}", codec, LINE)
    place, size, second = next(each for each in packets_of(whole) if each[2] > 1.6)
    sound = read(damaged(tmp_path / name, whole, place + 8, place + size))
    assert len(sound.waveform) / SAMPLE_RATE == pytest.approx(4.0, abs=0.03)
    assert alike(sound.waveform, 0.5, second - 0.1) > 0.98 and alike(sound.waveform, second + 0.2, 3.9) > 0.98
    (warning,) = sound.warnings
    assert " of 4.0 s could not be read from 1." in warning


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.flac", "flac"), ("a.mka", "aac")])
def test_a_file_that_breaks_off_says_how_much_is_missing(tmp_path, name, codec):
    path = encode(tmp_path / name, codec, LINE)
    os.truncate(path, round(0.6 * path.stat().st_size))
    sound = read(path)
    seconds = len(sound.waveform) / SAMPLE_RATE
    assert 1.8 < seconds < 3 and alike(sound.waveform, 0.5, seconds - 0.2) > 0.98
    (warning,) = sound.warnings
    assert warning.startswith(f"{4 - seconds:.1f} s of 4.0 s could not be read from {seconds:.1f} s on")


@pytest.mark.parametrize("kind", ["WAV", "AIFF"])
def test_a_wav_or_aiff_that_breaks_off_says_so_too(tmp_path, kind):
    soundfile.write(tmp_path / "a", LINE, SAMPLE_RATE, format=kind, subtype="PCM_16")
    assert not read(tmp_path / "a").warnings
    os.truncate(tmp_path / "a", (tmp_path / "a").stat().st_size // 2)
    assert read(tmp_path / "a").warnings[0].startswith("2.0 s of 4.0 s could not be read from 2.0 s on")


def test_a_wav_that_was_streamed_and_knows_no_length_is_whole(tmp_path):
    soundfile.write(tmp_path / "a.wav", LINE, SAMPLE_RATE)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(data)
    sound = read(tmp_path / "a.wav")
    assert len(sound.waveform) == len(LINE) and not sound.warnings


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.mka", "libopus")])
def test_a_gap_keeps_its_place(tmp_path, name, codec):
    sound = read(encode(tmp_path / name, codec, LINE, left_out=(1.5, 2.3)))
    assert len(sound.waveform) / SAMPLE_RATE == pytest.approx(4.0, abs=0.05)
    assert np.abs(part(sound.waveform, 1.65, 2.2)).max() < 0.01 and alike(sound.waveform, 2.5, 3.9) > 0.9
    said = (*sound.warnings, *sound.notes)
    assert len(said) == 1 and " 0.8 s" in f" {said[0]}" and "from 1.5 s on" in said[0]


@pytest.mark.parametrize("picture", [0.0, 7.0])
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov", "ts"])
def test_a_late_start_keeps_its_place_and_a_picture_its_length(tmp_path, suffix, picture):
    if suffix == "ts" and not picture:
        pytest.skip("its clock begins anywhere")
    sound = read(encode(tmp_path / f"a.{suffix}", "aac", LINE, late=1.5, picture=picture))
    assert lag(sound.waveform) == pytest.approx(1500, abs=25)
    assert len(sound.waveform) / SAMPLE_RATE == pytest.approx(picture or 5.5, abs=0.06)
    assert not sound.warnings and not sound.notes


def test_what_was_cut_out_of_a_long_recording_begins_at_once(tmp_path):
    sound = read(encode(tmp_path / "a.mkv", "aac", LINE, late=500))
    assert len(sound.waveform) / SAMPLE_RATE == pytest.approx(4.0, abs=0.06)


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.ogg", "libopus"), ("a.mp3", "libmp3lame")])
def test_a_codec_s_delay_is_taken_away_once(tmp_path, name, codec):
    sound = read(encode(tmp_path / name, codec, LINE))
    assert abs(lag(sound.waveform)) < 1 and len(sound.waveform) / SAMPLE_RATE == pytest.approx(4.0, abs=0.01)


def test_a_header_that_claims_hours_takes_no_room_for_them(tmp_path):
    soundfile.write(tmp_path / "a.wav", LINE, SAMPLE_RATE)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[40:44] = struct.pack("<I", 0x70000000)
    (tmp_path / "a.wav").write_bytes(data)
    sound = read(tmp_path / "a.wav")
    assert len(sound.waveform) == len(LINE) and "could not be read from 4.0 s on" in sound.warnings[0]


def test_a_playlist_reads_no_other_file(tmp_path):
    soundfile.write(tmp_path / "secret.wav", LINE, SAMPLE_RATE)
    (tmp_path / "a.wav").write_text(f"#EXTM3U\n#EXTINF:4,\n{tmp_path / 'secret.wav'}\n#EXT-X-ENDLIST\n")
    (tmp_path / "b.wav").write_text(f"ffconcat version 1.0\nfile '{tmp_path / 'secret.wav'}'\n")
    for name in ("a.wav", "b.wav"):
        with pytest.raises(SoundError, match=f"expected sound in {name}, found none"):
            read(tmp_path / name)


def test_a_rate_that_holds_no_voice_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", LINE, 100)
    with pytest.raises(SoundError, match="expected at least 2000 samples of sound a second, found 100"):
        read(tmp_path / "a.wav")


def test_a_name_that_is_no_utf_8_is_read(tmp_path):
    path = os.fsencode(tmp_path) + b"/voix\xe9.wav"
    soundfile.write(tmp_path / "a.wav", LINE, SAMPLE_RATE)
    try:
        os.rename(tmp_path / "a.wav", path)
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    assert len(read(os.fsdecode(path)).waveform) == len(LINE)


@pytest.mark.parametrize("seed", range(40))
def test_a_mutilated_file_is_read_or_refused_in_a_sentence(tmp_path, seed):
    rng = np.random.default_rng(seed)
    kinds = [("a.m4a", "aac"), ("a.mp3", "libmp3lame"), ("a.ogg", "libopus"), ("a.flac", "flac")]
    name, codec = kinds[seed % 4]
    data = np.frombuffer(encode(tmp_path / name, codec, LINE[:16_000]).read_bytes(), np.uint8).copy()
    if seed % 3 == 0:
        data = data[: rng.integers(1, len(data))]
    else:
        reach = len(data) if seed % 3 == 1 else 300
        data[rng.integers(0, reach, 20)] = rng.integers(0, 256, 20)
    (tmp_path / name).write_bytes(data.tobytes())
    try:
        sound = read(tmp_path / name)
        assert np.isfinite(sound.waveform).all() and len(sound.waveform) < 700 * SAMPLE_RATE
    except SoundError as error:
        assert "\n" not in str(error)
