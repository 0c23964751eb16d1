"""Prototypes of one corpus and of several, and how clips are put to them."""

import torch

from ecoface_model.core.constants import EMOTIONS
from training.evaluation.emotion_space import Mapped, accuracies, joint_prototypes, nearest, prototypes

LABELS = [(0, 0), *((emotion, level) for emotion in range(1, 8) for level in (1, 2))]
EMOTION, INTENSITY = torch.tensor(LABELS).T
KNOWN = torch.ones(len(LABELS), dtype=torch.bool)


def test_prototypes_are_class_means_and_find_their_own_clips() -> None:
    directions = torch.eye(15)
    mapped = Mapped(directions.repeat(2, 1), EMOTION.repeat(2), INTENSITY.repeat(2), KNOWN.repeat(2))
    levels = prototypes(mapped)
    torch.testing.assert_close(levels[3, 2], directions[6])
    found = nearest(directions, levels)
    assert torch.equal(found[0], EMOTION) and torch.equal(found[1], INTENSITY)
    assert accuracies(mapped, levels) == {"emotion_accuracy": 1.0, "intensity_accuracy": 1.0}


def test_clips_of_unknown_intensity_are_in_no_prototype() -> None:
    features = torch.cat([torch.eye(15), 9 * torch.ones(1, 15)])
    emotion, intensity = torch.cat([EMOTION, EMOTION[5:6]]), torch.cat([INTENSITY, INTENSITY[5:6]])
    known = torch.cat([KNOWN, torch.tensor([False])])
    torch.testing.assert_close(
        prototypes(Mapped(features, emotion, intensity, known))[3, 1], torch.eye(15)[5]
    )


def test_joint_prototypes_are_means_of_the_corpora_that_have_the_class() -> None:
    generator = torch.Generator().manual_seed(0)
    synthetic = Mapped(torch.randn(15, 4, generator=generator), EMOTION, INTENSITY, KNOWN)
    angry = EMOTIONS.index("angry")
    real = Mapped(
        torch.randn(6, 4, generator=generator),
        torch.tensor([0, 0, angry, angry, angry, angry]),
        torch.tensor([0, 0, 2, 2, 2, 1]),
        torch.tensor([True, True, True, True, False, False]),
    )
    joint, own = joint_prototypes([synthetic, real]), prototypes(synthetic)
    for emotion in range(len(EMOTIONS)):
        for level in (0, 1, 2):
            expected = own[emotion, level]
            if emotion == 0 or level == 0:
                expected = (expected + real.features[:2].mean(dim=0)) / 2
            elif (emotion, level) == (angry, 2):
                expected = (expected + real.features[2:4].mean(dim=0)) / 2
            torch.testing.assert_close(joint[emotion, level], expected)
    torch.testing.assert_close(joint_prototypes([synthetic]), own)
