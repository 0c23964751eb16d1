"""Speech emotion recognition: the emotion encoder's features of some speech -> evidence for the labels."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecoface_model.config import EmotionConfig
from ecoface_model.core.constants import EMOTIONS, INTENSITIES, N_LABELS
from ecoface_model.reference_emotion.calibration import Calibration


class EmotionClassifier(nn.Module):
    """Logits of the encoder's features and of the rows of its front, calibrated on held-out voices.

    Rows pass units that see single frames, then hidden units, which see means over some speech. So what is
    told of every moment is evidence, whose mean over the speech is all that is needed: logits of features,
    then what the hidden units take in. Logits stand in the order of `sources.label_prototypes`: neutral, then
    each emotion at intensity 1 and 2.
    """

    def __init__(self, feature_dim: int, row_dim: int, hidden_dim: int = 0, frame_units: int = 0) -> None:
        """Without units on frames, as in files of earlier versions, rows lead to hidden units alone; without
        these, as in older ones, they have a linear layer.
        """
        super().__init__()
        self.to_labels = nn.Linear(feature_dim, N_LABELS)
        self.hidden_dim, self.frame_units = hidden_dim, frame_units
        if hidden_dim:  # errs elsewhere than the trained encoder
            self.rows_to_hidden = nn.Linear(row_dim, hidden_dim)
            self.hidden_to_labels = nn.Linear(hidden_dim, N_LABELS)
            nn.init.zeros_(self.hidden_to_labels.weight), nn.init.zeros_(self.hidden_to_labels.bias)
        else:
            self.rows_to_labels = nn.Linear(row_dim, N_LABELS)
            nn.init.zeros_(self.rows_to_labels.weight), nn.init.zeros_(self.rows_to_labels.bias)
        if frame_units:
            self.rows_to_frame_units = nn.Linear(row_dim, frame_units)
            self.frame_units_to_hidden = nn.Linear(frame_units, hidden_dim, bias=False)
        self.register_buffer("offset", torch.zeros(len(EMOTIONS)))
        self.register_buffer("sharpness", torch.ones(()))
        self.offset: Tensor  # of each emotion: classes that no real voice taught need the stronger evidence
        self.sharpness: Tensor  # an inverse temperature, so that a share is how often it is right

    @classmethod
    def of(cls, config: EmotionConfig, row_dim: int) -> "EmotionClassifier":
        """The classifier beside an encoder of this config, on rows of this width, untrained."""
        return cls(config.feature_dim, row_dim, config.hidden_dim, config.frame_units)

    def row_layers(self) -> nn.ModuleList:
        """The layers that take rows, one after the other."""
        if not self.hidden_dim:
            return nn.ModuleList([self.rows_to_labels])
        layers = [self.rows_to_hidden, self.hidden_to_labels]
        if self.frame_units:
            layers += [self.rows_to_frame_units, self.frame_units_to_hidden]
        return nn.ModuleList(layers)

    def forward(
        self, features: Float[Tensor, "*times feature"], rows: Float[Tensor, "*times row"]
    ) -> Float[Tensor, "*times evidence"]:
        """15 logits, then each hidden unit's input.

        `rows` are relative to the voice (`EmotionEncoder.relative`).
        """
        return self.evidence(features, self.of_rows(rows))

    def evidence(
        self, features: Float[Tensor, "*times feature"], told: Float[Tensor, "*times told"]
    ) -> Float[Tensor, "*times evidence"]:
        """The same, of what the rows tell (`of_rows`)."""
        logits: Tensor = self.to_labels(features)
        together: Tensor = torch.cat([logits, told], dim=-1) if self.hidden_dim else logits + told
        return together

    def of_rows(self, rows: Float[Tensor, "*times row"]) -> Float[Tensor, "*times told"]:
        """What single frames tell: each hidden unit's input, or 15 logits where there are none."""
        if not self.hidden_dim:
            logits: Tensor = self.rows_to_labels(rows)
            return logits
        told: Tensor = self.rows_to_hidden(rows)
        if self.frame_units:
            told = told + self.frame_units_to_hidden(self.rows_to_frame_units(rows).relu())
        return told

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
