"""The place that reads sounds: any file that FFmpeg or libsndfile knows -> mono 16 kHz, and remarks on it.

What a file is, is told by its content. Plain samples are libsndfile's; all else FFmpeg decodes.
"""

import os
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from ecoface_model.core.constants import FRAME_RATE, SAMPLE_RATE
from ecoface_model.core.errors import RequestError, SoundError
from ecoface_model.level import nobody_speaks
from ecoface_model.sound import claims, ffmpeg, ogg
from ecoface_model.sound.timeline import AT_ONCE, Timeline, Waveform

PLAIN_SAMPLES = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW")
SHORTFALL = 0.1  # seconds; codecs' blocks end by less than that before or after what the header tells
GAP_TOLD = 0.1  # seconds


@dataclass(frozen=True)
class Sound:
    """What was read of a file."""

    waveform: Waveform
    warnings: tuple[str, ...] = ()
    """What could not be read, each in a sentence without a full stop."""
    notes: tuple[str, ...] = ()
    """What was chosen of it, and other things worth knowing."""
    tracks: tuple[str, ...] = ()
    """Of all soundtracks of the file their titles or languages, empty where it has none."""
    channels: tuple[str, ...] = ()
    """Of the track that was heard the channels' names, if they differ."""

    def describe(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """The metadata of a motion made of this sound, with what there is to say about it."""
        said = {"warnings": list(self.warnings), "notes": [*self.notes, *metadata.get("notes", ())]}
        return metadata | {name: sentences for name, sentences in said.items() if sentences}


def read(path: Path | str, track: int | None = None, channel: int | None = None) -> Sound:
    """The sound of a file, or of a video: the voice, wherever it lies; its level is unchanged.

    A file that breaks off is read as far as it goes, and where a part is damaged, silence keeps its place.

    Args:
        track: which soundtrack is heard, from 1 on; the default one if not given, or the first that speaks.
        channel: which of its channels is, from 1 on; the mean if not given, or where the voice is.

    Raises:
        SoundError: if the file is missing, empty, not a sound, or holds less than one frame (0.04 s).
        RequestError: if it has no such track or channel.
    """
    path = Path(path)
    if not path.is_file():
        raise SoundError(f"expected a sound file at {path}, found none; check the path")
    size = path.stat().st_size
    if size == 0:
        raise SoundError(f"expected a sound in {path.name}, found an empty file; record or copy it again")
    with path.open("rb") as file:
        sound = _read_plain(file, track, channel) or _read_tracks(file, size, path.name, track, channel)
    if sound is None:
        raise SoundError(
            f"expected sound in {path.name}, found none that can be read; export it again, "
            "as wav, flac, mp3, m4a or mp4"
        )
    if round(FRAME_RATE * (len(sound.waveform) / SAMPLE_RATE)) == 0:
        raise SoundError(
            f"expected at least 0.04 s of sound in {path.name}, found {len(sound.waveform)} samples at 16 kHz"
        )
    return sound


def _read_plain(
    file: BinaryIO, track: int | None, channel: int | None, any_kind: bool = False
) -> Sound | None:
    """A file of plain samples; None if it is none, or libsndfile does not know it."""
    if not any_kind and not claims.is_plain(file):  # libsndfile would speak about an mp3 on stderr
        return None
    import soundfile

    missing = claims.missing_bytes(file)
    name = file.name if os.name == "nt" else os.fsencode(file.name)  # which need not be UTF-8
    timeline = Timeline(channel)
    try:
        with soundfile.SoundFile(name) as sound:  # through a file object it would swallow an interrupt
            if not any_kind and not sound.subtype.startswith(PLAIN_SAMPLES):
                return None
            _expect_track(track, 1)
            while len(block := sound.read(AT_ONCE, dtype="float32", always_2d=True)):
                timeline.add(block.T, sound.samplerate)
    except soundfile.LibsndfileError:
        if not timeline.decoded:
            return None
    if not timeline.decoded:  # the length of a stream is written at its end, so FFmpeg may find more
        return None
    end = timeline.seconds
    whole = end / (1 - Fraction(missing).limit_denominator(10**9)) if 0 < missing < 1 else end
    return _sound_of(timeline, None, _warnings(timeline, whole, end))


def _sound_of(timeline: Timeline, most: Fraction | None, warnings: tuple[str, ...]) -> Sound:
    waveform = timeline.end(most)  # after which all is known that is to be said
    return Sound(waveform, warnings, _notes(timeline), channels=timeline.channels)


def names_of_tracks(path: Path | str) -> tuple[str, ...]:
    """The titles or languages of a file's soundtracks, by its header alone."""
    path = Path(path)
    with path.open("rb") as file:
        return tuple(track.name for track in ffmpeg.tracks(ogg.Part(file, 0, path.stat().st_size)))


def _read_tracks(
    file: BinaryIO, size: int, name: str, track: int | None, channel: int | None
) -> Sound | None:
    """The track that was asked for, else the default one if it speaks, else the first that does."""
    found = ffmpeg.tracks(ogg.Part(file, 0, size))
    if not found:
        return _read_plain(file, track, channel, any_kind=True)
    _expect_track(track, len(found))
    order = sorted(found, key=lambda each: not each.default)
    if track is not None:
        order = [found[track - 1]]
    first: Sound | None = None
    silent: list[int] = []
    names = tuple(each.name for each in found)
    for each in order:
        sound = _read_track(file, size, each.number, channel)
        if sound is None:
            continue
        sound = replace(sound, tracks=names)
        if len(found) == 1 or track is not None:
            return sound
        if not nobody_speaks(sound.waveform):
            why = f", as {_listed(silent)} silent" if silent else ""
            title = f" ({each.name})" if each.name else ""
            note = f"track {each.number} of {len(found)}{title} was heard{why}"
            return replace(sound, notes=(note, *sound.notes))
        first = first or sound
        silent.append(each.number)
    if first is None:
        return _read_plain(file, track, channel, any_kind=True)
    return first


def _read_track(file: BinaryIO, size: int, number: int, channel: int | None) -> Sound | None:
    """One soundtrack, through all links of a chain; None if nothing in it can be decoded."""
    timeline = Timeline(channel)
    links = ogg.links(file)
    claimed: Fraction | None = None
    for start, stop in links:
        source = ogg.Part(file, start, stop)
        played = ffmpeg.play(source, number, size, timeline)
        claimed = played.claimed if len(links) == 1 else None
        if played.codec.startswith("mp3"):
            claimed = claims.mp3_seconds(file)
    if not timeline.decoded:
        return None
    end = timeline.seconds
    most = claimed if claimed is not None and end - claimed < SHORTFALL and claimed < end else None
    warnings = _warnings(timeline, max(claimed or end, end), end)
    return _sound_of(timeline, most, warnings)


def _warnings(timeline: Timeline, whole: Fraction, end: Fraction) -> tuple[str, ...]:
    """How much could not be read, if anything: of `whole` seconds, of which the file gave `end`."""
    lost = list(timeline.lost)
    if whole - end >= SHORTFALL:
        lost.append((float(end), float(whole - end)))
    seconds = sum(length for _, length in lost)
    if not lost:
        return ()
    places = f", in {len(lost)} places" if len(lost) > 1 else ""
    return (
        f"{_seconds(seconds)} of {float(whole):.1f} s could not be read{places} from {lost[0][0]:.1f} s on; "
        "copy or record the file again",
    )


def _notes(timeline: Timeline) -> tuple[str, ...]:
    """What was chosen, and where the file itself has nothing."""
    gaps = [(start, length) for start, length in timeline.gaps if length >= GAP_TOLD]
    if not gaps:
        return tuple(timeline.notes)
    missing = _seconds(sum(length for _, length in gaps))
    more = f", in {len(gaps)} places" if len(gaps) > 1 else ""
    return (*timeline.notes, f"the file has no sound for {missing}{more} from {gaps[0][0]:.1f} s on")


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds:.2f} s"


def _listed(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"track {numbers[0]} is"
    return f"tracks {', '.join(map(str, numbers[:-1]))} and {numbers[-1]} are"


def _expect_track(track: int | None, n_tracks: int) -> None:
    if track is not None and not 1 <= track <= n_tracks:
        raise RequestError(f"expected a track from 1 to {n_tracks}, found {track}; choose one of these")
