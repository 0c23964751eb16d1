"""Where a clip's emotion comes from, if not its own speech: a label, or another clip (Sec. 4.3, App. C).

A source gives emotion features for any stretch of the 2T steps, so that long clips can be made in windows.
Mixes of sources over time (App. C.3) are one more class with the same method.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ecoface_model.config import DEFAULT_INTENSITY, EMOTIONS, FEATURE_RATE, INTENSITIES
from ecoface_model.errors import RequestError

TRACK_RATE = 10  # Hz; features of a reference are kept at this rate, since they are smoothed anyway
STEPS_PER_POINT = FEATURE_RATE // TRACK_RATE
SMOOTHING = 0.5  # seconds over which a reference's features are averaged: moods, not syllables
EMPHASIS = 1.4  # of a label beyond neutral; at the class's mean the generator mixes in what sounds alike
LONGEST_STRETCH = 2.0  # a reference shorter than that is played to and fro


@dataclass(frozen=True)
class EmotionLabel:
    """One of EMOTIONS, and how strong: 0 none, 1 normal, 2 strong."""

    name: str
    intensity: float = DEFAULT_INTENSITY

    @classmethod
    def parse(cls, text: str) -> "EmotionLabel":
        """`LABEL[:INTENSITY]`, the intensity a number 0..2 or one of the words normal and strong.

        Raises:
            RequestError: if there is no such emotion or intensity.
        """
        name, colon, intensity = text.strip().lower().partition(":")
        if name not in EMOTIONS:
            raise RequestError(
                f"expected an emotion among {', '.join(EMOTIONS)}, found {name!r}; choose one of them"
            )
        if not colon:
            return cls(name)
        if intensity in INTENSITIES:
            return cls(name, 1.0 + INTENSITIES.index(intensity))
        try:
            strength = float(intensity)
        except ValueError:
            strength = -1.0
        if not 0 <= strength <= len(INTENSITIES):
            raise RequestError(
                f"expected an intensity from 0 to 2, or {' or '.join(INTENSITIES)}, found {intensity!r};"
                f" write for example {name}:{DEFAULT_INTENSITY}"
            )
        return cls(name, strength)

    def __str__(self) -> str:
        return f"{self.name}:{self.intensity:g}"


class EmotionSource(ABC):
    """Emotion features over the 2T steps of a clip."""

    @abstractmethod
    def steps(self, start: int, stop: int) -> Float[Tensor, "1 steps feature"]:
        """Features of steps start..stop - 1, at 50 Hz."""


class SteadyEmotion(EmotionSource):
    """A label: the same features all the way."""

    def __init__(self, prototypes: Float[Tensor, "emotions 3 feature"], label: EmotionLabel) -> None:
        """Between the prototypes of the intensities on either side, emphasised."""
        levels = prototypes[EMOTIONS.index(label.name)]  # (3, F)
        below = min(int(label.intensity), len(levels) - 2)
        features = torch.lerp(levels[below], levels[below + 1], label.intensity - below)  # (F,)
        self.features = torch.lerp(levels[0], features, EMPHASIS)

    def steps(self, start: int, stop: int) -> Float[Tensor, "1 steps feature"]:
        """The label's features, stop - start times."""
        return self.features.expand(1, stop - start, -1)


class ReferenceEmotion(EmotionSource):
    """Another clip's emotion, laid over this clip's length without seams.

    A longer reference is compressed in time, a shorter one stretched up to twice its length and then played
    to and fro. Every step is the mean over half a second of this clip or of the reference, the longer.
    """

    def __init__(self, track: Float[Tensor, "points feature"], n_steps: int) -> None:
        """`track` is the reference at 10 Hz (`to_track`), `n_steps` this clip's 2T."""
        self.device = track.device
        self.n_points = len(track)
        n_wanted = n_steps / STEPS_PER_POINT
        self.rate = max(
            self.n_points / n_wanted, 1 / LONGEST_STRETCH
        )  # points of the reference per point of ours
        whole = track.to("cpu", torch.float64)
        self.integral = torch.cat(
            [whole.new_zeros(1, whole.shape[1]), whole.cumsum(dim=0)]
        )  # (points + 1, F)

    def steps(self, start: int, stop: int) -> Float[Tensor, "1 steps feature"]:
        """Means of the reference around the moments that these steps stand for."""
        moment = (
            (torch.arange(start, stop, dtype=torch.float64) + 0.5) / STEPS_PER_POINT * self.rate
        )  # in points
        half = max(self.rate, 1.0) * SMOOTHING * TRACK_RATE / 2
        features = (self._integral_to(moment + half) - self._integral_to(moment - half)) / (2 * half)
        return features.to(self.device, torch.float32)[None]

    def _integral_to(self, moment: Float[Tensor, " steps"]) -> Float[Tensor, "steps feature"]:
        """Integral from 0 to each moment of the reference played to and fro without end, both ways."""
        n = self.n_points
        turns = torch.div(moment, n, rounding_mode="floor")  # passes done, each of them the whole integral
        within = moment - turns * n  # 0..n
        backwards = (turns % 2 == 1)[:, None]
        ahead = self._integral_within(within)
        back = self.integral[-1] - self._integral_within(n - within)
        return turns[:, None] * self.integral[-1] + torch.where(backwards, back, ahead)

    def _integral_within(self, moment: Float[Tensor, " steps"]) -> Float[Tensor, "steps feature"]:
        before = moment.long().clamp(0, self.n_points - 1)
        return torch.lerp(self.integral[before], self.integral[before + 1], (moment - before)[:, None])


def to_track(features: Float[Tensor, "steps feature"]) -> Float[Tensor, "points feature"]:
    """Features at 50 Hz -> their means at 10 Hz; a last point of fewer steps is their mean."""
    return torch.stack([part.mean(dim=0) for part in torch.split(features, STEPS_PER_POINT)])
