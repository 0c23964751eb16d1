"""What phoneticians measure of a voice, over some seconds: pitch, range, pace, loudness, timbre.

A few dozen numbers tell moods of voices that were never heard, where a network on spectra alone remembers the
sentences it was trained on. They are counted without parameters. Most look REACH to either side, and none
further than 4.3 s.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, conv1d, max_pool1d

from ecoface_model.config import FEATURE_RATE
from ecoface_model.device import full_precision
from ecoface_model.mel import LogMel, mel_hertz
from ecoface_model.pitch import HIGHEST, LOWEST, N_PITCHES, Pitchgram

REACH = 2 * FEATURE_RATE  # steps to either side, 2 s
QUIETEST = -6.0  # log10 of mel power, a quiet room
VOICED, VOICED_LOUD = 0.45, -25.0  # least correlation, and dB below the loudest around
SPEECH_LOUD = -30.0  # dB below the loudest around, above which something is said
STEADY = 2.0  # semitones from step to step, beyond which the pitch was lost
LARGEST_EXCURSION = 8.0  # semitones: what is further away is another octave by mistake
PACES = ((1, 3), (3, 5), (5, 9), (9, 15), (15, 25), (25, 51))  # steps; between two means, a band of rhythm
N_BANDS = 20
_VOICE = ("pitch", "voicing", "loudness", "tilt")
_SPEECH = ("level", "slant", "change", "faster change", "softness")
MEASURES = (
    *_VOICE,
    *(f"{name} deviation" for name in _VOICE),
    *_SPEECH,
    *(f"{name} deviation" for name in _SPEECH),
    *("register", "range", "mean excursion", "skewness", "step", "turn", "slope"),
    *("voiced share", "onsets", "peaks"),
    *(f"rhythm {shorter}-{longer}" for shorter, longer in PACES),
    *(f"band {number}" for number in range(N_BANDS)),
)
"""Names of the numbers of a step, in order."""
N_MEASURES = len(MEASURES)


class Prosody(nn.Module):
    """Waveform -> measures at 50 Hz, each over REACH steps to either side."""

    def __init__(self) -> None:
        super().__init__()
        self.log_mel, self.pitchgram = LogMel(), Pitchgram()
        octave = torch.log2(torch.tensor(mel_hertz(), dtype=torch.float32).clamp(min=80) / 1000)  # (80,)
        centred = octave - octave.mean()
        self.register_buffer("per_octave", centred / centred.square().sum(), persistent=False)
        self.per_octave: Tensor

    def forward(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch measures steps"]:
        """(B, N_MEASURES, 2T) of 640 T samples."""
        with full_precision(waveform.device):
            mel = avg_pool1d(self.log_mel(waveform).clamp_min(QUIETEST), 2)  # (B, 80, 2T)
            return self._measures(mel, self.pitchgram(waveform))

    def _measures(self, mel: Tensor, pitchgram: Tensor) -> Tensor:
        pitch, correlation = melody(pitchgram)  # each (B, 1, 2T)
        loudness = 10 * (10**mel).sum(dim=1, keepdim=True).log10()  # dB
        below = loudness - max_pool1d(loudness, 2 * REACH + 1, 1, REACH)
        tilt = 10 * torch.einsum("bfs,f->bs", mel, self.per_octave)[:, None]  # dB per octave
        voiced = ((correlation > VOICED) & (below > VOICED_LOUD)).float()
        speech = (below > SPEECH_LOUD).float()
        change, faster = _change(mel, 1), _change(mel, 3)
        step, turn = _change(pitch, 1), (pitch - (_before(pitch) + _before(pitch, -1)) / 2).abs()
        steady = voiced * _before(voiced) * (step < STEADY)
        over_voice = torch.cat([pitch, correlation, loudness, tilt], dim=1)
        over_speech = torch.cat([loudness, tilt, change, faster, below], dim=1)
        middle = _mean(pitch, voiced)
        excursion = (pitch - middle).clamp(-LARGEST_EXCURSION, LARGEST_EXCURSION)
        tune = middle + excursion
        rhythm = torch.cat([(_over(loudness, a) - _over(loudness, b)).square() for a, b in PACES], dim=1)
        bands = _mean(mel, voiced).reshape(len(mel), N_BANDS, -1, mel.shape[2]).mean(dim=2)
        return torch.cat(
            [
                *_moments(over_voice, voiced),
                *_moments(over_speech, speech),
                *_moments(tune, voiced),
                _mean(excursion.abs(), voiced),
                _mean(excursion**3, voiced) / 50,
                _mean(step, steady),
                _mean(turn, steady * _before(steady, -1)),
                _slope(tune, voiced),
                _mean(voiced, speech),
                FEATURE_RATE * _mean((voiced > _before(voiced)).float(), speech),
                FEATURE_RATE * _mean(_peaks(loudness), speech),
                (_mean(rhythm, speech) + 1e-3).log10(),
                bands - bands.mean(dim=1, keepdim=True),
            ],
            dim=1,
        )


def melody(
    pitchgram: Float[Tensor, "batch 64 steps"],
) -> tuple[Float[Tensor, "batch 1 steps"], Float[Tensor, "batch 1 steps"]]:
    """The brightest pitch in semitones above 100 Hz, between the lags by a parabola, and how bright it is."""
    correlation, place = pitchgram.max(dim=1, keepdim=True)
    place = place.clamp(1, N_PITCHES - 2)
    before, at, after = (pitchgram.gather(1, place + offset) for offset in (-1, 0, 1))
    curvature = (before - 2 * at + after).clamp(max=-1e-4)
    between = ((before - after) / (2 * curvature)).clamp(-0.5, 0.5)
    spacing = 12 * math.log2(HIGHEST / LOWEST) / (N_PITCHES - 1)
    return (place + between) * spacing + 12 * math.log2(LOWEST / 100), correlation


def _over(values: Tensor, width: int) -> Tensor:
    """Means over `width` (odd) steps, of fewer at the ends."""
    return avg_pool1d(values, width, 1, width // 2, count_include_pad=False)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted means within reach; towards 0 where nothing has weight."""
    total = _over(weights, 2 * REACH + 1)
    return _over(values * weights, 2 * REACH + 1) / (total + 1e-3)


