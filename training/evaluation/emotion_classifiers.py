"""Judges that name an emotion or a style: the model's own eyes, and a classifier that never met the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from tqdm import tqdm

from training.evaluation.held_out import Motion, Stage, balanced, held_out, rows_of

_EXPRESSIVE = [*range(17, 48), 48, 54]  # brows, nose, eyes and the mouth's corners


def expression_statistics(landmarks: Float[NDArray[Any], "frames 68 3"]) -> Float[NDArray[Any], " d"]:
    """Where brows, nose, eyes and the mouth's corners are, and how much all but the corners move, in mm.

    Means, then standard deviations and mean changes a frame: what a face shows, but for the speaking lips.
    """
    points = 1000 * landmarks[:, _EXPRESSIVE]
    upper = points[:, :-2].reshape(len(points), -1)
    moves = [upper.std(axis=0), np.abs(np.diff(upper, axis=0)).mean(axis=0)]
    return np.concatenate([points.mean(axis=0).ravel(), *moves])


def style_statistics(landmarks: Float[NDArray[Any], "frames 68 3"]) -> Float[NDArray[Any], " d"]:
    """Means, standard deviations and mean changes a frame of all landmarks but the jaw line's, in mm."""
    points = 1000 * landmarks[:, 17:].reshape(len(landmarks), -1)
    changes = np.abs(np.diff(points, axis=0)).mean(axis=0)
    return np.concatenate([points.mean(axis=0), points.std(axis=0), changes])


class StatisticsClassifier:
    """Logistic regression on motion statistics: a judge that shares nothing with the model it judges."""

    def __init__(self, statistics: Float[NDArray[Any], "clips d"], names: Sequence[str]) -> None:
        """Learn which clips have which name."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self.scaler = StandardScaler()
        self.pipeline = make_pipeline(self.scaler, LogisticRegression(C=0.1, max_iter=2000))
        self.pipeline.fit(statistics, list(names))

    def name(self, statistics: Float[NDArray[Any], "clips d"]) -> list[str]:
        """The most probable name of each clip."""
        return [str(name) for name in self.pipeline.predict(statistics)]

    def standardised(self, statistics: Float[NDArray[Any], "clips d"]) -> Float[NDArray[Any], "clips d"]:
        """Statistics in standard deviations of the training clips, over the root of their number."""
        scaled: NDArray[Any] = self.scaler.transform(statistics) / np.sqrt(statistics.shape[1])
        return scaled


def nearest_emotion(
    features: Float[NDArray[Any], "feature"],
    prototypes: Float[NDArray[Any], "kinds feature"],
    kinds: Sequence[str],
) -> str:
    """The name of the prototype in the feature's direction."""
    size = np.linalg.norm(prototypes, axis=1) * max(float(np.linalg.norm(features)), 1e-12)
    return kinds[int(np.argmax(prototypes @ features / np.maximum(size, 1e-12)))]


@dataclass(frozen=True)
class EmotionClassifiers:
    """The two judges that name a motion's emotion."""

    stage: Stage
    classifier: StatisticsClassifier
    prototypes: Float[NDArray[Any], "kinds feature"]
    kinds: tuple[str, ...]

    @classmethod
    def learn(
        cls, stage: Stage, corpus: Path, n_learned: int, n_rendered: int, seed: int
    ) -> "EmotionClassifiers":
        """From performances of the train split, in all emotions and intensities; some are rendered."""
        rows = rows_of(corpus, "train", labelled=True)
        taken = balanced(rows, n_learned, lambda row: (row.emotion, row.intensity_level), seed)
        clips = held_out(corpus, taken)
        classifier = StatisticsClassifier(
            np.stack([expression_statistics(stage.landmarks(clip.motion)) for clip in clips]),
            [clip.row.emotion for clip in clips],
        )
        seen: dict[tuple[str, int], list[NDArray[Any]]] = {}
        for clip in tqdm(clips[:n_rendered], desc="prototypes", mininterval=5):
            seen.setdefault(clip.kind, []).append(unit(stage.look(clip.motion).mean(axis=0)))
        prototypes = np.stack([np.mean(features, axis=0) for features in seen.values()])
        return cls(stage, classifier, prototypes, tuple(emotion for emotion, _ in seen))

    def by_eye(self, motion: Motion) -> str:
        """The visual encoder's nearest prototype of rendered performances."""
        return nearest_emotion(self.stage.look(motion).mean(axis=0), self.prototypes, self.kinds)

    def by_statistics(self, motion: Motion) -> str:
        """The classifier's name."""
        return self.classifier.name(self._statistics(motion)[None])[0]

    def distance(self, a: Motion, b: Motion) -> float:
        """Between the statistics of two motions, in standard deviations of the performances."""
        both = self.classifier.standardised(np.stack([self._statistics(a), self._statistics(b)]))
        return float(np.linalg.norm(both[0] - both[1]))

    def _statistics(self, motion: Motion) -> NDArray[Any]:
        return expression_statistics(self.stage.landmarks(motion))


def unit(features: Float[NDArray[Any], " d"]) -> Float[NDArray[Any], " d"]:
    """The same direction at length 1."""
    out: NDArray[Any] = features / max(float(np.linalg.norm(features)), 1e-12)
    return out
