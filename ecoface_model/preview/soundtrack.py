"""The sound of a preview: read at its own rate, cut to the clip, written as AAC."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ecoface_model.arrays import NDArray
from ecoface_model.audio import read_sound
from ecoface_model.core.constants import SAMPLE_RATE

AAC_RATES = (32_000, 44_100, 48_000)
"""Rates that are kept; others become the last. Lower ones would put AAC's frames beside the pictures'."""
OFF = 0.1  # seconds; where what FFmpeg hands over is off by more, the sound is heard as the face heard it
BIT_RATE = 160_000  # bits per second


@dataclass(frozen=True)
class Soundtrack:
    """Sound of one (mono) or two channels."""

    samples: NDArray[np.float32]
    """(channels, n)"""
    rate: int

    @property
    def seconds(self) -> float:
        """Length."""
        return self.samples.shape[1] / self.rate

    def add_to(self, container: Any) -> Any:
        """An AAC stream in a PyAV container that is being written."""
        stream = container.add_stream("aac", rate=self.rate, layout=self._layout)
        stream.bit_rate = BIT_RATE
        return stream

    def encode(self, container: Any, stream: Any) -> None:
        """Write all samples to the stream of `add_to`."""
        import av

        size = 1024  # AAC's frame; the last one may be shorter
        for first in range(0, self.samples.shape[1], size):
            part = np.ascontiguousarray(self.samples[:, first : first + size])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=self._layout)
            frame.sample_rate, frame.pts, frame.time_base = self.rate, first, Fraction(1, self.rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    @property
    def _layout(self) -> str:
        return "stereo" if len(self.samples) == 2 else "mono"


def read_soundtrack(path: Path, seconds: float) -> Soundtrack:
    """The sound of a file, cut or filled with silence to exactly `seconds`.

    Raises:
        SoundError: if the file is missing, empty, or no sound.
    """
    heard, found = read_sound(path), _decode(Path(path))
    if found is None or abs(found.seconds - len(heard) / SAMPLE_RATE) > OFF:  # a late start, a gap, damage
        found = Soundtrack(heard[None], SAMPLE_RATE)
    if found.rate not in AAC_RATES:
        found = _resampled(found, AAC_RATES[-1])
    wanted = round(seconds * found.rate)
    samples = found.samples[:, :wanted]
    return Soundtrack(np.pad(samples, ((0, 0), (0, wanted - samples.shape[1]))), found.rate)


def _decode(path: Path) -> Soundtrack | None:
    """The only soundtrack as FFmpeg reads it, as far as it goes; None if there is none, or several."""
    import av

    parts: list[NDArray[np.float32]] = []
    rate = 0
    try:
        with av.open(str(path)) as container:
            if len(container.streams.audio) != 1:  # of several the one that speaks is heard
                return None
            stream = container.streams.audio[0]
            layout = "mono" if stream.channels == 1 else "stereo"
            rate = stream.rate
            converter = av.AudioResampler(format="fltp", layout=layout, rate=rate)
            for frame in container.decode(stream):
                parts += [piece.to_ndarray() for piece in converter.resample(frame)]
            parts += [piece.to_ndarray() for piece in converter.resample(None)]
    except (av.FFmpegError, ValueError):
        pass  # damaged further on: keep what came before
    if not parts or not rate:
        return None
    return Soundtrack(np.concatenate(parts, axis=1).astype(np.float32, copy=False), rate)


def _resampled(track: Soundtrack, rate: int) -> Soundtrack:
    import soxr

    samples = soxr.resample(track.samples.T, track.rate, rate).T
    return Soundtrack(np.ascontiguousarray(samples, dtype=np.float32), rate)
