"""Which emotion is heard in recorded voices? `python -m training.evaluate listening --corpus work/voices`.

Recordings of actors, named clip by clip, relative to a baseline of their voice, and in worse recordings;
plain reading; and, with `--references`, the faces that such recordings ask for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.errors import SoundError
from ecoface_model.core.head_file import read_head
from ecoface_model.pipeline import EcoFace
from training.data.clips import ClipRow
from training.data.real_speech import SOUNDS, read_recordings
from training.evaluation.emotion_classifiers import EmotionClassifiers
from training.evaluation.held_out import HeldOut, Stage, balanced
from training.evaluation.listening_report import as_text
from training.evaluation.recall import PLAIN, listeners_recall
from training.evaluation.references import ask, by_emotion, neutral_lines, references_of
from training.evaluation.report import draw_matrices, write_report
from training.evaluation.voices import (
    CONDITIONS,
    Line,
    Relative,
    Way,
    degraded,
    hear,
    knows_baselines,
    named,
    recorded_rows,
    relative,
    remember,
)

DRAWN_WAYS = (Way("lines", 5), Way("neutral", 1))
"""Whose confusions are drawn, beside those of single clips."""


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Name recorded voices: clip by clip, relative to a voice baseline, in worse recordings."""

    model: Path | None = None
    """Model file; the default model if not given."""
    corpus: Path = Path("work/voices")
    """Prepared by `training.prepare`."""
    datasets: tuple[str, ...] = ()
    """Data sets of the corpus; all that were recorded if not given."""
    split: Literal["train", "val", "test", "all"] = "test"
    """Actors held out are in "test"; "all" is for a corpus that the model was trained without."""
    baselines: bool = True
    """Also relative to other lines of each voice."""
    n_degraded: int = 240
    """Clips of each data set that are spoiled in all ways; 0 for none."""
    references: bool = False
    """Also with recordings as references of synthetic sentences, a few minutes more."""
    synthetic: Path = Path("work/corpus")
    """The corpus of those sentences, and of the performances that the judges of faces learn from."""
    n_references: int = 8
    """Recordings of each emotion that lend it."""
    n_sentences: int = 3
    """Neutral test sentences, each asked for all of them."""
    n_learned: int = 300
    """Performances of the train split that the classifier learns from."""
    n_rendered: int = 90
    """Performances of the train split that are rendered for the visual encoder's prototypes."""
    recordings: Path = SOUNDS
    """Folder of the five clips of plain reading."""
    out: Path = Path("work/evaluation")
    """Folder for listening.md, listening.json and listening.png."""
    seed: int = 0
    device: str | None = None


def listening(config: Listening) -> None:
    """Measure, print and write.

    Raises:
        CorpusError: if a corpus, a data set or a split is missing.
        ModelFileError, RequestError: if there is no such model file or device.
    """
    by_set = recorded_rows(config.corpus, config.datasets, config.split)
    sentences = neutral_lines(config.synthetic, config.n_sentences, config.seed) if config.references else []
    ecoface = EcoFace.load(config.model, config.device, "torch")
    remember(ecoface)
    classifiers = None
    if config.references:
        stage = Stage(ecoface, read_head())
        classifiers = EmotionClassifiers.learn(
            stage, config.synthetic, config.n_learned, config.n_rendered, config.seed
        )
    values: dict[str, Any] = {
        "model": ecoface.model.hash,
        "split": config.split,
        "emotions": EMOTIONS,
        "datasets": {},
        "plain reading": plain_reading(ecoface, config.recordings),
    }
    pictures: dict[str, Float[NDArray[Any], "8 8"]] = {}
    for dataset, rows in by_set.items():
        found, drawn = listened(config, ecoface, rows, classifiers, sentences)
        values["datasets"][dataset] = found
        pictures |= {f"{dataset}\n{title}": matrix for title, matrix in drawn.items()}
    text = as_text(values)
    write_report(config.out, "listening", text, values)
    draw_matrices(config.out / "listening.png", pictures, EMOTIONS, EMOTIONS)
    print(text)


def listened(
    config: Listening,
    ecoface: EcoFace,
    rows: Sequence[ClipRow],
    classifiers: EmotionClassifiers | None,
    sentences: Sequence[HeldOut],
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """All numbers of one data set, and its matrices of confusion."""
    lines = hear(ecoface, config.corpus, rows)
    single = named(lines)
    emotions = single.emotions
    own = single.among(emotions)
    agreement = np.array([np.nan if row.agreement is None else row.agreement for row in rows])
    listeners = listeners_recall(single.meant, agreement)
    found: dict[str, Any] = {
        "emotions": emotions,
        "hours": sum(row.seconds for row in rows) / 3600,
        "single": single.scores(emotions, config.seed),
        "recall": own.recall,
        "recall of all eight": single.recall,
        "confusion": own.confusion,
        "confusion of all eight": single.confusion,
        "listeners": {
            "clips": int(np.sum(~np.isnan(agreement))),
            "uar": float(np.mean(list(listeners.values()))) if listeners else np.nan,
            "recall": listeners,
        },
    }
    drawn = {f"by itself ({len(lines)} clips)": single.confusion}
    if config.baselines and knows_baselines(ecoface):
        ways = relative(ecoface, config.corpus, lines, config.seed)
        found["relative"] = {
            way.name: relative_scores(lines, each, emotions, config.seed) for way, each in ways.items()
        }
        drawn |= {
            f"relative to {way.name} ({len(ways[way].chosen)} clips)": ways[way].named.confusion
            for way in DRAWN_WAYS
            if way in ways
        }
    if config.n_degraded:
        found["degraded"] = in_worse_recordings(config, ecoface, lines, emotions)
    if classifiers:
        taken = references_of(lines, config.n_references, config.seed)
        asked, by_label = ask(classifiers, sentences, config.corpus, taken, config.seed)
        found["references"] = {
            "clips": len(taken),
            "actors": len({line.row.speaker for line in taken}),
            "sentences": len(sentences),
            "by reference": by_emotion(asked),
            "by label": by_emotion(by_label),
        }
    return found, drawn


def relative_scores(
    lines: Sequence[Line], found: Relative, emotions: tuple[str, ...], seed: int
) -> dict[str, Any]:
    """Scores of one kind of voice baseline, beside those of the same clips by themselves."""
    alone = named([lines[number] for number in found.chosen])
    return found.named.scores(emotions, seed) | {
        "uar by themselves": alone.among(emotions).uar,
        "uar of all eight by themselves": alone.uar,
        "refused": found.n_refused,
    }


def in_worse_recordings(
    config: Listening, ecoface: EcoFace, lines: Sequence[Line], emotions: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """Scores of some clips as they are, then in each condition, as many of every emotion while there are."""
    by_id = {line.row.id: line for line in lines}
    rows = balanced([line.row for line in lines], config.n_degraded, lambda row: row.emotion, config.seed)
    taken = [by_id[row.id] for row in rows]
    clips = {"as it is": named(taken)} | degraded(ecoface, config.corpus, taken, CONDITIONS)
    return {name: each.scores(emotions, config.seed) for name, each in clips.items()}


def plain_reading(ecoface: EcoFace, folder: Path) -> dict[str, Any]:
    """What is heard in five recordings of a reader; why nothing is, if they are not here."""
    try:
        recordings = read_recordings(folder)
    except SoundError as error:
        return {"absent": str(error), "heard": {}}
    heard = {clip.name: ecoface.listen(clip.waveform) for clip in recordings}
    return {
        "absent": "",
        "heard": {name: each.summary() for name, each in heard.items()},
        "neutral or calm": sum(each.emotion in PLAIN for each in heard.values()),
    }
