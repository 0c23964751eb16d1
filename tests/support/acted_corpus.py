"""A tiny corpus of acted motions with phones: held-out clips for the evaluations."""

from pathlib import Path

import numpy as np
from tiny_model import voice

from ecoface_model.core.constants import EMOTIONS, FRAME_RATE
from ecoface_model.core.head_file import FlameFile, read_head
from training.data.clips import ClipRow, write_clip, write_manifest

FRAMES = 30
SOUNDS = ("SIL", "M", "AA", "P", "IY", "SIL")


def clip_row(number: int, split: str, emotion: str, intensity: str, speaker: str) -> ClipRow:
    return ClipRow(
        id=f"{split}-{number}", speaker=speaker, voice="hum", emotion=emotion, intensity=intensity,
        sentence="ma pi", sentence_id="0", seconds=FRAMES / FRAME_RATE, split=split,
        file=f"clips/{split}-{number}.npz",
    )  # fmt: skip


UNITS = (
    "browInnerUp", "browDownLeft", "browOuterUpLeft", "eyeSquintLeft", "eyeWideLeft", "noseSneerLeft",
    "browOuterUpRight",
)  # fmt: skip


def acted(file: FlameFile, row: ClipRow, number: int) -> np.ndarray:
    """A motion that shows its emotion in a unit of the upper face, its style elsewhere, and trembles."""
    rng = np.random.default_rng(number)
    motion = 0.05 * rng.normal(size=(FRAMES, 53))
    if row.intensity_level:
        unit = file.arkit_names.index(UNITS[EMOTIONS.index(row.emotion) - 1])
        motion += 0.5 * row.intensity_level * file.arkit_coefficients[unit]
    motion[:, 10 + ("anna", "cleo", "guest", "somebody").index(row.speaker)] += 1.0
    motion[:, 50] = 0.1 + 0.1 * np.sin(np.arange(FRAMES))
    motion[:, 51:] *= 0.1
    return motion.astype(np.float32)


def write_acted_corpus(folder: Path) -> Path:
    """Clips of all emotions; speakers anna and cleo everywhere, a guest in the test split alone."""
    rows, file = [], read_head()
    for split, speakers in (("train", ("anna", "cleo")), ("test", ("anna", "guest"))):
        for emotion in EMOTIONS:
            for intensity in ("normal", "strong") if emotion != "neutral" else ("normal",):
                for speaker in speakers:
                    rows.append(clip_row(len(rows), split, emotion, intensity, speaker))
    bounds = np.linspace(0, FRAMES / FRAME_RATE, len(SOUNDS) + 1).astype(np.float32)
    for number, row in enumerate(rows):
        sound = (32767 * np.clip(voice(FRAMES / FRAME_RATE, number), -1, 1)).astype(np.int16)
        motion = acted(file, row, number)
        write_clip(folder / row.file, sound, bounds[:-1], bounds[1:], SOUNDS, motion)
    write_manifest(folder, rows)
    return folder
