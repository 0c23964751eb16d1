"""How sound and face meet in one space, against loops and random order."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import Tensor

from ecoface_model.core.constants import EMOTIONS
from training.evaluation.emotion_space import Mapped, Space
from training.evaluation.retrieval import as_lines, by_chance, prototype_cosines, retrieval, space_scores


def cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b) / float(a.norm() * b.norm())


def by_hand(queries: Tensor, found: Tensor, emotion: Tensor, k: int) -> tuple[float, float]:
    """Shares of queries with the same clip, and with another clip of the same emotion, among the best k."""
    instance, same_class = [], []
    for i in range(len(queries)):
        order = sorted(range(len(found)), key=lambda j: -cosine(queries[i], found[j]))
        instance.append(i in order[:k])
        others = [j for j in order if j != i]
        same_class.append(any(emotion[j] == emotion[i] for j in others[:k]))
    return float(np.mean(instance)), float(np.mean(same_class))


def test_retrieval_equals_a_sorted_search_clip_by_clip() -> None:
    generator = torch.Generator().manual_seed(0)
    emotion = torch.randint(0, 4, (30,), generator=generator)
    queries = torch.randn(30, 6, generator=generator)
    found = queries + torch.randn(30, 6, generator=generator)
    scores = retrieval(queries, found, emotion)
    assert (scores.instance_top1, scores.class_top1) == pytest.approx(by_hand(queries, found, emotion, 1))
    assert (scores.instance_top5, scores.class_top5) == pytest.approx(by_hand(queries, found, emotion, 5))
    assert 0 < scores.instance_top1 < 1


def test_chance_is_what_random_features_score_on_average() -> None:
    generator = torch.Generator().manual_seed(0)
    emotion = torch.tensor([0] * 3 + [1] * 5 + [2] * 12)
    runs = [asdict(retrieval(*torch.randn(2, 20, 8, generator=generator), emotion)) for _ in range(400)]
    for name, value in asdict(by_chance(emotion)).items():
        assert value == pytest.approx(np.mean([run[name] for run in runs]), abs=0.03), name


def space_of(visual_turn: Tensor) -> Space:
    """One direction a class; the visual ones turned."""
    emotion = torch.tensor([0, *(e for e in range(1, 8) for _ in range(2))]).repeat(2)
    intensity = torch.tensor([0, *([1, 2] * 7)]).repeat(2)
    known = torch.ones(30, dtype=torch.bool)
    features = torch.eye(15).repeat(2, 1)
    levels = torch.zeros(len(EMOTIONS), 3, 15)
    levels[:, :] = features[0]
    levels[1:, 1:] = features[1:15].reshape(7, 2, 15)
    return Space(
        Mapped(features, emotion, intensity, known),
        Mapped(features @ visual_turn, emotion, intensity, known),
        levels,
        levels @ visual_turn,
    )


def test_one_space_scores_1_everywhere_and_two_spaces_only_within_themselves() -> None:
    one = space_scores(space_of(torch.eye(15)))
    assert one["visual by the audio's prototypes"] == {"emotion_accuracy": 1.0, "intensity_accuracy": 1.0}
    assert all(value == pytest.approx(1) for value in one["cosine of prototypes"].values())
    assert one["retrieval audio to visual"]["class_top5"] == 1
    two = space_scores(space_of(torch.eye(15).roll(4, dims=0)))
    assert two["visual"]["emotion_accuracy"] == 1
    assert two["visual by the audio's prototypes"]["emotion_accuracy"] < 0.2
    assert max(two["cosine of prototypes"].values()) < 0
    assert "audio: emotion_accuracy 1.00" in as_lines(two)


def test_what_all_prototypes_share_counts_as_no_agreement() -> None:
    space = space_of(torch.eye(15).roll(4, dims=0))
    shared = Space(space.audio, space.visual, space.audio_levels + 9, space.visual_levels + 9)
    assert prototype_cosines(shared) == pytest.approx(prototype_cosines(space), abs=1e-4)
