"""Batches for the emotion encoder: short pieces of clips, each heard twice through two recordings."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model.config import EMOTIONS, SAMPLES_PER_FRAME
from training.clips import ClipRow, CorpusError, read_clip, read_manifest
from training.synthetic.augment import FULL, MILD, augment


@dataclass(frozen=True)
class EmotionBatch:
    """Pieces of sound with what they were meant to express."""

    waveform: Float[Tensor, "batch samples"]
    emotion: Int[Tensor, " batch"]
    intensity: Int[Tensor, " batch"]
    """0 for neutral, 1 normal, 2 strong."""

    def to(self, device: torch.device) -> "EmotionBatch":
        return EmotionBatch(self.waveform.to(device), self.emotion.to(device), self.intensity.to(device))


class EmotionClips:
    """All clips of one split in memory (int16: 0.4 GB for 3.5 h), drawn evenly over emotion and intensity."""

    def __init__(self, corpus: Path, split: str) -> None:
        """Read the clips.

        Raises:
            CorpusError: if the corpus is missing, or the split lacks an emotion.
        """
        self.rows: list[ClipRow] = [row for row in read_manifest(corpus) if row.split == split]
        self.waveforms = [
            np.round(read_clip(corpus, row).waveform * 32768).clip(-32768, 32767).astype(np.int16)
            for row in self.rows
        ]
        self.by_class: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, row in enumerate(self.rows):
            self.by_class[EMOTIONS.index(row.emotion), row.intensity_level].append(index)
        if absent := set(EMOTIONS) - {row.emotion for row in self.rows}:
            raise CorpusError(
                f"expected clips of every emotion in the split {split!r} of {corpus}, found none of "
                f"{', '.join(sorted(absent))}; make a larger corpus."
            )

    def batch(
        self, rng: np.random.Generator, n_clips: int, n_frames: int, augmented: float = 1.0
    ) -> EmotionBatch:
        """Two views of each of n_clips clips: other pieces of it, other recordings.

        The share of neutral clips is one in eight, as of each emotion; intensities are even. A third of the
        neutral ones hears the full range of recordings: what a room does is no emotion. `augmented` is the
        share of views that are recordings at all; the others only differ in level.
        """
        chosen = [self._draw(rng) for _ in range(n_clips)]
        views = [self._view(index, n_frames, augmented, rng) for index in chosen for _ in range(2)]
        rows = [self.rows[index] for index in chosen for _ in range(2)]
        return EmotionBatch(
            torch.from_numpy(np.stack(views)),
            torch.tensor([EMOTIONS.index(row.emotion) for row in rows]),
            torch.tensor([row.intensity_level for row in rows]),
        )

    def evenly(self, n_per_class: int) -> tuple[list[NDArray[np.int16]], list[ClipRow]]:
        """The first clips of each emotion and intensity: enough for means, cheaper than all."""
        chosen = [index for members in self.by_class.values() for index in members[:n_per_class]]
        return [self.waveforms[index] for index in chosen], [self.rows[index] for index in chosen]

    def _draw(self, rng: np.random.Generator) -> int:
        emotion = int(rng.integers(len(EMOTIONS)))
        levels = sorted(level for other, level in self.by_class if other == emotion)
        members = self.by_class[emotion, levels[rng.integers(len(levels))]]
        return members[rng.integers(len(members))]

    def _view(
        self, index: int, n_frames: int, augmented: float, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        piece = cut(self.waveforms[index], n_frames * SAMPLES_PER_FRAME, rng)
        if rng.random() >= augmented:
            return piece * np.float32(10 ** (rng.uniform(-MILD.gain, MILD.gain) / 20))
        hard = self.rows[index].emotion == EMOTIONS[0] and rng.random() < 1 / 3
        return augment(piece, rng, self._others(rng), FULL if hard else MILD)

    def _others(self, rng: np.random.Generator) -> Sequence[NDArray[np.float32]]:
        picked = rng.integers(len(self.waveforms), size=4)
        return [self.waveforms[index].astype(np.float32) / 32768 for index in picked]


def cut(samples: NDArray[np.int16], n_samples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A random piece as floats; what is shorter is put at a random place into silence."""
    sound = samples.astype(np.float32) / 32768
    spare = len(sound) - n_samples
    if spare >= 0:
        start = int(rng.integers(spare + 1))
        return sound[start : start + n_samples]
    before = int(rng.integers(-spare + 1))
    return np.pad(sound, (before, -spare - before))
