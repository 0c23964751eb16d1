"""Recordings in folders and in archives."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from voice_samples import pack, speak, touch, voice

from training.data.clips import CorpusError
from training.data.sound_files import TarMember, list_sounds, path_of, read_recording


def test_a_member_of_an_archive_sounds_as_the_file_did(tmp_path: Path) -> None:
    speak(tmp_path / "in", "wav/a.wav", "wav/b.flac")
    archive = pack(tmp_path / "set.tar", tmp_path / "in")
    inside = [sound for sound in list_sounds(tmp_path) if isinstance(sound, TarMember)]
    assert [path_of(sound) for sound in inside] == [archive / "wav/a.wav", archive / "wav/b.flac"]
    for sound in inside:
        plain = read_recording(tmp_path / "in" / sound.name)
        np.testing.assert_array_equal(read_recording(sound), plain)
        np.testing.assert_allclose(plain, voice(sound.name), atol=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "set.tar"]


def test_what_is_no_sound_is_not_listed(tmp_path: Path) -> None:
    touch(tmp_path / "in", "a.txt", "._a.wav", "b.WAV")
    pack(tmp_path / "set.tar", tmp_path / "in")
    assert [path_of(sound).name for sound in list_sounds(tmp_path)] == ["b.WAV", "b.WAV"]


@pytest.mark.parametrize("name", ["../out.wav", "/tmp/out.wav", "a/../../out.wav", "..\\out.wav"])
def test_an_archive_whose_names_lead_out_of_it_is_refused(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "set.tar", "w") as file:
        file.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(CorpusError, match=r"expected names inside the archive in set.tar, found .*out.wav"):
        list_sounds(tmp_path)


def test_a_link_in_an_archive_is_no_sound(tmp_path: Path) -> None:
    link = tarfile.TarInfo("a.wav")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "set.tar", "w") as file:
        file.addfile(link)
    assert list_sounds(tmp_path) == []


def test_an_archive_that_breaks_off_is_refused(tmp_path: Path) -> None:
    speak(tmp_path / "in", "a.wav", "b.wav")
    archive = pack(tmp_path / "set.tar", tmp_path / "in")
    (sound,) = (s for s in list_sounds(tmp_path) if path_of(s) == archive / "a.wav")
    archive.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(CorpusError, match=r"expected \d+ bytes of a.wav in set.tar, found \d+; copy"):
        read_recording(sound)
    with pytest.raises(CorpusError, match=r"expected a whole .tar archive at .*set.tar"):
        list_sounds(tmp_path)
    archive.write_bytes(b"no archive at all")
    with pytest.raises(CorpusError, match=r"expected a whole .tar archive at .*set.tar"):
        list_sounds(tmp_path)
