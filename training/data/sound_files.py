"""Recordings that lie in a folder, or in the .tar archives in it, which are read in place."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from ecoface_model.audio import Waveform, read_sound
from training.data.clips import CorpusError

SOUNDS = frozenset((".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a", ".aac", ".aif", ".aiff"))


@dataclass(frozen=True, kw_only=True)
class TarMember:
    """One file of an archive: its name is a label, never a place to write to."""

    archive: Path
    name: str
    start: int
    n_bytes: int

    @property
    def path(self) -> Path:
        """How it is named to people: archive.tar/folder/file.wav."""
        return self.archive / self.name


def path_of(sound: Path | TarMember) -> Path:
    """What is said when a recording is meant."""
    return sound.path if isinstance(sound, TarMember) else sound


def list_sounds(source: Path) -> list[Path | TarMember]:
    """Every sound below a folder, and in the .tar archives below it, in the order of their names.

    Raises:
        CorpusError: if an archive is damaged, or a name in it leads out of it.
    """
    sounds: list[Path | TarMember] = []
    for path in sorted(source.rglob("*")):
        if path.suffix.lower() == ".tar" and path.is_file():
            sounds += sorted(_members(path), key=lambda member: member.name)
        elif _is_sound(path.name) and path.is_file():
            sounds.append(path)
    return sounds


def _is_sound(name: str) -> bool:
    """Whether a name is that of a sound; macOS puts ._name beside a file, which is none."""
    return PurePosixPath(name).suffix.lower() in SOUNDS and not PurePosixPath(name).name.startswith("._")


def _members(archive: Path) -> Iterator[TarMember]:
    """The sounds of one archive; links, devices and sparse files are none."""
    try:
        with tarfile.open(archive, "r:") as file:
            for member in file:
                parts = PurePosixPath(member.name).parts
                if ".." in parts or member.name.startswith("/") or "\\" in member.name:
                    raise CorpusError(
                        f"expected names inside the archive in {archive.name}, found {member.name!r}; it was"
                        " not made for unpacking here, get it again"
                    )
                if member.isreg() and not member.issparse() and _is_sound(member.name):
                    name = str(PurePosixPath(*parts))
                    yield TarMember(archive=archive, name=name, start=member.offset_data, n_bytes=member.size)
    except tarfile.TarError as error:
        raise CorpusError(
            f"expected a whole .tar archive at {archive}, found another file ({error}); copy it again"
        ) from error


def read_recording(sound: Path | TarMember) -> Waveform:
    """The sound of a file or of an archive's member: mono, 16 kHz.

    Raises:
        SoundError: if it is no sound.
        CorpusError: if the archive ends before its member does.
    """
    if isinstance(sound, Path):
        return read_sound(sound)
    with sound.archive.open("rb") as file:
        file.seek(sound.start)
        data = file.read(sound.n_bytes)
    if len(data) < sound.n_bytes:
        raise CorpusError(
            f"expected {sound.n_bytes} bytes of {sound.name} in {sound.archive.name}, found {len(data)};"
            " copy the archive again"
        )
    with TemporaryDirectory() as folder:
        place = Path(folder) / PurePosixPath(sound.name).name
        place.write_bytes(data)
        return read_sound(place)
