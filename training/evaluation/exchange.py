"""Disentanglement, measured (Sec. 4.3, App. C): `python -m training.evaluate exchange`.

Held-out sentences are spoken with their own emotion and with every other: the lips should stay, the emotion
should move. Whether it does is asked of the model's visual encoder, and of a classifier on motion statistics
that has learned from performances alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from numpy.typing import NDArray
from tqdm import tqdm

from ecoface_model.core.constants import EMOTIONS, FEATURES_PER_FRAME
from ecoface_model.reference_emotion.sources import ReferenceEmotion
from ecoface_model.styles import AVERAGE
from ecoface_model.windowed_encoder import frames_of
from training.data.clips import CorpusError
from training.evaluation import lip_metrics
from training.evaluation.emotion_classifiers import EmotionClassifiers
from training.evaluation.held_out import HeldOut, Motion, Stage, balanced, held_out, rows_of
from training.evaluation.metrics import share_rising
from training.evaluation.prototypes import agreements, as_tables
from training.evaluation.report import SYNTHETIC, draw_matrices, markdown_table, matrix_table, write_report

EMOTION_INPUTS = ("label", "reference clip", "reference performance")
INTENSITIES_ASKED = (0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Swap the emotion of held-out sentences to every class: by label, by a clip heard, by one seen."""

    model: Path | None = None
    """Model file; the default model if not given."""
    corpus: Path = Path("work/corpus")
    split: str = "test"
    n_sentences: int = 3
    """Held-out sentences of each emotion, and reference clips of each."""
    n_clips: int = 150
    """Held-out clips of which the means of each emotion and intensity are compared with the prototypes."""
    n_learned: int = 300
    """Performances of the train split that the classifier learns from."""
    n_rendered: int = 90
    """Performances of the train split that are rendered for the visual encoder's prototypes."""
    out: Path = Path("work/evaluation")
    """Folder for exchange.md, exchange.json and exchange.png."""
    seed: int = 0
    device: str | None = None


@dataclass(frozen=True)
class Swap:
    """One sentence with one other emotion."""

    source: str
    target: str
    r: float
    """Correlation of the lips' aperture with the unswapped sentence's."""
    closed: float
    """Share of P, B, M that close; nan without any."""
    eye: str
    """Named by the visual encoder."""
    statistics: str
    """Named by the classifier."""
    moved: float
    """Distance to the reference's performance, over that of the unswapped sentence."""


MEASURES: dict[str, Callable[[Swap], float]] = {
    "aperture r with unswapped": lambda swap: swap.r,
    "P, B, M closed": lambda swap: swap.closed,
    "named by our visual encoder": lambda swap: float(swap.eye == swap.target),
    "named by the separate classifier": lambda swap: float(swap.statistics == swap.target),
    "distance to reference / unswapped": lambda swap: swap.moved,
}


def swapped(
    classifiers: EmotionClassifiers, source: HeldOut, plain: Motion, motion: Motion, reference: HeldOut
) -> Swap:
    """Judge one swap."""
    stage = classifiers.stage
    lips, own = stage.lip_clip(source, motion), stage.lip_clip(source, plain)
    before = classifiers.distance(plain, reference.motion)
    return Swap(
        source=source.row.emotion,
        target=reference.row.emotion,
        r=float(np.corrcoef(lips.millimetres, own.millimetres)[0, 1]),
        closed=lip_metrics.closure([lips]).value,
        eye=classifiers.by_eye(motion),
        statistics=classifiers.by_statistics(motion),
        moved=classifiers.distance(motion, reference.motion) / max(before, 1e-9),
    )


