"""Speech as worse recordings and other voices would give it, sample for sample in time with the original."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from ecoface_model.core.constants import SAMPLE_RATE
from training.data.augment import band_limited, coloured_noise, in_room, with_noise
from training.data.utterance import Utterance
from training.synthetic.voices.prosody import FRAME_MS, analyse, world

Sound = NDArray[np.float32]

TELEPHONE_BAND = (300.0, 3400.0)  # Hz
REVERBERATION = 0.4  # s
NOISE_RATIO = 10.0  # dB of speech over noise
NOISE_EXPONENT = 1.0  # pink
CHORD_SECONDS, ROOT = 0.5, 220.0  # s, Hz
PROGRESSION, TRIAD = (0, 9, 5, 7), (0, 4, 7, 12)  # semitones
VOICE_SHIFT = 0.2  # of the pitch, up and down
_SEED = 0


def over_telephone(waveform: Float32[Sound, " samples"]) -> Float32[Sound, " samples"]:
    """A telephone's band."""
    return band_limited(waveform, *TELEPHONE_BAND)


def in_a_room(waveform: Float32[Sound, " samples"]) -> Float32[Sound, " samples"]:
    """A room that rings for 0.4 s, always the same."""
    return in_room(waveform, REVERBERATION, np.random.default_rng(_SEED))


def in_noise(waveform: Float32[Sound, " samples"]) -> Float32[Sound, " samples"]:
    """Pink noise, always the same, 10 dB below the speech."""
    noise = coloured_noise(len(waveform), NOISE_EXPONENT, np.random.default_rng(_SEED))
    return with_noise(waveform, noise, NOISE_RATIO)


def with_music(waveform: Float32[Sound, " samples"]) -> Float32[Sound, " samples"]:
    """Synthetic music, always the same, 10 dB below the speech."""
    return with_noise(waveform, music(len(waveform)), NOISE_RATIO)


def music(n_samples: int) -> Float32[Sound, " samples"]:
    """Struck chords that change twice a second over a bass, by rule: no recording."""
    out = np.zeros(n_samples, np.float64)
    step = round(CHORD_SECONDS * SAMPLE_RATE)
    seconds = np.arange(step) / SAMPLE_RATE
    struck = np.minimum(seconds / 0.01, 1) * np.exp(-2.5 * seconds)
    for number, first in enumerate(range(0, n_samples, step)):
        root = ROOT * 2 ** (PROGRESSION[number % len(PROGRESSION)] / 12)
        notes = [root / 2, *(root * 2 ** (semitones / 12) for semitones in TRIAD)]
        tones = sum(
            np.sin(2 * np.pi * note * harmonic * seconds) / harmonic
            for note in notes
            for harmonic in range(1, 9)
        )
        part = (struck * tones)[: n_samples - first]
        out[first : first + len(part)] += part
    return np.asarray(out, np.float32)


def at_pitch(waveform: Float32[Sound, " samples"], factor: float) -> Float32[Sound, " samples"]:
    """The voice at another pitch by WORLD: formants, timing and length stay."""
    analysis = analyse(Utterance(waveform=waveform, phones=()))
    samples = world().synthesize(
        analysis.pitch * factor, analysis.envelope, analysis.aperiodicity, SAMPLE_RATE, FRAME_MS
    )
    out = np.zeros_like(waveform)
    n_samples = min(len(waveform), len(samples))
    out[:n_samples] = samples[:n_samples]
    return out


def raised(waveform: Float32[Sound, " samples"]) -> Float32[Sound, " samples"]:
    """The voice 20 % higher."""
    return at_pitch(waveform, 1 + VOICE_SHIFT)


def lowered(waveform: Float32[Sound, " samples"]) -> Float32[Sound, " samples"]:
    """The voice 20 % lower."""
    return at_pitch(waveform, 1 - VOICE_SHIFT)


CONDITIONS: MappingProxyType[str, Callable[[NDArray[Any]], NDArray[Any]]] = MappingProxyType(
    {
        "telephone": over_telephone,
        "room": in_a_room,
        "raised": raised,
        "lowered": lowered,
        "noise": in_noise,
        "music": with_music,
    }
)
"""By the name in the table."""
