"""THE place that knows how training data lie on disk: one folder per corpus, one file per clip.

`manifest.jsonl` holds one JSON object per clip (`ClipRow`); `clips/<id>.npz` its sound, its phones where they
are known (synthetic speech), and its motion where it was recorded (real data sets). The motion of a synthetic
clip lies in `motions/<id>.npz`, written by the performance step.
"""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int16
from numpy.typing import NDArray

from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import EMOTIONS, FRAME_RATE, INTENSITIES, SAMPLE_RATE
from ecoface_model.core.errors import EcoFaceError
from ecoface_model.core.npz import json_object, read_npz, write_npz

MANIFEST = "manifest.jsonl"
SPLITS = ("train", "val", "test")
UNKNOWN = "unknown"
"""The emotion of a clip that nobody labelled (HDTF, VOCASET): it takes no part in contrast or prototypes.
The intensity of an acted clip of which nobody said how strong it is."""
NO_TIMES = np.zeros(0, np.float32)
"""Start or end of the phones of a clip without phones."""


class CorpusError(EcoFaceError):
    """A corpus folder or one of its clips is missing or damaged."""


@dataclass(frozen=True, kw_only=True)
class ClipRow:
    """One line of the manifest."""

    id: str
    speaker: str
    """Performance style (synthetic corpora) or actor: what the generator's style embedding learns."""
    voice: str
    emotion: str
    intensity: str
    sentence: str
    sentence_id: str
    seconds: float
    split: str
    file: str
    dataset: str = "synthetic"
    """Where the clip comes from: trackers differ in range, so each set has statistics of its own."""
    agreement: float | None = None
    """0..1: do those who only heard the clip name the emotion that was meant? None where nobody was asked."""
    level: float | None = None
    """0..1: how strong they found that emotion; None where nobody named it."""
    licence: str = ""
    """Of the recording; empty where nobody said (synthetic speech, your own videos)."""

    def __post_init__(self) -> None:
        for value, allowed in (
            (self.emotion, (*EMOTIONS, UNKNOWN)),
            (self.intensity, (*INTENSITIES, UNKNOWN)),
            (self.split, SPLITS),
        ):
            if value not in allowed:
                raise CorpusError(f"clip {self.id}: expected one of {', '.join(allowed)}, found {value!r}.")

    @property
    def emotion_is_known(self) -> bool:
        """Whether the clip has one of the eight emotions."""
        return self.emotion != UNKNOWN

    @property
    def intensity_is_known(self) -> bool:
        """Whether somebody said how strong the clip is."""
        return self.intensity != UNKNOWN

    @property
    def possible_levels(self) -> tuple[int, ...]:
        """The levels that the clip may have: both of an acted emotion of unknown intensity."""
        acted = self.emotion not in (EMOTIONS[0], UNKNOWN)
        return (1, 2) if acted and not self.intensity_is_known else (self.intensity_level,)

    @property
    def intensity_level(self) -> int:
        """0 for neutral and where the emotion is unknown, 1 normal, 2 strong.

        Of an acted emotion of unknown intensity 1 too, the nearest to all: ask `intensity_is_known` first.
        """
        if self.emotion in (EMOTIONS[0], UNKNOWN):
            return 0
        return INTENSITIES.index(self.intensity) + 1 if self.intensity_is_known else 1


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip: its manifest line, its sound, its phones if known and, where made already, its motion."""

    row: ClipRow
    waveform: Float32[NDArray[np.float32], " samples"]
    """16 kHz mono, -1..1, at its true level."""
    phone_start: Float32[NDArray[np.float32], " phones"]
    phone_end: Float32[NDArray[np.float32], " phones"]
    """Seconds; phones touch one another and cover the whole clip, or there are none (real data sets)."""
    phone_name: tuple[str, ...]
    motion: Float32[NDArray[np.float32], "frames 53"] | None = None
    """At 25 fps, `n_frames` of them."""

    @property
    def n_frames(self) -> int:
        return round(len(self.waveform) / SAMPLE_RATE * FRAME_RATE)


def motion_path(folder: Path, clip_id: str) -> Path:
    """Where the performance step keeps the motion of a clip."""
    return folder / "motions" / f"{clip_id}.npz"


def write_clip(
    path: Path,
    waveform: Int16[NDArray[np.int16], " samples"],
    phone_start: Float32[NDArray[np.float32], " phones"] = NO_TIMES,
    phone_end: Float32[NDArray[np.float32], " phones"] = NO_TIMES,
    phone_name: Iterable[str] = (),
    motion: Float32[NDArray[np.float32], "frames 53"] | None = None,
) -> None:
    """Write one clip's sound, phones and motion, if any; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, NDArray[Any]] = {
        "waveform": waveform,
        "phone_start": phone_start,
        "phone_end": phone_end,
        "phone_name": np.array(list(phone_name), dtype=str),
    }
    if motion is not None:
        arrays["motion"] = motion
    write_npz(path, arrays)


def read_clip(folder: Path, row: ClipRow) -> Clip:
    """One clip of a corpus, with its motion where it was recorded, or where the performance step has made it.

    Raises:
        CorpusError: if the clip's file is missing or damaged.
    """
    try:
        arrays = read_npz(folder / row.file, ("waveform", "phone_start", "phone_end", "phone_name"))
        waveform = arrays["waveform"].astype(np.float32) / 32768
        start, end = arrays["phone_start"], arrays["phone_end"]
        names = tuple(str(name) for name in arrays["phone_name"])
        motion = arrays.get("motion")
        if motion is None and motion_path(folder, row.id).exists():
            motion = read_npz(motion_path(folder, row.id), ["motion"])["motion"]
    except ValueError as error:
        raise CorpusError(
            f"{folder / row.file}: expected a clip with waveform and phones, found none that can be read "
            f"({error}); make the corpus again."
        ) from error
    return Clip(row=row, waveform=waveform, phone_start=start, phone_end=end, phone_name=names, motion=motion)


def write_manifest(folder: Path, rows: Iterable[ClipRow]) -> None:
    """Write the manifest in one step: it appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / MANIFEST) as temporary:
        text = "".join(json.dumps(dataclasses.asdict(row)) + "\n" for row in rows)
        temporary.write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> list[ClipRow]:
    """All clips of a corpus, in the order of its manifest.

    Raises:
        CorpusError: if there is no manifest, or a line of it is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise CorpusError(
            f"{folder}: expected a corpus with a {MANIFEST}, found none; "
            f"run `python -m training.synthetic.corpus {folder}` or `python -m training.prepare` first."
        )
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            rows.append(ClipRow(**json_object(line)))
        except (TypeError, ValueError) as error:
            raise CorpusError(
                f"{path}: expected one clip as JSON on line {number}, found {line[:60]!r}; "
                f"delete the file and make the corpus again."
            ) from error
    return rows
