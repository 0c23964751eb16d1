"""The place that reads sounds: any file that libsndfile or FFmpeg knows -> mono 16 kHz waveform."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecoface_model.core.constants import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from ecoface_model.core.errors import SoundError

Waveform = NDArray[np.float32]  # (samples,) mono, 16 kHz, -1..1
BLOCK = (
    1 << 18
)  # samples of the file held at once, so that an hour at 96 kHz needs no more room than its result


def read_sound(path: Path | str) -> Waveform:
    """The sound of a file, or of a video's first soundtrack: float32, mono, 16 kHz, its level unchanged.

    A file that breaks off is read as far as it goes.

    Raises:
        SoundError: if the file is missing, empty, not a sound, or holds less than one frame (0.04 s).
    """
    path = Path(path)
    if not path.is_file():
        raise SoundError(f"expected a sound file at {path}, found none; check the path")
    if path.stat().st_size == 0:
        raise SoundError(f"expected a sound in {path.name}, found an empty file; record or copy it again")
    parts = _read_with_libsndfile(path)
    if not parts:
        parts = _read_with_ffmpeg(path)
    if not parts:
        raise SoundError(
            f"expected sound in {path.name}, found none; use a file such as wav, flac, mp3, m4a or mp4"
        )
    waveform = _joined(parts)
    if n_frames(len(waveform)) == 0:
        raise SoundError(
            f"expected at least 0.04 s of sound in {path.name}, found {len(waveform)} samples at 16 kHz"
        )
    return waveform


def n_frames(n_samples: int) -> int:
    """T = round(25 s): motion frames of a 16 kHz waveform."""
    return round(FRAME_RATE * (n_samples / SAMPLE_RATE))


def fit_to_frames(waveform: Waveform, frames: int) -> Waveform:
    """The waveform cut, or filled with silence, to 640 samples a frame: features then have 2T steps."""
    wanted = frames * SAMPLES_PER_FRAME
    return np.pad(waveform[:wanted], (0, max(0, wanted - len(waveform))))


def _read_with_libsndfile(path: Path) -> list[Waveform]:
    """Mono 16 kHz parts of a file, or none where libsndfile does not know it."""
    import soundfile

    def blocks(file: soundfile.SoundFile) -> Iterator[Waveform]:
        with suppress(soundfile.LibsndfileError):  # damaged further on: keep what came before
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                yield block.mean(axis=1, dtype=np.float32)

    try:
        with soundfile.SoundFile(path) as file:
            return _resample(blocks(file), file.samplerate)
    except soundfile.LibsndfileError:
        return []


def _read_with_ffmpeg(path: Path) -> list[Waveform]:
    """Mono 16 kHz parts of the first soundtrack of a file, or none where FFmpeg finds no sound."""
    import av

    def blocks(container: av.container.InputContainer) -> Iterator[Waveform]:
        to_floats = av.AudioResampler(format="fltp")
        with suppress(av.FFmpegError):  # damaged further on: keep what came before
            for frame in container.decode(audio=0):
                for floats in to_floats.resample(frame):
                    yield floats.to_ndarray().mean(axis=0, dtype=np.float32)

    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                return []
            return _resample(blocks(container), container.streams.audio[0].rate)
    except (av.FFmpegError, ValueError):
        return []


def _resample(blocks: Iterator[Waveform], rate: int) -> list[Waveform]:
    """Mono blocks at any rate -> blocks of exactly round(16000 s) samples in all."""
    import soxr

    blocks = (np.nan_to_num(block, posinf=1.0, neginf=-1.0) for block in blocks)
    if rate == SAMPLE_RATE:
        return list(blocks)
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
    n_read, parts = 0, []
    for block in blocks:
        n_read += len(block)
        parts.append(stream.resample_chunk(block))
    parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return _cut(parts, _length_at_16_khz(n_read, rate))


def _joined(parts: list[Waveform]) -> Waveform:
    """All parts in one array; each is let go as soon as it is copied, so that an hour is not held twice."""
    end = sum(map(len, parts))
    waveform = np.empty(end, np.float32)
    while parts:
        part = parts.pop()
        waveform[end - len(part) : end] = part
        end -= len(part)
    return waveform


def _length_at_16_khz(n_samples: int, rate: int) -> int:
    """Samples of the sound at 16 kHz, such that its frames are round(25 s) of the sound as it was."""
    nearest, frames = round(n_samples / rate * SAMPLE_RATE), round(FRAME_RATE * (n_samples / rate))
    return next((n for n in (nearest, nearest - 1, nearest + 1) if n_frames(n) == frames), nearest)


def _cut(parts: list[Waveform], length: int) -> list[Waveform]:
    """Parts of `length` samples in all; the resampler may give one more or less."""
    surplus = sum(map(len, parts)) - length
    while surplus > 0 and parts:
        last = parts.pop()
        if surplus < len(last):
            parts.append(last[: len(last) - surplus])
        surplus -= len(last)
    return [*parts, np.zeros(-surplus, np.float32)] if surplus < 0 else parts
