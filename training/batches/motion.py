"""Batches for the motion generator: crops of clips with their features, styles, phones and masks.

The emotion features of a crop come from the clip itself, or from another recording of the same emotion and
intensity, or stand still at a mean: so the generator learns that emotion is what the features say, whoever
spoke them, and that the lips do not hang on them (the exchange of Sec. 4.3 and App. C). Where recorded voices
are there, half of those other recordings are of people.
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

from ecoface_model.core.constants import EMOTIONS, FEATURE_RATE, FEATURES_PER_FRAME, FRAME_RATE
from ecoface_model.core.phones import PHONES
from training.data.clips import SPLITS, ClipRow, CorpusError, read_clip, read_manifest
from training.data.feature_store import FeatureStore
from training.data.motion_statistics import statistics_of
from training.synthetic.animator.styles import STYLES

BILABIALS = [PHONES.index(name) for name in ("P", "B", "M")]
UNTIMED = -1
TRAIN = SPLITS[0]
VOICE_FEATURES = "features"
"""Folder of a corpus of recorded voices in which its features lie."""
REAL_TWINS = 0.5
"""Share of the other recordings that are of people, where some have the emotion and intensity."""
N_FOR_STATISTICS = 500  # clips whose features a mean and deviation are taken of


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
    """Index into PHONES; `UNTIMED` where a clip has no phones."""
    mask: Float[Tensor, "batch frames"]
    number: Int[Tensor, " batch"]
    """Of the clips, among their split's."""

    def __len__(self) -> int:
        return len(self.motion)

    def rows(self, chosen: slice) -> "MotionBatch":
        """Some of its crops."""
        return MotionBatch(**{name: value[chosen] for name, value in vars(self).items()})

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

    twin: float = 0.5
    """Another recording of the same emotion and intensity."""
    mean: float = 0.05
    """The clip's mean, at every step."""
    prototype: float = 0.4
    """The class's prototype, at every step: what labels give, and speech by the classifier's shares."""

    def __post_init__(self) -> None:
        total = self.twin + self.mean + self.prototype
        if not 0 <= total <= 1:
            raise ValueError(f"expected shares of emotion sources that add up to at most 1, found {total:g}")


class RecordedVoices:
    """Emotion features of recorded voices, to be lent to clips of their emotion and intensity."""

    def __init__(self, corpus: Path, n_variants: int) -> None:
        """Open the training split's.

        Raises:
            CorpusError: if the corpus or its features are missing, or features of some clips.
        """
        rows = [row for row in read_manifest(corpus) if row.split == TRAIN and row.emotion_is_known]
        self.stores = [FeatureStore(corpus / VOICE_FEATURES, "emotion", i) for i in range(n_variants)]
        if absent := [row.id for row in rows if row.id not in self.stores[0].spans]:
            raise CorpusError(
                f"expected emotion features of {absent[0]} in {corpus / VOICE_FEATURES}, found none; run "
                f"`python -m training.features --kind emotion --corpus {corpus} "
                f"--folder {corpus / VOICE_FEATURES}` again"
            )
        self.by_class: dict[tuple[str, int], list[str]] = defaultdict(list)
        for row in rows:
            for level in row.possible_levels:
                self.by_class[row.emotion, level].append(row.id)

    def drawn(
        self, rng: np.random.Generator, emotion: str, level: int, variant: int
    ) -> NDArray[np.floating[Any]] | None:
        """Features of one of them, (2T, F); None if no voice has this emotion and intensity."""
        members = self.by_class.get((emotion, level))
        if not members:
            return None
        return self.stores[variant % len(self.stores)][members[int(rng.integers(len(members)))]]


