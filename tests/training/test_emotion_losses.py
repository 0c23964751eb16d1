"""Eqs. (4), (5) and (7) against explicit loops."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from training.objectives.emotion import (
    audio_visual_loss,
    clip_features,
    contrastive_loss,
    label_loss,
    mean_over_speech,
    triplet_loss,
)


def unit_features(n_clips: int, dim: int = 5) -> Tensor:
    return normalize(torch.randn(n_clips, dim, generator=torch.Generator().manual_seed(0)), dim=-1)


def contrastive_by_hand(z: Tensor, emotion: Tensor, temperature: float) -> float:
    losses = []
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i]
        positives = [p for p in others if emotion[p] == emotion[i]]
        if positives:
            total = sum(math.exp(float(z[i] @ z[a]) / temperature) for a in others)
            logs = [math.log(math.exp(float(z[i] @ z[p]) / temperature) / total) for p in positives]
            losses.append(-sum(logs) / len(positives))
    return sum(losses) / len(losses)


def triplet_by_hand(
    z: Tensor, emotion: Tensor, intensity: Tensor, margin: float, known: Tensor | None = None
) -> float:
    losses = []
    for a in range(len(z)):
        for p in range(len(z)):
            for n in range(len(z)):
                same = p != a and emotion[a] == emotion[p] == emotion[n]
                if known is not None and not all(known[[a, p, n]]):
                    continue
                if same and intensity[a] == intensity[p] != intensity[n]:
                    positive = float(((z[a] - z[p]) ** 2).sum())
                    negative = float(((z[a] - z[n]) ** 2).sum())
                    losses.append(max(0.0, positive - negative + margin))
    return sum(losses) / len(losses)


def test_contrastive_loss_equals_the_double_loop_of_eq_4() -> None:
    z, emotion = unit_features(7), torch.tensor([0, 0, 1, 1, 1, 0, 2])  # the last has no partner
    expected = contrastive_by_hand(z, emotion, 0.1)
    assert contrastive_loss(z, emotion, 0.1).item() == pytest.approx(expected, rel=1e-5)


def test_triplet_loss_equals_the_triple_loop_of_eq_7() -> None:
    z = unit_features(8)
    emotion, intensity = torch.tensor([1, 1, 1, 1, 2, 2, 2, 0]), torch.tensor([1, 1, 2, 2, 1, 2, 2, 0])
    expected = triplet_by_hand(z, emotion, intensity, 0.5)
    assert triplet_loss(z, emotion, intensity, 0.5).item() == pytest.approx(expected, rel=1e-5)


def test_clips_of_unknown_intensity_are_in_no_triplet() -> None:
    z = unit_features(8)
    emotion, intensity = torch.tensor([1, 1, 1, 1, 1, 2, 2, 2]), torch.tensor([1, 1, 2, 2, 1, 1, 1, 2])
    known = torch.tensor([True, True, True, True, False, True, True, False])
    expected = triplet_by_hand(z, emotion, intensity, 0.5, known)
    assert triplet_loss(z, emotion, intensity, 0.5, known).item() == pytest.approx(expected, rel=1e-5)
    assert expected != triplet_by_hand(z, emotion, intensity, 0.5)
    nothing = torch.zeros(8, dtype=torch.bool)
    assert triplet_loss(z, emotion, intensity, 0.5, nothing).item() == 0


def test_audio_visual_loss_equals_the_double_loop_of_eq_5() -> None:
    generator = torch.Generator().manual_seed(1)
    audio, visual = torch.randn(2, 3, 6, 5, generator=generator)  # three clips, 2T = 6 steps
    per_clip = []
    for e, v in zip(audio, visual, strict=True):
        total = 0.0
        for i in range(6):
            unit_e, unit_v = e[i] / math.sqrt(float(e[i] @ e[i])), v[i] / math.sqrt(float(v[i] @ v[i]))
            total += float(((unit_e - unit_v) ** 2).sum())
        per_clip.append(total / 6)
    expected = sum(per_clip) / 3
    assert audio_visual_loss(audio, visual).item() == pytest.approx(expected, rel=1e-5)
    assert audio_visual_loss(audio, 3 * audio).item() == pytest.approx(0, abs=1e-6)


def test_losses_have_finite_gradients_even_without_any_pair() -> None:
    z = unit_features(3).requires_grad_()
    apart = torch.tensor([0, 1, 2])
    loss = contrastive_loss(z, apart, 0.07) + triplet_loss(z, apart, torch.tensor([0, 1, 2]), 0.5)
    loss.backward()
    assert loss.item() == 0 and z.grad is not None and z.grad.isfinite().all()


def test_contrastive_loss_falls_when_emotions_part() -> None:
    emotion = torch.tensor([0, 0, 1, 1])
    together, apart = torch.ones(4, 2) / 2**0.5, torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    assert contrastive_loss(apart, emotion, 0.07) < contrastive_loss(together, emotion, 0.07)


def test_clip_features_are_the_mean_over_time_at_unit_length() -> None:
    features = torch.tensor([[[3.0, 0.0], [3.0, 8.0]]])
    torch.testing.assert_close(clip_features(features), torch.tensor([[0.6, 0.8]]))


def test_a_mean_over_speech_is_weighted_by_it_and_leaves_silence_out() -> None:
    features = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    speech = torch.tensor([[0, 1, 1, 0.5, 0], [1, 1, 1, 1, 1]])
    by_hand = (features[0, 1] + features[0, 2] + 0.5 * features[0, 3]) / 2.5
    found = mean_over_speech(features, speech)
    torch.testing.assert_close(found[0], by_hand)
    torch.testing.assert_close(found[1], features[1].mean(dim=0))
    torch.testing.assert_close(mean_over_speech(features), features.mean(dim=1))
    torch.testing.assert_close(clip_features(features, speech), normalize(found, dim=-1))
    assert mean_over_speech(features, torch.zeros(2, 5)).isfinite().all()


def test_label_loss_where_the_intensity_is_unknown_counts_either_as_right() -> None:
    logits = torch.randn(4, 15, generator=torch.Generator().manual_seed(0))
    emotion, intensity = torch.tensor([3, 3, 0, 7]), torch.tensor([2, 1, 0, 1])
    known = torch.tensor([True, False, False, False])
    share = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    right = [share[0, 6], share[1, 5] + share[1, 6], share[2, 0], share[3, 13] + share[3, 14]]
    for smoothing in (0.0, 0.1):
        per_clip = [
            (1 - smoothing) * -math.log(float(one)) - smoothing * float(share[k].log().mean())
            for k, one in enumerate(right)
        ]
        found = label_loss(logits, emotion, intensity, known, smoothing).item()
        assert found == pytest.approx(sum(per_clip) / 4, rel=1e-5)
        weight = torch.tensor([1.0, 0.4, 1.0, 0.7])
        weighed = label_loss(logits, emotion, intensity, known, smoothing, weight).item()
        by_hand = sum(float(w) * loss for w, loss in zip(weight, per_clip, strict=True)) / 3.1
        assert weighed == pytest.approx(by_hand, rel=1e-5)


def test_label_loss_counts_neutral_once_and_the_others_by_intensity() -> None:
    pairs = [(0, 0), *((emotion, level) for emotion in range(1, 8) for level in (1, 2))]
    emotion, intensity = torch.tensor(pairs).T
    assert label_loss(50 * torch.eye(15), emotion, intensity).item() == pytest.approx(0, abs=1e-6)
    uniform = label_loss(torch.zeros(15, 15), emotion, intensity)
    assert uniform.item() == pytest.approx(math.log(15))
