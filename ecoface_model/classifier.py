"""Speech emotion recognition: the emotion encoder's features of some speech -> logits of labels."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecoface_model.core.constants import EMOTIONS, INTENSITIES, N_LABELS
from ecoface_model.reference_emotion.calibration import Calibration


class EmotionClassifier(nn.Module):
    """Linear layers on the encoder's features and on the rows of its front, calibrated on held-out voices.

    Both are linear, so the mean of their logits over some speech is the logits of its means. Logits stand in
    the order of `sources.label_prototypes`: neutral, then each emotion at intensity 1 and 2.
    """

    def __init__(self, feature_dim: int, row_dim: int) -> None:
        super().__init__()
        self.to_labels = nn.Linear(feature_dim, N_LABELS)
        self.rows_to_labels = nn.Linear(row_dim, N_LABELS)  # errs elsewhere than the trained encoder
        nn.init.zeros_(self.rows_to_labels.weight), nn.init.zeros_(self.rows_to_labels.bias)
        self.register_buffer("offset", torch.zeros(len(EMOTIONS)))
        self.register_buffer("sharpness", torch.ones(()))
        self.offset: Tensor  # of each emotion: classes that no real voice taught need the stronger evidence
        self.sharpness: Tensor  # an inverse temperature, so that a share is how often it is right

    def forward(
        self, features: Float[Tensor, "*times feature"], rows: Float[Tensor, "*times row"]
    ) -> Float[Tensor, "*times 15"]:
        """Logits, not yet calibrated; `rows` are relative to the voice (`EmotionEncoder.relative`)."""
        logits: Tensor = self.to_labels(features) + self.rows_to_labels(rows)
        return logits

    @staticmethod
    def calibrated(
        logits: Float[Tensor, "*rows 15"], offset: Float[Tensor, " emotions"], sharpness: Float[Tensor, ""]
    ) -> Float[Tensor, "*rows 15"]:
        """Logits with what is added to each emotion's, times an inverse temperature."""
        offsets = torch.cat([offset[:1], offset[1:].repeat_interleave(len(INTENSITIES))])
        return (logits + offsets) * sharpness

    def calibration(self) -> Calibration:
        """The same in numpy, with what follows from logits over time."""
        return Calibration(self.offset.float().cpu().numpy(), float(self.sharpness))
