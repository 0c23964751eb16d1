"""Speech as from a vocal tract of another length."""

import numpy as np
import pytest
import torch

from ecoface_model.mel import mel_hertz
from training.data.vocal_tract import MOST, draw_stretch, stretched

HERTZ = mel_hertz()


def tone(hertz: float) -> torch.Tensor:
    """A spectrum (1, 80, 3) with a bump of a few bands."""
    octaves = np.log2(HERTZ / hertz)
    return torch.from_numpy(np.exp(-(octaves**2) / 0.02)).float()[None, :, None].expand(1, 80, 3)


@pytest.mark.parametrize("factor", [0.85, 0.95, 1.1, 1.17])
@pytest.mark.parametrize("hertz", [700.0, 1500.0, 3000.0])
def test_what_was_at_a_frequency_comes_to_its_quotient(hertz, factor):
    found = stretched(tone(hertz), factor)[0, :, 0].numpy()
    middle = np.exp(np.average(np.log(HERTZ), weights=found))
    assert middle == pytest.approx(hertz / factor, rel=0.02)


def test_no_stretch_changes_nothing_and_the_highest_bands_stay_finite():
    log_mel = torch.randn(2, 80, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(stretched(log_mel, 1.0), log_mel)
    assert stretched(log_mel, 1.17)[:, -1].equal(log_mel[:, -1])


def test_factors_are_drawn_around_one():
    rng = np.random.default_rng(0)
    drawn = np.log([draw_stretch(rng) for _ in range(500)])
    assert np.abs(drawn).max() <= MOST and abs(drawn.mean()) < 0.02 and drawn.std() > MOST / 3
