"""The generator's losses against loops."""

import math

import pytest
import torch

from training.losses import (
    LIP_UNIT,
    closure_gate_loss,
    closure_loss,
    kl_loss,
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


def test_closure_loss_asks_only_for_lips_left_open_on_closed_frames():
    target, mask = torch.zeros(1, 4, 68, 3), torch.ones(1, 4)
    closed = torch.tensor([[False, True, True, False]])
    parted, crossed = target.clone(), target.clone()
    parted[:, :, [61, 62, 63], 1] = LIP_UNIT
    crossed[:, :, [61, 62, 63], 1] = -LIP_UNIT
    assert closure_loss(parted, target, closed, mask).item() == pytest.approx(1.0)
    assert closure_loss(crossed, target, closed, mask).item() == 0.0
    parted[:, 1:3] = 0
    assert closure_loss(parted, target, closed, mask).item() == 0.0
