"""Where a clip's emotion comes from, if not its own speech: labels, or another clip (Sec. 4.3, App. C).

A source gives emotion features for any stretch of the 2T steps, so that long clips can be made in windows.
"""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Float, Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import EMOTIONS, FEATURE_RATE, exact_div
from ecoface_model.core.emotion_label import TRACK_RATE, EmotionLabel, EmotionTrack
from ecoface_model.reference_emotion.calibration import softmax

STEPS_PER_POINT = exact_div(FEATURE_RATE, TRACK_RATE)
SMOOTHING = 0.5  # seconds over which a reference's features are averaged: moods, not syllables
EMPHASIS = 1.4  # of a label beyond neutral; at the class's mean the generator mixes in what sounds alike
LIKENESS = 0.05  # temperature of a face's likeness to the prototypes, a softmax of cosines
LONGEST_STRETCH = 2.0  # a reference shorter than that is played to and fro

Features = Float32[NDArray[np.float32], "steps feature"]
Prototypes = Float32[NDArray[np.float32], "emotions 3 feature"]
Amounts = Float32[NDArray[np.float32], "points emotions"]
_POINTS_AT_ONCE = 600


class EmotionSource(ABC):
    """Emotion features over the 2T steps of a clip."""

    @abstractmethod
    def steps(self, start: int, stop: int) -> Features:
        """Features of steps start..stop - 1, at 50 Hz."""


class SteadyEmotion(EmotionSource):
    """A label: the same features all the way."""

    def __init__(self, prototypes: Prototypes, label: EmotionLabel) -> None:
        weights = np.array([[name == label.name for name in EMOTIONS]], np.float32)
        self.features = mixed(prototypes, weights, np.array([label.intensity], np.float32))  # (1, F)

    def steps(self, start: int, stop: int) -> Features:
        """The label's features, stop - start times."""
        return np.broadcast_to(self.features, (stop - start, self.features.shape[1]))


class MixedEmotion(EmotionSource):
    """Labels mixed, each as strong as it is at that time (App. C.3); between the track's points, its line."""

    def __init__(self, prototypes: Prototypes, track: EmotionTrack) -> None:
        """Before the track's first point and after its last, these hold."""
        self.prototypes = prototypes
        self.curves = np.column_stack([track.weights, track.intensity]).astype(np.float32)
        self.rate, self.first = track.rate, track.first

    def steps(self, start: int, stop: int) -> Features:
        """What the curves ask for in the middle of each step."""
        seconds = (np.arange(start, stop) + 0.5) / FEATURE_RATE
        curves = on_the_line(self.curves, (seconds - self.first) * self.rate)
        return mixed(self.prototypes, curves[:, :-1], curves[:, -1])


def on_the_line(
    curves: Float32[NDArray[np.float32], "points channels"], moments: Float[NDArray[np.float64], " steps"]
) -> Float32[NDArray[np.float32], "steps channels"]:
    """Curves at moments between their points (counted in points); beyond the ends these hold."""
    last = len(curves) - 1
    moments = np.clip(moments, 0, last)
    before = moments.astype(np.int64)
    after = np.minimum(before + 1, last)
    share = (moments - before).astype(np.float32)[:, None]
    found: NDArray[np.float32] = curves[before] + share * (curves[after] - curves[before])
    return found


def mixed(
    prototypes: Prototypes,
    weights: Float32[NDArray[np.float32], "n emotions"],
    intensity: Float32[NDArray[np.float32], " n"],
) -> Float32[NDArray[np.float32], "n feature"]:
    """Features of mixed labels: each between the prototypes of the intensities on either side, emphasised.

    Weights add up to 1 at most: what is missing is neutral, what is too much is scaled down.
    """
    weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    levels = np.arange(prototypes.shape[1], dtype=np.float32)
    near = np.maximum(1 - np.abs(intensity[:, None] - levels), 0)  # (n, 3) of each intensity's prototype
    neutral = prototypes[0, 0]
    shares = (weights[:, :, None] * near[:, None]).reshape(len(weights), -1)  # (n, E 3)
    features: NDArray[np.float32] = shares @ (prototypes - neutral).reshape(shares.shape[1], -1)
    emphasised: NDArray[np.float32] = neutral + np.float32(EMPHASIS) * features
    return emphasised


def label_prototypes(prototypes: Prototypes) -> Float32[NDArray[np.float32], "15 feature"]:
    """Prototypes one after another: neutral, then each emotion at intensity 1 and 2."""
    return np.concatenate([prototypes[0, :1], prototypes[1:, 1:].reshape(-1, prototypes.shape[2])])


def visual_to_audio(
    seen: Float32[NDArray[np.float32], "*times feature"],
    visual_prototypes: Prototypes,
    prototypes: Prototypes,
) -> Float32[NDArray[np.float32], "*times feature"]:
    """Features of a face -> features of the mixed labels that it is like, which is what the generator knows.

    Eq. (5) brings the modalities together, not to one place: a face is told by its likeness to the faces'
    prototypes, by cosines around their middle.
    """
    faces = label_prototypes(visual_prototypes)
    middle = faces.mean(axis=0)
    cosines = normalised(seen - middle) @ normalised(faces - middle).T  # (..., 15)
    return mixed_labels(cosines / np.float32(LIKENESS), prototypes)


