"""Does a recorded sentence as a reference name the face it asks for? Real references, synthetic sentences.

As the exchange of `exchange` by a reference clip, with recordings of people as references.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ecoface_model.core.constants import EMOTIONS
from training.data.clips import CorpusError, read_clip
from training.evaluation import lip_metrics
from training.evaluation.emotion_classifiers import EmotionClassifiers
from training.evaluation.exchange import style_of
from training.evaluation.held_out import HeldOut, Motion, balanced, held_out, rows_of
from training.evaluation.voices import Line


@dataclass(frozen=True)
class Asked:
    """One synthetic sentence, asked for the emotion of one reference or label."""

    emotion: str
    """The reference's, as its actor meant it, or the label."""
    heard: str
    """As what the model hears the reference; the emotion itself for a label."""
    eye: str
    """Named by the visual encoder."""
    statistics: str
    """Named by the separate classifier."""
    r: float
    """Correlation of the lips' aperture with the unswapped sentence's."""
    closed: float
    """Share of P, B, M that close; nan without any."""


MEASURES: dict[str, Callable[[Asked], float]] = {
    "heard as meant": lambda asked: float(asked.heard == asked.emotion),
    "named by our visual encoder": lambda asked: float(asked.eye == asked.emotion),
    "named by the separate classifier": lambda asked: float(asked.statistics == asked.emotion),
    "aperture r with unswapped": lambda asked: asked.r,
    "P, B, M closed": lambda asked: asked.closed,
}


def neutral_lines(corpus: Path, n_lines: int, seed: int) -> list[HeldOut]:
    """Neutral synthetic test lines, of different voices while there are.

    Raises:
        CorpusError: if there is no corpus, none of its test lines is neutral, or one has no motion.
    """
    rows = [row for row in rows_of(corpus, "test", labelled=True) if row.emotion == "neutral"]
    if not rows:
        raise CorpusError(f"expected neutral lines in split 'test' of {corpus}, found none; make it again")
    return held_out(corpus, balanced(rows, n_lines, lambda row: row.voice, seed))


def references_of(lines: Sequence[Line], n_each: int, seed: int) -> list[Line]:
    """Clips of each emotion, of different actors while there are."""
    by_id = {line.row.id: line for line in lines}
    taken = []
    for emotion in EMOTIONS:
        rows = [line.row for line in lines if line.row.emotion == emotion]
        taken += balanced(rows, n_each, lambda row: row.speaker, seed)
    return [by_id[row.id] for row in taken]


def ask(
    classifiers: EmotionClassifiers,
    sources: Sequence[HeldOut],
    corpus: Path,
    references: Sequence[Line],
    seed: int,
) -> tuple[list[Asked], list[Asked]]:
    """Every sentence with the emotion of every reference; for scale with the labels of their emotions."""
    stage = classifiers.stage
    emotions = dict.fromkeys(line.row.emotion for line in references)
    by_reference, by_label = [], []
    plain = [stage.speak(source, style=style_of(stage, source), seed=seed) for source in sources]
    pairs = list(zip(sources, plain, strict=True))
    for line in tqdm(references, desc="references", mininterval=5):
        waveform = read_clip(corpus, line.row).waveform
        for source, own in pairs:
            motion = stage.speak(source, emotion_from=waveform, style=style_of(stage, source), seed=seed)
            by_reference.append(
                _judged(classifiers, source, own, motion, line.row.emotion, line.heard.emotion)
            )
    for emotion in emotions:
        for source, own in pairs:
            motion = stage.speak(source, emotion=emotion, style=style_of(stage, source), seed=seed)
            by_label.append(_judged(classifiers, source, own, motion, emotion, emotion))
    return by_reference, by_label


def _judged(
    classifiers: EmotionClassifiers, source: HeldOut, own: Motion, motion: Motion, emotion: str, heard: str
) -> Asked:
    lips, unswapped = classifiers.stage.lip_clip(source, motion), classifiers.stage.lip_clip(source, own)
    return Asked(
        emotion=emotion,
        heard=heard,
        eye=classifiers.by_eye(motion),
        statistics=classifiers.by_statistics(motion),
        r=float(np.corrcoef(lips.millimetres, unswapped.millimetres)[0, 1]),
        closed=lip_metrics.closure([lips]).value,
    )


def by_emotion(asked: Sequence[Asked]) -> dict[str, dict[str, float]]:
    """Means of every measure by emotion, and over the emotions."""
    emotions = dict.fromkeys(each.emotion for each in asked)
    table = {
        emotion: {
            name: _mean([measure(each) for each in asked if each.emotion == emotion])
            for name, measure in MEASURES.items()
        }
        for emotion in emotions
    }
    return table | {"mean": {name: _mean([row[name] for row in table.values()]) for name in MEASURES}}


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan
