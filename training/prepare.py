"""Data sets -> clips: `python -m training.prepare ravdess|hdtf|mead SOURCE OUT --trackers FOLDER`, and
`python -m training.prepare vocaset SOURCE OUT --head FLAME.pkl`.

Several data sets may go into one OUT: its manifest then lists them all. Clips that exist are kept, so an
interrupted run goes on where it stopped (after a change of trackers, start with an empty OUT). Recordings
that cannot be used are in refused.jsonl with the reason, counts and motion statistics in counts.json.
"""

import json
import multiprocessing
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from tqdm import tqdm

from ecoface_model.errors import EcoFaceError
from ecoface_model.files import write_beside
from training.clips import MANIFEST, SPLITS, ClipRow, CorpusError, read_manifest, write_manifest
from training.datasets import RAVDESS_ACTORS, Found, Refused, SourceClip, find_clips, split_clips
from training.motion_statistics import motion_statistics
from training.recording import Job, Made, clip_file, make_clips

REFUSED, COUNTS = "refused.jsonl", "counts.json"
SHOWN = 10  # refused recordings that are printed


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """Which recordings, and where their clips go."""

    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
    """The folder into which the data set's archives were unpacked."""
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    """The corpus folder."""
    split_by: Literal["clip", "speaker", "sentence"] = "clip"
    """What validation and test must not share with training: recordings (the paper's way), or speakers, or
    sentences."""
    seed: int = 0
    """Of the 80/10/10 split."""
    longest: float = 16.0
    """Seconds; longer recordings (HDTF's) are cut at their pauses. Ours."""
    workers: int = 2
    """Processes; with 1, no other than this."""


@dataclass(frozen=True, kw_only=True)
class TrackedConfig(PrepareConfig):
    """Clips of videos that a face tracker has watched."""

    trackers: Path
    """The tracker's output, one folder or .npz per recording, under the recordings' own paths or names."""
    tracker_fps: float | None = None
    """Frames per second of the tracker's output, if the videos were converted before they were tracked."""


@dataclass(frozen=True, kw_only=True)
class Ravdess(TrackedConfig):
    """RAVDESS: Actor_01 .. Actor_24, audio-video speech."""


@dataclass(frozen=True, kw_only=True)
class Hdtf(TrackedConfig):
    """HDTF: cropped clips, of no labelled emotion."""


@dataclass(frozen=True, kw_only=True)
class Mead(TrackedConfig):
    """MEAD: front views; contempt has no place among the eight emotions."""


@dataclass(frozen=True, kw_only=True)
class Vocaset(PrepareConfig):
    """VOCASET: 60 Hz meshes, fitted by FLAME."""

    head: Path
    """The FLAME file (generic_model.pkl) whose coefficients are wanted."""


Config = (
    Annotated[Ravdess, tyro.conf.subcommand("ravdess")]
    | Annotated[Hdtf, tyro.conf.subcommand("hdtf")]
    | Annotated[Vocaset, tyro.conf.subcommand("vocaset")]
    | Annotated[Mead, tyro.conf.subcommand("mead")]
)


def main(config: Ravdess | Hdtf | Vocaset | Mead) -> None:
    """Prepare one data set.

    Raises:
        CorpusError: if the source is another folder, or no recording of it can be used.
    """
    dataset = type(config).__name__.lower()
    found = find_clips(dataset, config.source)
    splits = split_clips(found.clips, config.split_by, config.seed)
    rows: list[ClipRow] = []
    residuals: dict[str, float] = {}
    refused = list(found.refused)
    for clip, made in zip(found.clips, _make_all(config, found.clips), strict=True):
        if isinstance(made, Refused):
            file = str(clip.recording.relative_to(config.source))
            refused.append(Refused(file=file, reason=made.reason))
            continue
        rows += _rows(config.out, dataset, clip, made, splits[clip.id])
        if made.residual_mm is not None:
            residuals[clip.id] = made.residual_mm
    _write_refused(config.out, dataset, refused)
    if not rows:
        first = f": {refused[0].file}: {refused[0].reason}" if refused else ""
        raise CorpusError(f"expected recordings of {dataset} that can be used, found none{first}")
    manifest = config.out / MANIFEST
    others = [
        row for row in (read_manifest(config.out) if manifest.exists() else []) if row.dataset != dataset
    ]
    write_manifest(config.out, [*others, *rows])
    counts = count(rows, found, refused, residuals)
    if statistics := motion_statistics(config.out).get(dataset):
        counts["motion"] = {"mean": statistics.mean.tolist(), "std": statistics.std.tolist()}
    _write_counts(config.out, dataset, counts)
    print(summary(dataset, counts, refused))