def normalised(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of length 1."""
    unit: NDArray[np.float32] = features / np.maximum(
        np.linalg.norm(features, axis=-1, keepdims=True), np.float32(1e-12)
    )
    return unit


def mixed_labels(
    logits: Float32[NDArray[np.float32], "*times 15"], prototypes: Prototypes
) -> Float32[NDArray[np.float32], "*times feature"]:
    """The labels' features in the shares of logits over `label_prototypes`, emphasised as in `mixed`."""
    speech = label_prototypes(prototypes)
    features: NDArray[np.float32] = speech[0] + np.float32(EMPHASIS) * softmax(logits) @ (speech - speech[0])
    return features


def amounts_of(source: EmotionSource, prototypes: Prototypes, n_steps: int) -> Amounts:
    """How much of each emotion a source asks for, at 10 Hz: the least squares of its features by the labels'.

    0 is none, 1 normal and 2 strong, as an intensity; what is left of a normal one is neutral's.
    """
    amounts = np.zeros((-(-n_steps // STEPS_PER_POINT), len(prototypes)), np.float32)
    for first in range(0, len(amounts), _POINTS_AT_ONCE):
        last = min(first + _POINTS_AT_ONCE, len(amounts))
        features = source.steps(STEPS_PER_POINT * first, min(STEPS_PER_POINT * last, n_steps))
        amounts[first:last] = amounts_in(features, prototypes)
    return amounts


def amounts_in(features: Features, prototypes: Prototypes) -> Amounts:
    """The same of features at 50 Hz."""
    directions = (prototypes[1:, 1:] - prototypes[0, 0]).reshape(-1, prototypes.shape[2])  # (14, F)
    solve = np.linalg.pinv(np.float32(EMPHASIS) * directions)  # (F, 14)
    track = to_track(features)
    weights = np.maximum((track - prototypes[0, 0]) @ solve, 0).reshape(len(track), -1, 2)
    amounts = np.zeros((len(track), len(prototypes)), np.float32)
    amounts[:, 1:] = weights[..., 0] + 2 * weights[..., 1]
    return with_neutral(amounts)


def with_neutral(amounts: Amounts) -> Amounts:
    """The same with what the others leave to neutral in the first column."""
    amounts[:, 0] = np.maximum(1 - amounts[:, 1:].sum(axis=1), 0)
    return amounts


class ReferenceEmotion(EmotionSource):
    """Another clip's emotion, laid over this clip's length without seams.

    A longer reference is compressed in time, a shorter one stretched up to twice its length and then played
    to and fro. Every step is the mean over half a second of this clip or of the reference, the longer.
    """

    def __init__(
        self, track: Float32[NDArray[np.float32], "points feature"], n_steps: int | None = None
    ) -> None:
        """`track` is the reference at 10 Hz (`to_track`), `n_steps` this clip's 2T, None of a stream."""
        self.n_points = len(track)
        n_wanted = self.n_points if n_steps is None else n_steps / STEPS_PER_POINT
        self.rate = max(
            self.n_points / n_wanted, 1 / LONGEST_STRETCH
        )  # points of the reference per point of ours
        before = np.zeros((1, track.shape[1]))
        self.integral = np.concatenate([before, track.cumsum(axis=0, dtype=np.float64)])  # (points + 1, F)

    def steps(self, start: int, stop: int) -> Features:
        """Means of the reference around the moments that these steps stand for."""
        moment = (np.arange(start, stop) + 0.5) / STEPS_PER_POINT * self.rate  # in points
        half = max(self.rate, 1.0) * SMOOTHING * TRACK_RATE / 2
        features = (self._integral_to(moment + half) - self._integral_to(moment - half)) / (2 * half)
        return features.astype(np.float32)

    def _integral_to(
        self, moment: Float[NDArray[np.float64], " steps"]
    ) -> Float[NDArray[np.float64], "steps feature"]:
        """Integral from 0 to each moment of the reference played to and fro without end, both ways."""
        n = self.n_points
        turns = np.floor(moment / n)  # passes done, each of them the whole integral
        within = moment - turns * n  # 0..n
        backwards = (turns % 2 == 1)[:, None]
        ahead = self._integral_within(within)
        back = self.integral[-1] - self._integral_within(n - within)
        whole: NDArray[np.float64] = turns[:, None] * self.integral[-1] + np.where(backwards, back, ahead)
        return whole

    def _integral_within(
        self, moment: Float[NDArray[np.float64], " steps"]
    ) -> Float[NDArray[np.float64], "steps feature"]:
        before = np.clip(moment.astype(np.int64), 0, self.n_points - 1)
        start = self.integral[before]
        within: NDArray[np.float64] = start + (moment - before)[:, None] * (self.integral[before + 1] - start)
        return within


def to_track(features: Features) -> Float32[NDArray[np.float32], "points feature"]:
    """Features at 50 Hz -> their means at 10 Hz; a last point of fewer steps is their mean."""
    whole = len(features) - len(features) % STEPS_PER_POINT
    points: NDArray[np.float32] = (
        features[:whole].reshape(-1, STEPS_PER_POINT, features.shape[1]).mean(axis=1)
    )
    if whole < len(features):
        points = np.concatenate([points, features[whole:].mean(axis=0, keepdims=True)])
    return points
