"""Audio emotion encoders: waveform -> how it is said, 50 steps a second (Sec. 3.2, Fig. 5a)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, pad

from ecoface_model.config import ContentConfig, EmotionConfig
from ecoface_model.content import WhisperContent, build_content
from ecoface_model.core.constants import FEATURES_PER_FRAME
from ecoface_model.reference_emotion.voice_baseline import KINDS, NO_BASELINE
from ecoface_model.speech_encoder import EmotionEncoder, SpeechEncoder
from ecoface_model.transformer import TransformerLayer, nearby

POSITION_KERNEL = 15  # frames, 0.6 s: positions are told by a convolution, so that any length will do
REACH = 25  # frames, 1 s: how far attention looks to either side in each layer
MOOD_REACH = 38  # frames, 1.5 s: over which states are averaged before all layers
FRAME_SHARE = 0.3  # of single frames beside that mean, at the start


class WhisperEmotion(EmotionEncoder):
    """A transformer on a learned mix of the frozen content encoder's hidden states.

    The front is the content encoder itself, so its work is done once for both; what it hears was brought to
    one level, so the level of a recording is no emotion. A voice baseline, the usual states of the voice, is
    taken away from them where it is known. Attention is local, so that a sentence sounds the same alone and
    within a long recording of other moods.
    Deviation: the paper trains a transformer of HuBERT's size; this one is small enough to ship. It works at
    25 Hz, on means of two states, and its features are interpolated to 50 Hz as the visual encoder's are.
    """

    def __init__(self, config: EmotionConfig, front: WhisperContent) -> None:
        super().__init__()
        self.front = front
        n_states, width = len(front.layers) + 1, front.conv1.out_channels
        self.row_dim = n_states * width
        dim = config.feature_dim
        self.register_buffer("state_mean", torch.zeros(n_states, width))
        self.register_buffer("state_std", torch.ones(n_states, width))
        self.state_mean: Tensor
        self.state_std: Tensor
        first = torch.tensor([-1.0] + [0.0] * (n_states - 1))  # what precedes all layers counts least
        self.mix = nn.Parameter(first)
        self.to_gate = nn.Linear(width, 1)
        self.project = nn.Linear(width, dim)
        self.project_norm = nn.LayerNorm(dim)
        self.project_frame = nn.Linear(width, dim)
        self.kinds = nn.Embedding(1 + len(KINDS), dim)
        self.positions = nn.Conv1d(
            dim, dim, POSITION_KERNEL, padding=POSITION_KERNEL // 2, groups=config.n_heads
        )
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(
            TransformerLayer(dim, config.n_heads, config.feedforward_dim, config.dropout)
            for _ in range(config.n_layers)
        )
        self.norm = nn.LayerNorm(dim)

    def measure(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 1"]:
        """The clip's level, as the front takes it."""
        return self.front.measure(waveform)

    def front_rows(
        self, waveform: Float[Tensor, "batch samples"], measured: Float[Tensor, "batch 1"] | None = None
    ) -> Float[Tensor, "batch frames row"]:
        """The front's hidden states side by side, as means of two: (B, T, S W)."""
        return rows_of_states(self.front.hidden_states(waveform, measured))

    def of_front(
        self,
        rows: Float[Tensor, "batch frames row"],
        baseline: Float[Tensor, "batch row"] | None = None,
        kind: Int[Tensor, " batch"] | None = None,
        trust: Float[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch steps feature"]:
        """Layer-normalised features, (B, 2T, F)."""
        if kind is None:
            kind = torch.full((len(rows),), NO_BASELINE, device=rows.device)
        normal = self.relative(rows, baseline, kind, trust)
        states = torch.unflatten(normal, 2, (len(self.mix), -1))  # (B, T, S, W)
        x = torch.einsum("s,btsw->btw", self.mix.softmax(dim=0), states)
        mood = self.project_norm(self.project(self.dropout(self._mean_around(x))))  # (B, T, F)
        x = mood + self.kinds(kind)[:, None] + FRAME_SHARE * self.project_frame(x)
        x = x + self.dropout(gelu(self.positions(x.mT)).mT)
        seen = nearby(x.shape[1], REACH, x.device)
        for layer in self.layers:
            x = layer(x, seen)
        features: Tensor = self.norm(x)  # (B, T, F)
        return interpolate(features.mT, scale_factor=FEATURES_PER_FRAME, mode="linear").mT

    def relative(
        self,
        rows: Float[Tensor, "batch frames row"],
        baseline: Float[Tensor, "batch row"] | None = None,
        kind: Int[Tensor, " batch"] | None = None,
        trust: Float[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch frames row"]:
        """States less the voice's usual ones, as far as these are known, in standard deviations."""
        usual = self.state_mean.flatten().expand(len(rows), -1)  # (B, S W)
        if baseline is not None and kind is not None:
            share = (kind != NO_BASELINE).to(rows) * (1.0 if trust is None else trust)
            usual = torch.lerp(usual, baseline, share[:, None])
        return (rows - usual[:, None]) / self.state_std.flatten()

    def _mean_around(self, x: Float[Tensor, "batch frames width"]) -> Float[Tensor, "batch frames width"]:
        """Means of the states within MOOD_REACH, of frames that a gate lets through: speech, not pauses.

        What a probe reads a mood from is the mean over some speech; single frames tell what is said.
        """
        gate = self.to_gate(x).sigmoid()  # (B, T, 1)
        sums = _sums_around(torch.cat([x * gate, gate], dim=2), MOOD_REACH)  # (B, T, W + 1)
        return sums[..., :-1] / sums[..., -1:].clamp_min(1e-4 * (2 * MOOD_REACH + 1))


def _sums_around(
    curves: Float[Tensor, "batch frames width"], reach: int
) -> Float[Tensor, "batch frames width"]:
    """Sums of each frame with those within `reach` of it, of a window's frames alone.

    By running sums: a pool of 2 reach + 1 would read each frame as often as that.
    """
    running = pad(curves, (0, 0, reach + 1, reach)).cumsum(dim=1)
    return running[:, 2 * reach + 1 :] - running[:, : -2 * reach - 1]


def rows_of_states(states: Float[Tensor, "batch states steps width"]) -> Float[Tensor, "batch frames row"]:
    """States at 50 Hz -> means of two, side by side in one row a frame."""
    means = torch.unflatten(states, 2, (-1, FEATURES_PER_FRAME)).mean(dim=3)  # (B, S, T, W)
    return means.transpose(1, 2).flatten(2)


def build_emotion(config: EmotionConfig, content: SpeechEncoder | None = None) -> EmotionEncoder:
    """The audio emotion encoder of a config, still random, on the frozen front of `content`."""
    if config.kind == "hubert":
        from ecoface_model.hubert import HubertContent, HubertEmotion

        return HubertEmotion(config, content.frontend if isinstance(content, HubertContent) else None)
    front = build_content(ContentConfig()) if content is None else content
    assert isinstance(front, WhisperContent), "held by EcoFaceConfig"
    return WhisperEmotion(config, front)
