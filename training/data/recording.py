"""One recording of a data set -> clips in our format: 16 kHz sound and, of a face, FLAME motion at 25 fps.

`records/<id>.json` says what a recording became; it is written last, so a recording with a record is done.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from ecoface_model.audio import Waveform, fit_to_frames, n_frames
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import FRAME_RATE, SAMPLES_PER_FRAME
from ecoface_model.core.errors import EcoFaceError
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.core.tracker import find_output, from_zero, read_output
from training.data.clips import CorpusError, write_clip
from training.data.datasets import Meshes, Refused, SourceClip, Tracked
from training.data.mesh_fit import fit_motion, head_of_subject, solve_identity
from training.data.ply import read_ply
from training.data.sound_files import path_of, read_recording
from training.data.video_time import at_frame_rate, frame_times, meshes_at_frame_rate, times_of

SILENT = 1e-3  # of full scale, -60 dB: a peak below it is a muted microphone
SHORTEST = 12  # frames, about half a second
SPARE = 0.5  # seconds by which sound and motion may outlast one another; both are then cut to the shorter
NEUTRAL_FRAMES = 5  # first meshes of a sentence, when the mouth is at rest
WORST_FIT = (
    3.0  # mm, mean: beyond it the meshes are of another unit, pose or topology; FLAME itself comes to 1
)

Motion = Float32[NDArray[np.float32], "frames 53"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done with one recording."""

    clip: SourceClip
    out: Path
    longest: float
    """Seconds; longer recordings are cut where they are quietest."""
    trackers: Path | None
    """Where tracker output lies; None for data sets of meshes or voices."""
    tracker_fps: float | None
    head: Path | None
    """The FLAME file for data sets of meshes."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a recording became."""

    seconds: dict[str, float]
    """By the id of each clip."""
    residual_mm: float | None
    """Mean distance between meshes and model, where there were meshes."""
    sha256: str = ""
    """Of the samples, before they were cut to frames: equal sounds are one recording."""


def make_clips(job: Job) -> Made | Refused:
    """Write the clips of one recording, or say what is wrong with it; what was made before is kept."""
    record = job.out / "records" / f"{job.clip.id}.json"
    if record.is_file():
        made = Made(**json.loads(record.read_text()))
        if all(clip_file(job.out, clip_id).is_file() for clip_id in made.seconds):
            return made
    try:
        made = _make(job)
        record.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(record) as temporary:
            temporary.write_text(json.dumps(asdict(made)))
    except (EcoFaceError, OSError) as error:
        return Refused(file=str(job.clip.recording), reason=" ".join(str(error).split()))
    return made


def clip_file(out: Path, clip_id: str) -> Path:
    """Where a clip lies."""
    return out / "clips" / f"{clip_id}.npz"


def _make(job: Job) -> Made:
    waveform = read_recording(job.clip.sound)
    if np.abs(waveform).max() < SILENT:
        name = path_of(job.clip.sound).name
        raise CorpusError(f"expected speech in {name}, found silence; copy the file again or leave it out")
    heard = hashlib.sha256(_integers(waveform).tobytes()).hexdigest()
    motion, residual_mm = _motion(job, n_frames(len(waveform)))
    frames = voice_length(n_frames(len(waveform))) if motion is None else len(motion)
    waveform = fit_to_frames(waveform, frames)
    samples = _integers(waveform)
    spans = pieces(waveform, frames, round(job.longest * FRAME_RATE))
    seconds = {}
    for number, (start, stop) in enumerate(spans):
        clip_id = job.clip.id if len(spans) == 1 else f"{job.clip.id}_p{number:02d}"
        sound = samples[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME]
        part = None if motion is None else motion[start:stop]
        write_clip(clip_file(job.out, clip_id), sound, motion=part)
        seconds[clip_id] = (stop - start) / FRAME_RATE
    return Made(seconds=seconds, residual_mm=residual_mm, sha256=heard)


def _integers(waveform: Waveform) -> NDArray[np.int16]:
    integers: NDArray[np.int16] = np.round(waveform * 32768).clip(-32768, 32767).astype(np.int16)
    return integers


def voice_length(n_sound: int) -> int:
    """Frames of a clip that has only a voice.

    Raises:
        CorpusError: if it is too short.
    """
    if n_sound < SHORTEST:
        raise CorpusError(
            f"expected at least {SHORTEST / FRAME_RATE:g} s, found {n_sound / FRAME_RATE:.2f} s; leave it out"
        )
    return n_sound


