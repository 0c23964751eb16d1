"""Batches for the emotion encoders: short pieces of clips, heard in two recordings and seen in two views."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model.config import EMOTIONS, FEATURES_PER_FRAME, SAMPLES_PER_FRAME
from training.clips import ClipRow, CorpusError, read_clip, read_manifest
from training.face_views import look
from training.faces import FaceStore
from training.synthetic.augment import FULL, MILD, augment


@dataclass(frozen=True)
class EmotionBatch:
    """2N views of N clips, views 2k and 2k + 1 of clip k, with what they were meant to express."""

    ids: list[str]
    """Of the N clips."""
    waveform: Float[Tensor, "views samples"]
    faces: Float[Tensor, "views frames 1 size size"]
    beside: Int[Tensor, " clips"]
    """The step of waveform 2k at which its faces, view 2k, begin; other views need not meet in time."""
    emotion: Int[Tensor, " views"]
    intensity: Int[Tensor, " views"]
    """0 for neutral, 1 normal, 2 strong."""

    def to(self, device: torch.device) -> "EmotionBatch":
        tensors = (self.waveform, self.faces, self.beside, self.emotion, self.intensity)
        return EmotionBatch(self.ids, *(tensor.to(device) for tensor in tensors))


class EmotionClips:
    """All clips of one split in memory (int16: 0.4 GB for 3.5 h), drawn evenly over emotion and intensity.

    Clips without an emotion or without faces take no part.
    """

    def __init__(self, corpus: Path, faces: Path, split: str) -> None:
        """Read the clips.

        Raises:
            CorpusError: if corpus or faces are missing, or the split lacks an emotion.
        """
        self.store = FaceStore(faces)
        self.rows: list[ClipRow] = [
            row
            for row in read_manifest(corpus)
            if row.split == split and row.emotion in EMOTIONS and row.id in self.store
        ]
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
                f"{', '.join(sorted(absent))}; make a larger corpus, and its faces again."
            )

    def batch(
        self,
        rng: np.random.Generator,
        n_clips: int,
        n_frames: int,
        n_frames_seen: int,
        augmented: float = 1.0,
    ) -> EmotionBatch:
        """Two views of each of n_clips clips: other pieces of it, other recordings, other pictures.

        The share of neutral clips is one in eight, as of each emotion; intensities are even. A third of the
        neutral ones hears the full range of recordings: what a room does is no emotion. `augmented` is the
        share of views that are recordings at all; the others only differ in level.
        """
        chosen = [self._draw(rng) for _ in range(n_clips)]
        sounds, faces, beside = [], [], []
        for index in chosen:
            piece = self.store[self.rows[index].id]
            seen = [self._seen(len(piece.faces), n_frames_seen, rng) for _ in range(2)]
            faces += [torch.from_numpy(np.array(piece.faces[span])) for span in seen]
            starts = self._starts(index, n_frames, piece.start + seen[0].start, n_frames_seen, rng)
            sounds += [self._view(index, start, n_frames, augmented, rng) for start in starts]
            first = piece.start + seen[0].start - starts[0] // SAMPLES_PER_FRAME
            beside.append(FEATURES_PER_FRAME * first)
        rows = [self.rows[index] for index in chosen for _ in range(2)]
        return EmotionBatch(
            [self.rows[index].id for index in chosen],
            torch.from_numpy(np.stack(sounds)),
            look(torch.stack(faces), rng),
            torch.tensor(beside),
            torch.tensor([EMOTIONS.index(row.emotion) for row in rows]),
            torch.tensor([row.intensity_level for row in rows]),
        )

    def evenly(
        self, n_per_class: int
    ) -> tuple[list[NDArray[np.int16]], list[NDArray[np.uint8]], list[ClipRow]]:
        """Sounds and faces of the first clips of each emotion and intensity: cheaper than all."""
        chosen = [index for members in self.by_class.values() for index in members[:n_per_class]]
        rows = [self.rows[index] for index in chosen]
        return [self.waveforms[index] for index in chosen], [self.store[row.id].faces for row in rows], rows

    def _draw(self, rng: np.random.Generator) -> int:
        emotion = int(rng.integers(len(EMOTIONS)))
        levels = sorted(level for other, level in self.by_class if other == emotion)
        members = self.by_class[emotion, levels[rng.integers(len(levels))]]
        return members[rng.integers(len(members))]

    def _seen(self, n_frames: int, n_wanted: int, rng: np.random.Generator) -> slice:
        if n_frames < n_wanted:
            raise CorpusError(
                f"expected clips with {n_wanted} faces or more, found one with {n_frames}; leave out clips "
                f"so short, or look at fewer frames (--n-frames-seen)."
            )
        start = int(rng.integers(n_frames - n_wanted + 1))
        return slice(start, start + n_wanted)

    def _starts(
        self, index: int, n_frames: int, first_seen: int, n_seen: int, rng: np.random.Generator
    ) -> tuple[int, int]:
        """Samples at which two pieces begin: the first holds the frames that are seen, the second any."""
        n_samples = len(self.waveforms[index])
        low, high = sorted((0, n_samples // SAMPLES_PER_FRAME - n_frames))
        low = max(low, first_seen + n_seen - n_frames)
        high = max(low, min(high, first_seen))
        around = SAMPLES_PER_FRAME * int(rng.integers(low, high + 1))
        anywhere = sorted((0, n_samples - n_frames * SAMPLES_PER_FRAME))
        return around, int(rng.integers(anywhere[0], anywhere[1] + 1))

    def _view(
        self, index: int, start: int, n_frames: int, augmented: float, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        piece = cut(self.waveforms[index], start, n_frames * SAMPLES_PER_FRAME)
        if rng.random() >= augmented:
            return piece * np.float32(10 ** (rng.uniform(-MILD.gain, MILD.gain) / 20))
        hard = self.rows[index].emotion == EMOTIONS[0] and rng.random() < 1 / 3
        return augment(piece, rng, self._others(rng), FULL if hard else MILD)

    def _others(self, rng: np.random.Generator) -> Sequence[NDArray[np.float32]]:
        picked = rng.integers(len(self.waveforms), size=4)
        return [self.waveforms[index].astype(np.float32) / 32768 for index in picked]


def cut(samples: NDArray[np.int16], start: int, n_samples: int) -> NDArray[np.float32]:
    """A piece as floats, with silence where it reaches beyond the clip."""
    piece = np.zeros(n_samples, np.float32)
    heard = samples[max(0, start) : max(0, start + n_samples)]
    piece[max(0, -start) :][: len(heard)] = heard.astype(np.float32) / 32768
    return piece
