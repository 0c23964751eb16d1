"""What recordings do to speech: noise, rooms, narrow bands, microphones, levels, codecs.

Applied when features are computed for training, so that an encoder hears what users record. Every step keeps
the clip's length and its timing (filters have no delay, rooms keep the direct sound at its place).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from ecoface_model.core.constants import SAMPLE_RATE

Sound = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How probable and how strong each effect is."""

    room: float = 0.35
    """Probability of a room, reverberation time 0.15 to 0.6 s."""
    tilt: float = 0.5
    """Probability of a random tilt of the spectrum, up to `tilt_slope` dB per octave."""
    tilt_slope: float = 3.0
    band: float = 0.45
    """Probability of a narrow band: telephone, or lowpass at 4 kHz and above."""
    noise: float = 0.5
    """Probability of noise: white, pink, brown, or a babble of other voices."""
    noise_ratio: tuple[float, float] = (5.0, 30.0)
    """dB of speech over noise."""
    codec: float = 0.15
    """Probability of a coarse spectrum, as low bitrates leave it."""
    clip: float = 0.1
    """Probability of mild clipping."""
    gain: float = 10.0
    """dB, up or down, always drawn."""


FULL = Augmentation()


def augment(
    waveform: Float32[Sound, " samples"],
    rng: np.random.Generator,
    others: Sequence[Float32[Sound, " _others"]] = (),
    strength: Augmentation = FULL,
) -> Float32[Sound, " samples"]:
    """One random recording of this speech: the same length, the same timing.

    `others` are clips to make babble of; without them babble is noise of speech's spectrum and rhythm.
    """
    sound = waveform.astype(np.float32)
    if rng.random() < strength.room:
        sound = in_room(sound, float(rng.uniform(0.15, 0.6)), rng)
    if rng.random() < strength.tilt:
        sound = tilted(sound, float(rng.uniform(-strength.tilt_slope, strength.tilt_slope)))
    if rng.random() < strength.noise:
        sound = with_noise(sound, _noise(len(sound), rng, others), float(rng.uniform(*strength.noise_ratio)))
    if rng.random() < strength.band:
        low, high = (300.0, 3400.0) if rng.random() < 0.5 else (0.0, float(rng.uniform(3500, 7000)))
        sound = band_limited(sound, low, high)
    if rng.random() < strength.codec:
        sound = coarse(sound, float(rng.uniform(-45, -30)))
    sound = sound * np.float32(10 ** (rng.uniform(-strength.gain, strength.gain) / 20))
    if rng.random() < strength.clip:
        limit = float(np.abs(sound).max(initial=1e-6)) * rng.uniform(0.4, 0.9)
        sound = np.clip(sound, -limit, limit)
    return np.clip(sound, -1, 1).astype(np.float32)


def in_room(
    waveform: Float32[Sound, " samples"], reverberation: float, rng: np.random.Generator
) -> Float32[Sound, " samples"]:
    """The speech in a room whose echo falls by 60 dB in `reverberation` seconds; its energy is kept."""
    n_samples = round(reverberation * SAMPLE_RATE)
    seconds = np.arange(n_samples) / SAMPLE_RATE
    response = rng.standard_normal(n_samples) * 10 ** (-3 * seconds / reverberation)
    response[: round(0.002 * SAMPLE_RATE)] = 0  # the direct sound comes first, and alone
    direct_to_echo = 10 ** (rng.uniform(0, 12) / 20)
    response *= 1 / (direct_to_echo * np.sqrt(np.sum(response**2)))
    response[0] = 1
    wet = _convolved(waveform, response)
    return _at_power_of(wet, waveform)


def tilted(waveform: Float32[Sound, " samples"], slope: float) -> Float32[Sound, " samples"]:
    """The spectrum tilted by `slope` dB per octave around 1 kHz, its energy kept."""
    frequency = _frequencies(len(waveform))
    octaves = np.log2(np.clip(frequency, 80, 8000) / 1000)
    return _at_power_of(_filtered(waveform, 10 ** (slope * octaves / 20)), waveform)


def band_limited(waveform: Float32[Sound, " samples"], low: float, high: float) -> Float32[Sound, " samples"]:
    """Only what lies between two frequencies in Hz, with edges a tenth of an octave wide."""
    frequency = np.maximum(_frequencies(len(waveform)), 1e-3)
    response = 1 / (1 + (frequency / high) ** 24)
    if low > 0:
        response = response / (1 + (low / frequency) ** 24)
    return _filtered(waveform, response)


