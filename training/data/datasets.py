"""THE place that knows RAVDESS, HDTF, VOCASET and MEAD with faces: their folders, names, labels, splits."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ecoface_model.core.constants import EMOTIONS, INTENSITIES
from training.data.clips import SPLITS, UNKNOWN, CorpusError
from training.data.sound_files import TarMember, path_of

RAVDESS_ACTORS = tuple(f"Actor_{number:02d}" for number in range(1, 25))
RAVDESS_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
RAVDESS_STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
RAVDESS_UNWANTED = {"02": "video without sound", "03": "sound without video"}
"""Modalities of which the full recording (01) is the better copy."""

HDTF_NAME = re.compile(r"(?:(?P<subset>RD|WDA|WRA)_)?(?P<video>[^_]+)_(?P<clip>\d+)(?:_.*)?")
"""As its README names clips, AmyKlobuchar1_0, or as its download script does, WDA_AmyKlobuchar1_000."""

VOCASET_RATE = 60  # Hz, meshes
VOCASET_DERIVED = ("data_verts.npy", "raw_audio_fixed.pkl", "templates.pkl", "subj_seq_to_idx.pkl")

MEAD_EMOTIONS = {
    "neutral": "neutral", "happy": "happy", "sad": "sad", "angry": "angry", "fear": "fearful",
    "disgusted": "disgust", "surprised": "surprised",
}  # fmt: skip
MEAD_LEVELS = {"level_1": "normal", "level_2": "normal", "level_3": "strong"}
"""MEAD's weak and medium, and its exaggerated strong: medium is what its authors call the emotion's usual
state, as RAVDESS's normal is, and weak is nearer to that than to strong."""

SHARES = (0.8, 0.1, 0.1)
"""Of training, validation and test (Sec. 4.1)."""


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """Motion comes from a tracker that watched the video."""

    video: Path
    names: tuple[str, ...]
    """Where its output may lie in the trackers' folder, without suffix."""


@dataclass(frozen=True, kw_only=True)
class Meshes:
    """Motion comes from one mesh per frame."""

    folder: Path
    template: Path | None
    """The subject at rest."""
    rate: int


@dataclass(frozen=True, kw_only=True)
class SourceClip:
    """One recording, as its data set names it."""

    id: str
    speaker: str
    emotion: str
    intensity: str
    sentence: str
    """Empty where the data set does not give the words."""
    sentence_id: str
    sound: Path | TarMember
    motion: Tracked | Meshes | None
    """None where there is only a voice."""
    agreement: float | None = None
    level: float | None = None
    licence: str = ""

    @property
    def recording(self) -> Path:
        """What is named when the clip is refused: its video, the folder of its meshes, or its sound."""
        if self.motion is None:
            return path_of(self.sound)
        return self.motion.video if isinstance(self.motion, Tracked) else self.motion.folder


@dataclass(frozen=True, kw_only=True)
class Refused:
    """One recording that cannot be used."""

    file: str
    reason: str


