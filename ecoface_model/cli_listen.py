"""`ecoface listen`, and the voice baseline that it shares with `ecoface generate`.

What a command needs is imported when it runs, so that a mistake is answered at once.
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecoface_model.cli_results import (
    add_sound_options,
    expect_a_place,
    read_chosen,
    remark,
    terminal_progress,
)
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import BASELINE_KINDS, EMOTIONS
from ecoface_model.core.errors import EcoFaceError

if TYPE_CHECKING:
    from ecoface_model.pipeline import EcoFace
    from ecoface_model.reference_emotion.speech_emotion import SpeechEmotion
    from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline

KINDS = (".csv", ".json")
"""Of results, by their suffix."""
COLUMNS = ("file", "emotion", "intensity", *EMOTIONS)


def add_listen_options(parser: argparse.ArgumentParser) -> None:
    """What `ecoface listen` takes, besides the model's options."""
    parser.add_argument("sound", nargs="+", type=Path, metavar="SOUND", help="sound or video files")
    parser.add_argument(
        "-o",
        dest="out",
        type=Path,
        metavar="FILE",
        help=".csv, a row for each file, or .json, also with curves over time; without it, a line for each",
    )
    add_sound_options(parser, "SOUND")
    add_baseline_options(parser, "SOUND")


def add_baseline_options(parser: argparse.ArgumentParser, whose: str) -> None:
    """The usual sound of a voice."""
    parser.add_argument(
        "--baseline",
        nargs="+",
        type=Path,
        metavar="CLIP",
        help=f"lines of the voice in {whose}, by the same microphone: moods are told from its usual sound",
    )
    parser.add_argument(
        "--baseline-kind",
        choices=BASELINE_KINDS,
        help="lines in whatever mood (at least five), or neutral ones; told by their number if not given",
    )


def run_listen(options: argparse.Namespace) -> list[Exception]:
    """Tell which emotion recorded voices speak with."""
    if options.out is not None:
        expect_a_place(options.out, KINDS)
    from ecoface_model.level import remarks
    from ecoface_model.pipeline import EcoFace

    ecoface = EcoFace.load(options.model, options.device, options.engine)
    baseline = read_baseline(ecoface, options)
    complaints: list[Exception] = []
    heard: dict[str, SpeechEmotion] = {}
    for sound in options.sound:
        try:
            progress = terminal_progress(sound.name)
            voice = read_chosen(sound, options)
            emotion = ecoface.listen(voice.waveform, baseline=baseline, progress=progress)
            emotion = emotion.neutral_if_nobody_speaks()
        except EcoFaceError as error:  # the other files may still be good
            complaints.append(error)
            continue
        if options.out is None:
            print(f"{sound}: {sentence_of(emotion)}")
        remark(sound, (*voice.warnings, *voice.notes, *remarks(voice.waveform)))
        heard[str(sound)] = emotion
    if options.out is not None and heard:
        write_heard(options.out, heard)
        print(f"{options.out}: {len(heard)} of {len(options.sound)} files heard")
    return complaints


def sentence_of(heard: "SpeechEmotion") -> str:
    """What was heard, as a terminal says it: "angry 0.7, sad 0.2 (intensity 1.6)"."""
    from ecoface_model.reference_emotion.speech_emotion import NOBODY

    if heard.speech_seconds < NOBODY:
        return "hardly any speech, so neutral"
    intensity = heard.overall_intensity
    return heard.describe() + (f" (intensity {intensity:.1f})" if intensity else "")


def write_heard(path: Path, heard: dict[str, "SpeechEmotion"]) -> None:
    """One row for each file: .csv, or .json, which also has the curves.

    Raises:
        RequestError: if it cannot be written there.
    """
    rows = {file: emotion.row(file) for file, emotion in heard.items()}
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        if path.suffix.lower() == ".csv":
            table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
            table.writeheader()
            table.writerows(rows.values())
        else:
            more = {file: {"baseline": e.baseline, "curves": e.curves()} for file, e in heard.items()}
            json.dump([rows[file] | more[file] for file in heard], out, ensure_ascii=False, indent=1)


def read_baseline(ecoface: "EcoFace", options: argparse.Namespace) -> "VoiceBaseline | None":
    """The voice baseline of `--baseline`, if it is given.

    Raises:
        SoundError, RequestError: if one of its clips is no sound, or they make no baseline.
    """
    clips: Sequence[Path] | None = options.baseline
    if clips is None:
        return None
    from ecoface_model.sound.reader import read

    sounds = [read(clip) for clip in clips]
    for clip, sound in zip(clips, sounds, strict=True):
        remark(clip, (*sound.warnings, *sound.notes))
    return ecoface.voice_baseline([sound.waveform for sound in sounds], options.baseline_kind)
