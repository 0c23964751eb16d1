"""Speech as from a vocal tract of another length: its spectra stretched along frequency.

Vocal tract length perturbation (Jaitly and Hinton, 2013), of log-mel spectra; pitch moves with the formants.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ecoface_model.mel import mel_hertz

MOST = 0.16
"""Log of the largest factor by which training stretches, ours: men's and women's differ by about as much."""


def draw_stretch(rng: np.random.Generator) -> float:
    """A factor around 1."""
    return float(np.exp(rng.uniform(-MOST, MOST)))


def stretched(
    log_mel: Float[Tensor, "batch 80 mel_steps"], factor: float
) -> Float[Tensor, "batch 80 mel_steps"]:
    """Spectra whose bands hold what was at `factor` times their frequency; above 1 the tract is longer."""
    middle = mel_hertz()
    place = np.interp(middle * factor, middle, np.arange(len(middle)))  # the last band repeats
    below = place.astype(int).clip(max=len(middle) - 2)
    share = torch.from_numpy(place - below).to(log_mel)[:, None]
    return torch.lerp(log_mel[:, below], log_mel[:, below + 1], share)
