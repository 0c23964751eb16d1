"""The generator's losses against loops, and the training run's folder against an interruption."""

import math
from dataclasses import dataclass

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
from training.run import Run, RunError, seed_step, step_generator


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


@dataclass(frozen=True)
class Config:
    """What tells one run from another."""

    rate: float = 0.1


class Line(torch.nn.Module):
    """The smallest network with something to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))


def train(folder, first_stop: int, last: int) -> torch.Tensor:
    """Steps on noisy data up to `first_stop`, then, in a new run of the same folder, up to `last`."""
    for stop in (first_stop, last):
        line, run = Line(), Run(folder, Config())
        optimizer = torch.optim.Adam(line.parameters(), lr=0.1)
        for step in range(run.resume({"line": line}, optimizer) + 1, stop + 1):
            seed_step(0, step)
            x = torch.from_numpy(step_generator(0, step).standard_normal(3)).float() + torch.randn(3)
            optimizer.zero_grad()
            ((line.weight * x).sum() ** 2).backward()
            optimizer.step()
        run.save(stop, {"line": line}, optimizer)
    return line.weight.detach()


def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path):
    assert torch.equal(train(tmp_path / "a", 3, 7), train(tmp_path / "b", 7, 7))


def test_a_folder_of_another_config_is_refused(tmp_path):
    Run(tmp_path, Config())
    with pytest.raises(RunError, match="found another"):
        Run(tmp_path, Config(rate=0.2))


def test_a_loss_that_is_not_finite_names_its_step(tmp_path):
    with pytest.raises(RunError, match="found kl = nan at step 5"):
        Run(tmp_path, Config()).log(5, {"kl": math.nan})


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
