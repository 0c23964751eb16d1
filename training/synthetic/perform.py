"""Performances for a corpus: `python -m training.synthetic.perform work/corpus --workers 2`.

Writes motions/<id>.npz (motion, style) beside the clips; what is there already stays, so that an interrupted
run goes on. Delete the folder motions when the animator has changed.
"""

import sys
import time
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tyro

from ecoface_model.core.errors import EcoFaceError
from ecoface_model.core.npz import write_npz
from training.data.clips import ClipRow, motion_path, read_clip, read_manifest
from training.data.utterance import Phone
from training.runs.script import run_script
from training.synthetic.animator.performance import Feeling, perform
from training.synthetic.animator.styles import PERFORMERS


@dataclass(frozen=True, kw_only=True)
class PerformConfig:
    """Which corpus to animate."""

    corpus: tyro.conf.Positional[Path]
    """Folder with a manifest and clips."""
    workers: int = 2


def perform_clip(corpus: Path, row: ClipRow) -> float:
    """Write one clip's motion; gives its seconds."""
    clip = read_clip(corpus, row)
    phones = [
        Phone(name, float(start), float(end))
        for name, start, end in zip(clip.phone_name, clip.phone_start, clip.phone_end, strict=True)
    ]
    if row.speaker not in PERFORMERS:
        raise EcoFaceError(
            f"clip {row.id}: expected a style of {', '.join(PERFORMERS)}, found {row.speaker!r}"
        )
    motion = perform(
        phones,
        clip.waveform,
        feeling=Feeling(row.emotion, float(row.intensity_level)),
        style=PERFORMERS[row.speaker],
        seed=zlib.crc32(row.id.encode()),
    )
    write_npz(motion_path(corpus, row.id), {"motion": motion, "style": np.array(row.speaker)})
    return row.seconds


def _one_thread() -> None:
    """A worker is one process on one core."""
    import torch

    torch.set_num_threads(1)


def main(config: PerformConfig) -> None:
    """Animate every clip that has no motion yet."""
    rows = read_manifest(config.corpus)
    motion_path(config.corpus, "any").parent.mkdir(parents=True, exist_ok=True)
    missing = [row for row in rows if not motion_path(config.corpus, row.id).exists()]
    began, seconds = time.monotonic(), 0.0
    with ProcessPoolExecutor(config.workers, initializer=_one_thread) as pool:
        work = pool.map(partial(perform_clip, config.corpus), missing, chunksize=16)
        for done, length in enumerate(work, start=1):
            seconds += length
            if done % 500 == 0:
                print(f"{done} of {len(missing)} clips", file=sys.stderr)
    took = time.monotonic() - began
    print(
        f"{len(missing)} performances, {seconds / 60:.1f} min of speech, in {took:.0f} s; {len(rows)} in all"
    )


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(PerformConfig)))