class MotionClips:
    """All clips of one split in memory (motions, phones) or mapped (features)."""

    def __init__(
        self,
        corpus: Path,
        features: Path,
        split: str,
        n_variants: int,
        n_emotion_variants: int,
        prototypes: Path,
        voices: Path | None = None,
    ) -> None:
        """`voices` is a corpus of recorded voices with its features, that lend their emotion."""
        all_rows = read_manifest(corpus)
        rows = [row for row in all_rows if row.split == split]
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
        self.voices = None if voices is None else RecordedVoices(voices, n_emotion_variants)
        heard = {row.speaker for row in all_rows if row.split == TRAIN}
        self.styles = tuple(sorted(heard, key=_place))
        """Speakers of the training split, whichever split this is; nobody else has a style."""
        self.datasets = sorted({row.dataset for row in all_rows if row.split == TRAIN})
        self.by_class: dict[tuple[str, int], list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            if row.emotion_is_known:
                for level in row.possible_levels:
                    self.by_class[row.emotion, level].append(number)

    def statistics(self) -> dict[str, NDArray[np.float32]]:
        """Mean and standard deviation of each set's motion, of content and emotion, and the styles' sets."""
        by_set = [
            statistics_of(m for m, row in zip(self.motions, self.rows, strict=True) if row.dataset == name)
            for name in self.datasets
        ]
        some = self.rows[:: max(1, len(self.rows) // N_FOR_STATISTICS)]
        content, emotion = (
            np.concatenate([store[row.id] for row in some]).astype(np.float32)
            for store in (self.content[0], self.emotion[0])
        )
        set_of = {row.speaker: self.datasets.index(row.dataset) for row in self.rows}
        return {
            "motion_mean": np.stack([of_set.mean for of_set in by_set]),
            "motion_std": np.stack([np.maximum(of_set.std, 0.02 * of_set.std.max()) for of_set in by_set]),
            "style_sets": np.eye(len(by_set), dtype=np.float32)[[set_of[name] for name in self.styles]],
            "content_mean": content.mean(0),
            "content_std": content.std(0) + 1e-3,
            "emotion_mean": emotion.mean(0),
            "emotion_std": emotion.std(0) + 1e-3,
        }

    def batch(
        self,
        rng: np.random.Generator,
        size: int,
        n_frames: int,
        sources: EmotionSources,
        speaker_dropout: float = 0.0,
    ) -> MotionBatch:
        """A batch of random crops; a share of them does not tell whose style it is."""
        chosen = rng.integers(len(self.rows), size=size)
        batch = _stack([self._crop(rng, int(i), n_frames, sources) for i in chosen])
        batch.style[torch.from_numpy(rng.random(size) < speaker_dropout)] = 0
        return batch

    def whole(self, number: int, stride: int) -> MotionBatch:
        """One whole clip, unaugmented, trimmed to a multiple of the generator's stride."""
        n_frames = self.whole_frames(number, stride)
        return _stack([self._item(number, 0, n_frames, 0, self.emotion[0][self.rows[number].id])])

    def whole_frames(self, number: int, stride: int) -> int:
        """How many frames `whole` gives."""
        return len(self.motions[number]) // stride * stride

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
        if not row.emotion_is_known:  # neither twins nor prototype
            draw = max(draw, sources.twin)
        if draw < sources.twin:
            other = self._twin(rng, row, variant)
            order = _there_and_back(len(own), len(other), int(rng.integers(len(other))))
            return _smoothed(other[order].astype(np.float32))
        if draw < sources.twin + sources.mean:
            return np.broadcast_to(own.astype(np.float32).mean(0), own.shape)
        if draw < sources.twin + sources.mean + sources.prototype:
            return np.broadcast_to(self._label(row, variant), own.shape)
        return own

    def _twin(self, rng: np.random.Generator, row: ClipRow, variant: int) -> NDArray[np.floating[Any]]:
        """Features of another recording of a clip's emotion and intensity, a person's or a synthetic one."""
        if self.voices is not None and rng.random() < REAL_TWINS:
            real = self.voices.drawn(rng, row.emotion, row.intensity_level, variant)
            if real is not None:
                return real
        twin = int(rng.choice(self.by_class[row.emotion, row.intensity_level]))
        return self.emotion[variant % len(self.emotion)][self.rows[twin].id]

    def _label(self, row: ClipRow, variant: int) -> NDArray[np.float32]:
        """The prototype of a clip's class; without a class, its own mean."""
        if not row.emotion_is_known:
            mean: NDArray[np.float32] = (
                self.emotion[variant % len(self.emotion)][row.id].astype(np.float32).mean(0)
            )
            return mean
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
            "style": np.array([name == self.rows[number].speaker for name in self.styles], np.float32),
            "label": self._label(self.rows[number], variant),
            "phone": self.phones[number][frames],
            "mask": (np.arange(start, start + n_frames) < len(motion)).astype(np.float32),
            "number": np.array(number),
        }


def _place(speaker: str) -> tuple[int, str]:
    """Our own styles in their order, other speakers by name."""
    ours = list(STYLES)
    return ours.index(speaker) if speaker in ours else len(ours), speaker


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
    """The phone at the middle of each frame, as an index into PHONES; UNTIMED where there are none."""
    if not phone_name:
        return np.full(n_frames, UNTIMED)
    middles = (np.arange(n_frames) + 0.5) / FRAME_RATE
    places = np.minimum(np.searchsorted(phone_end, middles), len(phone_name) - 1)
    classes: NDArray[np.int64] = np.array([PHONES.index(name) for name in phone_name])
    frames: NDArray[np.int64] = classes[places]
    return frames
