"""The generator's losses against loops."""

import math

import pytest
import torch

from training.objectives.motion import (
    LIP_UNIT,
    closure_gate_loss,
    closure_loss,
    emotion_loss,
    kl_loss,
    life_loss,
    lip_loss,
    phone_loss,
    velocity_loss,
)


def test_padding_does_not_count_in_the_velocity_loss():
    predicted, target, mask = torch.randn(2, 6, 3), torch.randn(2, 6, 3), torch.ones(2, 6)
    mask[1, 4:] = 0
    terms = []
    for b in range(2):
        for t in range(1, 6):
            if mask[b, t] and mask[b, t - 1]:
                change = (predicted[b, t] - predicted[b, t - 1]) - (target[b, t] - target[b, t - 1])
                terms += (change**2).tolist()
    assert velocity_loss(predicted, target, mask).item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_monte_carlo_kl_approaches_the_closed_form():
    torch.manual_seed(0)
    mu, log_sigma = torch.full((1, 200_000, 1), 0.7), torch.full((1, 200_000, 1), -0.5)
    z = mu + log_sigma.exp() * torch.randn_like(mu)
    log_prior = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    closed = 0.5 * (0.7**2 + math.exp(-1.0) - 1) + 0.5
    assert kl_loss(z, mu, log_sigma, log_prior, torch.ones(1, 200_000)).item() == pytest.approx(
        closed, rel=0.02
    )


def test_lip_loss_sees_the_mouth_only_and_weighs_its_opening_most():
    target, mask = torch.zeros(1, 4, 68, 3), torch.ones(1, 4)
    brow, corner, opening = target.clone(), target.clone(), target.clone()
    brow[:, :, 20, 1] = LIP_UNIT
    corner[:, :, 48, 0] = LIP_UNIT
    opening[:, :, 62, 1] = LIP_UNIT
    assert lip_loss(brow, target, mask).item() == 0.0
    assert lip_loss(opening, target, mask).item() == pytest.approx(5 * lip_loss(corner, target, mask).item())


def test_training_heads_losses_equal_their_textbook_forms():
    logits, closed, mask = torch.randn(1, 3), torch.tensor([[True, False, True]]), torch.ones(1, 3)
    p = logits.sigmoid()
    by_hand = -torch.where(closed, p.log(), (1 - p).log()).mean()
    torch.testing.assert_close(closure_gate_loss(logits, closed, mask), by_hand)
    phones, spoken = torch.randn(1, 3, 5), torch.tensor([[4, 0, 2]])
    log_p = phones.log_softmax(-1)
    by_hand = -(log_p[0, 0, 4] + log_p[0, 1, 0]) / 2
    torch.testing.assert_close(phone_loss(phones, spoken, torch.tensor([[1.0, 1.0, 0.0]])), by_hand)


def test_closure_loss_holds_lips_on_closed_frames_from_both_sides():
    target, mask = torch.zeros(1, 4, 68, 3), torch.ones(1, 4)
    closed = torch.tensor([[False, True, True, False]])
    parted, crossed = target.clone(), target.clone()
    parted[:, :, [61, 62, 63], 1] = LIP_UNIT
    crossed[:, :, [61, 62, 63], 1] = -LIP_UNIT
    assert closure_loss(parted, target, closed, mask).item() == pytest.approx(1.0)
    assert closure_loss(crossed, target, closed, mask).item() == pytest.approx(1.0)
    parted[:, 1:3] = 0
    assert closure_loss(parted, target, closed, mask).item() == 0.0


def test_phones_that_are_not_known_teach_nothing():
    logits = torch.randn(1, 4, 5, requires_grad=True)
    phone, mask = torch.tensor([[2, -1, 1, -1]]), torch.ones(1, 4)
    loss = phone_loss(logits, phone, mask)
    loss.backward()
    assert not logits.grad[0, [1, 3]].any() and logits.grad[0, [0, 2]].any()
    known = phone_loss(logits[:, [0, 2]], phone[:, [0, 2]], mask[:, :2])
    torch.testing.assert_close(loss, known)


def life(seed: int, size: float, frames: int = 50) -> torch.Tensor:
    """Landmarks whose brows and lids move by chance."""
    torch.manual_seed(seed)
    landmarks = torch.zeros(3, frames, 68, 3)
    landmarks[:, :, 17:48, 1] = size * torch.randn(3, frames, 31).cumsum(dim=1)
    return landmarks


def test_life_loss_is_the_squared_logarithm_of_how_much_more_lively_samples_are():
    target, mask = life(0, 1e-3), torch.ones(3, 50)
    assert life_loss(target, target, mask).item() == 0.0
    assert life_loss(2 * target, target, mask).item() == pytest.approx(math.log(2) ** 2, rel=1e-3)
    still = life_loss(0 * target, target, mask)
    assert still.isfinite() and still > life_loss(0.5 * target, target, mask)


def test_life_loss_equals_a_loop_over_brows_and_lids_and_leaves_padding_out():
    ours, theirs, mask = life(1, 1e-3), life(2, 1e-3), torch.ones(3, 50)
    mask[2, 30:] = 0
    terms = []
    for mark in [*range(17, 27), (37, 41), (38, 40), (43, 47), (44, 46)]:
        spread, change = [], []
        for landmarks in (ours, theirs):
            height = landmarks[..., 1]
            curve = (
                height[..., mark] if isinstance(mark, int) else height[..., mark[0]] - height[..., mark[1]]
            )
            clips = [curve[0], curve[1], curve[2, :30]]
            spread.append(sum(clip.std(correction=0) for clip in clips) / 3)
            change.append(torch.cat([clip.diff().abs() for clip in clips]).mean())
        terms += [(spread[0] / spread[1]).log() ** 2, (change[0] / change[1]).log() ** 2]
    torch.testing.assert_close(life_loss(ours, theirs, mask), torch.stack(terms).mean(), rtol=1e-3, atol=0)


def test_emotion_loss_is_zero_where_the_same_is_seen_and_two_at_the_opposite():
    seen = torch.randn(2, 6, 8)
    assert emotion_loss(3 * seen, seen).item() == pytest.approx(0.0, abs=1e-6)
    assert emotion_loss(-seen, seen).item() == pytest.approx(2.0)
