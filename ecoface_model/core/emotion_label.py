"""Emotions by their names: one with its intensity, or several that follow each other or mix over time."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .constants import DEFAULT_INTENSITY, EMOTIONS, INTENSITIES, LONGEST
from .errors import RequestError

TRACK_RATE = 10  # Hz; tracks of emotions are kept at this rate, since moods are no faster
MOST_RATE = 1000
TURN = 0.6  # seconds over which one named emotion gives way to the next


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


@dataclass(frozen=True)
class EmotionTrack:
    """Weights of all emotions and one intensity, over time (App. C.3)."""

    weights: NDArray[np.float32]
    """(points, emotions): 0..1 each, in EMOTIONS' order; what a point's weights lack to 1 is neutral."""
    intensity: NDArray[np.float32]
    """(points,): 0..2, of all emotions alike."""
    rate: float = TRACK_RATE
    """Points a second."""
    first: float = 0.0
    """Seconds from the sound's beginning to the first point."""

    def __post_init__(self) -> None:
        n = len(self.intensity)
        if self.weights.shape != (n, len(EMOTIONS)) or not n or self.intensity.ndim != 1:
            raise RequestError(
                f"expected an emotion track of (points, {len(EMOTIONS)}) weights and (points,) intensities, "
                f"found {self.weights.shape} and {self.intensity.shape}; make it again"
            )
        if not 0 < self.rate <= MOST_RATE:
            raise RequestError(
                f"expected an emotion track of up to {MOST_RATE} points a second, found {self.rate:g}; "
                "correct it"
            )
        whole = np.column_stack([self.weights, self.intensity])
        if not (np.isfinite(whole).all() and whole.min() >= 0 and whole.max() <= len(INTENSITIES)):
            raise RequestError(
                f"expected weights from 0 to 1 and intensities from 0 to {len(INTENSITIES)} in an emotion "
                "track, found others; correct them"
            )

    @classmethod
    def parse(cls, text: str) -> "EmotionTrack":
        """`LABEL[:INTENSITY]@SECONDS`, several, apart by spaces or commas: each gives way to the next.

        The first holds from the beginning on, and each change is over when its second has come.

        Raises:
            RequestError: if a label or a time does not exist.
        """
        points = sorted((_point(part) for part in text.replace(",", " ").split()), key=lambda point: point[0])
        if not points:
            raise RequestError("expected emotions as LABEL@SECONDS, found none; write for example happy@0")
        for (earlier, _), (later, _) in itertools.pairwise(points):
            if earlier == later:
                raise RequestError(
                    f"expected one emotion at a time, found two at {later:g} s; give one another second"
                )
        n = int(np.ceil(points[-1][0] * TRACK_RATE)) + 1
        weights = np.zeros((n, len(EMOTIONS)), np.float32)
        intensity = np.full(n, points[0][1].intensity, np.float32)
        weights[:, EMOTIONS.index(points[0][1].name)] = 1
        seconds = np.arange(n) / TRACK_RATE
        for (before, _), (at, label) in itertools.pairwise(points):
            turn = min(TURN, at - before)
            share = np.clip((seconds - (at - turn)) / turn, 0, 1).astype(np.float32)
            share = share * share * (3 - 2 * share)
            weights = (1 - share[:, None]) * weights
            weights[:, EMOTIONS.index(label.name)] += share
            intensity = (1 - share) * intensity + share * label.intensity
        return cls(weights, intensity)


def _point(text: str) -> tuple[float, EmotionLabel]:
    label, _, seconds = text.partition("@")
    try:
        at = float(seconds)
    except ValueError:
        at = -1.0
    if not 0 <= at <= LONGEST:
        raise RequestError(
            f"expected a time in seconds from 0 to {LONGEST} behind @ for each emotion, found {text!r}; "
            f"write for example {label}@2.5"
        )
    return at, EmotionLabel.parse(label)
