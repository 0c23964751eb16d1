"""Batches for the emotion encoders: short pieces of clips, heard in two recordings and seen in two views."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model.core.constants import EMOTIONS, FEATURES_PER_FRAME
from ecoface_model.reference_emotion.voice_baseline import NO_BASELINE
from training.batches.face_views import look
from training.data.clips import ClipRow, CorpusError
from training.data.face_store import FaceStore
from training.data.voice_clips import LINES, NEUTRAL, VoiceClips, heard_as_meant

BASELINES = (NO_BASELINE, LINES, NEUTRAL)
BASELINE_SHARES = (0.5, 0.25, 0.25)
"""Of the views: with no voice baseline, with one of lines in any mood, with one of neutral lines."""


@dataclass(frozen=True)
class EmotionBatch:
    """2N views of N clips, views 2k and 2k + 1 of clip k, with what they were meant to express.

    The first clips have faces (synthetic speech), the others are real voices, which nobody saw.
    """

    ids: list[str]
    """Of the N clips."""
    rows: Float[Tensor, "views frames row"]
    """What the front gives."""
    speech: Float[Tensor, "views frames"]
    baseline: Float[Tensor, "views row"]
    kind: Int[Tensor, " views"]
    faces: Float[Tensor, "seen_views seen 1 size size"]
    """Of the first views."""
    beside: Int[Tensor, " seen_clips"]
    """The step (50 Hz) of view 2k at which its faces begin; other views need not meet in time."""
    emotion: Int[Tensor, " views"]
    intensity: Int[Tensor, " views"]
    """0 for neutral, 1 normal, 2 strong."""
    known: Bool[Tensor, " views"]
    """Whether anybody said how strong."""
    weight: Float[Tensor, " views"]
    """In the loss of labels."""

    def to(self, device: torch.device) -> "EmotionBatch":
        tensors = (value for name, value in vars(self).items() if name != "ids")
        return EmotionBatch(self.ids, *(tensor.to(device) for tensor in tensors))


class EmotionClips:
    """Synthetic clips of one split that have faces, and real voices where there are some."""

    def __init__(
        self, synthetic: VoiceClips, faces: FaceStore, real: VoiceClips | None, n_variants: int = 1
    ) -> None:
        """Hold both; views are drawn from the first `n_variants` recordings of each clip.

        Raises:
            CorpusError: if an emotion has no synthetic clip with faces.
        """
        self.synthetic, self.faces, self.real, self.n_variants = synthetic, faces, real, n_variants
        seen = np.array([row.id in faces for row in synthetic.rows])
        self.seen: NDArray[np.int64] = np.flatnonzero(seen)
        """Synthetic clips that have faces."""
        self.by_class = {
            (emotion, level): members[seen[members]]
            for emotion in range(len(EMOTIONS))
            for level in ((0,) if emotion == 0 else (1, 2))
            if len(members := synthetic.members(emotion, level)) and seen[members].any()
        }
        if absent := set(range(len(EMOTIONS))) - {emotion for emotion, _ in self.by_class}:
            raise CorpusError(
                f"expected clips of every emotion with faces, found none of "
                f"{', '.join(EMOTIONS[emotion] for emotion in sorted(absent))}; make a larger corpus, and "
                "its faces again"
            )

    def batch(
        self, rng: np.random.Generator, n_clips: int, n_real: int, n_frames: int, n_frames_seen: int
    ) -> EmotionBatch:
        """Two views of each of n_clips + n_real clips: other pieces, other recordings, other pictures."""
        views, faces, beside = [], [], []
        for _ in range(n_clips):
            index = self._draw_synthetic(rng)
            piece = self.faces[self.synthetic.rows[index].id]
            seen = [self._seen(len(piece.faces), n_frames_seen, rng) for _ in range(2)]
            faces += [torch.from_numpy(np.array(piece.faces[span])) for span in seen]
            first = piece.start + seen[0].start
            around = _start_around(self.synthetic.n_frames(index), n_frames, first, n_frames_seen, rng)
            views.append(self._view(self.synthetic, index, around, n_frames, rng))
            views.append(self._view(self.synthetic, index, None, n_frames, rng))
            beside.append(FEATURES_PER_FRAME * (first - around))
        for _ in range(n_real):
            assert self.real is not None
            index = self._draw_real(rng)
            views += [self._view(self.real, index, None, n_frames, rng) for _ in range(2)]
        return EmotionBatch(
            [view.id for view in views[::2]],
            torch.from_numpy(np.stack([view.rows for view in views])),
            torch.from_numpy(np.stack([view.speech for view in views])),
            torch.from_numpy(np.stack([view.baseline for view in views])),
            torch.tensor([view.kind for view in views]),
            look(torch.stack(faces), rng),
            torch.tensor(beside),
            torch.tensor([view.emotion for view in views]),
            torch.tensor([view.intensity for view in views]),
            torch.tensor([view.known for view in views]),
            torch.tensor([view.weight for view in views]),
        )

    @property
    def rows_seen(self) -> list[ClipRow]:
        """Of the synthetic clips that have faces."""
        return [self.synthetic.rows[index] for index in self.seen]

    def evenly(self, n: int) -> NDArray[np.int64]:
        """Up to n synthetic clips with faces of each emotion and intensity."""
        return np.sort(np.concatenate([members[:n] for members in self.by_class.values()]))

    def _draw_synthetic(self, rng: np.random.Generator) -> int:
        """One in eight is neutral, as of each emotion; intensities are even."""
        emotion = int(rng.integers(len(EMOTIONS)))
        levels = [level for other, level in self.by_class if other == emotion]
        return int(rng.choice(self.by_class[emotion, levels[rng.integers(len(levels))]]))

    def _draw_real(self, rng: np.random.Generator) -> int:
        """Each emotion that the voices have is as frequent as any."""
        assert self.real is not None
        return int(rng.choice(self.real.members(int(rng.choice(np.unique(self.real.emotion))))))

    def _view(
        self, clips: VoiceClips, index: int, start: int | None, n_frames: int, rng: np.random.Generator
    ) -> "_View":
        """A piece of a clip in one of its recordings, from a frame on or from anywhere."""
        variant = int(rng.integers(self.n_variants))
        if start is None:
            start = int(rng.integers(max(1, clips.n_frames(index) - n_frames + 1)))
        piece = clips.piece(index, variant, start, n_frames)
        kind = int(rng.choice(BASELINES, p=BASELINE_SHARES))
        baseline = clips.baseline(index, variant, kind, rng)
        return _View(
            clips.rows[index].id,
            piece.rows,
            piece.speech if piece.speech.any() else np.ones_like(piece.speech),
            np.zeros(clips.width, np.float32) if baseline is None else baseline,
            NO_BASELINE if baseline is None else kind,
            int(clips.emotion[index]),
            int(clips.intensity[index]),
            bool(clips.known[index]),
            heard_as_meant(clips.rows[index].agreement),
        )

    def _seen(self, n_frames: int, n_wanted: int, rng: np.random.Generator) -> slice:
        if n_frames < n_wanted:
            raise CorpusError(
                f"expected clips with {n_wanted} faces or more, found one with {n_frames}; leave out clips "
                f"so short, or look at fewer frames (--n-frames-seen)."
            )
        start = int(rng.integers(n_frames - n_wanted + 1))
        return slice(start, start + n_wanted)


@dataclass(frozen=True)
class _View:
    """One row of a batch."""

    id: str
    rows: Float32[NDArray[np.float32], "frames row"]
    speech: Float32[NDArray[np.float32], " frames"]
    baseline: Float32[NDArray[np.float32], " row"]
    kind: int
    emotion: int
    intensity: int
    known: bool
    weight: float


def _start_around(n_clip: int, n_frames: int, first_seen: int, n_seen: int, rng: np.random.Generator) -> int:
    """The frame at which a piece begins that holds the frames that are seen."""
    low, high = sorted((0, n_clip - n_frames))
    low = max(low, first_seen + n_seen - n_frames)
    return int(rng.integers(low, max(low, min(high, first_seen)) + 1))
