"""Measured prosody: each number follows what it is called after, and nothing looks further than it says."""

import pytest
import torch

from ecoface_model.config import SAMPLE_RATE
from ecoface_model.pitch import Pitchgram
from ecoface_model.prosody import MEASURES, N_MEASURES, REACH, Prosody, melody

SECONDS = 6.0
MIDDLE = slice(100, 200)  # steps whose reach ends within the clip


def sung(
    pitch: torch.Tensor | float, syllables: float = 4.0, brightness: float = -1.0, level: float = 0.05
) -> torch.Tensor:
    """A voice of a pitch in Hz per sample, harmonics falling as k ** brightness, in syllables a second."""
    time = torch.arange(round(SECONDS * SAMPLE_RATE), dtype=torch.float64) / SAMPLE_RATE
    pitch = torch.as_tensor(pitch, dtype=torch.float64).expand_as(time)
    phase = 2 * torch.pi * torch.cumsum(pitch, 0) / SAMPLE_RATE
    voice = sum(k**brightness * torch.sin(k * phase) for k in range(1, int(7600 / pitch.max())))
    loudness = 0.15 + (0.5 - 0.5 * torch.cos(2 * torch.pi * syllables * time)) ** 2
    noise = 1e-4 * torch.randn(len(time), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return (level * (loudness * voice + noise)).float()[None]


def measured(waveform: torch.Tensor) -> dict[str, float]:
    found = Prosody()(waveform)
    assert found.shape == (1, N_MEASURES, waveform.shape[1] // 320) and found.isfinite().all()
    return dict(zip(MEASURES, found[0, :, MIDDLE].mean(dim=1).tolist(), strict=True))


def test_the_pitch_is_told_between_the_lags():
    for hertz in (90.0, 137.0, 233.0):
        semitones, voicing = melody(Pitchgram()(sung(hertz)))
        expected = 12 * torch.log2(torch.tensor(hertz / 100))
        assert ((semitones[..., MIDDLE] - expected).abs() < 0.3).all() and voicing[..., MIDDLE].mean() > 0.5


def test_a_louder_recording_of_the_same_is_louder_and_else_the_same():
    soft, loud = measured(sung(120.0)), measured(10 ** (6 / 20) * sung(120.0))
    for name in ("loudness", "level"):
        assert loud[name] - soft[name] == pytest.approx(6, abs=0.1)
    for name in ("pitch", "range", "slope", "step", "voiced share", "onsets", "peaks", "loudness deviation"):
        assert loud[name] == pytest.approx(soft[name], abs=0.25), name


def test_pitch_range_slope_pace_and_timbre_are_each_seen_in_their_measure():
    time = torch.arange(round(SECONDS * SAMPLE_RATE), dtype=torch.float64) / SAMPLE_RATE
    plain = measured(sung(140.0))
    higher = measured(sung(140.0 * 2 ** (4 / 12)))
    assert higher["pitch"] - plain["pitch"] == pytest.approx(4, abs=0.3)
    lively = measured(sung(140.0 * 2 ** (torch.sin(2 * torch.pi * 0.8 * time) * 3 / 12)))
    assert lively["range"] == pytest.approx(3 / 2**0.5, rel=0.2) and plain["range"] < 0.3
    assert lively["step"] > 3 * plain["step"]
    rising = measured(sung(120.0 * 2 ** (1.5 * time / 12)))
    assert rising["slope"] == pytest.approx(1.5, rel=0.15) and abs(plain["slope"]) < 0.1
    faster = measured(sung(140.0, syllables=6.0))
    assert faster["peaks"] > plain["peaks"] + 1
    assert faster["rhythm 3-5"] > plain["rhythm 3-5"] > faster["rhythm 25-51"]
    brighter = measured(sung(140.0, brightness=-0.3))
    assert brighter["tilt"] > plain["tilt"] + 1 and brighter["band 15"] > plain["band 15"]


def test_noise_is_not_voiced_and_silence_has_finite_measures():
    noise = 0.05 * torch.randn(1, 96_000, generator=torch.Generator().manual_seed(0))
    assert measured(noise)["voiced share"] < 0.02 < 0.8 < measured(sung(140.0))["voiced share"]
    measured(torch.zeros(1, 96_000))
    assert Prosody()(noise[:, :640]).isfinite().all()


def test_nothing_looks_further_than_its_reach():
    one, other = sung(120.0), sung(120.0)
    other[:, 5 * SAMPLE_RATE :] = sung(220.0, syllables=7.0)[:, 5 * SAMPLE_RATE :]  # from step 250 on
    found = [Prosody()(waveform) for waveform in (one, other)]
    far = 250 - 2 * REACH - 25  # where it is loudest, and means over what is loud: twice the reach
    torch.testing.assert_close(found[0][..., :25], found[1][..., :25], atol=1e-3, rtol=1e-3)
    assert far == 25 and not torch.allclose(found[0][..., 200], found[1][..., 200], atol=0.1)