@dataclass(frozen=True)
class Found:
    """What a data set's folder holds."""

    clips: list[SourceClip] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    """Recordings that are not wanted, by kind: songs, other views."""
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What a person should know about the whole."""


def find_clips(dataset: str, source: Path) -> Found:
    """Every recording of a data set, in the order of the ids.

    Raises:
        CorpusError: if the folder does not hold this data set.
    """
    if not source.is_dir():
        raise CorpusError(f"expected the folder of {dataset} at {source}, found none; check the path")
    found = Found()
    DATASETS[dataset](source, found)
    if not (found.clips or found.skipped or found.refused):
        raise CorpusError(
            f"expected recordings of {dataset} in {source}, found none; give the folder that its archives"
            " were unpacked into"
        )
    found.clips.sort(key=lambda clip: clip.id)
    counts = Counter(clip.id for clip in found.clips)
    for twice in [clip_id for clip_id, count in counts.items() if count > 1]:
        files = ", ".join(str(clip.recording.relative_to(source)) for clip in found.clips if clip.id == twice)
        raise CorpusError(f"expected the recording {twice} once in {source}, found {files}; delete one")
    return found


def _ravdess(source: Path, found: Found) -> None:
    """Actor_NN/MM-CC-EE-II-SS-RR-AA.mp4, at any depth: archives unpack into folders of their own."""
    files = (path for ending in ("*.mp4", "*.wav") for path in source.rglob(ending))
    for path in sorted(files):
        name = str(path.relative_to(source))
        if reason := _why_not_ravdess(path):
            found.refused.append(Refused(file=name, reason=reason))
            continue
        modality, channel, emotion, intensity, statement, _, actor = path.stem.split("-")
        if channel == "02":
            found.skipped["song"] += 1
        elif modality in RAVDESS_UNWANTED:
            found.skipped[RAVDESS_UNWANTED[modality]] += 1
        else:
            found.clips.append(
                SourceClip(
                    id=f"ravdess-{path.stem}",
                    speaker=f"ravdess-{actor}",
                    emotion=EMOTIONS[int(emotion) - 1],
                    intensity=INTENSITIES[int(intensity) - 1],
                    sentence=RAVDESS_STATEMENTS[statement],
                    sentence_id=f"ravdess-{statement}",
                    sound=path,
                    motion=Tracked(video=path, names=(f"{path.parent.name}/{path.stem}", path.stem)),
                )
            )


def _why_not_ravdess(path: Path) -> str:
    """What is wrong with a file's name; empty if nothing is."""
    match = RAVDESS_NAME.fullmatch(path.stem)
    if match is None:
        return "expected a name of seven numbers, found another"
    modality, channel, emotion, intensity, statement, _, actor = match.groups()
    known = channel in ("01", "02") and modality in ("01", *RAVDESS_UNWANTED)
    known = known and 1 <= int(emotion) <= len(EMOTIONS) and 1 <= int(intensity) <= len(INTENSITIES)
    if not known or statement not in RAVDESS_STATEMENTS:
        return "expected numbers that RAVDESS uses, found others"
    if f"Actor_{actor}" not in RAVDESS_ACTORS or path.parent.name != f"Actor_{actor}":
        return f"expected one of 24 actors in the folder Actor_NN, found {actor} in {path.parent.name}"
    if emotion == "01" and intensity == "02":
        return "expected neutral at normal intensity, found strong"
    return ""


def _hdtf(source: Path, found: Found) -> None:
    """Cropped clips, one folder. Its download script fetches pictures alone: sound may lie beside, as .wav.

    Videos of one person are numbered, AmyKlobuchar0 and 1; those of the radio addresses are numbered without
    a name, and count as a person each.
    """
    for path in sorted(source.rglob("*.mp4")):
        name = path.relative_to(source)
        if name.parts[0] == "_videos_raw":
            found.skipped["whole video, not cropped"] += 1
            continue
        match = HDTF_NAME.fullmatch(path.stem)
        if match is None:
            reason = "expected a clip named as <video>_<number>, found another name"
            found.refused.append(Refused(file=str(name), reason=reason))
            continue
        video = match["video"]
        person = video if video.startswith("Radio") else video.rstrip("0123456789") or video
        beside = path.with_suffix(".wav")
        clip_id = f"hdtf-{path.stem}"
        found.clips.append(
            SourceClip(
                id=clip_id, speaker=f"hdtf-{person}", emotion=UNKNOWN, intensity=INTENSITIES[0], sentence="",
                sentence_id=clip_id, sound=beside if beside.is_file() else path,
                motion=Tracked(video=path, names=(str(name.with_suffix("")), path.stem)),
            )
        )  # fmt: skip


def _vocaset(source: Path, found: Found) -> None:
    """unposedcleaneddata/<subject>/sentenceNN/*.ply, with audio, templates and sentencestext beside it."""
    meshes = source / "unposedcleaneddata"
    if not meshes.is_dir():
        derived = [name for name in VOCASET_DERIVED if (source / name).exists()]
        what = f"its training files ({', '.join(derived)}), pickles that can run code" if derived else "none"
        raise CorpusError(
            f"expected VOCASET's meshes in {meshes}, found {what}; download unposedcleaneddata, audio,"
            " templates and sentencestext"
        )
    for sound in sorted((source / "audio").glob("*/sentence*.wav")):
        if not (meshes / sound.parent.name / sound.stem).is_dir():
            reason = f"expected meshes in {meshes / sound.parent.name / sound.stem}, found none"
            found.refused.append(Refused(file=str(sound.relative_to(source)), reason=reason))
    for folder in sorted(path for path in meshes.glob("*/sentence*") if path.is_dir()):
        subject, sentence = folder.parent.name, folder.name
        template = source / "templates" / f"{subject}.ply"
        words = _vocaset_words(source / "sentencestext" / f"{subject}.txt", sentence)
        found.clips.append(
            SourceClip(
                id=f"vocaset-{subject}-{sentence}", speaker=f"vocaset-{subject}", emotion=UNKNOWN,
                intensity=INTENSITIES[0], sentence=words,
                sentence_id=words.lower() or f"{subject}-{sentence}",
                sound=source / "audio" / subject / f"{sentence}.wav",
                motion=Meshes(
                    folder=folder, template=template if template.is_file() else None, rate=VOCASET_RATE
                ),
            )
        )  # fmt: skip


