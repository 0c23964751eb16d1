"""Evidence for labels over time -> shares of the emotions and an intensity, calibrated. numpy only."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import INTENSITIES, N_LABELS
from ecoface_model.core.emotion_label import TRACK_RATE

REACH = 4.0  # seconds to either side over which speech tells a moment's mood, less the further away
UNSURE, SURE = 0.7, 0.95  # largest shares of an emotion from which it is shown at all, and fully
SOME_SPEECH = 0.5  # seconds of speech within reach that count fully; less is drawn towards neutral


@dataclass(frozen=True)
class Calibration:
    """What makes a classifier's mean evidence shares that are right as often as they say."""

    offset: Float32[NDArray[np.float32], " emotions"]
    """Of each emotion's logits: classes that no real voice taught need the stronger evidence."""
    sharpness: float
    """An inverse temperature."""
    hidden_weight: Float32[NDArray[np.float32], "15 hidden"] | None = None
    """From the classifier's hidden units to logits; files of earlier versions have none."""
    hidden_bias: Float32[NDArray[np.float32], "15"] | None = None

    @property
    def width(self) -> int:
        """Numbers of one moment's evidence."""
        return N_LABELS + (0 if self.hidden_weight is None else self.hidden_weight.shape[1])

    def shares(
        self,
        evidence: Float32[NDArray[np.float32], "points evidence"],
        speech: Float32[NDArray[np.float32], " points"],
    ) -> tuple[Float32[NDArray[np.float32], "points emotions"], Float32[NDArray[np.float32], " points"]]:
        """Shares of the emotions and the intensity at 10 Hz, of evidence at 10 Hz and where somebody speaks.

        Each point hears the speech within REACH, weighted by a Hann window; with hardly any, it is neutral.
        """
        mean, amount = around(evidence, speech)
        return self.of_means(mean, np.minimum(amount / np.float32(SOME_SPEECH), 1))

    def of_means(
        self,
        evidence: Float32[NDArray[np.float32], "rows evidence"],
        trust: Float32[NDArray[np.float32], " rows"] | None = None,
    ) -> tuple[Float32[NDArray[np.float32], "rows emotions"], Float32[NDArray[np.float32], " rows"]]:
        """The same of mean evidence; what is not trusted wholly is drawn towards neutral."""
        offsets = np.concatenate([self.offset[:1], self.offset[1:].repeat(len(INTENSITIES))])
        labels = softmax((self.logits(evidence) + offsets) * np.float32(self.sharpness))  # (rows, 15)
        levels = labels[:, 1:].reshape(len(labels), -1, len(INTENSITIES))  # (rows, 7, 2)
        shares = np.concatenate([labels[:, :1], levels.sum(axis=2)], axis=1)
        if trust is not None:
            shares = shares * trust[:, None]
            shares[:, 0] += 1 - trust
        strong = levels[..., 1].sum(axis=1) / np.maximum(levels.sum(axis=(1, 2)), 1e-9)
        return shares, 1 + strong

    def logits(
        self, evidence: Float32[NDArray[np.float32], "rows evidence"]
    ) -> Float32[NDArray[np.float32], "rows 15"]:
        """Of mean evidence (`EmotionClassifier.logits`), not yet calibrated."""
        logits = evidence[:, :N_LABELS]
        if self.hidden_weight is None or self.hidden_bias is None:
            return logits
        hidden = np.maximum(evidence[:, N_LABELS:], 0)
        told: NDArray[np.float32] = logits + hidden @ self.hidden_weight.T + self.hidden_bias
        return told


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shares that add up to 1 along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: NDArray[Any] = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def sure_enough(
    shares: Float32[NDArray[np.float32], "points emotions"],
) -> Float32[NDArray[np.float32], "points emotions"]:
    """Shares by which a face may speak its own voice's emotion: what is unsure is near neutral.

    Emotions count as far as the largest share of them is between UNSURE and SURE, the rest is neutral's. A
    reference was chosen for its emotion, so this is not asked of one.
    """
    largest = shares[:, 1:].max(axis=1, keepdims=True)
    acted = shares[:, 1:] * np.clip((largest - UNSURE) / (SURE - UNSURE), 0, 1).astype(np.float32)
    return np.concatenate([1 - acted.sum(axis=1, keepdims=True), acted], axis=1)


def around(
    features: Float32[NDArray[np.float32], "points feature"], speech: Float32[NDArray[np.float32], " points"]
) -> tuple[Float32[NDArray[np.float32], "points feature"], Float32[NDArray[np.float32], " points"]]:
    """Means of what is told of speech around each point at 10 Hz, and how many seconds of it (weighted)."""
    reach = round(REACH * TRACK_RATE)
    window = np.hanning(2 * reach + 1).astype(np.float32)
    whole = slice(reach, reach + len(speech))
    amount = np.convolve(speech, window)[whole]
    share = 1 / np.maximum(amount, np.float32(1e-6))
    means = np.empty_like(features)
    for column in range(features.shape[1]):  # an hour's evidence is there once, not several times
        means[:, column] = np.convolve(features[:, column] * speech, window)[whole] * share
    return means, amount / np.float32(TRACK_RATE)
