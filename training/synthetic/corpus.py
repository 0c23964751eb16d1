"""Makes the synthetic corpus: `python -m training.synthetic.corpus work/corpus --hours 3.5 --seed 0`.

One job per spoken sentence of the plan yields several clips of it: the same words, other emotions. Clips that
exist are kept, so an interrupted run goes on where it stopped; the manifest appears at the end.
"""

import ctypes
import importlib.util
import multiprocessing
import shutil
from collections.abc import Collection, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from numpy.typing import NDArray
from tqdm import tqdm

from ecoface_model.core.constants import EMOTIONS, INTENSITIES, SAMPLE_RATE
from ecoface_model.core.npz import read_npz
from training.data.alignment import AlignmentError
from training.data.clips import ClipRow, CorpusError, write_clip, write_manifest
from training.data.utterance import Utterance, at_level, joined, trimmed
from training.runs.script import run_script
from training.synthetic.voices import espeak, flite, hibari
from training.synthetic.voices.plan import ESPEAK, SYSTEM_SHARES, ClipPlan, Job, plan
from training.synthetic.voices.prosody import Analysis, analyse, draw_prosody, with_prosody

BASE_LEVEL, LEVEL_SPREAD = -29.0, 1.5  # dB of neutral speech, and its standard deviation between sentences
NOISE_FLOOR = (-78.0, -56.0)  # dB; recordings are never digital zero


@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """Makes the synthetic corpus: sound and phone times of every clip."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Where the corpus goes."""
    hours: float = 3.5
    """About so much sound."""
    seed: int = 0
    workers: int = 2
    """Processes."""
    voices: tuple[str, ...] = tuple(SYSTEM_SHARES)
    """Systems that speak; hibari needs no Debian package. Without espeak all sentences are English."""

    def __post_init__(self) -> None:
        if not self.voices or not set(self.voices) <= SYSTEM_SHARES.keys():
            raise CorpusError(
                f"expected voices of {', '.join(SYSTEM_SHARES)}, found {', '.join(self.voices) or 'none'}."
            )


def main(config: CorpusConfig) -> None:
    check_voices(config.voices)
    jobs = plan(config.hours, config.seed, config.voices)
    print(f"{len(jobs)} sentences, {sum(len(job.clips) for job in jobs)} clips")
    rows: list[ClipRow] = []
    work = partial(run_job, config.folder)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(config.workers, mp_context=context) as pool:
        for made in tqdm(pool.map(work, jobs, chunksize=4), total=len(jobs), unit="sentence"):
            rows += made
    write_manifest(config.folder, rows)
    print(summary(rows))


def check_voices(voices: Collection[str]) -> None:
    """Hold what the voices need.

    Raises:
        CorpusError: naming everything that is missing and how to install it.
    """
    missing = [name for name in ("flite",) if name in voices and shutil.which(name) is None]
    if ESPEAK in voices and not _has_espeak():
        missing.append("espeak-ng")
    packages = {"hibari": "hibari-tts==0.2.1", "pocketsphinx": "pocketsphinx==5.1.1", "pyworld": "pyworld"}
    absent = [wheel for package, wheel in packages.items() if importlib.util.find_spec(package) is None]
    commands = [f"`apt-get install {' '.join(missing)}`"] if missing else []
    commands += [f"`pip install {' '.join(absent)}`"] if absent else []
    if commands:
        raise CorpusError(
            f"expected the voices' programs and packages, found no {', '.join(missing + absent)}; "
            f"install with {' and '.join(commands)}."
        )


def _has_espeak() -> bool:
    try:
        ctypes.CDLL(espeak.LIBRARY)
    except OSError:
        return False
    return True


def summary(rows: Iterable[ClipRow]) -> str:
    """Hours in all and by split, system and emotion."""
    rows = list(rows)
    lines = [f"{len(rows)} clips, {sum(row.seconds for row in rows) / 3600:.2f} h"]
    for title, of in (
        ("split", lambda row: row.split),
        ("voices", lambda row: row.voice.split("-")[0]),
        ("emotion", lambda row: f"{row.emotion} {row.intensity}"),
        ("style", lambda row: row.speaker),
    ):
        hours: dict[str, float] = {}
        for row in rows:
            hours[of(row)] = hours.get(of(row), 0.0) + row.seconds / 3600
        lines.append(f"{title}: " + ", ".join(f"{name} {hours[name]:.2f} h" for name in sorted(hours)))
    return "\n".join(lines)


