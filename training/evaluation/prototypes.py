"""Do labels and reference clips mean the same? The labels' features against those of held-out references."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from ecoface_model.core.constants import EMOTIONS
from ecoface_model.reference_emotion.sources import label_prototypes, normalised, visual_to_audio
from training.evaluation.held_out import HeldOut, Stage
from training.evaluation.report import markdown_table

Feature = Float32[NDArray[np.float32], " feature"]
Kind = tuple[str, int]
"""Emotion, and intensity: 0 for neutral, else 1 or 2."""
REFERENCE_CLIPS = (1, 2, 5, 10)
KINDS: tuple[Kind, ...] = ((EMOTIONS[0], 0), *((name, level) for name in EMOTIONS[1:] for level in (1, 2)))


@dataclass(frozen=True)
class Agreement:
    """What held-out clips of one kind mean to the generator, beside the labels."""

    kind: Kind
    n: int
    nearest: Kind
    """The label in the direction of all of them as one reference, from the middle of all labels."""
    cosine: float
    """Between that direction and its own label's."""
    by_number: dict[int, float]
    """Share of references of 1, 2, 5, 10 of the clips that are nearest to a label of their emotion."""


def agreements(stage: Stage, clips: Sequence[HeldOut]) -> dict[str, list[Agreement]]:
    """By what takes the clip in: its sound is heard, its performance is seen; both end as mixed labels.

    References of several clips are these one after another.
    """
    model = stage.ecoface.model

    def heard(part: Sequence[HeldOut]) -> Feature:
        sound = np.concatenate([clip.waveform for clip in part])
        features: Feature = stage.ecoface.features_of(stage.ecoface.listen(sound)).mean(axis=0)
        return features

    looks = {clip.row.id: stage.look(clip.motion) for clip in clips}

    def seen(part: Sequence[HeldOut]) -> Feature:
        look = np.concatenate([looks[clip.row.id] for clip in part])
        features: Feature = visual_to_audio(look, model.visual_prototypes, model.prototypes).mean(axis=0)
        return features

    ways = {"heard": heard, "seen": seen}
    return {way: compared(clips, takes_in, model.prototypes) for way, takes_in in ways.items()}


def compared(
    clips: Sequence[HeldOut],
    takes_in: Callable[[Sequence[HeldOut]], Feature],
    prototypes: Float32[NDArray[np.float32], "emotions 3 feature"],
) -> list[Agreement]:
    """References of each kind's clips beside the labels; kinds without clips are left out."""
    known = label_prototypes(prototypes)  # (15, F)
    middle = known.mean(axis=0)
    directions = normalised(known - middle)

    def cosines(part: Sequence[HeldOut]) -> Float32[NDArray[np.float32], " 15"]:
        return directions @ normalised(takes_in(part) - middle)

    found = []
    for number, kind in enumerate(KINDS):
        own = [clip for clip in clips if clip.kind == kind]
        if not own:
            continue
        by_number = {}
        for n in (n for n in REFERENCE_CLIPS if n <= len(own)):
            parts = [own[start : start + n] for start in range(0, len(own) - n + 1, n)]
            right = [KINDS[int(cosines(part).argmax())][0] == kind[0] for part in parts]
            by_number[n] = sum(right) / len(right)
        of_all = cosines(own)
        found.append(Agreement(kind, len(own), KINDS[int(of_all.argmax())], float(of_all[number]), by_number))
    return found


def by_number(rows: Sequence[Agreement]) -> dict[int, float]:
    """Means over kinds of each number of clips."""
    return {
        n: sum(shares) / len(shares)
        for n in REFERENCE_CLIPS
        if (shares := [row.by_number[n] for row in rows if n in row.by_number])
    }


def as_tables(found: dict[str, list[Agreement]]) -> list[str]:
    """Markdown: a table for each way, and how many means lie nearest to their own emotion."""
    parts = []
    for way, rows in found.items():
        right = sum(row.kind[0] == row.nearest[0] for row in rows)
        parts.append(f"## Labels and clips {way}: {right} of {len(rows)} kinds are nearest to their emotion")
        shares = by_number(rows)
        clips = [f"{n} clip{'s' if n > 1 else ''}" for n in shares]
        parts.append(
            "Share of references nearest to a label of their emotion, by how much they hold:\n\n"
            + markdown_table(clips, [list(shares.values())])
        )
        cells: list[list[object]] = [
            [*_words(row.kind), row.n, " ".join(map(str, _words(row.nearest))), row.cosine] for row in rows
        ]
        parts.append(markdown_table(["emotion", "intensity", "clips", "nearest", "cosine"], cells))
    return parts


def _words(kind: Kind) -> tuple[str, str]:
    return kind[0], "-" if kind[1] == 0 else str(kind[1])
