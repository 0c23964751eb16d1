"""A soundtrack decoded by FFmpeg: each packet stands when the file says, a damaged one costs only itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ecoface_model.arrays import NDArray
from ecoface_model.core.errors import EcoFaceError
from ecoface_model.sound.ogg import Part
from ecoface_model.sound.timeline import Samples, Timeline

SURE = frozenset(("matroska", "webm", "mov", "mp4", "m4a", "3gp", "3g2", "mj2", "flac"))
"""Formats whose header knows the length."""
TIMED = SURE | {"ogg", "mpegts", "mpeg", "avi", "flv", "live_flv", "asf", "nut", "rm", "mxf", "wtv", "gxf"}
"""Formats that store when a packet is heard; of others FFmpeg counts it from sizes and rates."""
FROM_ZERO = SURE - {"flac"}
"""Formats whose time begins at 0, be there sound or not."""
WITHOUT_GAPS = frozenset(("flac", "ogg"))
"""Formats in which what is missing was lost."""
DELAYS = {"mp3": 1105, "aac": 1024}
"""Samples by which what usual encoders and decoders make is late, where a file says nothing about it."""
TOLERANCE = 0.05  # seconds that packets may be off: recorders and codecs' blocks jitter by that
OF_A_LOSS = 0.005  # the same after a packet that could not be decoded
BROADCAST = frozenset(("mpegts", "mpeg"))
"""Formats whose clock may be set anew in the midst."""
LEAP = 10.0  # seconds, of which such a clock is taken to have been set
LATEST = 60  # seconds: a recording that begins later was cut out of another
BACK = 1.0  # seconds; a packet that is further back begins another recording
BEYOND = 2.0  # seconds past the end that the file tells of: no packet is heard there
MOST_SILENCE = 600.0  # seconds of it that any file is believed
BYTES_PER_SECOND = 250  # of a file that is believed more
MOST_PLANES = 7  # channels side by side that PyAV hands over itself; with eight it reads past their end
TRIES = 16  # of reading on after errors without one packet between
OPTIONS = {"protocol_whitelist": "none"}  # a playlist may not name other files, or addresses
BUFFER = 1 << 18  # bytes


@dataclass
class Track:
    """One soundtrack of a file, as its header tells of it."""

    number: int
    """From 1 on, among the soundtracks."""
    default: bool
    name: str
    """Its title or language, if it has one."""


@dataclass
class Played:
    """What was found beside the samples."""

    claimed: Fraction | None = None
    """Seconds from the beginning to the sound's end as the file tells, where it can be believed."""
    codec: str = ""
    refused: str = ""
    """Why FFmpeg read no further, if it did not."""


def failures() -> tuple[type[Exception], ...]:
    """What PyAV raises about a file."""
    import av

    return av.FFmpegError, OSError, ValueError, IndexError


def tracks(source: Part) -> list[Track]:
    """The soundtracks of a file; none where FFmpeg finds no sound in it."""
    source.seek(0)
    try:
        with _opened(source) as container:
            return [
                Track(number, bool(stream.disposition & type(stream.disposition).default), _name(stream))
                for number, stream in enumerate(container.streams.audio, 1)
            ]
    except failures():
        return []


def play(source: Part, number: int, size: int, timeline: Timeline) -> Played:
    """Decode the soundtrack of a number, from 1 on, to the timeline's end.

    Args:
        size: bytes of the file, by which its silences are believed.
    """
    source.seek(0)
    try:
        with _opened(source) as container:
            stream = container.streams.audio[number - 1]
            if stream.codec_context is None:
                return Played(refused="unknown codec")
            return _Playing(container, stream, size, timeline).all()
    except EcoFaceError:  # a ValueError, but not FFmpeg's
        raise
    except failures() as error:
        return Played(refused=str(error))


