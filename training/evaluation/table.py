"""The paper's tables (Sec. 4.2): `python -m training.evaluate table --model FILE --corpus work/corpus`.

Like the paper, speakers that no training saw are shown in all training styles, and the numbers averaged;
beside it stands the style of nobody ("average"), learned by leaving the speaker out.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ecoface_model.core.constants import EMOTIONS, INTENSITIES
from ecoface_model.styles import AVERAGE
from training.data.clips import UNKNOWN
from training.evaluation.held_out import Motion, Stage, balanced, held_out, rows_of
from training.evaluation.judges import Judges, weighted_means
from training.evaluation.metrics import frechet_distance_of
from training.evaluation.report import SYNTHETIC, markdown_table, write_report

TRUTH, OWN, ALL, UNKNOWN_STYLE = "performances", "own style", "all training styles", "unknown style"
ANOTHER, MEAN_FACE = "another clip's performance", "mean face"
METHODS = (TRUTH, OWN, ALL, UNKNOWN_STYLE, ANOTHER, MEAN_FACE)
SEEN, UNSEEN = "seen speakers", "unseen speakers"


@dataclass(frozen=True, kw_only=True)
class Table:
    """How near a model's motions come to held-out performances, in the layout of the paper's tables."""

    model: Path | None = None
    """Model file; the default model if not given."""
    corpus: Path = Path("work/corpus")
    split: str = "test"
    n_clips: int = 64
    """Taken from the split, evenly over emotions, intensities, and speakers seen and unseen."""
    sync: Path | None = None
    """Weights of our sync-expert (work/sync/sync.safetensors), for the columns "sync ... (ours)"."""
    syncnet: Path | None = None
    """Weights of SyncNet v2 as .safetensors, for LSE-D and LSE-C."""
    frame_attention: Path | None = None
    """Weights of the frame attention network as .safetensors, for VE-FID."""
    out: Path = Path("work/evaluation")
    """Folder for table.md and table.json."""
    seed: int = 0
    device: str | None = None


class Place(NamedTuple):
    """Where a number belongs."""

    method: str
    group: str
    """Speakers seen or unseen."""
    emotion: str
    level: int

    @property
    def emotional(self) -> bool:
        """Whether the clip shows an emotion."""
        return self.level > 0


@dataclass
class Judged:
    """All numbers and features of a table; questions name attributes of the places they are about."""

    errors: dict[Place, list[tuple[int, dict[str, float]]]] = field(default_factory=lambda: defaultdict(list))
    features: dict[Place, list[dict[str, NDArray[Any]]]] = field(default_factory=lambda: defaultdict(list))

    def places(self, **wanted: str | int) -> list[Place]:
        """Places with these attributes."""
        return [p for p in self.errors if all(getattr(p, name) == value for name, value in wanted.items())]

    def means(self, **wanted: str | int) -> dict[str, float]:
        """Means of the numbers over some places."""
        return weighted_means([row for place in self.places(**wanted) for row in self.errors[place]])

    def distance(self, column: str, method: str, **wanted: str | int) -> float:
        """Frechet distance between a method's motions and the performances of the same places."""
        if method == TRUTH:
            return float("nan")
        sides = []
        for side in (method, TRUTH):
            places = self.places(method=side, **wanted)
            features = [clip[column] for place in places for clip in self.features[place]]
            if not features:
                return float("nan")
            sides.append(np.concatenate(features))
        return frechet_distance_of(sides[0], sides[1])


def judge(config: Table, stage: Stage, judges: Judges) -> Judged:
    """Let every method speak every clip, and judge what comes out."""
    styles = stage.ecoface.styles
    rows = rows_of(config.corpus, config.split, labelled=False)
    chosen = balanced(
        rows,
        config.n_clips,
        lambda row: (row.emotion, row.intensity_level, row.speaker in styles),
        config.seed,
    )
    clips = held_out(config.corpus, chosen)
    mean_face = np.concatenate([clip.motion for clip in clips]).mean(axis=0, dtype=np.float64)
    judged = Judged()
    for number, clip in enumerate(tqdm(clips, desc="clips", mininterval=5)):
        group = SEEN if clip.row.speaker in styles else UNSEEN
        other = clips[(number + 1) % len(clips)].motion
        motions: dict[str, list[Motion]] = {
            TRUTH: [clip.motion],
            ALL: [stage.speak(clip, style=style, seed=config.seed) for style in styles],
            UNKNOWN_STYLE: [stage.speak(clip, style=AVERAGE, seed=config.seed)],
            ANOTHER: [fitted(other, len(clip.motion))],
            MEAN_FACE: [np.tile(mean_face.astype(np.float32), (len(clip.motion), 1))],
        }
        if group == SEEN:
            motions[OWN] = [motions[ALL][styles.index(clip.row.speaker)]]
        spoken = [(method, motion) for method, variants in motions.items() for motion in variants]
        errors = judges.errors(clip, [motion for _, motion in spoken])
        for (method, _), row in zip(spoken, errors, strict=True):
            judged.errors[Place(method, group, *clip.kind)].append((len(clip.motion), row))
        for method, variants in motions.items():
            seen = judges.features(variants[number % len(variants)])
            judged.features[Place(method, group, *clip.kind)].append(seen)
    return judged