def _motion(job: Job, n_sound: int) -> tuple[Motion | None, float | None]:
    """The motion at 25 fps, as long as the sound or a little shorter, and how far it is from the meshes."""
    if job.clip.motion is None:
        return None, None
    if isinstance(job.clip.motion, Tracked):
        assert job.trackers is not None
        return _tracked(job, job.clip.motion, job.trackers, n_sound), None
    assert job.head is not None
    return _fitted(job.clip.motion, job.head, n_sound)


def _tracked(job: Job, tracked: Tracked, trackers: Path, n_sound: int) -> Motion:
    video = frame_times(tracked.video, has_sound=job.clip.sound == tracked.video)
    output = read_output(find_output(trackers, tracked.names))
    times = times_of(output, video, job.tracker_fps)
    end = float(video[-1] + np.median(np.diff(video)))
    return at_frame_rate(times, output.expression, output.jaw, common_length(n_sound, end, SPARE))


def _fitted(meshes: Meshes, head: Path, n_sound: int) -> tuple[Motion, float]:
    """Coefficients of PLY meshes. Their sound may go on after them, as it does in VOCASET."""
    numbered = {int(path.stem.rsplit(".", 1)[-1]): path for path in meshes.folder.glob("*.[0-9]*.ply")}
    if len(numbered) < 2:
        raise CorpusError(f"expected meshes in {meshes.folder}, found {len(numbered)}; unpack it again")
    numbers = sorted(numbered)
    read = [read_ply(numbered[number]) for number in numbers]
    file = _head(head)
    for mesh, number in zip(read, numbers, strict=True):
        if mesh.shape != file.v_template.shape:
            raise CorpusError(
                f"expected meshes of {len(file.v_template)} vertices as '{file.name}' has, found {len(mesh)}"
                f" in {numbered[number].name}; use the FLAME file whose topology they have"
            )
    neutral = np.mean(read[:NEUTRAL_FRAMES], axis=0)
    template = read_ply(meshes.template) if meshes.template else solve_identity(file, neutral)
    times = from_zero(numbers) / meshes.rate
    wanted = common_length(n_sound, float(times[-1] + 1 / meshes.rate), np.inf)
    fit = fit_motion(head_of_subject(file, template), meshes_at_frame_rate(times, np.stack(read), wanted))
    residual_mm = float(fit.residual_mm.mean())
    if residual_mm > WORST_FIT:
        raise CorpusError(
            f"expected meshes that '{file.name}' follows within {WORST_FIT:g} mm, found {residual_mm:.1f} mm"
            f" in {meshes.folder.name}; use unposed meshes in metres and their FLAME version"
        )
    return fit.motion, residual_mm


@lru_cache(maxsize=1)
def _head(path: Path) -> FlameFile:
    """The FLAME file, read once per process."""
    return read_head(path)


def common_length(n_sound: int, end: float, longer_sound: float) -> int:
    """Frames that sound and motion share.

    Raises:
        CorpusError: if one is much longer than the other, or both are too short.
    """
    n_motion = round(end * FRAME_RATE)
    surplus = (n_sound - n_motion) / FRAME_RATE
    if not -SPARE <= surplus <= longer_sound:
        raise CorpusError(
            f"expected sound and motion of one length, found {n_sound / FRAME_RATE:.2f} s of sound and"
            f" {end:.2f} s of motion; see that they belong together"
        )
    if min(n_sound, n_motion) < SHORTEST:
        raise CorpusError(f"expected at least {SHORTEST / FRAME_RATE:g} s, found {end:.2f} s; leave it out")
    return min(n_sound, n_motion)


def pieces(waveform: Waveform, frames: int, longest: int) -> list[tuple[int, int]]:
    """Stretches of at most `longest` frames, cut where a fifth of a second around is quietest."""
    power = (fit_to_frames(waveform, frames).reshape(frames, -1) ** 2).mean(axis=1)  # (T,)
    loudness: NDArray[Any] = np.convolve(power, np.ones(5), mode="same")
    spans, start = [], 0
    while frames - start > longest:
        first = start + longest // 2
        last = min(start + longest, frames - SHORTEST)
        stop = first + int(loudness[first : last + 1].argmin())
        spans.append((start, stop))
        start = stop
    return [*spans, (start, frames)]