def _moments(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    mean = _mean(values, weights)
    return mean, (_mean(values.square(), weights) - mean.square()).clamp_min(1e-4).sqrt()


def _before(values: Tensor, lag: int = 1) -> Tensor:
    """What was there `lag` steps before (after, if it is below 0); beyond the ends, what is there."""
    steps = torch.arange(values.shape[2], device=values.device) - lag
    return values[..., steps.clamp(0, values.shape[2] - 1)]


def _change(values: Tensor, lag: int) -> Tensor:
    """How far channels are on average from where they were."""
    return (values - _before(values, lag)).abs().mean(dim=1, keepdim=True)


def _slope(values: Tensor, weights: Tensor) -> Tensor:
    """Of the weighted regression on time within reach, per second."""
    seconds = torch.arange(-REACH, REACH + 1, device=values.device, dtype=values.dtype) / FEATURE_RATE
    taps = torch.stack([torch.ones_like(seconds), seconds, seconds.square()])[:, None]  # (3, 1, 2 REACH + 1)
    times = conv1d(weights, taps, padding=REACH)  # (B, 3, steps): sums of 1, t and t squared
    sums = conv1d(weights * values, taps[:2], padding=REACH)  # (B, 2, steps): of v and t v
    n = times[:, :1] + 1e-3
    along = sums[:, 1:] - times[:, 1:2] * sums[:, :1] / n
    slope: Tensor = along / (times[:, 2:] - times[:, 1:2].square() / n + 0.1 * n)
    return slope


def _peaks(loudness: Tensor) -> Tensor:
    """1 where it is louder than two steps to either side: about once a syllable."""
    return (loudness >= max_pool1d(loudness, 5, 1, 2)).float()
