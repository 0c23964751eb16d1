"""Emotional prosody by rule: WORLD takes an utterance apart and puts it together as another performance.

Eight emotions in two intensities, with the directions that the literature measures in acted speech (pitch,
range, rate, level, spectral tilt, jitter, breath, contour), on top of a change of speaker (formants, pitch).
Every number is spread from clip to clip, so that the classes overlap as they do in people. Phone times scale
exactly with the rate. The level is a cue and is kept: nothing here normalises peaks.
"""

import warnings
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from ecoface_model.core.constants import EMOTIONS, INTENSITIES, SAMPLE_RATE
from training.data.utterance import Phone, Utterance, at_level, covering, speech_level

FRAME_MS = 5.0
PITCH_FLOOR, PITCH_CEILING = 55.0, 600.0  # Hz


@dataclass(frozen=True, kw_only=True)
class Prosody:
    """How a performance differs from the voice as it is."""

    pitch: float = 0.0
    """Semitones of the mean."""
    pitch_range: float = 0.0
    """Octaves by which excursions from the median widen: log2 of the factor."""
    rate: float = 0.0
    """log2 of the factor on speed."""
    level: float = 0.0
    """dB."""
    tilt: float = 0.0
    """dB per octave around 500 Hz; above 0 brighter."""
    jitter: float = 0.0
    """Relative standard deviation of the pitch from frame to frame."""
    breath: float = 0.0
    """Added aperiodicity at the top of the spectrum, 0..1."""
    slope: float = 0.0
    """Semitones per second over the utterance."""
    tremor: float = 0.0
    """Relative depth of a 6 Hz vibrato."""
    dynamics: float = 0.0
    """Exponent by which loud and soft grow apart (above 0) or together."""


STRONG: dict[str, Prosody] = {
    "neutral": Prosody(),
    "calm": Prosody(
        pitch=-1.3, pitch_range=-0.42, rate=-0.15, level=-3.0, tilt=-1.2, breath=0.08, dynamics=-0.05
    ),
    "happy": Prosody(
        pitch=3.9, pitch_range=0.54, rate=0.14, level=4.0, tilt=2.0, jitter=0.003, slope=0.5, dynamics=0.1
    ),
    "sad": Prosody(
        pitch=-1.8, pitch_range=-0.74, rate=-0.32, level=-6.0, tilt=-3.0, jitter=0.006, breath=0.15,
        slope=-1.0,
        dynamics=-0.1,
    ),
    "angry": Prosody(
        pitch=3.2, pitch_range=0.58, rate=0.16, level=8.0, tilt=4.0, jitter=0.01, slope=-0.5, dynamics=0.2
    ),
    "fearful": Prosody(
        pitch=5.8, pitch_range=-0.15, rate=0.24, level=1.0, tilt=1.0, jitter=0.02, breath=0.08, slope=0.5,
        tremor=0.02,
    ),
    "disgust": Prosody(
        pitch=-1.4, pitch_range=0.07, rate=-0.29, level=0.0, tilt=-1.0, jitter=0.012, breath=0.05,
        slope=-0.75,
        dynamics=0.1,
    ),
    "surprised": Prosody(pitch=6.4, pitch_range=0.77, rate=0.03, level=4.0, tilt=1.5, breath=0.03, slope=2.0),
}  # fmt: skip
"""Each emotion acted strongly."""

STRENGTH = {"normal": 0.6, "strong": 1.0}
STRENGTH_SPREAD = 0.12
"""Of a clip around its intensity: one in ten acts a "normal" as strongly as a weak "strong"."""
CUE_SPREAD = 0.25
"""Relative, of each cue on its own: nobody uses all cues of an emotion alike."""
SPREAD = Prosody(pitch=1.2, pitch_range=0.22, rate=0.09, level=1.8, tilt=0.8, slope=0.25, dynamics=0.05)
"""Standard deviations that have nothing to do with emotion, neutral included."""
SPREAD_AT_ZERO = Prosody(jitter=0.004, breath=0.05)
"""Of the cues that cannot be below 0."""


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """A change of speaker: a longer or shorter throat, a lower or higher voice."""

    formants: float = 1.0
    """Factor on the formants: below 1 larger, above 1 smaller than the voice itself."""
    pitch: float = 0.0
    """Semitones."""


@dataclass(frozen=True)
class Analysis:
    """An utterance taken apart by WORLD; one analysis serves many performances."""

    utterance: Utterance
    pitch: Float64[NDArray[np.float64], " steps"]
    envelope: Float64[NDArray[np.float64], "steps bins"]
    aperiodicity: Float64[NDArray[np.float64], "steps bins"]


