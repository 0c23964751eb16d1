"""Speech content encoders: waveform -> what is said, 50 steps a second (Sec. 3.1)."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from ecoface_model.config import ContentConfig
from ecoface_model.core.constants import FEATURE_RATE, SAMPLE_RATE, exact_div
from ecoface_model.log_mel import LogMel
from ecoface_model.mel import FLOOR, LARGEST_GAIN, MEL_RATE, N_MELS, PEAK_QUANTILE, USUAL_PEAK
from ecoface_model.positions import LONGEST_WINDOW, sinusoids
from ecoface_model.speech_encoder import SpeechEncoder
from ecoface_model.transformer import TransformerLayer, look_ahead_mask


class WhisperContent(SpeechEncoder):
    """The first layers of Whisper's encoder, on speech brought to one level.

    Deviation: the paper uses HuBERT; Whisper tiny.en is small enough to ship. Whisper's own front end leaves
    the level as it is; here quiet and loud takes of a line give the same features. Whisper's attention also
    sees all of its window; here what comes more than `look_ahead` steps later is hidden from each layer, so
    that a stream, which has not heard it yet, gives nearly the same features.
    """

    def __init__(self, config: ContentConfig) -> None:
        super().__init__()
        dim = config.feature_dim
        self.log_mel = LogMel()
        self.conv1 = nn.Conv1d(N_MELS, dim, 3, padding=1)
        self.conv2 = nn.Conv1d(dim, dim, 3, stride=exact_div(MEL_RATE, FEATURE_RATE), padding=1)
        positions = torch.from_numpy(sinusoids(LONGEST_WINDOW * FEATURE_RATE, dim))
        self.register_buffer("positions", positions, persistent=False)
        self.positions: Tensor
        self.layers = nn.ModuleList(
            TransformerLayer(dim, config.n_heads, config.feedforward_dim) for _ in range(config.n_layers)
        )
        self.look_ahead = config.look_ahead

    @torch.no_grad()
    def measure(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 1"]:
        """The clip's level: a high quantile over time of the loudest bin, log10 of mel power."""
        chunks = torch.split(waveform, LONGEST_WINDOW * SAMPLE_RATE, dim=1)
        if len(chunks) > 1 and chunks[-1].shape[1] < SAMPLE_RATE:  # a shred too short for a spectrum
            chunks = chunks[:-1]
        loudest = torch.cat([self.log_mel(chunk).amax(dim=1) for chunk in chunks], dim=1)  # (B, mel steps)
        rank = int(PEAK_QUANTILE * (loudest.shape[1] - 1))
        return loudest.sort(dim=1).values[:, rank : rank + 1]

    def forward(
        self, waveform: Float[Tensor, "batch samples"], measured: Float[Tensor, "batch 1"] | None = None
    ) -> Float[Tensor, "batch steps feature"]:
        """Hidden states after the last layer used, not normalised: (B, 2T, F) of 640 T samples."""
        peak = self.measure(waveform) if measured is None else measured
        return self.encode(at_usual_level(self.log_mel(waveform), peak))

    def hidden_states(
        self, waveform: Float[Tensor, "batch samples"], measured: Float[Tensor, "batch 1"] | None = None
    ) -> Float[Tensor, "batch states steps feature"]:
        """What the convolutions give (without positions), then the states after every layer used.

        The last of them is what `forward` gives.
        """
        peak = self.measure(waveform) if measured is None else measured
        return self.states_of_mel(at_usual_level(self.log_mel(waveform), peak))

    def states_of_mel(
        self, log_mel: Float[Tensor, "batch 80 mel_steps"]
    ) -> Float[Tensor, "batch states steps feature"]:
        """The same of a log-mel spectrum at the usual level."""
        return torch.stack(list(self._states(log_mel)), dim=1)

    def encode(self, log_mel: Float[Tensor, "batch 80 mel_steps"]) -> Float[Tensor, "batch steps feature"]:
        """Whisper's encoder proper, on its log-mel (before Whisper's (x + 4) / 4)."""
        *_, last = self._states(log_mel)
        return last

    def _states(self, log_mel: Tensor) -> Iterator[Tensor]:
        """The convolutions' output and each layer's, (B, 2T, F) each."""
        x = gelu(self.conv1((log_mel + 4) / 4))  # (B, F, 4T)
        x = _gelu_near_zero(self.conv2(x)).mT  # (B, 2T, F)
        yield x
        assert x.shape[1] <= len(self.positions), "windows are cut to 30 s by the pipeline"
        x = x + self.positions[: x.shape[1]]
        seen = look_ahead_mask(x.shape[1], self.look_ahead, x.device) if self.look_ahead else None
        for layer in self.layers:
            x = layer(x, seen)
            yield x


def _gelu_near_zero(x: Tensor) -> Tensor:
    """GELU that keeps its digits where it is nearly 0: there live channels that the classifier magnifies.

    torch's own loses them on the CPU, in 1 + erf(x). The operator that a graph is exported with does not.
    """
    if torch.compiler.is_exporting() or x.device.type != "cpu":
        return gelu(x)
    return 0.5 * x * torch.erfc(-math.sqrt(0.5) * x)


def at_usual_level(
    log_mel: Float[Tensor, "batch 80 mel_steps"], peak: Float[Tensor, "batch 1"]
) -> Float[Tensor, "batch 80 mel_steps"]:
    """Speech moved to the usual level, and cut at a floor below it; silence becomes the floor."""
    peak = peak.clamp_min(USUAL_PEAK - LARGEST_GAIN)[..., None]  # (B, 1, 1)
    return (log_mel - peak).clamp_min(-FLOOR) + USUAL_PEAK


def build_content(config: ContentConfig) -> SpeechEncoder:
    """The content encoder of a config, frozen, its weights still random."""
    if config.kind == "hubert":
        from ecoface_model.hubert import HubertContent

        return HubertContent(config).requires_grad_(False)
    return WhisperContent(config).requires_grad_(False)
