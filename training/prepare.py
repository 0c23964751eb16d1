"""Data sets -> clips: `python -m training.prepare ravdess|hdtf|mead SOURCE OUT --trackers FOLDER`, and
`python -m training.prepare vocaset SOURCE OUT --head FLAME.pkl`.

Acted voices without faces: `python -m training.prepare voices SOURCE OUT`, or one corpus by its name
(crema-d, emodb, ravdess-voices, tess, savee, nemo, esd, mead-voices).

Several data sets may go into one OUT: its manifest then lists them all. Clips that exist are kept, so an
interrupted run goes on where it stopped (after a change of trackers, start with an empty OUT). Recordings
that cannot be used are in refused.jsonl with the reason, counts and motion statistics in counts.json.
"""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import torch
import tyro
from tqdm import tqdm

from training.data.clips import MANIFEST, ClipRow, CorpusError, read_clip, read_manifest, write_manifest
from training.data.datasets import Found, Refused, SourceClip, find_clips, split_clips
from training.data.motion_statistics import statistics_of
from training.data.preparation import (
    Config,
    FacesConfig,
    PrepareConfig,
    TrackedConfig,
    Vocaset,
    VoicesConfig,
    VotedConfig,
)
from training.data.preparation_report import count, summary, write_counts, write_refused
from training.data.recording import Job, Made, clip_file, make_clips
from training.data.sound_files import TarMember, list_sounds
from training.data.voice_corpora import VOICES, corpora_in, find_voices, split_by_actor
from training.data.voice_doubles import refuse_doubles
from training.data.voice_votes import find_table, no_votes, read_votes
from training.runs.script import run_script


def main(config: FacesConfig | VoicesConfig) -> None:
    """Prepare one data set of faces, or the voices of one or several.

    Raises:
        CorpusError: if the source is another folder, or no recording of it can be used.
    """
    if isinstance(config, VoicesConfig):
        return _voices(config)
    found = find_clips(config.dataset, config.source)
    _prepare(config, config.dataset, found, split_clips(found.clips, config.split_by, config.seed))


def _voices(config: VoicesConfig) -> None:
    """All corpora that are wanted and there, the licence of each before anything is written."""
    if not config.source.is_dir():
        raise CorpusError(f"expected a folder of voices at {config.source}, found none; check the path")
    sounds = list_sounds(config.source)
    there = {name: own for name, own in corpora_in(sounds).items() if name in config.of}
    if not there:
        wanted = "; ".join(f"{VOICES[name].title}: {VOICES[name].example}" for name in config.of)
        raise CorpusError(
            f"expected recordings named as in {wanted}, found {len(sounds)} others in {config.source};"
            " give the folder that the archives were unpacked into"
        )
    for name, own in there.items():
        print(f"{VOICES[name].title}: {len(own)} recordings, licence {VOICES[name].licence}")
    for name, own in there.items():
        found = _find(config, name, own)
        _prepare(config, name, found, split_by_actor(name, found.clips))


def _find(config: VoicesConfig, dataset: str, sounds: Sequence[Path | TarMember]) -> Found:
    """One corpus's clips, CREMA-D's with what listeners said of them."""
    if dataset != "crema-d" or not isinstance(config, VotedConfig):
        return find_voices(dataset, config.source, sounds)
    table = config.votes or find_table(config.source)
    found = find_voices(dataset, config.source, sounds, read_votes(table) if table else no_votes())
    if table is None:
        found.notes.append(
            "no summaryTable.csv: nobody says how strong undirected clips are; give it with --votes"
        )
    return found


def _prepare(config: PrepareConfig, dataset: str, found: Found, splits: dict[str, str]) -> None:
    """Make one data set's clips and write what became of them."""
    refused = list(found.refused)
    made = _make_all(config, found.clips)
    if dataset in VOICES:
        made = refuse_doubles(config.out, found.clips, made)
    rows: list[ClipRow] = []
    residuals: dict[str, float] = {}
    for clip, result in zip(found.clips, made, strict=True):
        if isinstance(result, Refused):
            file = str(clip.recording.relative_to(config.source))
            refused.append(Refused(file=file, reason=result.reason))
            continue
        rows += _rows(config.out, dataset, clip, result, splits[clip.id])
        if result.residual_mm is not None:
            residuals[clip.id] = result.residual_mm
    write_refused(config.out, dataset, refused)
    if not rows:
        first = f": {refused[0].file}: {refused[0].reason}" if refused else ""
        raise CorpusError(f"expected recordings of {dataset} that can be used, found none{first}")
    manifest = config.out / MANIFEST
    others = [
        row for row in (read_manifest(config.out) if manifest.exists() else []) if row.dataset != dataset
    ]
    write_manifest(config.out, [*others, *rows])
    counts = count(rows, found, refused, residuals)
    if dataset not in VOICES:
        counts |= _motion_counts(config.out, rows)
    write_counts(config.out, dataset, counts)
    print(summary(dataset, counts, refused))


def _motion_counts(out: Path, rows: Sequence[ClipRow]) -> dict[str, dict[str, list[float]]]:
    """Mean and deviation of the training clips' motions, if there are any."""
    motions = [read_clip(out, row).motion for row in rows if row.split == "train"]
    known = [motion for motion in motions if motion is not None]
    if not known:
        return {}
    statistics = statistics_of(known)
    return {"motion": {"mean": statistics.mean.tolist(), "std": statistics.std.tolist()}}


def _make_all(config: PrepareConfig, clips: Sequence[SourceClip]) -> list[Made | Refused]:
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
            agreement=clip.agreement,
            level=clip.level,
            licence=clip.licence,
        )
        for clip_id, seconds in made.seconds.items()
    ]


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(Config, prog="python -m training.prepare")))
