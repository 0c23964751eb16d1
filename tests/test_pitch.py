"""The picture of the voice's melody: where the pitch is, whatever level, timbre and place."""

import numpy as np
import torch
from tiny_model import voice

from ecoface_model.config import SAMPLE_RATE
from ecoface_model.pitch import HIGHEST, LOWEST, N_PITCHES, Pitchgram


def hertz(pitchgram: torch.Tensor) -> np.ndarray:
    """The brightest pitch of each step."""
    return LOWEST * (HIGHEST / LOWEST) ** (pitchgram.argmax(dim=1)[0].numpy() / (N_PITCHES - 1))


def buzz(pitch: float, loudest: float = 3.0, seconds: float = 0.5) -> torch.Tensor:
    """Harmonics around the `loudest`."""
    time = torch.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    harmonics = range(1, int(4000 / pitch))
    weights = [np.exp(-abs(np.log(k / loudest))) for k in harmonics]
    sines = [w * torch.sin(2 * torch.pi * k * pitch * time) for k, w in zip(harmonics, weights, strict=True)]
    return torch.stack(sines).sum(dim=0)[None]


def test_the_brightest_place_is_the_pitch_whatever_harmonic_is_loudest_and_however_soft():
    step = (HIGHEST / LOWEST) ** (1 / (N_PITCHES - 1))
    for pitch in (80.0, 131.0, 220.0, 410.0):
        for loudest in (1.0, 3.0, 6.0):
            for level in (0.3, 0.003):
                found = hertz(Pitchgram()(level * buzz(pitch, loudest)))[3:-3]
                assert (np.abs(np.log(found / pitch)) <= np.log(step)).all(), (pitch, loudest, level, found)


def test_noise_and_silence_have_no_pitch():
    noise = 0.1 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    voiced = Pitchgram()(buzz(150.0))[:, :, 3:-3].amax(dim=1)
    assert voiced.min() > 0.5
    assert Pitchgram()(noise).amax(dim=1).mean() < 0.3
    assert Pitchgram()(torch.zeros(1, 8000)).abs().max() < 0.01


def test_one_step_per_320_samples_and_a_step_knows_its_own_window_alone():
    waveform = torch.from_numpy(voice(2.0))[None]
    whole = Pitchgram()(waveform)
    assert whole.shape == (1, N_PITCHES, 100)
    part = Pitchgram()(waveform[:, 16_000:])
    torch.testing.assert_close(part[..., 2:-2], whole[..., 52:-2], atol=1e-5, rtol=1e-5)
