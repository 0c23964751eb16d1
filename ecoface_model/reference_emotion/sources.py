"""Where a clip's emotion comes from, if not its own speech: labels, or another clip (Sec. 4.3, App. C).

A source gives emotion features for any stretch of the 2T steps, so that long clips can be made in windows.
"""

from abc import ABC, abstractmethod

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from ecoface_model.core.constants import EMOTIONS, FEATURE_RATE, exact_div
from ecoface_model.core.emotion_label import TRACK_RATE, EmotionLabel, EmotionTrack

STEPS_PER_POINT = exact_div(FEATURE_RATE, TRACK_RATE)
SMOOTHING = 0.5  # seconds over which a reference's features are averaged: moods, not syllables
EMPHASIS = 1.4  # of a label beyond neutral; at the class's mean the generator mixes in what sounds alike
LIKENESS = 0.05  # temperature of a face's likeness to the prototypes, a softmax of cosines
LONGEST_STRETCH = 2.0  # a reference shorter than that is played to and fro


class EmotionSource(ABC):
    """Emotion features over the 2T steps of a clip."""

    @abstractmethod
    def steps(self, start: int, stop: int) -> Float[Tensor, "1 steps feature"]:
        """Features of steps start..stop - 1, at 50 Hz."""


class SteadyEmotion(EmotionSource):
    """A label: the same features all the way."""

    def __init__(self, prototypes: Float[Tensor, "emotions 3 feature"], label: EmotionLabel) -> None:
        weights = _one_emotion(label.name).to(prototypes.device)
        self.features = mixed(prototypes, weights, prototypes.new_tensor([label.intensity]))[0]  # (F,)

    def steps(self, start: int, stop: int) -> Float[Tensor, "1 steps feature"]:
        """The label's features, stop - start times."""
        return self.features.expand(1, stop - start, -1)


class MixedEmotion(EmotionSource):
    """Labels mixed, each as strong as it is at that time (App. C.3); between the track's points, its line."""

    def __init__(self, prototypes: Float[Tensor, "emotions 3 feature"], track: EmotionTrack) -> None:
        """Before the track's first point and after its last, these hold."""
        self.prototypes = prototypes
        curves = torch.from_numpy(np.column_stack([track.weights, track.intensity])).float()
        self.curves = curves.to(prototypes.device)
        self.rate, self.first = track.rate, track.first

    def steps(self, start: int, stop: int) -> Float[Tensor, "1 steps feature"]:
        """What the curves ask for in the middle of each step."""
        seconds = (torch.arange(start, stop, dtype=torch.float64) + 0.5) / FEATURE_RATE
        curves = on_the_line(self.curves, (seconds - self.first) * self.rate)
        return mixed(self.prototypes, curves[:, :-1], curves[:, -1])[None]


def on_the_line(
    curves: Float[Tensor, "points channels"], moments: Float[Tensor, " steps"]
) -> Float[Tensor, "steps channels"]:
    """Curves at moments between their points (counted in points, on the CPU); beyond the ends these hold."""
    last = len(curves) - 1
    moments = moments.clamp(0, last)
    before = moments.long()
    after = (before + 1).clamp(max=last)
    share = (moments - before).to(curves.device, torch.float32)[:, None]
    before, after = before.to(curves.device), after.to(curves.device)
    return torch.lerp(curves[before], curves[after], share)


def mixed(
    prototypes: Float[Tensor, "emotions 3 feature"],
    weights: Float[Tensor, "n emotions"],
    intensity: Float[Tensor, " n"],
) -> Float[Tensor, "n feature"]:
    """Features of mixed labels: each between the prototypes of the intensities on either side, emphasised.

    Weights add up to 1 at most: what is missing is neutral, what is too much is scaled down.
    """
    weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1)
    levels = torch.arange(prototypes.shape[1], device=prototypes.device)
    near = (1 - (intensity[:, None] - levels).abs()).clamp(min=0)  # (n, 3) of each intensity's prototype
    neutral = prototypes[0, 0]
    return neutral + EMPHASIS * torch.einsum("ne,nl,elf->nf", weights, near, prototypes - neutral)


def label_prototypes(prototypes: Float[Tensor, "emotions 3 feature"]) -> Float[Tensor, "15 feature"]:
    """Prototypes one after another: neutral, then each emotion at intensity 1 and 2."""
    return torch.cat([prototypes[0, :1], prototypes[1:, 1:].flatten(0, 1)])


def visual_to_audio(
    seen: Float[Tensor, "*times feature"],
    visual_prototypes: Float[Tensor, "emotions 3 feature"],
    prototypes: Float[Tensor, "emotions 3 feature"],
) -> Float[Tensor, "*times feature"]:
    """Features of a face -> features of the mixed labels that it is like, which is what the generator knows.

    Eq. (5) brings the modalities together, not to one place: a face is told by its likeness to the faces'
    prototypes, by cosines around their middle.
    """
    faces = label_prototypes(visual_prototypes)
    middle = faces.mean(dim=0)
    cosines = normalize(seen - middle, dim=-1) @ normalize(faces - middle, dim=-1).T  # (..., 15)
    return mixed_labels(cosines / LIKENESS, prototypes)


def mixed_labels(
    logits: Float[Tensor, "*times 15"], prototypes: Float[Tensor, "emotions 3 feature"]
) -> Float[Tensor, "*times feature"]:
    """The labels' features in the shares of logits over `label_prototypes`, emphasised as in `mixed`."""
    speech = label_prototypes(prototypes)
    return speech[0] + EMPHASIS * logits.softmax(dim=-1) @ (speech - speech[0])


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


def _one_emotion(name: str) -> Float[Tensor, "1 emotions"]:
    """Weight 1 for the named one."""
    weights = torch.zeros(1, len(EMOTIONS))
    weights[0, EMOTIONS.index(name)] = 1
    return weights
