"""Do sound and face of one clip meet in one space? Retrieval between them, and their prototypes' directions.

Every score here is on synthetic emotion and says nothing about people; printed lines say so.
"""

from dataclasses import asdict, dataclass
from math import comb

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from ecoface_model.core.constants import EMOTIONS, INTENSITIES
from training.evaluation.emotion_space import Space, accuracies

SHORTLIST = 5


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """Shares of queries for which the nearest, or one of the five nearest, is right."""

    instance_top1: float
    """The other modality of the same clip."""
    instance_top5: float
    class_top1: float
    """Another clip of the same emotion; the same clip is left out of the search."""
    class_top5: float


def retrieval(
    queries: Float[Tensor, "clips feature"],
    found: Float[Tensor, "clips feature"],
    emotion: Int[Tensor, " clips"],
) -> Retrieval:
    """Search each clip's features among the other modality's, by cosine; row k of both is the same clip."""
    similarity = normalize(queries, dim=-1) @ normalize(found, dim=-1).T  # (n, n)
    itself = torch.eye(len(queries), dtype=torch.bool)
    same = emotion[:, None] == emotion[None]
    others = similarity.masked_fill(itself, -torch.inf)
    return Retrieval(
        instance_top1=_hits(similarity, itself, 1),
        instance_top5=_hits(similarity, itself, SHORTLIST),
        class_top1=_hits(others, same & ~itself, 1),
        class_top5=_hits(others, same & ~itself, SHORTLIST),
    )


def by_chance(emotion: Int[Tensor, " clips"]) -> Retrieval:
    """What a search in random order would find."""
    n = len(emotion)
    partners = (emotion[:, None] == emotion[None]).sum(dim=1) - 1  # (n,)
    missed = [comb(n - 1 - int(k), SHORTLIST) / comb(n - 1, SHORTLIST) for k in partners]
    return Retrieval(
        instance_top1=1 / n,
        instance_top5=min(1.0, SHORTLIST / n),
        class_top1=float(partners.float().mean()) / (n - 1),
        class_top5=1 - sum(missed) / n,
    )


def _hits(similarity: Float[Tensor, "n n"], right: Bool[Tensor, "n n"], k: int) -> float:
    best = similarity.topk(min(k, len(similarity)), dim=1).indices  # (n, k)
    return float(right.gather(1, best).any(dim=1).float().mean())


def prototype_cosines(space: Space) -> dict[str, float]:
    """Cosine of the audio's and the visual prototype of each emotion and intensity.

    What all prototypes of a modality share, their mean, is taken off first: left in, all would agree.
    """
    audio, visual = _spread(space.audio_levels), _spread(space.visual_levels)  # (15, F)
    names = [EMOTIONS[0], *(f"{name} {level}" for name in EMOTIONS[1:] for level in INTENSITIES)]
    return dict(zip(names, cosine_similarity(audio, visual, dim=-1).tolist(), strict=True))


def _spread(levels: Float[Tensor, "emotions 3 feature"]) -> Float[Tensor, "classes feature"]:
    classes = torch.cat([levels[:1, 0], levels[1:, 1:].flatten(0, 1)])
    return classes - classes.mean(dim=0)


def space_scores(space: Space) -> dict[str, dict[str, float]]:
    """Everything that is told of a space: how each modality is told apart, and how both meet."""
    emotion = space.audio.emotion
    audio, visual = space.audio.features, space.visual.features
    return {
        "audio": accuracies(space.audio, space.audio_levels),
        "visual": accuracies(space.visual, space.visual_levels),
        "visual by the audio's prototypes": accuracies(space.visual, space.audio_levels),
        "retrieval audio to visual": asdict(retrieval(audio, visual, emotion)),
        "retrieval visual to audio": asdict(retrieval(visual, audio, emotion)),
        "retrieval by chance": asdict(by_chance(emotion)),
        "cosine of prototypes": prototype_cosines(space),
    }


def as_lines(scores: dict[str, dict[str, float]]) -> str:
    """A line for each group."""
    return "\n".join(
        f"  {group}: {', '.join(f'{name} {value:.2f}' for name, value in values.items())}"
        for group, values in scores.items()
    )
