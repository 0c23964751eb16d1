"""A tiny synthetic corpus with everything the training stages read, in numbers that mean nothing."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from ecoface_model.core.constants import (
    EMOTIONS,
    FEATURES_PER_FRAME,
    INTENSITIES,
    MOTION_DIM,
    SAMPLES_PER_FRAME,
)
from training.data.clips import ClipRow, write_clip, write_manifest
from training.data.face_store import INDEX, PIXELS
from training.synthetic.animator.styles import STYLES

FRAMES = (40, 36, 28)  # of clips in turn
PHONES = ("SIL", "B", "AA", "M", "IY")


FRONT_DIM = 4 * 384
"""R of the front that training builds: Whisper's convolutions and three layers."""
LINES = (
    "neutral normal", "neutral normal", "neutral normal", "angry normal", "angry strong", "angry unknown",
    "sad normal", "sad unknown",
)  # fmt: skip
"""Of each recorded voice."""


def write_tiny_corpus(
    folder: Path,
    content_dim: int,
    emotion_dim: int,
    image_size: int,
    n_variants: int = 1,
    n_faces: int = 8,
    front_dim: int = FRONT_DIM,
) -> None:
    """corpus/, features/, faces/ and prototypes.safetensors: noise, two clips of each class and split."""
    rng, rows = np.random.default_rng(0), []
    for split in ("train", "val"):
        for emotion in EMOTIONS:
            for intensity in INTENSITIES[: 1 if emotion == EMOTIONS[0] else 2]:
                for copy in range(2):
                    name, n_frames = f"{split}-{emotion}-{intensity}-{copy}", FRAMES[len(rows) % len(FRAMES)]
                    _write_clip(folder / f"corpus/clips/{name}.npz", n_frames, rng)
                    rows.append(
                        ClipRow(
                            id=name,
                            speaker=list(STYLES)[len(rows) % len(STYLES)],
                            voice="noise",
                            emotion=emotion,
                            intensity=intensity,
                            sentence="Ba, me.",
                            sentence_id=name,
                            seconds=n_frames / 25,
                            split=split,
                            file=f"clips/{name}.npz",
                        )
                    )
    write_manifest(folder / "corpus", rows)
    dims = {"content": content_dim, "emotion": emotion_dim, "front": front_dim}
    _write_features(folder / "features", rows, dims, n_variants, rng)
    _write_faces(folder / "faces", rows, image_size, n_faces, rng)
    levels = torch.from_numpy(rng.standard_normal((len(EMOTIONS), 3, emotion_dim)).astype(np.float32))
    levels[:, 0] = levels[0, 0]
    save_file({"prototypes": levels}, folder / "prototypes.safetensors")


def write_tiny_voices(folder: Path, emotion_dim: int, n_variants: int = 1) -> None:
    """A corpus of recorded voices with its features: noise, two voices in each split, three emotions."""
    rng, rows = np.random.default_rng(1), []
    for split in ("train", "val"):
        for voice in (f"{split}-anna", f"{split}-ben"):
            for number, (emotion, intensity) in enumerate(line.split() for line in LINES):
                name, n_frames = f"{voice}-{number}", FRAMES[len(rows) % len(FRAMES)]
                samples = rng.integers(-8000, 8000, n_frames * SAMPLES_PER_FRAME).astype(np.int16)
                write_clip(folder / f"clips/{name}.npz", samples)
                rows.append(
                    ClipRow(
                        id=name,
                        speaker=voice,
                        voice=voice,
                        emotion=emotion,
                        intensity=intensity,
                        sentence="Ba, me.",
                        sentence_id=str(number),
                        seconds=n_frames / 25,
                        split=split,
                        file=f"clips/{name}.npz",
                        dataset="crema-d",
                        licence="ODbL 1.0, contents DbCL 1.0",
                    )
                )
    write_manifest(folder, rows)
    _write_features(folder / "features", rows, {"emotion": emotion_dim, "front": FRONT_DIM}, n_variants, rng)


def _write_clip(path: Path, n_frames: int, rng: np.random.Generator) -> None:
    samples = rng.integers(-8000, 8000, n_frames * SAMPLES_PER_FRAME).astype(np.int16)
    end = np.linspace(0, n_frames / 25, len(PHONES) + 1)[1:].astype(np.float32)
    motion = 0.3 * np.cumsum(rng.standard_normal((n_frames, MOTION_DIM)), axis=0) / 5
    motion[:, -3:] = 0.1 * np.abs(motion[:, -3:])
    start = np.concatenate([[0], end[:-1]]).astype(np.float32)
    write_clip(path, samples, start, end, PHONES, motion.astype(np.float32))


def _write_features(
    folder: Path, rows: list[ClipRow], dims: dict[str, int], n_variants: int, rng: np.random.Generator
) -> None:
    folder.mkdir()
    for kind, dim in dims.items():
        per_frame = 1 if kind == "front" else FEATURES_PER_FRAME
        steps = [per_frame * round(row.seconds * 25) for row in rows]
        stops = np.cumsum(steps).tolist()
        spans = {row.id: (stop - n, stop) for row, stop, n in zip(rows, stops, steps, strict=True)}
        for variant in range(n_variants):
            data = rng.standard_normal((stops[-1], dim)).astype(np.float16)
            (folder / f"{kind}_{variant}.f16").write_bytes(data.tobytes())
            (folder / f"{kind}_{variant}.json").write_text(json.dumps(spans))


def write_store(folder: Path, kind: str, variant: int, of_clips: dict[str, np.ndarray]) -> None:
    """A feature store of given rows, by the clips' ids."""
    folder.mkdir(parents=True, exist_ok=True)
    stops = np.cumsum([len(rows) for rows in of_clips.values()]).tolist()
    spans = {
        name: (stop - len(rows), stop) for (name, rows), stop in zip(of_clips.items(), stops, strict=True)
    }
    data = np.concatenate(list(of_clips.values())).astype(np.float16)
    (folder / f"{kind}_{variant}.f16").write_bytes(data.tobytes())
    (folder / f"{kind}_{variant}.json").write_text(json.dumps(spans))


def _write_faces(
    folder: Path, rows: list[ClipRow], image_size: int, n_frames: int, rng: np.random.Generator
) -> None:
    folder.mkdir()
    pixels = rng.integers(0, 256, (len(rows) * n_frames, image_size, image_size)).astype(np.uint8)
    (folder / PIXELS).write_bytes(pixels.tobytes())
    places = {row.id: (number * n_frames, 4, n_frames) for number, row in enumerate(rows)}
    (folder / INDEX).write_text(json.dumps({"image_size": image_size, "clips": places}))