def draw_prosody(emotion: str, intensity: str, rng: np.random.Generator) -> Prosody:
    """One performance of an emotion: the table, with what people differ in anyway."""
    assert emotion in EMOTIONS and intensity in INTENSITIES
    strength = STRENGTH[intensity] + STRENGTH_SPREAD * rng.standard_normal()
    cues: dict[str, float] = {}
    for name in (field.name for field in fields(Prosody)):
        cue = getattr(STRONG[emotion], name) * strength * (1 + CUE_SPREAD * rng.standard_normal())
        cue += getattr(SPREAD, name) * rng.standard_normal()
        cues[name] = cue + getattr(SPREAD_AT_ZERO, name) * abs(rng.standard_normal())
    for name in ("jitter", "breath", "tremor"):
        cues[name] = max(0.0, cues[name])
    cues["rate"] = float(np.clip(cues["rate"], -0.6, 0.5))
    return Prosody(**cues)


def world() -> Any:
    """pyworld, without its warning about setuptools."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyworld
    return pyworld


def analyse(utterance: Utterance) -> Analysis:
    """Pitch, spectral envelope and aperiodicity every 5 ms."""
    samples = utterance.waveform.astype(np.float64)
    samples += 1e-5 * np.random.default_rng(0).standard_normal(len(samples))  # digital zero has no envelope
    pitch, times = world().harvest(
        samples, SAMPLE_RATE, f0_floor=PITCH_FLOOR, f0_ceil=PITCH_CEILING, frame_period=FRAME_MS
    )
    envelope = world().cheaptrick(samples, pitch, times, SAMPLE_RATE)
    aperiodicity = world().d4c(samples, pitch, times, SAMPLE_RATE)
    return Analysis(utterance, pitch, envelope, aperiodicity)


def with_prosody(
    analysis: Analysis, prosody: Prosody, speaker: Speaker, rng: np.random.Generator
) -> Utterance:
    """The utterance as another performance, by another speaker; its level is the old one plus the cue."""
    envelope = _warped(analysis.envelope, speaker.formants)
    aperiodicity = _warped(analysis.aperiodicity, speaker.formants)
    frequency = np.linspace(0, SAMPLE_RATE / 2, envelope.shape[1])
    octaves = np.log2(np.maximum(frequency, 100) / 500)
    envelope = envelope * 10 ** (np.clip(prosody.tilt * octaves, -24, 24) / 10)
    envelope = envelope * _dynamics(envelope, prosody.dynamics)[:, None]
    breath = prosody.breath * frequency / (SAMPLE_RATE / 2)
    aperiodicity = np.clip(aperiodicity + breath, 0, 1)
    pitch = _performed_pitch(analysis.pitch, prosody, speaker, rng)
    speed = 2.0**prosody.rate
    samples = world().synthesize(
        pitch,
        np.ascontiguousarray(envelope),
        np.ascontiguousarray(aperiodicity),
        SAMPLE_RATE,
        FRAME_MS / speed,
    )
    seconds = len(samples) / SAMPLE_RATE
    phones = [Phone(name, start / speed, end / speed) for name, start, end in analysis.utterance.phones]
    spoken = Utterance(waveform=samples.astype(np.float32), phones=covering(phones, seconds))
    return at_level(spoken, speech_level(analysis.utterance) + prosody.level)


def _performed_pitch(
    pitch: NDArray[np.float64], prosody: Prosody, speaker: Speaker, rng: np.random.Generator
) -> NDArray[np.float64]:
    voiced = pitch > 0
    if not voiced.any():
        return pitch
    octaves = np.log2(np.where(voiced, pitch, 1.0))
    middle = float(np.median(octaves[voiced]))
    seconds = np.arange(len(pitch)) * FRAME_MS / 1000
    slope = np.clip(prosody.slope * (seconds - seconds.mean()), -3, 3)
    excursion = (octaves - middle) * 2.0**prosody.pitch_range
    performed = middle + excursion + (prosody.pitch + speaker.pitch + slope) / 12
    wobble = 1 + prosody.jitter * rng.standard_normal(len(pitch))
    wobble = wobble * (1 + prosody.tremor * np.sin(2 * np.pi * 6 * seconds))
    return np.where(voiced, np.clip(2.0**performed * wobble, 45, 700), 0.0)


def _dynamics(envelope: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Factor on the power of each frame that widens (above 0) or narrows its distance from the loud ones."""
    power = envelope.mean(axis=1)
    relative = np.maximum(power / np.percentile(power, 90), 1e-3)
    factor: NDArray[np.float64] = relative**exponent
    return factor


def _warped(spectrum: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """The spectrum stretched along frequency, as a throat 1/factor as long would."""
    if factor == 1.0:
        return spectrum
    n_bins = spectrum.shape[1]
    source = np.arange(n_bins) / factor
    low = np.minimum(source.astype(int), n_bins - 2)
    part = np.minimum(source - low, 1.0)
    warped: NDArray[np.float64] = spectrum[:, low] * (1 - part) + spectrum[:, low + 1] * part
    return warped