def fitted(motion: Motion, n_frames: int) -> Motion:
    """A motion brought to a length: cut, or played to and fro."""
    there_and_back: Motion = np.concatenate([motion, motion[::-1]])
    out: Motion = there_and_back[np.arange(n_frames) % len(there_and_back)]
    return out


def main_tables(judged: Judged, judges: Judges) -> dict[str, dict[str, dict[str, float]]]:
    """Set -> method -> column -> number (the paper's Table 1, with speakers for data sets)."""
    tables: dict[str, dict[str, dict[str, float]]] = {}
    for group in (SEEN, UNSEEN):
        for method in METHODS:
            if means := judged.means(method=method, group=group):
                distances = {
                    column: judged.distance(column, method, group=group) for column in judges.feature_columns
                }
                tables.setdefault(group, {})[method] = {**means, **distances}
    return tables


def stability_table(judged: Judged, judges: Judges) -> dict[str, dict[str, float]]:
    """Method -> Frechet distances of emotional and of neutral clips (the paper's Table 2)."""
    return {
        method: {
            f"{column}, {name}": judged.distance(column, method, emotional=emotional)
            for column in judges.feature_columns
            for name, emotional in (("emotional", True), ("neutral", False))
        }
        for method in (ALL, UNKNOWN_STYLE, ANOTHER, MEAN_FACE)
    }


def kind_tables(judged: Judged) -> dict[str, dict[str, dict[str, float]]]:
    """Method -> emotion and intensity -> column -> number."""
    order = (*EMOTIONS, UNKNOWN)
    kinds = sorted({(order.index(place.emotion), place.level) for place in judged.errors})
    return {
        method: {
            f"{order[emotion]}, {INTENSITIES[level - 1]}" if level else order[emotion]: judged.means(
                method=method, emotion=order[emotion], level=level
            )
            for emotion, level in kinds
        }
        for method in (ALL, UNKNOWN_STYLE)
    }


def as_markdown(corner: str, table: dict[str, dict[str, float]]) -> str:
    """Rows and columns of one table."""
    columns = list(next(iter(table.values())))
    rows = [[name, *(row[c] for c in columns)] for name, row in table.items()]
    return markdown_table([corner, *columns], rows)


NOTES = """\
LVE: mean over frames of the largest squared L2 error of a lip vertex, in 1e-5 m^2; "root": of the largest L2
error, in mm. EVE: the same over forehead and eye region. "lips" and "upper face": mean L2 error of all their
vertices. All are means over frames. "All training styles": every clip in each of them, numbers averaged (the
Frechet distances see one of them a clip, in turn). "Unknown style": the model without a speaker. Emotions are
the speech's own. "Another clip's performance" and "mean face" are there for scale. Frechet distances compare
with the performances: of our visual encoder's features of 16 rendered frames a clip; of the landmarks and
their change in all frames, in mm^2."""


def table(config: Table) -> None:
    """Print and write the tables."""
    stage = Stage.open(config.model, config.device)
    judges = Judges.read(stage, config.sync, config.syncnet, config.frame_attention)
    judged = judge(config, stage, judges)
    tables = main_tables(judged, judges)
    stability, kinds = stability_table(judged, judges), kind_tables(judged)
    parts = ["# Evaluation", SYNTHETIC]
    for group, methods in tables.items():
        n = sum(len(judged.features[place]) for place in judged.places(method=TRUTH, group=group))
        parts += [f"## {group.capitalize()} ({n} clips)", as_markdown("method", methods)]
    parts += ["## Emotional and neutral clips", as_markdown("method", stability)]
    for method, rows in kinds.items():
        parts += [f"## By emotion and intensity, {method}", as_markdown("clips", rows)]
    text = "\n\n".join([*parts, NOTES])
    values = {"sets": tables, "stability": stability, "kinds": kinds, "model": stage.ecoface.model.hash}
    write_report(config.out, "table", text, values)
    print(text)
