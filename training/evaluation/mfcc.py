"""The 13 cepstra that SyncNet hears: mel-frequency, 100 a second, as `python_speech_features` counts them."""

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.fft import dct

from ecoface_model.core.constants import SAMPLE_RATE, exact_div

STEP, WINDOW = exact_div(SAMPLE_RATE, 100), exact_div(SAMPLE_RATE, 40)  # samples: 10 ms and 25 ms
N_CEPSTRA = 13
_N_FFT, _N_MELS = 512, 26
_PRE_EMPHASIS, _LIFTER = 0.97, 22
_FULL_SCALE = 32768.0  # it reads 16-bit whole numbers
_LEAST = float(np.finfo(float).eps)


def mfcc(waveform: Float[NDArray[Any], " samples"]) -> Float[NDArray[np.float64], "steps 13"]:
    """Cepstra of a waveform -1..1; the first is the logarithm of the window's energy."""
    sound = np.asarray(waveform, np.float64) * _FULL_SCALE
    sound = np.append(sound[:1], sound[1:] - _PRE_EMPHASIS * sound[:-1])
    n_steps = 1 + max(0, -(-(len(sound) - WINDOW) // STEP))
    sound = np.pad(sound, (0, max(0, (n_steps - 1) * STEP + WINDOW - len(sound))))
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::STEP][:n_steps]
    power = np.abs(np.fft.rfft(windows, _N_FFT)) ** 2 / _N_FFT  # (steps, 257)
    energy = np.maximum(power.sum(axis=1), _LEAST)
    mels = np.maximum(power @ _filters().T, _LEAST)  # (steps, 26)
    out = dct(np.log(mels), type=2, axis=1, norm="ortho")[:, :N_CEPSTRA]
    out *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(N_CEPSTRA) / _LIFTER)
    out[:, 0] = np.log(energy)
    return np.asarray(out)


def _filters() -> Float[NDArray[np.float64], "26 257"]:
    """Triangles at even distances in mel, their corners on whole bins."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, _N_MELS + 2) / 2595) - 1)
    corners = np.floor((_N_FFT + 1) * hertz / SAMPLE_RATE)
    bins = np.arange(_N_FFT // 2 + 1)
    filters = np.zeros((_N_MELS, len(bins)))
    for row, (left, middle, right) in enumerate(zip(corners[:-2], corners[1:-1], corners[2:], strict=True)):
        rising = (bins >= left) & (bins < middle)
        falling = (bins >= middle) & (bins < right)
        filters[row, rising] = (bins[rising] - left) / (middle - left)
        filters[row, falling] = (right - bins[falling]) / (right - middle)
    return filters
