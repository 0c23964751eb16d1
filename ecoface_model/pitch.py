"""How voiced each moment is at each pitch: a picture of the voice's melody, which 80 mel bands blur."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

from ecoface_model.config import FEATURE_RATE, SAMPLE_RATE
from ecoface_model.device import full_precision

N_PITCHES = 64
LOWEST, HIGHEST = 60.0, 560.0  # Hz, from a low man's murmur to a woman's shriek
PITCH_WINDOW = 1024  # samples, 64 ms: four periods of the lowest
PITCH_HOP = SAMPLE_RATE // FEATURE_RATE
ROOT = 0.67  # of the magnitude: between autocorrelation and cepstrum, so that formants do not pass for pitch
DARK = 900.0  # Hz, of a Gaussian lowpass: what is brighter correlates at single lags, and falls between ours
LEAST = 1e-6  # of the energy, below which there is nothing to compare


class Pitchgram(nn.Module):
    """Autocorrelation, 1 at most, at lags even in octaves: a higher voice is the same, shifted.

    Half (in dB) of what the window takes from long lags is given back, so that deep voices count as voiced
    and still no octave below a pitch is as good as the pitch.
    """

    def __init__(self) -> None:
        super().__init__()
        octaves = np.linspace(0, 1, N_PITCHES)
        lag = SAMPLE_RATE / (LOWEST * (HIGHEST / LOWEST) ** octaves)  # samples
        below = torch.tensor(lag.astype(np.int64))
        window = torch.hann_window(PITCH_WINDOW)
        overlap = torch.fft.irfft(torch.fft.rfft(window, 2 * PITCH_WINDOW).abs() ** 2)  # (2 W,)
        hertz = torch.fft.rfftfreq(2 * PITCH_WINDOW, 1 / SAMPLE_RATE)
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("dark", torch.exp(-((hertz / DARK) ** 2)), persistent=False)
        self.register_buffer("fade", (overlap[below] / overlap[0]).sqrt()[:, None], persistent=False)
        self.register_buffer("below", below, persistent=False)
        self.register_buffer("beyond", torch.tensor(lag % 1, dtype=torch.float32), persistent=False)
        self.window: Tensor
        self.dark: Tensor
        self.fade: Tensor
        self.below: Tensor
        self.beyond: Tensor

    def forward(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 64 steps"]:
        """One step per 320 samples, the window around its middle; the level does not matter."""
        n_steps = waveform.shape[1] // PITCH_HOP
        before = (PITCH_WINDOW - PITCH_HOP) // 2
        with full_precision(waveform.device):
            padded = pad(waveform.float(), (before, PITCH_WINDOW))
            pieces = padded.unfold(1, PITCH_WINDOW, PITCH_HOP)[:, :n_steps] * self.window  # (B, steps, W)
            spectrum = torch.view_as_real(torch.fft.rfft(pieces, 2 * PITCH_WINDOW)).square().sum(dim=-1)
            correlation = torch.fft.irfft(self.dark * (spectrum + LEAST**2) ** (ROOT / 2))  # (B, steps, 2 W)
            correlation = correlation / (correlation[..., :1] + LEAST)
            between = correlation[..., self.below], correlation[..., self.below + 1]  # each (B, steps, 64)
            return torch.lerp(*between, self.beyond).mT / self.fade
