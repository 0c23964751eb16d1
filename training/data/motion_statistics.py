"""Mean and standard deviation of the motions of each data set: trackers differ in range, +-3 against +-9."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from ecoface_model.core.constants import MOTION_DIM
from training.data.clips import ClipRow, CorpusError, read_clip, read_manifest


@dataclass(frozen=True)
class MotionStatistics:
    """Of all frames of one data set."""

    n_frames: int
    mean: Float32[NDArray[np.float32], "53"]
    std: Float32[NDArray[np.float32], "53"]


def motion_statistics(corpus: Path, split: str = "train") -> dict[str, MotionStatistics]:
    """The statistics of every data set in a split, reading one clip at a time.

    Raises:
        CorpusError: if a clip has no motion.
    """
    rows = [row for row in read_manifest(corpus) if row.split == split]
    names = sorted({row.dataset for row in rows})
    return {
        name: statistics_of(_motion(corpus, row) for row in rows if row.dataset == name) for name in names
    }


def _motion(corpus: Path, row: ClipRow) -> Float32[NDArray[np.float32], "frames 53"]:
    motion = read_clip(corpus, row).motion
    if motion is None:
        raise CorpusError(f"expected a motion for clip {row.id}, found none; run the performance step")
    return motion


def statistics_of(motions: Iterable[Float32[NDArray[np.float32], "_frames 53"]]) -> MotionStatistics:
    """Chan's update, clip by clip: sums of squares would cancel where a mean is far from zero."""
    n, mean, squares = 0, np.zeros(MOTION_DIM), np.zeros(MOTION_DIM)
    for motion in motions:
        own, total = motion.mean(axis=0, dtype=np.float64), n + len(motion)
        squares += ((motion - own) ** 2).sum(axis=0) + (own - mean) ** 2 * n * len(motion) / total
        mean += (own - mean) * len(motion) / total
        n = total
    return MotionStatistics(n, mean.astype(np.float32), np.sqrt(squares / n).astype(np.float32))
