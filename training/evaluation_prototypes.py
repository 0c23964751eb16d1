"""Do labels and reference clips mean the same? Prototypes against means of held-out clips, heard and seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from ecoface_model.config import EMOTIONS
from training.evaluation_clips import HeldOut, Stage
from training.evaluation_report import markdown_table

Kind = tuple[str, int]
"""Emotion, and intensity: 0 for neutral, else 1 or 2."""
KINDS: tuple[Kind, ...] = ((EMOTIONS[0], 0), *((name, level) for name in EMOTIONS[1:] for level in (1, 2)))


@dataclass(frozen=True)
class Agreement:
    """The mean of held-out clips of one kind, beside the prototypes."""

    kind: Kind
    n: int
    nearest: Kind
    """The prototype in its direction, from the middle of all prototypes."""
    cosine: float
    """Between that direction and its own prototype's."""


@torch.inference_mode()
def agreements(stage: Stage, clips: Sequence[HeldOut]) -> dict[str, list[Agreement]]:
    """By what takes the clip in: its sound is heard, its performance is seen."""
    model, listener = stage.ecoface.model, stage.ecoface.listener
    kinds = [(clip.row.emotion, clip.row.intensity_level) for clip in clips]
    heard = torch.stack([listener.heard(clip.waveform, None).float().cpu().mean(dim=0) for clip in clips])
    seen = torch.stack([torch.from_numpy(stage.look(clip.motion)).mean(dim=0) for clip in clips])
    return {
        "heard": compared(kinds, heard, model.prototypes),
        "seen": compared(kinds, seen, model.visual_prototypes),
    }


def compared(
    kinds: Sequence[Kind],
    features: Float[Tensor, "clips feature"],
    prototypes: Float[Tensor, "emotions 3 feature"],
) -> list[Agreement]:
    """The mean of each kind's features beside the prototypes; kinds without clips are left out."""
    known = torch.stack([prototypes[EMOTIONS.index(name), level] for name, level in KINDS])  # (15, F)
    middle = known.mean(dim=0)
    found = []
    for number, kind in enumerate(KINDS):
        own = torch.tensor([other == kind for other in kinds])
        if not own.any():
            continue
        mean = features[own].mean(dim=0)
        cosines = normalize(known - middle, dim=1) @ normalize(mean - middle, dim=0)
        nearest = KINDS[int(cosines.argmax())]
        found.append(Agreement(kind, int(own.sum()), nearest, float(cosines[number])))
    return found


def as_tables(found: dict[str, list[Agreement]]) -> list[str]:
    """Markdown: a table for each way, and how many means lie nearest to their own emotion."""
    parts = []
    for way, rows in found.items():
        right = sum(row.kind[0] == row.nearest[0] for row in rows)
        parts.append(
            f"## Prototypes and means of clips {way}: {right} of {len(rows)} are nearest to their emotion"
        )
        cells: list[list[object]] = [
            [*_words(row.kind), row.n, " ".join(map(str, _words(row.nearest))), row.cosine] for row in rows
        ]
        parts.append(markdown_table(["emotion", "intensity", "clips", "nearest", "cosine"], cells))
    return parts


def _words(kind: Kind) -> tuple[str, str]:
    return kind[0], "-" if kind[1] == 0 else str(kind[1])
