"""The sound of labelled clips in memory, drawn evenly over emotions and heard as if recorded anywhere."""

from collections import defaultdict
from collections.abc import Container, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecoface_model.config import EMOTIONS, SAMPLES_PER_FRAME
from training.clips import ClipRow, CorpusError, read_clip, read_manifest
from training.synthetic.augment import FULL, MILD, augment


class EmotionSounds:
    """All clips of one split with an emotion (int16: 0.4 GB for 3.5 h)."""

    def __init__(self, corpus: Path, split: str, of: Container[str] | None = None) -> None:
        """Read the clips; with `of`, those of these ids alone.

        Raises:
            CorpusError: if the corpus is missing, or the split lacks an emotion.
        """
        self.rows: list[ClipRow] = [
            row
            for row in read_manifest(corpus)
            if row.split == split and row.emotion in EMOTIONS and (of is None or row.id in of)
        ]
        self.waveforms = [
            np.round(read_clip(corpus, row).waveform * 32768).clip(-32768, 32767).astype(np.int16)
            for row in self.rows
        ]
        self.by_class: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, row in enumerate(self.rows):
            self.by_class[self.emotion(index), row.intensity_level].append(index)
        if absent := set(EMOTIONS) - {row.emotion for row in self.rows}:
            raise CorpusError(
                f"expected clips of every emotion in the split {split!r} of {corpus}, found none of "
                f"{', '.join(sorted(absent))}; make a larger corpus, and its faces again."
            )

    def draw(self, rng: np.random.Generator) -> int:
        """A clip: one in eight is neutral, as of each emotion; intensities are even."""
        emotion = int(rng.integers(len(EMOTIONS)))
        levels = sorted(level for other, level in self.by_class if other == emotion)
        members = self.by_class[emotion, levels[rng.integers(len(levels))]]
        return members[rng.integers(len(members))]

    def emotion(self, index: int) -> int:
        """Which of EMOTIONS a clip is of."""
        return EMOTIONS.index(self.rows[index].emotion)

    def recording(
        self, index: int, start: int, n_frames: int, augmented: float, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """A piece of a clip from a sample on, as it was recorded somewhere or (1 - `augmented`) only louder.

        A third of the neutral ones hears the full range of recordings: what a room does is no emotion.
        """
        piece = cut(self.waveforms[index], start, n_frames * SAMPLES_PER_FRAME)
        if rng.random() >= augmented:
            return piece * np.float32(10 ** (rng.uniform(-MILD.gain, MILD.gain) / 20))
        hard = self.emotion(index) == 0 and rng.random() < 1 / 3
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