def exchange_all(
    config: Exchange, classifiers: EmotionClassifiers, clips: Sequence[HeldOut]
) -> dict[str, list[Swap]]:
    """Every clip to every class through each door; references of a class are taken in turn."""
    stage = classifiers.stage
    by_class = {name: [clip for clip in clips if clip.row.emotion == name] for name in EMOTIONS}
    seen = {clip.row.id: stage.ecoface.from_motion(stage.performance(clip.motion)) for clip in clips}
    swaps: dict[str, list[Swap]] = {door: [] for door in EMOTION_INPUTS}
    for number, source in enumerate(tqdm(clips, desc="exchange", mininterval=5)):
        how: dict[str, Any] = {"style": style_of(stage, source), "seed": config.seed}
        plain = stage.speak(source, **how)
        for target in EMOTIONS:
            others = [clip for clip in by_class[target] if clip is not source]
            reference = others[number % len(others)]
            asked = (
                stage.speak(source, emotion=target, **how),
                stage.speak(source, emotion_from=reference.waveform, **how),
                stage.speak(source, emotion=performed(seen[reference.row.id], source), **how),
            )
            for door, motion in zip(EMOTION_INPUTS, asked, strict=True):
                swaps[door].append(swapped(classifiers, source, plain, motion, reference))
    return swaps


def performed(seen: Float32[NDArray[np.float32], "points feature"], source: HeldOut) -> ReferenceEmotion:
    """A performance as the emotion of another clip, looked at once and lent to many."""
    return ReferenceEmotion(seen, FEATURES_PER_FRAME * frames_of(source.waveform))


def style_of(stage: Stage, clip: HeldOut) -> str:
    """The speaker's style where the model knows it, else nobody's."""
    return clip.row.speaker if clip.row.speaker in stage.ecoface.styles else AVERAGE


def matrices(swaps: Sequence[Swap]) -> dict[str, Float[NDArray[Any], "8 8"]]:
    """Means over swaps from each class (rows) to each (columns); nan where nothing was measured."""
    out = {}
    for name, measure in MEASURES.items():
        cells = np.full((len(EMOTIONS), len(EMOTIONS)), np.nan)
        for row, source in enumerate(EMOTIONS):
            for column, target in enumerate(EMOTIONS):
                values = [measure(s) for s in swaps if (s.source, s.target) == (source, target)]
                values = [value for value in values if np.isfinite(value)]
                if values:
                    cells[row, column] = np.mean(values)
        out[name] = cells
    return out


def intensities(config: Exchange, stage: Stage, clips: Sequence[HeldOut]) -> dict[str, NDArray[Any]]:
    """Emotion -> (sentences, 4): how far the face goes from neutral's with the intensity asked for, mm.

    The mean distance over frames of all landmarks above the mouth from where neutral's are.
    """
    rows: dict[str, list[list[float]]] = {name: [] for name in EMOTIONS[1:]}
    for clip in clips:
        how: dict[str, Any] = {"style": style_of(stage, clip), "seed": config.seed}
        neutral = stage.landmarks(stage.speak(clip, emotion=EMOTIONS[0], **how))[:, 17:48]
        for name, row in rows.items():
            row.append([])
            for intensity in INTENSITIES_ASKED:
                motion = stage.speak(clip, emotion=f"{name}:{intensity}", **how)
                apart = np.linalg.norm(stage.landmarks(motion)[:, 17:48] - neutral, axis=-1)
                row[-1].append(1000 * float(apart.mean()))
    return {name: np.array(row) for name, row in rows.items()}


def accuracies(classifiers: EmotionClassifiers, clips: Sequence[HeldOut]) -> dict[str, float]:
    """How often the judges name a held-out performance rightly: what the swaps can reach."""
    return {
        "named by our visual encoder": float(
            np.mean([classifiers.by_eye(c.motion) == c.row.emotion for c in clips])
        ),
        "named by the separate classifier": float(
            np.mean([classifiers.by_statistics(c.motion) == c.row.emotion for c in clips])
        ),
    }


def agreement(swaps: dict[str, list[Swap]]) -> dict[str, dict[str, float]]:
    """How often a label and a reference of its class get the same name, for each other door."""
    label, *others = EMOTION_INPUTS
    pairs = {door: list(zip(swaps[label], swaps[door], strict=True)) for door in others}
    return {
        door: {
            "by our visual encoder": float(np.mean([a.eye == b.eye for a, b in both])),
            "by the separate classifier": float(np.mean([a.statistics == b.statistics for a, b in both])),
        }
        for door, both in pairs.items()
    }


