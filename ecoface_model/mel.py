"""Log-mel spectra as Whisper counts them (80 bins, window 25 ms, step 10 ms), at one level. numpy only."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import SAMPLE_RATE, exact_div

N_MELS = 80
MEL_WINDOW = 400  # samples, 25 ms
MEL_HOP = 160  # samples, 10 ms
MEL_RATE = exact_div(SAMPLE_RATE, MEL_HOP)  # 100 Hz
QUIETEST = 1e-10  # power below which everything counts as silence


PEAK_QUANTILE = 0.98  # of the steps' loudest bins: a click or two is not the clip's level
USUAL_PEAK = 0.8  # log10 of mel power: what that quantile is in speech at a usual level
LARGEST_GAIN = 3.2  # log10 of power, 32 dB: below this, silence stays silence
FLOOR = 7.5  # log10 of power below that quantile; Whisper cuts 8 below the very loudest bin, about 0.5 higher


def log_mel(waveform: Float32[NDArray[np.float32], " samples"]) -> Float32[NDArray[np.float32], "80 steps"]:
    """log10 of mel power at 100 Hz, samples // 160 of them; `log_mel.LogMel` is its twin in PyTorch."""
    padded = np.pad(waveform, MEL_WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, MEL_WINDOW)[::MEL_HOP]
    frames = frames[: len(waveform) // MEL_HOP] * hann_window().astype(np.float64)  # (steps, 400)
    spectrum = np.fft.rfft(frames)  # (steps, 201)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    mel: NDArray[np.float32] = np.log10(np.maximum(_filters() @ power.T, np.float32(QUIETEST)))
    return mel


def peak_of(pieces: Iterable[Float32[NDArray[np.float32], " _samples"]]) -> float:
    """The level of a clip in pieces: a high quantile over time of the loudest bin, log10 of mel power."""
    loudest = np.sort(np.concatenate([log_mel(piece).max(axis=0) for piece in pieces]))
    return float(loudest[int(PEAK_QUANTILE * (len(loudest) - 1))])


def at_usual_level(
    mel: Float32[NDArray[np.float32], "80 steps"], peak: float
) -> Float32[NDArray[np.float32], "80 steps"]:
    """Speech moved to the usual level, and cut at a floor below it; silence becomes the floor."""
    peak = max(peak, USUAL_PEAK - LARGEST_GAIN)
    moved: NDArray[np.float32] = np.maximum(mel - np.float32(peak), np.float32(-FLOOR))
    return moved + np.float32(USUAL_PEAK)


def hann_window() -> Float32[NDArray[np.float32], "400"]:
    """Of each frame, periodic."""
    return np.hanning(MEL_WINDOW + 1)[:-1].astype(np.float32)


@lru_cache(maxsize=1)
def _filters() -> NDArray[np.float32]:
    return mel_filters().astype(np.float32)


def mel_filters() -> NDArray[np.float64]:
    """Triangular filters on Slaney's mel scale, each of unit area in Hz: (80, 201)."""
    edges = _edges()  # (82,)
    bins = np.linspace(0, SAMPLE_RATE / 2, MEL_WINDOW // 2 + 1)  # (201,)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]  # (80, 201)
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    area = (edges[2:] - edges[:-2])[:, None] / 2
    filters: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling)) / area
    return filters


def mel_hertz() -> NDArray[np.float64]:
    """The middle of each band in Hz: (80,)."""
    return _edges()[1:-1]


def _edges() -> NDArray[np.float64]:
    """Where each band begins, peaks and ends: (82,)."""
    return _mel_to_hertz(np.linspace(0, _hertz_to_mel(SAMPLE_RATE / 2), N_MELS + 2))


LINEAR_UP_TO = 1000.0  # Hz, mel 15; linear below, logarithmic above
LINEAR_SLOPE = 3 / 200  # mel per Hz
LOG_SLOPE = 27 / np.log(6.4)  # mel per factor e


def _hertz_to_mel(hertz: float) -> float:
    assert hertz >= LINEAR_UP_TO, "only the upper edge, 8 kHz, is ever asked for"
    return float(LINEAR_UP_TO * LINEAR_SLOPE + np.log(hertz / LINEAR_UP_TO) * LOG_SLOPE)


def _mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    corner = LINEAR_UP_TO * LINEAR_SLOPE
    return np.where(mel < corner, mel / LINEAR_SLOPE, LINEAR_UP_TO * np.exp((mel - corner) / LOG_SLOPE))