class _Playing:
    """A soundtrack on its way to a timeline."""

    def __init__(self, container: Any, stream: Any, size: int, timeline: Timeline) -> None:
        self._container, self._stream, self._timeline = container, stream, timeline
        formats = set(container.format.name.split(","))
        self._timed, self._sure = bool(formats & TIMED), bool(formats & SURE)
        self._broadcast = bool(formats & BROADCAST)
        self._without_gaps = bool(formats & WITHOUT_GAPS)
        self._pictures = [video for video in container.streams.video if not _is_cover(video)]
        start = Fraction(container.start_time or 0, 1_000_000)
        from_zero = not self._pictures and bool(formats & FROM_ZERO) and 0 < start <= LATEST
        self._origin = (Fraction(0) if from_zero else start) - timeline.seconds  # of links before this one
        """The file's time that is second 0, as players have it: the earliest of its picture and sound."""
        length = container.duration
        self._longest = None if length is None else Fraction(length, 1_000_000) + timeline.seconds
        """Seconds of the whole file, pictures and all."""
        if self._longest is not None and from_zero and "mov" in formats:  # which counts from its first packet
            self._longest += start
        self._silence_left = max(MOST_SILENCE, size / BYTES_PER_SECOND)
        self._missing = Fraction(0)
        self._last = Fraction(0)
        self._began = timeline.decoded
        if not self._timed and not stream.start_time:
            codec = stream.codec_context.name
            timeline.delay = next((n for name, n in DELAYS.items() if codec.startswith(name)), 0)

    def all(self) -> Played:
        """Every packet, and silence up to the end of a picture."""
        refused = ""
        for packet in self._packets():
            try:
                frames = packet.decode()
            except failures() as error:
                refused = str(error)
                self._lose(packet)
                continue
            for frame in frames:
                try:
                    samples = floats_of(frame)
                except failures():
                    self._lose(packet)
                else:
                    self._place(frame, samples)
        claimed = self._claimed()
        if self._pictures and self._longest is not None and self._timeline.decoded > self._began:
            rest = float(self._longest - self._timeline.seconds)
            if TOLERANCE < rest <= self._silence_left and (
                claimed is None or claimed - self._timeline.seconds < TOLERANCE
            ):
                self._timeline.silence(rest)
        return Played(claimed, self._stream.codec_context.name, refused)

    def _packets(self) -> Iterator[Any]:
        tries = 0
        while tries < TRIES:
            try:
                for packet in self._container.demux(self._stream):
                    tries = 0
                    yield packet
                return
            except failures():
                tries += 1

    def _lose(self, packet: Any) -> None:
        if packet.duration and packet.time_base:
            self._missing += Fraction(packet.duration) * packet.time_base
        else:
            self._missing += self._last

    def _place(self, frame: Any, samples: Samples) -> None:
        """Put a frame where it belongs, and silence where nothing is before it."""
        rate, names = frame.sample_rate, [channel.name for channel in frame.layout.channels]
        if not rate or not samples.size:
            return
        self._last = Fraction(samples.shape[1], rate)
        known = self._timed and frame.pts is not None and frame.time_base is not None
        if known:
            samples = self._to_its_time(Fraction(frame.pts) * frame.time_base, samples, rate)
        elif (
            self._missing and self._timeline.decoded > self._began
        ):  # what precedes all sound is no part of it
            self._timeline.lose(self._missing)
        self._missing = Fraction(0)
        self._timeline.add(samples, rate, names)

    def _to_its_time(self, time: Fraction, samples: Samples, rate: int) -> Samples:
        """Let silence come before samples of a time, or the timeline go on without those that it has."""
        gap = time - self._origin - self._timeline.seconds
        if abs(gap) <= (OF_A_LOSS if self._missing else TOLERANCE):
            return samples
        if gap > 0:
            end = time - self._origin + self._last
            believed = self._longest is None or end <= self._longest + Fraction(BEYOND)
            if self._broadcast and gap > LEAP and self._timeline.decoded > self._began:
                believed = False
            if believed and gap <= self._silence_left:
                self._silence_left -= float(gap)
                self._fill(gap)
                return samples
        elif gap > -BACK:
            return samples[:, min(samples.shape[1], round(-gap * rate)) :]
        self._origin += gap
        return samples

    def _fill(self, gap: Fraction) -> None:
        inside = self._timeline.decoded > self._began
        if self._missing or (inside and self._without_gaps):
            self._timeline.lose(gap)
        elif inside:
            self._timeline.leave_gap(gap)
        else:
            self._timeline.silence(gap)

    def _claimed(self) -> Fraction | None:
        if not self._sure:
            return None
        stream = self._stream
        if stream.duration and stream.time_base:
            start = Fraction(stream.start_time or 0) * stream.time_base
            claimed = start + Fraction(stream.duration) * stream.time_base - self._origin
            return claimed if claimed > 0 else None
        if tag := stream.metadata.get("DURATION"):
            return _of_clock(tag)
        return None if self._pictures else self._longest


def floats_of(frame: Any) -> Samples:
    """Samples of a decoded frame, -1..1 if it holds whole numbers."""
    import av

    n_channels = frame.layout.nb_channels
    if frame.format.is_planar and n_channels > MOST_PLANES:
        packing = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
        (frame,) = packing.resample(frame)
    array: NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        array = array.reshape(-1, n_channels).T
    with np.errstate(over="ignore", invalid="ignore"):
        floats: NDArray[np.float32] = array.astype(np.float32, copy=False)
    if array.dtype == np.uint8:
        floats = (floats - 128) / np.float32(128)
    elif array.dtype.kind == "i":
        floats = floats / np.float32(2 ** (8 * array.dtype.itemsize - 1))
    return floats


def _opened(source: Part) -> Any:
    import av

    return av.open(source, metadata_errors="replace", options=OPTIONS, buffer_size=BUFFER)


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def _name(stream: Any) -> str:
    language = stream.metadata.get("language", "")
    return str(stream.metadata.get("title") or ("" if language == "und" else language))


def _of_clock(text: str) -> Fraction | None:
    """Seconds of 00:00:06.800000000."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None
