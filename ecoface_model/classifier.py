"""Speech emotion recognition: the emotion encoder's features of some speech -> evidence for the labels."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecoface_model.core.constants import EMOTIONS, INTENSITIES, N_LABELS
from ecoface_model.reference_emotion.calibration import Calibration


class EmotionClassifier(nn.Module):
    """Logits of the encoder's features and of the rows of its front, calibrated on held-out voices.

    Rows pass one layer of hidden units, which see means over some speech. So what is told of every moment is
    evidence, linear in features and rows, whose mean over the speech is the evidence of their means: logits,
    then what the hidden units take in. Logits stand in the order of `sources.label_prototypes`: neutral, then
    each emotion at intensity 1 and 2.
    """

    def __init__(self, feature_dim: int, row_dim: int, hidden_dim: int = 0) -> None:
        """Without hidden units, as in files of earlier versions, rows have a linear layer."""
        super().__init__()
        self.to_labels = nn.Linear(feature_dim, N_LABELS)
        self.hidden_dim = hidden_dim
        if hidden_dim:  # errs elsewhere than the trained encoder
            self.rows_to_hidden = nn.Linear(row_dim, hidden_dim)
            self.hidden_to_labels = nn.Linear(hidden_dim, N_LABELS)
            nn.init.zeros_(self.hidden_to_labels.weight), nn.init.zeros_(self.hidden_to_labels.bias)
        else:
            self.rows_to_labels = nn.Linear(row_dim, N_LABELS)
            nn.init.zeros_(self.rows_to_labels.weight), nn.init.zeros_(self.rows_to_labels.bias)
        self.register_buffer("offset", torch.zeros(len(EMOTIONS)))
        self.register_buffer("sharpness", torch.ones(()))
        self.offset: Tensor  # of each emotion: classes that no real voice taught need the stronger evidence
        self.sharpness: Tensor  # an inverse temperature, so that a share is how often it is right

    def row_layers(self) -> nn.ModuleList:
        """The layers that take rows, one after the other."""
        if self.hidden_dim:
            return nn.ModuleList([self.rows_to_hidden, self.hidden_to_labels])
        return nn.ModuleList([self.rows_to_labels])

    def forward(
        self, features: Float[Tensor, "*times feature"], rows: Float[Tensor, "*times row"]
    ) -> Float[Tensor, "*times evidence"]:
        """15 logits, then each hidden unit's input.

        `rows` are relative to the voice (`EmotionEncoder.relative`).
        """
        logits: Tensor = self.to_labels(features)
        if self.hidden_dim:
            return torch.cat([logits, self.rows_to_hidden(rows)], dim=-1)
        logits = logits + self.rows_to_labels(rows)
        return logits

    def logits(self, evidence: Float[Tensor, "*rows evidence"]) -> Float[Tensor, "*rows 15"]:
        """Of mean evidence, not yet calibrated."""
        logits = evidence[..., :N_LABELS]
        if self.hidden_dim:
            logits = logits + self.hidden_to_labels(evidence[..., N_LABELS:].relu())
        return logits

    @staticmethod
    def calibrated(
        logits: Float[Tensor, "*rows 15"], offset: Float[Tensor, " emotions"], sharpness: Float[Tensor, ""]
    ) -> Float[Tensor, "*rows 15"]:
        """Logits with what is added to each emotion's, times an inverse temperature."""
        offsets = torch.cat([offset[:1], offset[1:].repeat_interleave(len(INTENSITIES))])
        return (logits + offsets) * sharpness

    def calibration(self) -> Calibration:
        """What follows from evidence over time, in numpy."""
        hidden = (self.hidden_to_labels.weight, self.hidden_to_labels.bias) if self.hidden_dim else ()
        arrays = (each.detach().float().cpu().numpy() for each in (self.offset, *hidden))
        return Calibration(next(arrays), float(self.sharpness), *arrays)
