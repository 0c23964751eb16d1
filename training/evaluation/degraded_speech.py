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
    {"telephone": over_telephone, "room": in_a_room, "raised": raised, "lowered": lowered, "noise": in_noise}
)
"""By the name in the table."""