def with_noise(
    waveform: Float32[Sound, " samples"], noise: Float32[Sound, " samples"], ratio: float
) -> Float32[Sound, " samples"]:
    """Noise added so that the speech's power is `ratio` dB above the noise's."""
    power = float(np.mean(np.square(waveform, dtype=np.float64)))
    noise_power = float(np.mean(np.square(noise, dtype=np.float64))) + 1e-20
    gain = np.float32(np.sqrt(power / noise_power / 10 ** (ratio / 10)))
    return np.asarray(waveform + noise * gain, np.float32)


def coloured_noise(n_samples: int, exponent: float, rng: np.random.Generator) -> Float32[Sound, " samples"]:
    """Noise whose power falls with frequency ** exponent: 0 white, 1 pink, 2 brown."""
    frequency = np.maximum(_frequencies(n_samples), 30)
    white = rng.standard_normal(_fft_size(n_samples)).astype(np.float32)
    noise = _filtered(white, frequency ** (-exponent / 2))[:n_samples]
    return np.asarray(noise / (np.sqrt(np.mean(noise**2)) + 1e-12), np.float32)


def coarse(waveform: Float32[Sound, " samples"], floor: float) -> Float32[Sound, " samples"]:
    """What a low bitrate leaves: bins under their frame's peak plus `floor` dB are gone, others rough."""
    size, hop = 512, 256
    window = np.sqrt(np.hanning(size + 1)[:-1])
    padded = np.pad(waveform, (size, size + hop))
    n_frames = (len(padded) - size) // hop + 1
    index = hop * np.arange(n_frames)[:, None] + np.arange(size)
    spectrum = np.fft.rfft(padded[index] * window)
    magnitude = np.abs(spectrum)
    peak = magnitude.max(axis=1, keepdims=True) + 1e-9
    step = 2.0  # dB
    decibels = np.round(20 * np.log10(magnitude / peak + 1e-9) / step) * step
    kept = np.where(decibels < floor, 0.0, peak * 10 ** (decibels / 20))
    frames = np.fft.irfft(spectrum / (magnitude + 1e-12) * kept, size) * window
    halves = np.zeros((n_frames + 1, hop))
    halves[:-1] += frames[:, :hop]
    halves[1:] += frames[:, hop:]
    out = np.asarray(halves.reshape(-1), np.float32)
    return out[size : size + len(waveform)]


def babble(
    n_samples: int, others: Sequence[Float32[Sound, " _others"]], rng: np.random.Generator
) -> Float32[Sound, " samples"]:
    """Three to six other voices at once, each clip repeated to the length from a random place."""
    sum_of_voices = np.zeros(n_samples)
    for _ in range(rng.integers(3, 7)):
        voice = others[rng.integers(len(others))]
        places = (rng.integers(len(voice)) + np.arange(n_samples)) % len(voice)
        sum_of_voices += voice[places] / (np.sqrt(np.mean(np.square(voice))) + 1e-9)
    return sum_of_voices.astype(np.float32)


def _noise(n_samples: int, rng: np.random.Generator, others: Sequence[Sound]) -> Sound:
    if rng.random() < 0.7:
        return coloured_noise(n_samples, float(rng.uniform(0, 2)), rng)
    if others:
        return babble(n_samples, others, rng)
    murmur = coloured_noise(n_samples, 1.5, rng)
    rhythm = coloured_noise(n_samples, 4.0, rng)  # below 30 Hz flat, then falling: the pace of syllables
    return np.asarray(murmur * np.exp(rhythm.clip(-2, 2)), np.float32)


def _convolved(waveform: Sound, response: NDArray[np.float64]) -> Sound:
    n_total = len(waveform) + len(response) - 1
    size = _fft_size(n_total)
    product = np.fft.rfft(waveform, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product, size)[: len(waveform)].astype(np.float32)


def _fft_size(n_samples: int) -> int:
    """A power of two: transforms of other lengths take several times as long."""
    return 1 << (n_samples - 1).bit_length()


def _frequencies(n_samples: int) -> NDArray[np.float64]:
    """Hz of the bins at which `_filtered` wants its response."""
    return np.fft.rfftfreq(_fft_size(n_samples), 1 / SAMPLE_RATE)


def _filtered(waveform: Sound, response: NDArray[np.float64]) -> Sound:
    size = _fft_size(len(waveform))
    filtered = np.fft.irfft(np.fft.rfft(waveform, size) * response, size)
    return filtered[: len(waveform)].astype(np.float32)


def _at_power_of(sound: Sound, reference: Sound) -> Sound:
    power = np.mean(np.square(reference, dtype=np.float64)) + 1e-20
    own_power = np.mean(np.square(sound, dtype=np.float64)) + 1e-20
    return np.asarray(sound * np.sqrt(power / own_power), np.float32)
