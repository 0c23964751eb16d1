"""Small files of the kinds that recorders, editors and downloads leave behind."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soxr

from ecoface_model.core.constants import SAMPLE_RATE

BLOCK = 960  # samples


def encode(
    path: Path,
    codec: str,
    *tracks: np.ndarray,
    rate: int = 48_000,
    layout: str = "mono",
    late: float = 0.0,
    left_out: tuple[float, float] = (0.0, 0.0),
    picture: float = 0.0,
    default: int | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """16 kHz sounds, (n,) or (channels, n), as soundtracks of one file.

    Args:
        late: seconds before the first packet.
        left_out: seconds from which and to which the file has no packets.
        picture: seconds of a video stream beside them; 0 is none.
        default: number of the track that is flagged so, from 0 on.
    """
    with av.open(str(path), "w", options=options or {}) as container:
        if picture:
            video = container.add_stream("mpeg4", rate=25)
            video.width = video.height = 64
        streams = [container.add_stream(codec, rate=rate, layout=layout) for _ in tracks]
        for number, stream in enumerate(streams if default is not None else ()):
            flag = type(stream.disposition).default
            stream.disposition = flag if number == default else stream.disposition & ~flag
        if picture:
            for number in range(round(25 * picture)):
                image = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                image.pts, image.time_base = number, Fraction(1, 25)
                container.mux(video.encode(image))
            container.mux(video.encode(None))
        for stream, sound in zip(streams, tracks, strict=True):
            _encode(container, stream, np.atleast_2d(sound), rate, layout, late, left_out)
    return path


def _encode(container, stream, sound, rate, layout, late, left_out) -> None:
    sound = np.ascontiguousarray(soxr.resample(sound.T, SAMPLE_RATE, rate).T.astype(np.float32))
    resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
    for first in range(0, sound.shape[1], BLOCK):
        if left_out[0] <= first / rate < left_out[1]:
            continue
        part = np.ascontiguousarray(sound[:, first : first + BLOCK].T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, format="flt", layout=layout)
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = first + round(late * rate)
        for each in resampler.resample(frame):
            container.mux(stream.encode(each))
    container.mux(stream.encode(None))


def joined(path: Path, *parts: Path) -> Path:
    """Files one after another, byte by byte."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def damaged(path: Path, source: Path, start: int, stop: int) -> Path:
    """A copy whose bytes from one place to another are 0xFF."""
    data = bytearray(source.read_bytes())
    data[start:stop] = b"\xff" * (stop - start)
    path.write_bytes(data)
    return path


def packets_of(path: Path) -> list[tuple[int, int, float]]:
    """Where each packet of the first soundtrack lies in a file, its bytes, and its second."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [
            (packet.pos, packet.size, float((packet.pts or 0) * packet.time_base))
            for packet in container.demux(stream)
            if packet.size
        ]