def _make_all(config: Ravdess | Hdtf | Vocaset | Mead, clips: Sequence[SourceClip]) -> list[Made | Refused]:
    """What every recording became, in order; each process holds one recording at a time."""
    config.out.mkdir(parents=True, exist_ok=True)
    tracked = config if isinstance(config, TrackedConfig) else None
    jobs = [
        Job(
            clip=clip,
            out=config.out,
            longest=config.longest,
            trackers=tracked.trackers if tracked else None,
            tracker_fps=tracked.tracker_fps if tracked else None,
            head=config.head if isinstance(config, Vocaset) else None,
        )
        for clip in clips
    ]
    bar = partial(tqdm, total=len(jobs), unit="recording")
    if config.workers == 1:
        return list(bar(map(make_clips, jobs)))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(config.workers, context, torch.set_num_threads, (1,)) as pool:
        return list(bar(pool.map(make_clips, jobs)))


def _rows(out: Path, dataset: str, clip: SourceClip, made: Made, split: str) -> list[ClipRow]:
    """The manifest's lines for one recording."""
    return [
        ClipRow(
            id=clip_id,
            speaker=clip.speaker,
            voice=clip.speaker,
            emotion=clip.emotion,
            intensity=clip.intensity,
            sentence=clip.sentence,
            sentence_id=clip.sentence_id,
            seconds=seconds,
            split=split,
            file=str(clip_file(out, clip_id).relative_to(out)),
            dataset=dataset,
        )
        for clip_id, seconds in made.seconds.items()
    ]


def count(
    rows: Sequence[ClipRow], found: Found, refused: Sequence[Refused], residuals: dict[str, float]
) -> dict[str, Any]:
    """Recordings, clips and hours: in all, and by split, emotion and speaker."""
    of = {
        "split": {row.id: row.split for row in rows},
        "emotion": {
            row.id: f"{row.emotion} {row.intensity}" if row.emotion_is_known else row.emotion for row in rows
        },
        "speaker": {row.id: row.speaker for row in rows},
    }
    return {
        "recordings": len(found.clips),
        "clips": len(rows),
        "hours": round(sum(row.seconds for row in rows) / 3600, 4),
        **{name: dict(sorted(Counter(labels.values()).items())) for name, labels in of.items()},
        "skipped": dict(found.skipped),
        "refused": len(refused),
        "residual_mm": residuals,
    }


def summary(dataset: str, counts: dict[str, Any], refused: Sequence[Refused]) -> str:
    """The counts for a person to read."""
    lines = [
        f"{dataset}: {counts['clips']} clips of {counts['recordings']} recordings, {counts['hours']:.2f} h"
    ]
    for name in ("split", "emotion", "speaker"):
        order = SPLITS if name == "split" else counts[name]
        lines.append(f"{name}: " + ", ".join(f"{label} {counts[name].get(label, 0)}" for label in order))
    if dataset == "ravdess" and len(counts["speaker"]) < len(RAVDESS_ACTORS):
        lines.append(f"only {len(counts['speaker'])} of RAVDESS's {len(RAVDESS_ACTORS)} actors are here")
    if counts["residual_mm"]:
        residuals = list(counts["residual_mm"].values())
        lines.append(
            f"fit: {sum(residuals) / len(residuals):.2f} mm on average, {max(residuals):.2f} at worst"
        )
    if "motion" in counts:
        expression, jaw = max(counts["motion"]["std"][:50]), max(counts["motion"]["std"][50:])
        lines.append(f"motion: standard deviations up to {expression:.3g} (expression), {jaw:.3g} rad (jaw)")
    if counts["skipped"]:
        lines.append("not wanted: " + ", ".join(f"{kind} {n}" for kind, n in counts["skipped"].items()))
    lines.append(f"refused: {len(refused)}" + (f", all in {REFUSED}" if refused else ""))
    lines += [f"  {line.file}: {line.reason}" for line in refused[:SHOWN]]
    return "\n".join(lines)


def _write_refused(out: Path, dataset: str, refused: Sequence[Refused]) -> None:
    """Replace this data set's lines of refused.jsonl."""
    path = out / REFUSED
    old = path.read_text("utf-8").splitlines() if path.exists() else []
    kept = [line for line in old if json.loads(line)["dataset"] != dataset]
    new = [json.dumps({"dataset": dataset} | asdict(line), ensure_ascii=False) for line in refused]
    with write_beside(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in [*kept, *new]), "utf-8")


def _write_counts(out: Path, dataset: str, counts: dict[str, Any]) -> None:
    """Replace this data set's entry of counts.json."""
    path = out / COUNTS
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    with write_beside(path) as temporary:
        temporary.write_text(json.dumps(kept | {dataset: counts}, indent=1, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    try:
        main(tyro.cli(Config, prog="python -m training.prepare"))
    except EcoFaceError as error:
        sys.exit(f"error: {error}")
