"""Do the styles differ, and do the lips still close in each? `python -m training.evaluate styles`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.clips import CorpusError
from training.evaluation import lip_metrics
from training.evaluation.emotion_classifiers import StatisticsClassifier, style_statistics
from training.evaluation.held_out import HeldOut, Stage, balanced, held_out, rows_of
from training.evaluation.lip_metrics import LipClip, Score
from training.evaluation.report import SYNTHETIC, draw_matrices, markdown_table, matrix_table, write_report


@dataclass(frozen=True, kw_only=True)
class Styles:
    """A classifier that learned the styles from performances names the style of what the model speaks."""

    model: Path | None = None
    """Model file; the default model if not given."""
    corpus: Path = Path("work/corpus")
    split: str = "test"
    n_clips: int = 40
    """Held-out clips, each spoken in every style."""
    n_learned: int = 480
    """Performances of the train split that the classifier learns from."""
    out: Path = Path("work/evaluation")
    """Folder for styles.md, styles.json and styles.png."""
    seed: int = 0
    device: str | None = None


def learn_styles(config: Styles, stage: Stage) -> StatisticsClassifier:
    """A classifier of the model's styles, from performances of the train split alone.

    Raises:
        CorpusError: if fewer than two of the styles have performances there.
    """
    styles = stage.ecoface.styles
    rows = [row for row in rows_of(config.corpus, "train", labelled=False) if row.speaker in styles]
    if len({row.speaker for row in rows}) < 2:
        raise CorpusError(
            f"expected performances in the model's styles {', '.join(styles)} in {config.corpus}, found "
            "fewer than two of them; take the corpus that the model was trained on"
        )
    taken = balanced(rows, config.n_learned, lambda row: row.speaker, config.seed)
    clips = held_out(config.corpus, taken)
    statistics = np.stack([style_statistics(stage.landmarks(clip.motion)) for clip in clips])
    return StatisticsClassifier(statistics, [clip.row.speaker for clip in clips])


def confusion(
    asked: Sequence[str], named: Sequence[str], styles: Sequence[str]
) -> Float[NDArray[Any], "styles styles"]:
    """Shares of each style asked for (rows) that got each name; nan for a style that was not asked for."""
    counts = np.zeros((len(styles), len(styles)))
    for a, b in zip(asked, named, strict=True):
        counts[styles.index(a), styles.index(b)] += 1
    totals = counts.sum(axis=1, keepdims=True)
    shares: NDArray[Any] = np.where(totals > 0, counts / np.maximum(totals, 1), np.nan)
    return shares


@dataclass(frozen=True)
class Spoken:
    """What was heard and seen of the model's styles."""

    asked: list[str]
    named: list[str]
    closures: dict[str, Score]


def speak_all(config: Styles, stage: Stage, judge: StatisticsClassifier, clips: Sequence[HeldOut]) -> Spoken:
    """Every clip in every style, its emotion the speech's own."""
    asked, statistics = [], []
    lips: dict[str, list[LipClip]] = {style: [] for style in stage.ecoface.styles}
    for clip in tqdm(clips, desc="styles", mininterval=5):
        for style, spoken in lips.items():
            motion = stage.speak(clip, style=style, seed=config.seed)
            asked.append(style)
            statistics.append(style_statistics(stage.landmarks(motion)))
            spoken.append(stage.lip_clip(clip, motion))
    closures = {style: lip_metrics.closure(spoken) for style, spoken in lips.items()}
    return Spoken(asked, judge.name(np.stack(statistics)), closures)


def ceiling(config: Styles, stage: Stage, judge: StatisticsClassifier) -> float:
    """Share of held-out performances whose style is named rightly; nan where the model knows none of them."""
    rows = rows_of(config.corpus, config.split, labelled=False)
    rows = [row for row in rows if row.speaker in stage.ecoface.styles]
    known = held_out(
        config.corpus, balanced(rows, config.n_learned // 3, lambda row: row.speaker, config.seed)
    )
    if not known:
        return float("nan")
    named = judge.name(np.stack([style_statistics(stage.landmarks(clip.motion)) for clip in known]))
    return float(np.mean([clip.row.speaker == name for clip, name in zip(known, named, strict=True)]))


def styles(config: Styles) -> None:
    """Measure, print and write."""
    stage = Stage.open(config.model, config.device)
    judge = learn_styles(config, stage)
    rows = rows_of(config.corpus, config.split, labelled=False)
    clips = held_out(config.corpus, balanced(rows, config.n_clips, lambda row: row.speaker, config.seed))
    spoken = speak_all(config, stage, judge, clips)
    names = stage.ecoface.styles
    shares = confusion(spoken.asked, spoken.named, names)
    accuracy = float(np.mean([a == b for a, b in zip(spoken.asked, spoken.named, strict=True)]))
    performed = ceiling(config, stage, judge)
    closures = [[style, score.value, str(score.count)] for style, score in spoken.closures.items()]
    text = "\n\n".join(
        [
            "# Styles",
            f"{len(clips)} held-out clips in {len(names)} styles. A classifier on motion statistics, which "
            f"learned from performances, names the style rightly in {accuracy:.2f} of the model's motions, "
            f"in {performed:.2f} of held-out performances; chance is {1 / len(names):.2f}. {SYNTHETIC}",
            matrix_table("asked \\ named", names, names, shares),
            markdown_table(["style", "P, B, M closed", "of"], closures),
        ]
    )
    values = {
        "styles": names, "accuracy": accuracy, "performances": performed, "confusion": shares,
        "closures": {style: score.value for style, score in spoken.closures.items()},
        "model": stage.ecoface.model.hash,
    }  # fmt: skip
    write_report(config.out, "styles", text, values)
    draw_matrices(config.out / "styles.png", {"style asked (rows) and named": shares}, names, names)
    print(text)
