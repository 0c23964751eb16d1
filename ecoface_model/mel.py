"""Log-mel spectra as Whisper counts them: 80 bins, window 25 ms, step 10 ms."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from ecoface_model.core.constants import SAMPLE_RATE, exact_div
from ecoface_model.device import full_precision

N_MELS = 80
MEL_WINDOW = 400  # samples, 25 ms
MEL_HOP = 160  # samples, 10 ms
MEL_RATE = exact_div(SAMPLE_RATE, MEL_HOP)  # 100 Hz
QUIETEST = 1e-10  # power below which everything counts as silence


class LogMel(nn.Module):
    """log10 of mel power, not normalised in any way."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(MEL_WINDOW), persistent=False)
        self.register_buffer("filters", torch.tensor(mel_filters(), dtype=torch.float32), persistent=False)
        self.window: Tensor
        self.filters: Tensor

    def forward(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 80 mel_steps"]:
        """Spectra at 100 Hz, samples // 160 of them."""
        with full_precision(waveform.device):
            spectrum = torch.stft(
                waveform.float(), MEL_WINDOW, MEL_HOP, window=self.window, return_complex=True
            )  # (B, 201, steps + 1)
            power = torch.view_as_real(spectrum[..., :-1]).square().sum(dim=-1)  # (B, 201, steps)
            return (self.filters @ power).clamp_min(QUIETEST).log10()


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
