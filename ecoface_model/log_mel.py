"""Log-mel spectra as a torch module, for training and the networks there; `mel.py` is its twin in numpy."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecoface_model.device import WITHOUT_DOUBLE, full_precision
from ecoface_model.mel import MEL_HOP, MEL_WINDOW, QUIETEST, hann_window, mel_filters


class LogMel(nn.Module):
    """log10 of mel power, not normalised in any way."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.from_numpy(hann_window()), persistent=False)
        self.register_buffer("filters", torch.tensor(mel_filters(), dtype=torch.float32), persistent=False)
        self.window: Tensor
        self.filters: Tensor

    def forward(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 80 mel_steps"]:
        """Spectra at 100 Hz, samples // 160 of them.

        In double precision where the device has it: a spectrum's faint bins are the first to feel rounding.
        """
        exact = torch.float32 if waveform.device.type == WITHOUT_DOUBLE else torch.float64
        with full_precision(waveform.device):
            spectrum = torch.stft(
                waveform.to(exact), MEL_WINDOW, MEL_HOP, window=self.window.to(exact), return_complex=True
            )  # (B, 201, steps + 1)
            power = torch.view_as_real(spectrum[..., :-1]).square().sum(dim=-1)  # (B, 201, steps)
            return (self.filters @ power.float()).clamp_min(QUIETEST).log10()
