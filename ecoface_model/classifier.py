"""Speech emotion recognition: the emotion encoder's features of some speech -> shares of labels."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv1d

from ecoface_model.core.constants import EMOTIONS, INTENSITIES, N_LABELS
from ecoface_model.core.emotion_label import TRACK_RATE

REACH = 4.0  # seconds to either side over which speech tells a moment's mood, less the further away
UNSURE, SURE = 0.7, 0.95  # largest shares of an emotion from which it is shown at all, and fully
SOME_SPEECH = 0.5  # seconds of speech within reach that count fully; less is drawn towards neutral


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

    def shares(
        self, logits: Float[Tensor, "points 15"], speech: Float[Tensor, " points"]
    ) -> tuple[Float[Tensor, "points emotions"], Float[Tensor, " points"]]:
        """Shares of the emotions and the intensity at 10 Hz, of logits at 10 Hz and where somebody speaks.

        Each point hears the speech within REACH, weighted by a Hann window; with hardly any, it is neutral.
        """
        mean, amount = around(logits, speech)
        return self.of_means(mean, (amount / SOME_SPEECH).clamp(max=1))

    def of_means(
        self, logits: Float[Tensor, "rows 15"], trust: Float[Tensor, " rows"] | None = None
    ) -> tuple[Float[Tensor, "rows emotions"], Float[Tensor, " rows"]]:
        """The same of mean logits; what is not trusted wholly is drawn towards neutral."""
        labels = self.calibrated(logits, self.offset, self.sharpness).softmax(dim=-1)  # (rows, 15)
        levels = torch.unflatten(labels[:, 1:], 1, (-1, len(INTENSITIES)))  # (rows, 7, 2)
        shares = torch.cat([labels[:, :1], levels.sum(dim=2)], dim=1)
        if trust is not None:
            neutral = torch.zeros_like(shares)
            neutral[:, 0] = 1
            shares = torch.lerp(neutral, shares, trust[:, None])
        strong = levels[..., 1].sum(dim=1) / levels.sum(dim=(1, 2)).clamp_min(1e-9)
        return shares, 1 + strong


def sure_enough(shares: Float[Tensor, "points emotions"]) -> Float[Tensor, "points emotions"]:
    """Shares by which a face may speak its own voice's emotion: what is unsure is near neutral.

    Emotions count as far as the largest share of them is between UNSURE and SURE, the rest is neutral's. A
    reference was chosen for its emotion, so this is not asked of one.
    """
    largest = shares[:, 1:].amax(dim=1, keepdim=True)
    acted = shares[:, 1:] * ((largest - UNSURE) / (SURE - UNSURE)).clamp(0, 1)
    return torch.cat([1 - acted.sum(dim=1, keepdim=True), acted], dim=1)


def around(
    features: Float[Tensor, "points feature"], speech: Float[Tensor, " points"]
) -> tuple[Float[Tensor, "points feature"], Float[Tensor, " points"]]:
    """Means of what is told of speech around each point at 10 Hz, and how many seconds of it (weighted)."""
    reach = round(REACH * TRACK_RATE)
    window = torch.hann_window(2 * reach + 1, periodic=False, device=features.device)[None, None]
    weighted = torch.cat([features * speech[:, None], speech[:, None]], dim=1)  # (points, F + 1)
    sums = conv1d(weighted.mT[:, None], window, padding=reach)[:, 0].mT  # (points, F + 1)
    return sums[:, :-1] / sums[:, -1:].clamp_min(1e-6), sums[:, -1] / TRACK_RATE
