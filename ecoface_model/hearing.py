"""Which mood a reference's speech is in: features of the audio encoder and prosody, told as labels."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecoface_model.config import N_LABELS
from ecoface_model.prosody import N_MEASURES, Prosody

UNUSUAL = 3.0  # standard deviations, beyond which a measure counts as that
ALONE = 0.5  # share of training's moments in which prosody does without the features, or it never learns
LEFT_OUT = 0.2  # share of the measures that training leaves out, so that none decides alone


class Hearing(nn.Module):
    """Logits of the labels for every moment; linear, as few voices are enough for no more."""

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.measures = Prosody()
        self.register_buffer("usual", torch.stack([torch.zeros(N_MEASURES), torch.ones(N_MEASURES)]))
        self.usual: Tensor  # mean and standard deviation of each measure in training sounds
        self.by_features = nn.Linear(feature_dim, N_LABELS)
        self.by_prosody = nn.Linear(N_MEASURES, N_LABELS)
        self.dropout = nn.Dropout(LEFT_OUT)

    @torch.no_grad()
    def learn_usual(self, waveform: Float[Tensor, "batch samples"]) -> None:
        """Take these sounds for what is usual."""
        found = self.measures(waveform)
        deviation = found.std(dim=(0, 2)).clamp_min(1e-3)
        self.usual.copy_(torch.stack([found.mean(dim=(0, 2)), deviation]))

    def measure(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch steps measures"]:
        """Prosody at 50 Hz, each measure as far from usual as is usual: (B, 2T, 54) of 640 T samples."""
        mean, deviation = self.usual
        unusual: Tensor = (self.measures(waveform).mT - mean) / deviation
        return unusual.clamp(-UNUSUAL, UNUSUAL)

    def forward(
        self, features: Float[Tensor, "*times feature"], prosody: Float[Tensor, "*times measures"]
    ) -> Float[Tensor, "*times 15"]:
        """Logits of what the audio encoder and `measure` found at the same moments."""
        if self.training:
            heard = torch.rand(features.shape[:-1], device=features.device) >= ALONE
            features = features * heard[..., None]
        logits: Tensor = self.by_features(features) + self.by_prosody(self.dropout(prosody))
        return logits