def run_job(folder: Path, job: Job) -> list[ClipRow]:
    """Make the clips of a job that do not exist yet, and give the manifest lines of them all.

    A sentence that the aligner cannot find in the voice's sound is left out: no clips, no lines.
    """
    if any(not (folder / _file(clip)).exists() for clip in job.clips):
        try:
            spoken = speak(job)
        except AlignmentError:
            return []
        analysis = None if all(clip.natural for clip in job.clips) else analyse(spoken)
        for clip in job.clips:
            made = make_clip(spoken, analysis, job, clip)
            samples = np.round(made.waveform * 32767).astype(np.int16)
            names, start, end = zip(*made.phones, strict=True)
            write_clip(
                folder / _file(clip), samples, np.array(start, np.float32), np.array(end, np.float32), names
            )
    return [_row(folder, job, clip) for clip in job.clips]


def speak(job: Job) -> Utterance:
    """The sentence as its voice says it: parts at one level, pauses of 0.2 to 0.8 s between them."""
    rng = np.random.default_rng(job.seed)
    pitch, pitch_range = int(rng.integers(35, 70)), int(rng.integers(35, 75))
    parts = []
    for part in job.sentence.parts:
        if job.system == "hibari":
            spoken = hibari.speak(part, speed=job.pace, seed=job.seed)
        elif job.system == "flite":
            spoken = flite.speak(part, job.voice, stretch=1 / job.pace)
        else:
            words_per_minute = round(165 * job.pace)
            spoken = espeak.espeak().speak(
                part, job.voice, words_per_minute=words_per_minute, pitch=pitch, pitch_range=pitch_range
            )
        parts.append(at_level(trimmed(spoken), BASE_LEVEL))
    pauses = [0.0, *rng.uniform(0.2, 0.8, len(parts) - 1), 0.0]
    return at_level(joined(parts, pauses), BASE_LEVEL + LEVEL_SPREAD * rng.standard_normal())


def make_clip(spoken: Utterance, analysis: Analysis | None, job: Job, clip: ClipPlan) -> Utterance:
    """One clip: the sentence performed, with silence around and the room's noise under it."""
    rng = np.random.default_rng([job.seed, EMOTIONS.index(clip.emotion), INTENSITIES.index(clip.intensity)])
    if not clip.natural:
        assert analysis is not None
        spoken = with_prosody(analysis, draw_prosody(clip.emotion, clip.intensity, rng), job.speaker, rng)
    padded = joined([spoken], [rng.uniform(0.1, 0.8), rng.uniform(0.1, 0.8)])
    waveform = padded.waveform + _room_noise(len(padded.waveform), rng)
    return Utterance(waveform=np.clip(waveform, -1, 1).astype(np.float32), phones=padded.phones)


def _room_noise(n_samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise between white and brown at a level drawn from NOISE_FLOOR."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    frequency = np.maximum(np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE), 40)
    noise = np.fft.irfft(spectrum * frequency ** -rng.uniform(0, 1), n_samples)
    level: float = 10 ** (rng.uniform(*NOISE_FLOOR) / 20)
    scaled: NDArray[np.float64] = noise / np.sqrt(np.mean(noise**2)) * level
    return scaled


def _file(clip: ClipPlan) -> str:
    return f"clips/{clip.id}.npz"


def _row(folder: Path, job: Job, clip: ClipPlan) -> ClipRow:
    seconds = float(read_npz(folder / _file(clip), ["phone_end"])["phone_end"][-1])
    return ClipRow(
        id=clip.id,
        speaker=clip.style,
        voice=job.voice_name(clip),
        emotion=clip.emotion,
        intensity=clip.intensity,
        sentence=job.sentence.text,
        sentence_id=job.sentence.id,
        seconds=round(seconds, 4),
        split=job.split,
        file=_file(clip),
    )


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(CorpusConfig)))
