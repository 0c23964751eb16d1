"""What was read of a sound, put together in time: any rates and channels -> one mono 16 kHz waveform."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE, LONGEST, SAMPLE_RATE
from ecoface_model.core.errors import SoundError
from ecoface_model.sound.channels import Mixer

Waveform = NDArray[np.float32]  # (samples,) mono, 16 kHz, -1..1
Samples = Float32[NDArray[np.float32], "channels samples"]
AT_ONCE = 1 << 18  # samples resampled together: an hour at 96 kHz needs no more room than its result
LOWEST_RATE = 2000  # Hz
LOUDEST = np.float32(2**31)  # of whole numbers in a file of floats; what is more is none


class Timeline:
    """A sound as it grows: what is added follows what was there."""

    def __init__(self, channel: int | None = None) -> None:
        """`channel`, from 1 on, is heard alone; without one the voice is looked for."""
        self._channel = channel
        self._done: list[NDArray[np.float32]] = []
        self._stretch: _Stretch | None = None
        self._before = Fraction(0)  # seconds of the stretches that have ended
        self.decoded = Fraction(0)
        """Seconds that were no silence of ours."""
        self.lost: list[tuple[float, float]] = []
        """From when on and for how many seconds nothing could be read; silence stands there."""
        self.gaps: list[tuple[float, float]] = []
        """The same of where the file itself says that there is nothing."""
        self.notes: list[str] = []
        self.channels: tuple[str, ...] = ()
        """The names of the channels, if they differ: of the stretch that has most of them."""
        self.delay = 0
        """Samples by which the codec is late, where the file does not say. Players play these of a single
        recording; of several that were joined, each has its own, and it is no part of any."""
        self._early: Fraction | None = None  # seconds of that before the first of several
        self._first_rate = self._to_drop = 0

    @property
    def seconds(self) -> Fraction:
        """Its length so far."""
        return self._before + (self._stretch.seconds if self._stretch else 0)

    def add(self, samples: Samples, rate: int, names: Sequence[str] = ()) -> None:
        """The next samples; `names` of their channels, such as FL and FC.

        Raises:
            RequestError: if they have not the channel that was chosen.
            SoundError: if they are so few a second that no voice can be in them, or go on for too long.
        """
        if rate < LOWEST_RATE:
            raise SoundError(
                f"expected at least {LOWEST_RATE} samples of sound a second, found {rate}; "
                "the file is damaged, copy it again"
            )
        self._expect_room(Fraction(samples.shape[1], rate))
        names = names or [str(number) for number in range(1, len(samples) + 1)]
        stretch = self._stretch
        if stretch is None or (stretch.rate, stretch.names) != (rate, list(names)):
            if self.delay and self.decoded:
                self._early = Fraction(self.delay, self._first_rate)
                self._to_drop = self.delay
            self._first_rate = self._first_rate or rate
            self._end_stretch()
            stretch = self._stretch = _Stretch(rate, names, self._channel)
        dropped = min(self._to_drop, samples.shape[1])
        self._to_drop -= dropped
        samples = samples[:, dropped:]
        self.decoded += Fraction(samples.shape[1], rate)
        stretch.add(samples)

    def silence(self, seconds: Fraction | float) -> None:
        """Nothing, for so long.

        Raises:
            SoundError: if that is too long.
        """
        self._expect_room(seconds)
        stretch = self._stretch
        if stretch is None:  # before the first samples
            stretch = self._stretch = _Stretch(SAMPLE_RATE, ["1"], None)
        remaining = round(seconds * stretch.rate)
        while remaining > 0:
            n = min(remaining, AT_ONCE)
            stretch.add(np.broadcast_to(np.float32(0), (len(stretch.names), n)))
            remaining -= n

    def lose(self, seconds: Fraction | float) -> None:
        """Silence in the place of what could not be read."""
        self.lost.append((float(self.seconds), float(seconds)))
        self.silence(seconds)

    def leave_gap(self, seconds: Fraction | float) -> None:
        """Silence where the file has nothing."""
        self.gaps.append((float(self.seconds), float(seconds)))
        self.silence(seconds)

    def end(self, at_most: Fraction | None = None) -> NDArray[np.float32]:
        """All of it, mono at 16 kHz, cut to a length; nothing can be added any more."""
        seconds = self.seconds if at_most is None else min(self.seconds, at_most)
        self._end_stretch()
        waveform = joined(cut(self._done, length_at_16_khz(seconds)))
        return waveform if self._early is None else waveform[round(self._early * SAMPLE_RATE) :]

    def _expect_room(self, seconds: Fraction | float) -> None:
        if self.seconds + Fraction(seconds) > LONGEST:
            raise SoundError(
                f"expected a sound of at most {LONGEST // 3600} hours, found a longer one; cut it into parts"
            )

    def _end_stretch(self) -> None:
        stretch = self._stretch
        if stretch is None:
            return
        first = length_at_16_khz(self._before)
        self._before += stretch.seconds
        self._done += cut(stretch.end(), length_at_16_khz(self._before) - first)
        if len(stretch.different) > len(self.channels):
            self.channels = stretch.different
        if stretch.note and stretch.note not in self.notes:
            self.notes.append(stretch.note)
        self._stretch = None


class _Stretch:
    """Samples of one rate and number of channels."""

    def __init__(self, rate: int, names: Sequence[str], channel: int | None) -> None:
        import soxr

        self.rate, self.names = rate, list(names)
        self._mixer = Mixer(names, channel)
        self._resampler = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, len(names))
        self._waiting: list[Samples] = []
        self._n_waiting = self._n_samples = 0
        self._mono: list[NDArray[np.float32]] = []

    @property
    def seconds(self) -> Fraction:
        return Fraction(self._n_samples, self.rate)

    @property
    def note(self) -> str:
        return self._mixer.choice.note if self._mixer.choice else ""

    @property
    def different(self) -> tuple[str, ...]:
        return tuple(self.names) if self._mixer.differ else ()

    def add(self, samples: Samples) -> None:
        self._waiting.append(samples)
        self._n_waiting += samples.shape[1]
        self._n_samples += samples.shape[1]
        if self._n_waiting >= AT_ONCE:
            self._resample(last=False)

    def end(self) -> list[NDArray[np.float32]]:
        self._resample(last=True)
        self._mono += self._mixer.end()
        return self._mono

    def _resample(self, last: bool) -> None:
        waiting = self._waiting or [np.zeros((len(self.names), 0), np.float32)]
        block = np.ascontiguousarray(np.concatenate(waiting, axis=1).T)  # (n, channels)
        self._waiting, self._n_waiting = [], 0
        block = np.nan_to_num(block, copy=False, posinf=1.0, neginf=-1.0).clip(-LOUDEST, LOUDEST)
        if self._resampler is not None:
            flat = block[:, 0] if len(self.names) == 1 else block
            block = self._resampler.resample_chunk(flat, last=last).reshape(-1, len(self.names))
        self._mono += self._mixer.add(block)


def length_at_16_khz(seconds: Fraction) -> int:
    """Samples of so many seconds at 16 kHz, such that their frames are round(25 s) of the sound as it was."""
    nearest, frames = round(seconds * SAMPLE_RATE), round(FRAME_RATE * float(seconds))
    near = (nearest, nearest - 1, nearest + 1)
    return next((n for n in near if round(FRAME_RATE * (n / SAMPLE_RATE)) == frames), nearest)


def cut(parts: list[NDArray[np.float32]], length: int) -> list[NDArray[np.float32]]:
    """Parts of `length` samples in all; a resampler may give one more or less."""
    out: list[NDArray[np.float32]] = []
    for part in parts:
        out.append(part[:length])
        length -= len(out[-1])
    return [*out, np.zeros(length, np.float32)] if length else out


def joined(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """All parts in one array; each is let go as soon as it is copied, so that an hour is not held twice."""
    end = sum(map(len, parts))
    waveform = np.empty(end, np.float32)
    while parts:
        part = parts.pop()
        waveform[end - len(part) : end] = part
        end -= len(part)
    return waveform
