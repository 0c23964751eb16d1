"""Batches for the motion generator: crops of clips with their features, styles, phones and masks.

The emotion features of a crop come from the clip itself, or from another clip of the same emotion and
intensity, or stand still at a mean: so the generator learns that emotion is what the features say, whoever
spoke them, and that the lips do not hang on them (the exchange of Sec. 4.3 and App. C).
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from safetensors.numpy import load_file
from torch import Tensor

from ecoface_model.config import EMOTIONS, FEATURE_RATE, FEATURES_PER_FRAME, FRAME_RATE

from .clips import PHONES, ClipRow, CorpusError, read_clip, read_manifest
from .features import FeatureStore

BILABIALS = [PHONES.index(name) for name in ("P", "B", "M")]


@dataclass
class MotionBatch:
    """One training batch; `mask` is 0 where a clip was shorter than the crop."""

    motion: Float[Tensor, "batch frames 53"]
    content: Float[Tensor, "batch features content"]
    emotion: Float[Tensor, "batch features emotion"]
    style: Float[Tensor, "batch styles"]
    label: Float[Tensor, "batch emotion"]
    """Prototype of the clip's emotion and intensity."""
    phone: Int[Tensor, "batch frames"]
    mask: Float[Tensor, "batch frames"]

    @property
    def closed(self) -> Bool[Tensor, "batch frames"]:
        """Frames in which P, B or M is spoken."""
        return torch.isin(self.phone, torch.tensor(BILABIALS, device=self.phone.device))

    def to(self, device: torch.device) -> "MotionBatch":
        """The same batch elsewhere."""
        return MotionBatch(**{name: value.to(device) for name, value in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class EmotionSources:
    """How often the emotion features of a crop come from where; the rest comes from the clip itself."""

    twin: float = 0.25
    """Another clip of the same emotion and intensity."""
    mean: float = 0.15
    """The clip's mean, at every step."""
    prototype: float = 0.3
    """The class's prototype, at every step: what a label gives."""

    def __post_init__(self) -> None:
        total = self.twin + self.mean + self.prototype
        if not 0 <= total <= 1:
            raise ValueError(f"expected shares of emotion sources that add up to at most 1, found {total:g}")


class MotionClips:
    """All clips of one split in memory (motions, phones) or mapped (features)."""

    def __init__(
        self,
        corpus: Path,
        features: Path,
        split: str,
        styles: tuple[str, ...],
        n_variants: int,
        n_emotion_variants: int,
        prototypes: Path,
    ) -> None:
        rows = [row for row in read_manifest(corpus) if row.split == split]
        clips = [read_clip(corpus, row) for row in rows]
        self.rows: list[ClipRow] = rows
        self.motions: list[NDArray[np.float32]] = []
        for clip in clips:
            if clip.motion is None:
                raise CorpusError(
                    f"expected a motion for clip {clip.row.id}, found none: run the performance step."
                )
            self.motions.append(clip.motion)
        self.phones = [
            _phones_per_frame(clip.phone_end, clip.phone_name, len(motion))
            for clip, motion in zip(clips, self.motions, strict=True)
        ]
        self.content = [FeatureStore(features, "content", i) for i in range(n_variants)]
        self.emotion = [FeatureStore(features, "emotion", i) for i in range(n_emotion_variants)]
        self.prototypes = load_file(prototypes)["prototypes"]
        self.styles = styles
        self.by_class: dict[tuple[str, int], list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            self.by_class[row.emotion, row.intensity_level].append(number)

    def statistics(self) -> dict[str, NDArray[np.float32]]:
        """Mean and standard deviation of motion, content and emotion, for the generator to normalise by."""
        motion = np.concatenate(self.motions)
        content, emotion = (
            np.concatenate([store[row.id] for row in self.rows[::7]]).astype(np.float32)
            for store in (self.content[0], self.emotion[0])
        )
        return {
            "motion_mean": motion.mean(0),
            "motion_std": np.maximum(motion.std(0), 0.02 * motion.std(0).max()),
            "content_mean": content.mean(0),
            "content_std": content.std(0) + 1e-3,
            "emotion_mean": emotion.mean(0),
            "emotion_std": emotion.std(0) + 1e-3,
        }

    def batch(
        self, rng: np.random.Generator, size: int, n_frames: int, sources: EmotionSources
    ) -> MotionBatch:
        """A batch of random crops."""
        chosen = rng.integers(len(self.rows), size=size)
        return _stack([self._crop(rng, int(i), n_frames, sources) for i in chosen])

    def whole(self, number: int) -> MotionBatch:
        """One whole clip, unaugmented, trimmed to a multiple of 4 frames."""
        n_frames = len(self.motions[number]) // 4 * 4
        return _stack([self._item(number, 0, n_frames, 0, self.emotion[0][self.rows[number].id])])

    def _crop(
        self, rng: np.random.Generator, number: int, n_frames: int, sources: EmotionSources
    ) -> dict[str, NDArray[np.generic]]:
        start = int(rng.integers(max(1, len(self.motions[number]) - n_frames + 1)))
        variant = int(rng.integers(len(self.content)))
        emotion = self._emotion(rng, number, variant, sources)
        return self._item(number, start, n_frames, variant, emotion)

    def _emotion(
        self, rng: np.random.Generator, number: int, variant: int, sources: EmotionSources
    ) -> NDArray[np.floating[Any]]:
        """Emotion features (2T, F) for one clip, from wherever the draw says."""
        row = self.rows[number]
        heard = self.emotion[variant % len(self.emotion)]
        own = heard[row.id]
        draw = rng.random()
        if draw < sources.twin:
            twin = int(rng.choice(self.by_class[row.emotion, row.intensity_level]))
            other = heard[self.rows[twin].id]
            order = _there_and_back(len(own), len(other), int(rng.integers(len(other))))
            return _smoothed(other[order].astype(np.float32))
        if draw < sources.twin + sources.mean:
            return np.broadcast_to(own.astype(np.float32).mean(0), own.shape)
        if draw < sources.twin + sources.mean + sources.prototype:
            return np.broadcast_to(self._label(row), own.shape)
        return own

    def _label(self, row: ClipRow) -> NDArray[np.float32]:
        prototype: NDArray[np.float32] = self.prototypes[EMOTIONS.index(row.emotion), row.intensity_level]
        return prototype

    def _item(
        self, number: int, start: int, n_frames: int, variant: int, emotion: NDArray[np.floating[Any]]
    ) -> dict[str, NDArray[np.generic]]:
        motion = self.motions[number]
        frames = np.minimum(np.arange(start, start + n_frames), len(motion) - 1)
        steps = (FEATURES_PER_FRAME * frames[:, None] + np.arange(FEATURES_PER_FRAME)).ravel()
        return {
            "motion": motion[frames],
            "content": self.content[variant][self.rows[number].id][steps].astype(np.float32),
            "emotion": emotion[steps].astype(np.float32),
            "style": np.eye(len(self.styles), dtype=np.float32)[self.styles.index(self.rows[number].speaker)],
            "label": self._label(self.rows[number]),
            "phone": self.phones[number][frames],
            "mask": (np.arange(start, start + n_frames) < len(motion)).astype(np.float32),
        }


def _stack(items: list[dict[str, NDArray[np.generic]]]) -> MotionBatch:
    return MotionBatch(
        **{name: torch.from_numpy(np.stack([item[name] for item in items])) for name in items[0]}
    )


def _smoothed(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Running mean over half a second, as a reference's features come at inference: (2T, F) -> (2T, F)."""
    half = FEATURE_RATE // 4
    padded = np.pad(features, ((half + 1, half), (0, 0)), mode="edge").cumsum(axis=0)
    smooth: NDArray[np.float32] = (padded[2 * half + 1 :] - padded[: -2 * half - 1]) / (2 * half + 1)
    return smooth


def _there_and_back(wanted: int, available: int, start: int) -> NDArray[np.int64]:
    """Indices that run through `available` steps and turn at its ends, so that no seam appears."""
    period = max(1, 2 * (available - 1))
    position = (start + np.arange(wanted)) % period
    return np.minimum(position, period - position) if available > 1 else np.zeros(wanted, np.int64)


def _phones_per_frame(
    phone_end: NDArray[np.float32], phone_name: tuple[str, ...], n_frames: int
) -> NDArray[np.int64]:
    """The phone at the middle of each frame, as an index into PHONES."""
    middles = (np.arange(n_frames) + 0.5) / FRAME_RATE
    places = np.minimum(np.searchsorted(phone_end, middles), len(phone_name) - 1)
    classes: NDArray[np.int64] = np.array([PHONES.index(name) for name in phone_name])
    frames: NDArray[np.int64] = classes[places]
    return frames
