"""Grey faces of a corpus, rendered once: a second of every clip, for the visual emotion encoder.

python -m training.faces work/corpus --out work/faces
"""

import json
import multiprocessing
import os
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
import tyro
from jaxtyping import Float32
from numpy.typing import NDArray
from tqdm import tqdm

from ecoface_model.config import VisualConfig
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import SAMPLES_PER_FRAME
from ecoface_model.core.head_file import read_head
from ecoface_model.core.npz import read_npz, write_npz
from ecoface_model.flame import FlameHead
from ecoface_model.renderer.grey import GreyFaces
from training.data.clips import Clip, ClipRow, CorpusError, motion_path, read_clip, read_manifest
from training.data.face_store import INDEX, PIXELS, FaceStore, Piece
from training.runs.script import run_script

CLIPS_AT_ONCE = 32  # of one part, which is what an interruption loses at most
SPEECH_LEVEL = 30.0  # dB under a clip's loudest frame, down to which it is speech


@dataclass(frozen=True, kw_only=True)
class FacesConfig:
    """What is rendered, and where to."""

    corpus: tyro.conf.Positional[Path] = Path("work/corpus")
    out: Path = Path("work/faces")
    n_frames: int = 24
    """Of a clip's piece; shorter clips give what they have."""
    image_size: int = VisualConfig().image_size
    n_processes: int = 2
    seed: int = 0


def main(config: FacesConfig) -> None:
    """Render a piece of every clip that has a motion; go on where an interrupted run stopped.

    Raises:
        CorpusError: if no clip of the corpus has a motion.
    """
    rows = [row for row in read_manifest(config.corpus) if has_motion(config.corpus, row)]
    if not rows:
        raise CorpusError(
            f"expected clips with motions in {config.corpus}, found none: make or track their motions first."
        )
    if (config.out / INDEX).exists():
        store = FaceStore(config.out)
        if store.image_size == config.image_size and store.places.keys() == {row.id for row in rows}:
            return
    (config.out / "parts").mkdir(parents=True, exist_ok=True)
    parts = [Part(config, tuple(rows[k : k + CLIPS_AT_ONCE])) for k in range(0, len(rows), CLIPS_AT_ONCE)]
    todo = [part for part in parts if not part.path.exists()]
    bar = partial(tqdm, desc="faces", total=len(todo), mininterval=5)
    if config.n_processes == 1:
        for part in bar(todo):
            write_part(part)
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(config.n_processes, spawn, torch.set_num_threads, (1,)) as pool:
            for _ in bar(pool.map(write_part, todo)):
                pass
    join(config, parts)


def has_motion(corpus: Path, row: ClipRow) -> bool:
    """Whether a clip's motion was made already: in a file of its own, or with the clip."""
    if motion_path(corpus, row.id).exists():
        return True
    return "motion" in read_npz(corpus / row.file, but=["waveform"])


@dataclass(frozen=True)
class Part:
    """Clips that one process renders in one go."""

    config: FacesConfig
    rows: tuple[ClipRow, ...]

    @property
    def path(self) -> Path:
        """Named by what it holds."""
        held = repr((self.config.n_frames, self.config.image_size, self.config.seed, self.rows))
        return self.config.out / "parts" / f"{zlib.crc32(held.encode()):08x}.npz"


def write_part(part: Part) -> None:
    """Render some clips into one file."""
    pieces = [render(read_clip(part.config.corpus, row), part.config) for row in part.rows]
    starts, counts = [piece.start for piece in pieces], [len(piece.faces) for piece in pieces]
    faces = np.concatenate([piece.faces for piece in pieces])
    write_npz(part.path, {"start": starts, "count": counts, "faces": faces})


@torch.inference_mode()
def render(clip: Clip, config: FacesConfig) -> Piece:
    """A piece of a clip's motion as grey faces: at a random place of its speech, fixed by seed and clip."""
    assert clip.motion is not None, clip.row.id
    first, last = span_of_speech(clip.waveform)
    last = min(last, len(clip.motion))
    rng = np.random.default_rng([config.seed, zlib.crc32(clip.row.id.encode())])
    start = int(rng.integers(first, max(first, last - config.n_frames) + 1))
    start = max(0, min(start, len(clip.motion) - config.n_frames))
    motion = torch.from_numpy(clip.motion[start : start + config.n_frames].astype(np.float32))
    faces = renderer(config.image_size)(motion[None])[0, :, 0]  # (T, S, S)
    return Piece(start, (faces * 255).round().clamp(0, 255).byte().numpy())


def span_of_speech(waveform: Float32[NDArray[np.float32], " samples"]) -> tuple[int, int]:
    """The first frame of a clip that is as loud as speech, and the frame after the last one."""
    n_frames = len(waveform) // SAMPLES_PER_FRAME
    power = np.square(waveform[: n_frames * SAMPLES_PER_FRAME]).reshape(n_frames, -1).mean(axis=1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-SPEECH_LEVEL / 10))
    return int(loud[0]), int(loud[-1]) + 1


@cache
def renderer(image_size: int) -> GreyFaces:
    """The reference head's, once in each process."""
    return GreyFaces(FlameHead.from_file(read_head()), image_size)


def join(config: FacesConfig, parts: list[Part]) -> None:
    """Make one store of all parts; its index comes last, so that it is whole or not there."""
    places, row = {}, 0
    pixels = config.out / f"{PIXELS}.part"
    with pixels.open("wb") as file:
        for part in parts:
            arrays = read_npz(part.path, ("start", "count", "faces"))
            for clip, start, count in zip(part.rows, arrays["start"], arrays["count"], strict=True):
                places[clip.id] = (row, int(start), int(count))
                row += int(count)
            file.write(arrays["faces"].tobytes())
    (config.out / INDEX).unlink(missing_ok=True)
    os.replace(pixels, config.out / PIXELS)
    with atomic_write(config.out / INDEX) as temporary:
        temporary.write_text(json.dumps({"image_size": config.image_size, "clips": places}))
    for part in parts:
        part.path.unlink()
    parts[0].path.parent.rmdir()
    print(f"{config.out}: {row} faces of {len(places)} clips, {row * config.image_size**2 / 1e6:.0f} MB")


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(FacesConfig)))
