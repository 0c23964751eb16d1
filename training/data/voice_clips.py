"""Labelled clips as the frozen front hears them, where they speak, and the usual sound of their voices."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from ecoface_model.core.constants import EMOTIONS, FRAME_RATE
from ecoface_model.postprocess.voice_activity import speaking
from ecoface_model.reference_emotion.voice_baseline import KINDS, NO_BASELINE
from training.data.clips import CorpusError, read_clip, read_manifest
from training.data.feature_store import FeatureStore

LINES, NEUTRAL = (1 + KINDS.index(kind) for kind in ("lines", "neutral"))
FEWEST_LINES, MOST_LINES = 20, 80
"""Other lines of a voice, of which training makes a baseline; ours: with fewer it learns their noise."""
MOST_NEUTRAL = 12
"""The same of neutral ones, from one on."""


MISHEARD = 0.4
"""Weight of a clip whose listeners named another emotion than was meant; ours: it helps on other corpora."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a clip; beyond the clip's end nobody speaks."""

    rows: Float32[NDArray[np.float32], "frames row"]
    """What the front gives."""
    speech: Float32[NDArray[np.float32], " frames"]
    """Whether somebody speaks, 0 to 1."""


class VoiceClips:
    """All clips of one split with an emotion: rows of the front on disk, speech and means in memory."""

    def __init__(
        self,
        corpus: Path,
        features: Path,
        split: str,
        n_variants: int,
        leave_out: Collection[str] = (),
    ) -> None:
        """Open the clips' features and find where they speak.

        Raises:
            CorpusError: if corpus or features are missing, or the split has no clip with an emotion.
        """
        self.rows = [
            row
            for row in read_manifest(corpus)
            if row.split == split and row.emotion in EMOTIONS and row.dataset not in leave_out
        ]
        if not self.rows:
            raise CorpusError(
                f"expected clips with an emotion in the split {split!r} of {corpus}, found none; "
                "make the corpus again"
            )
        self.stores = [FeatureStore(features, "front", variant) for variant in range(n_variants)]
        if absent := [row.id for row in self.rows if row.id not in self.stores[0].spans]:
            raise CorpusError(
                f"expected features of {absent[0]} in {features}, found none; "
                "run `python -m training.features --kind front` again"
            )
        self.emotion = np.array([EMOTIONS.index(row.emotion) for row in self.rows])
        self.intensity = np.array([row.intensity_level for row in self.rows])
        self.known = np.array([row.intensity_is_known or row.emotion == EMOTIONS[0] for row in self.rows])
        self.speech = [self._speech(corpus, index) for index in range(len(self.rows))]
        self.by_voice: dict[str, list[int]] = defaultdict(list)
        for index, row in enumerate(self.rows):
            self.by_voice[row.voice].append(index)
        self.means = np.stack(
            [np.stack([self._mean(store, index) for index in range(len(self.rows))]) for store in self.stores]
        )
        """(variants, clips, R): of the front over each clip's speech."""

    @property
    def width(self) -> int:
        """R."""
        return int(self.means.shape[2])

    def members(self, emotion: int, level: int | None = None) -> NDArray[np.int64]:
        """Clips of an emotion, of those whose intensity is known at one level."""
        wanted = self.emotion == emotion
        if level is not None:
            wanted = wanted & self.known & (self.intensity == level)
        found: NDArray[np.int64] = np.flatnonzero(wanted)
        return found

    def n_frames(self, index: int) -> int:
        """T of a clip."""
        return len(self.speech[index])

    def piece(self, index: int, variant: int, start: int, n_frames: int) -> Piece:
        """A stretch of a clip from a frame on, which may lie before its beginning."""
        whole = self.stores[variant][self.rows[index].id]
        rows = np.zeros((n_frames, whole.shape[1]), np.float32)
        speech = np.zeros(n_frames, np.float32)
        first, last = max(0, start), min(len(whole), start + n_frames)
        rows[first - start : last - start] = whole[first:last]
        speech[first - start : last - start] = self.speech[index][first:last]
        return Piece(rows, speech)

    def baseline(
        self, index: int, variant: int, kind: int, rng: np.random.Generator, n_lines: int | None = None
    ) -> Float32[NDArray[np.float32], " row"] | None:
        """The usual row of a clip's voice from other lines of it, drawn anew; None if it has too few."""
        others = self.others(index, kind)
        fewest, most = (1, MOST_NEUTRAL) if kind == NEUTRAL else (FEWEST_LINES, MOST_LINES)
        if kind == NO_BASELINE or len(others) < (n_lines or fewest):
            return None
        n_drawn = n_lines or int(rng.integers(fewest, min(most, len(others)) + 1))
        drawn = rng.choice(others, size=n_drawn, replace=False)
        mean: NDArray[np.float32] = self.means[variant, drawn].mean(axis=0)
        return mean

    def others(self, index: int, kind: int) -> list[int]:
        """Lines of a clip's voice of which a baseline of this kind can be made."""
        found = [other for other in self.by_voice[self.rows[index].voice] if other != index]
        return [other for other in found if self.emotion[other] == 0] if kind == NEUTRAL else found

    def statistics(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of the front over the clips' speech, (R,) each."""
        some = np.concatenate(
            [
                self.piece(index, 0, 0, self.n_frames(index)).rows[self.speech[index] > 0.5]
                for index in range(0, len(self.rows), max(1, len(self.rows) // 400))
            ]
        )
        return some.mean(axis=0), some.std(axis=0) + 1e-3

    def _speech(self, corpus: Path, index: int) -> NDArray[np.float32]:
        row = self.rows[index]
        start, stop = self.stores[0].spans[row.id]
        found = speaking(read_clip(corpus, row).waveform, stop - start, FRAME_RATE)
        return found if found.any() else np.ones_like(found)

    def _mean(self, store: FeatureStore, index: int) -> NDArray[np.float32]:
        whole = store[self.rows[index].id].astype(np.float32)
        mean: NDArray[np.float32] = np.average(whole, axis=0, weights=self.speech[index])
        return mean.astype(np.float32)


def heard_as_meant(agreement: float | None) -> float:
    """A clip in which those who only heard it did not hear what was meant says less of how that sounds."""
    return 1.0 if agreement is None else MISHEARD + (1 - MISHEARD) * agreement
