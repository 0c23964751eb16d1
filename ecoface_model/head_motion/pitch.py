"""The pitch of a voice, F0 over time, by normalised autocorrelation. numpy only."""

from typing import Any

import numpy as np
from jaxtyping import Float

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import SAMPLE_RATE, exact_div

PITCH_RATE = 50  # Hz, of the head's motion
_RATE = exact_div(SAMPLE_RATE, 2)  # Hz, that correlations are counted at
_WINDOW = 384  # samples at 8 kHz: 48 ms, three periods at 63 Hz
_RANGE = (65.0, 450.0)  # Hz
_VOICED = 0.5  # least peak of the normalised autocorrelation
_LOUD = 3e-4  # of the loudest window's energy, under which nobody speaks
_SMOOTH = np.hanning(17)[1:-1] / 8  # below 1 kHz: no hiss
_AT_ONCE = 3000  # points: memory


def pitch(waveform: Float[NDArray[Any], " samples"], rate: int = PITCH_RATE) -> Float[NDArray[Any], " times"]:
    """F0 in Hz, `rate` times a second from the waveform's beginning on, NaN where there is no voice."""
    hop = exact_div(SAMPLE_RATE, rate)
    count = len(waveform) // hop + 1
    parts = [_part(waveform, hop, range(a, min(a + _AT_ONCE, count))) for a in range(0, count, _AT_ONCE)]
    f0, peak, energy = (np.concatenate(each) for each in zip(*parts, strict=True))
    return _median(np.where((peak > _VOICED) & (energy > _LOUD * energy.max()), f0, np.nan))


def _part(
    waveform: Float[NDArray[Any], " samples"], hop: int, times: range
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """F0, the autocorrelation's peak there (0 at the range's ends), and the energy, of some of the times."""
    window = np.hanning(_WINDOW)
    frames = _windows(waveform, hop, times).astype(np.float64)
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    longest, shortest = (int(_RATE / hz) for hz in _RANGE)
    n_fft = 512  # lags up to its length less the window, 128, come free of wrapping
    assert longest + 2 <= n_fft - _WINDOW
    correlation = np.fft.irfft(np.abs(np.fft.rfft(frames, n_fft)) ** 2, n_fft)[:, : longest + 2]
    of_window = np.fft.irfft(np.abs(np.fft.rfft(window, n_fft)) ** 2, n_fft)[: longest + 2]
    energy = correlation[:, 0] + 1e-9
    normal = correlation / energy[:, None] / (of_window / of_window[0])
    search = normal[:, shortest : longest + 1] - 0.0015 * np.arange(longest + 1 - shortest)  # shortest period
    lag = search.argmax(axis=1) + shortest
    rows = np.arange(len(times))
    before, here, after = normal[rows, lag - 1], normal[rows, lag], normal[rows, lag + 1]
    bend = before - 2 * here + after
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (before - after) / np.where(bend == 0, 1, bend), 0)
    f0 = _RATE / (lag + np.clip(shift, -0.5, 0.5))
    inside = (lag > shortest) & (lag < longest)
    return f0, np.where(inside, here, 0), energy


def _windows(
    waveform: Float[NDArray[Any], " samples"], hop: int, times: range
) -> Float[NDArray[Any], "times window"]:
    """Windows at 8 kHz, centred on these multiples of the hop, zeros outside the waveform."""
    edge = len(_SMOOTH) // 2
    first = times.start * hop - _WINDOW  # samples at 16 kHz
    last = (times.stop - 1) * hop + _WINDOW
    low, high = first - 2 * edge, last + 2 * edge
    piece = np.pad(waveform[max(low, 0) : high], (max(-low, 0), max(high - len(waveform), 0)))
    half = np.convolve(piece, _SMOOTH, mode="same")[2 * edge : len(piece) - 2 * edge : 2]
    return np.lib.stride_tricks.sliding_window_view(half, _WINDOW)[:: hop // 2]


def _median(track: Float[NDArray[Any], " times"]) -> Float[NDArray[Any], " times"]:
    """Median over five steps, without single voiced steps."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(track, 2, constant_values=np.nan), 5)
    enough = np.isfinite(around).sum(axis=1) >= 3
    result = np.full(len(track), np.nan)
    result[enough] = np.nanmedian(around[enough], axis=1)
    return np.where(np.isfinite(track), result, np.nan)