def _vocaset_words(path: Path, sentence: str) -> str:
    """Line NN of a subject's sentences."""
    number = sentence.removeprefix("sentence")
    lines = (
        [line.strip() for line in path.read_text("utf-8", "replace").splitlines()] if path.is_file() else []
    )
    lines = [line for line in lines if line]
    return lines[int(number) - 1] if number.isdigit() and 1 <= int(number) <= len(lines) else ""


def _mead(source: Path, found: Found) -> None:
    """<actor>/video/front/<emotion>/level_k/NNN.mp4, its sound in <actor>/audio/<emotion>/level_k/NNN.m4a.

    Numbers stand for sentences within an emotion; which, is not said, so a number is one sentence throughout.
    """
    for path in sorted(source.rglob("*.mp4")):
        *_, actor, video, view, emotion, level, _ = (*[""] * 6, *path.relative_to(source).parts)
        name = "/".join([actor, video, view, emotion, level, path.stem])
        if video != "video":
            reason = "expected it in <actor>/video/<view>/<emotion>/<level>, found it elsewhere"
            found.refused.append(Refused(file=str(path.relative_to(source)), reason=reason))
        elif view != "front":
            found.skipped["view from another side"] += 1
        elif emotion not in MEAD_EMOTIONS or level not in MEAD_LEVELS:
            wanted = f"one of {', '.join(MEAD_EMOTIONS)} at level_1 to level_3"
            reason = (
                f"expected {wanted}, found {emotion} at {level}: RAVDESS's eight emotions have no such one"
            )
            found.refused.append(Refused(file=f"{name}.mp4", reason=reason))
        else:
            found.clips.append(
                SourceClip(
                    id=f"mead-{actor}-{emotion}-{level}-{path.stem}",
                    speaker=f"mead-{actor}",
                    emotion=MEAD_EMOTIONS[emotion],
                    intensity=INTENSITIES[0] if emotion == "neutral" else MEAD_LEVELS[level],
                    sentence="",
                    sentence_id=f"mead-{path.stem}",
                    sound=path.parents[4] / "audio" / emotion / level / f"{path.stem}.m4a",
                    motion=Tracked(video=path, names=(name, f"{actor}/{view}/{emotion}/{level}/{path.stem}")),
                )
            )


DATASETS: dict[str, Callable[[Path, Found], None]] = {
    "ravdess": _ravdess,
    "hdtf": _hdtf,
    "vocaset": _vocaset,
    "mead": _mead,
}


def split_clips(clips: Sequence[SourceClip], by: str, seed: int) -> dict[str, str]:
    """Split of every clip's id: 80/10/10 of the clips, or of the speakers or sentences, drawn by the seed.

    By speaker or sentence, validation and test hear none that training hears. Where there are only two
    (RAVDESS's statements), one is held out, and its clips are shared between validation and test.

    Raises:
        CorpusError: if there is only one speaker or sentence to split by.
    """
    key: dict[str, Callable[[SourceClip], str]] = {
        "clip": lambda clip: clip.id,
        "speaker": lambda clip: clip.speaker,
        "sentence": lambda clip: clip.sentence_id,
    }
    groups = sorted({key[by](clip) for clip in clips})
    rng = np.random.default_rng(seed)
    if len(groups) == 1 and by != "clip":
        raise CorpusError(f"expected at least two {by}s to split by, found only {groups[0]}; split by clip")
    if len(groups) == 2 and by != "clip":
        kept = groups[rng.integers(2)]
        held = [clip.id for clip in clips if key[by](clip) != kept]
        shares = dict(zip(rng.permutation(held).tolist(), _alternating(), strict=False))
        return {clip.id: shares.get(clip.id, SPLITS[0]) for clip in clips}
    n_held = [max(1, round(share * len(groups))) if len(groups) > 2 else 0 for share in SHARES[1:]]
    order = rng.permutation(groups).tolist()
    split_of = dict.fromkeys(order, SPLITS[0])
    split_of |= dict.fromkeys(order[: n_held[0]], SPLITS[1])
    split_of |= dict.fromkeys(order[n_held[0] : sum(n_held)], SPLITS[2])
    return {clip.id: split_of[key[by](clip)] for clip in clips}


def _alternating() -> Iterator[str]:
    """val, test, val, ..."""
    while True:
        yield from SPLITS[1:]
