"""Batches for the emotion encoders: short pieces of clips, heard in two recordings and seen in two views."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model.config import EMOTIONS, FEATURES_PER_FRAME, SAMPLES_PER_FRAME
from training.clips import ClipRow, CorpusError
from training.emotion_sounds import EmotionSounds
from training.face_views import look
from training.faces import FaceStore


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


class EmotionClips(EmotionSounds):
    """Clips of one split that have faces, in memory, drawn evenly over emotion and intensity."""

    def __init__(self, corpus: Path, faces: Path, split: str) -> None:
        """Read the clips.

        Raises:
            CorpusError: if corpus or faces are missing, or the split lacks an emotion.
        """
        self.store = FaceStore(faces)
        super().__init__(corpus, split, of=self.store)

    def batch(
        self,
        rng: np.random.Generator,
        n_clips: int,
        n_frames: int,
        n_frames_seen: int,
        augmented: float = 1.0,
    ) -> EmotionBatch:
        """Two views of each of n_clips clips: other pieces of it, other recordings, other pictures.

        `augmented` is the share of views that are recordings at all; the others only differ in level.
        """
        chosen = [self.draw(rng) for _ in range(n_clips)]
        sounds, faces, beside = [], [], []
        for index in chosen:
            piece = self.store[self.rows[index].id]
            seen = [self._seen(len(piece.faces), n_frames_seen, rng) for _ in range(2)]
            faces += [torch.from_numpy(np.array(piece.faces[span])) for span in seen]
            starts = self._starts(index, n_frames, piece.start + seen[0].start, n_frames_seen, rng)
            sounds += [self.recording(index, start, n_frames, augmented, rng) for start in starts]
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