def off_diagonal(matrix: Float[NDArray[Any], "8 8"]) -> float:
    """Mean of what was really swapped."""
    return float(np.nanmean(np.where(np.eye(len(matrix), dtype=bool), np.nan, matrix)))


def exchange(config: Exchange) -> None:
    """Measure, print and write.

    Raises:
        CorpusError: if the split has fewer than two clips of an emotion.
    """
    stage = Stage.open(config.model, config.device)
    rows = rows_of(config.corpus, config.split, labelled=True)
    n = max(2, config.n_sentences) * len(EMOTIONS)
    clips = held_out(config.corpus, balanced(rows, n, lambda row: row.emotion, config.seed))
    for name in EMOTIONS:
        if sum(clip.row.emotion == name for clip in clips) < 2:
            raise CorpusError(
                f"expected two clips or more of {name} in split {config.split!r}, found fewer; "
                "take another split"
            )
    classifiers = EmotionClassifiers.learn(
        stage, config.corpus, config.n_learned, config.n_rendered, config.seed
    )
    swaps = exchange_all(config, classifiers, clips)
    by_door = {door: matrices(swaps[door]) for door in EMOTION_INPUTS}
    performances, agreed = accuracies(classifiers, clips), agreement(swaps)
    strength = intensities(config, stage, clips[:: len(EMOTIONS)])
    more = balanced(rows, config.n_clips, lambda row: (row.emotion, row.intensity_level), config.seed)
    means = agreements(stage, held_out(config.corpus, more))
    text = "\n\n".join([as_text(by_door, performances, agreed, strength, len(clips)), *as_tables(means)])
    values = {
        "emotions": EMOTIONS, "matrices": by_door, "performances": performances, "agreement": agreed,
        "intensities": strength, "model": stage.ecoface.model.hash,
    }  # fmt: skip
    values["prototypes"] = {way: [asdict(one) for one in found] for way, found in means.items()}
    write_report(config.out, "exchange", text, values)
    pictures = {f"{name}\n({door})": m for door in EMOTION_INPUTS for name, m in by_door[door].items()}
    draw_matrices(config.out / "exchange.png", pictures, EMOTIONS, EMOTIONS)
    print(text)


def as_text(
    by_door: dict[str, dict[str, NDArray[Any]]],
    performances: dict[str, float],
    agreed: dict[str, dict[str, float]],
    strength: dict[str, NDArray[Any]],
    n_clips: int,
) -> str:
    """The report: means, then every matrix (rows: the sentence's own class, columns: the one asked for)."""
    means = [
        [
            name,
            *(off_diagonal(by_door[door][name]) for door in EMOTION_INPUTS),
            performances.get(name, float("nan")),
        ]
        for name in MEASURES
    ]
    rising = [
        [name, *(f"{mm:.2f}" for mm in values.mean(axis=0)), share_rising(values)]
        for name, values in strength.items()
    ]
    parts = [
        "# Exchange of emotions",
        f"{n_clips} held-out sentences, each asked for all {len(EMOTIONS)} emotions. {SYNTHETIC}",
        markdown_table(["mean over swaps", *EMOTION_INPUTS, "performances"], means),
        *(
            f"Same name for a label and a {door} of its class: "
            + ", ".join(f"{share:.2f} {judge}" for judge, share in judges.items())
            + "."
            for door, judges in agreed.items()
        ),
        "## Intensities: distance in mm from neutral above the mouth",
        markdown_table(
            ["emotion", *(f"{i:g}" for i in INTENSITIES_ASKED), "share of sentences rising"], rising
        ),
    ]
    for door in EMOTION_INPUTS:
        for name, matrix in by_door[door].items():
            parts += [f"## By {door}: {name}", matrix_table("own \\ asked", EMOTIONS, EMOTIONS, matrix)]
    return "\n\n".join(parts)
