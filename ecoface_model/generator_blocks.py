"""What the motion generator is made of: condition-WaveNet, flow prior, steady decoder (Fig. 6, App. A.2)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from ecoface_model.config import MotionGeneratorConfig
from ecoface_model.core.constants import FEATURES_PER_FRAME
from ecoface_model.core.phones import PHONES

LIP_FILTER = (-0.05, 0.25, 0.6, 0.25, -0.05)
"""Taps at 25 Hz: syllables pass (0.91 at 4 Hz), trembling does not (0.45 at 8 Hz, 0 at 12.5 Hz)."""


class ConditionEncoder(nn.Module):
    """Content and emotion at 2T -> one condition per frame, (B, 2 x condition, T).

    Content and emotion are each reduced by two convolutions, the second of which goes from 50 to 25 Hz. The
    style s is added to the features before (Sec. 3.3).
    Deviation: content and emotion may differ in width, so s is as wide as both together.
    """

    def __init__(self, config: MotionGeneratorConfig, condition_dim: int, *, with_style: bool) -> None:
        super().__init__()
        self.to_style = (
            nn.Linear(config.n_styles, config.content_dim + config.emotion_dim, bias=False)
            if with_style
            else None
        )
        self.reduce_content = _reduce(config.content_dim, condition_dim)
        self.reduce_emotion = _reduce(config.emotion_dim, condition_dim)

    def forward(
        self,
        content: Float[Tensor, "batch features content"],
        emotion: Float[Tensor, "batch features emotion"],
        style: Float[Tensor, "batch styles"] | None = None,
    ) -> Float[Tensor, "batch condition frames"]:
        """`style` holds weights of the training styles, one-hot for one of them."""
        if self.to_style is not None:
            assert style is not None
            s = self.to_style(style)[:, None]  # (B, 1, Fc + Fe)
            content = content + s[..., : content.shape[-1]]
            emotion = emotion + s[..., content.shape[-1] :]
        reduced = (self.reduce_content(content.mT), self.reduce_emotion(emotion.mT))
        return torch.cat(reduced, dim=1)


def _reduce(feature_dim: int, condition_dim: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(feature_dim, condition_dim, 3, padding=1),
        nn.ReLU(),
        nn.Conv1d(condition_dim, condition_dim, 2 * FEATURES_PER_FRAME, stride=FEATURES_PER_FRAME, padding=1),
    )


def _per_frame(features: Float[Tensor, "batch features dim"]) -> Float[Tensor, "batch wide frames"]:
    """The two 50 Hz steps of each frame side by side: (B, 2T, F) -> (B, 2F, T)."""
    batch, steps, dim = features.shape
    return features.reshape(batch, steps // FEATURES_PER_FRAME, FEATURES_PER_FRAME * dim).mT


class WaveNet(nn.Module):
    """Condition-WaveNet (App. A.2): dilated convolutions, tanh x sigmoid gates, skip sum."""

    def __init__(self, hidden_dim: int, condition_dim: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.dilated = nn.ModuleList(
            weight_norm(
                nn.Conv1d(hidden_dim, 2 * hidden_dim, kernel, dilation=d, padding=d * (kernel - 1) // 2)
            )
            for d in dilations
        )
        self.condition = nn.ModuleList(
            weight_norm(nn.Conv1d(condition_dim, 2 * hidden_dim, 1)) for _ in dilations
        )
        self.residual_skip = nn.ModuleList(
            weight_norm(nn.Conv1d(hidden_dim, 2 * hidden_dim, 1)) for _ in dilations
        )

    def forward(
        self, x: Float[Tensor, "batch hidden time"], condition: Float[Tensor, "batch condition time"]
    ) -> Float[Tensor, "batch hidden time"]:
        skips = torch.zeros_like(x)
        for dilated, to_condition, residual_skip in zip(
            self.dilated, self.condition, self.residual_skip, strict=True
        ):
            signal, gate = (dilated(x) + to_condition(condition)).chunk(2, dim=1)
            residual, skip = residual_skip(signal.tanh() * gate.sigmoid()).chunk(2, dim=1)
            x = (x + residual) * math.sqrt(0.5)
            skips = skips + skip
        return skips


class FlowPrior(nn.Module):
    """Volume-preserving flow between posterior and prior latents, given the speech (Fig. 6c).

    Each coupling shifts one half of the channels by a function of the other half; its log-determinant is 0.
    """

    def __init__(self, config: MotionGeneratorConfig, condition_dim: int) -> None:
        super().__init__()
        half, hidden = config.latent_dim // 2, config.flow_hidden_dim
        self.widen = nn.ModuleList(nn.Conv1d(half, hidden, 1) for _ in range(config.n_couplings))
        self.wavenets = nn.ModuleList(
            WaveNet(hidden, condition_dim, config.flow_kernel, (1,) * config.n_flow_layers)
            for _ in range(config.n_couplings)
        )
        self.to_shift = nn.ModuleList(nn.Conv1d(hidden, half, 1) for _ in range(config.n_couplings))
        for parameter in self.to_shift.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self, z: Float[Tensor, "batch latent steps"], condition: Float[Tensor, "batch condition steps"]
    ) -> Float[Tensor, "batch latent steps"]:
        """Posterior space -> prior space."""
        for i in range(len(self.wavenets)):
            kept, moved = z.chunk(2, dim=1)
            z = torch.cat([kept, moved + self._shift(i, kept, condition)], dim=1).flip(1)
        return z

    def inverse(
        self, z: Float[Tensor, "batch latent steps"], condition: Float[Tensor, "batch condition steps"]
    ) -> Float[Tensor, "batch latent steps"]:
        """Prior space -> posterior space, the way of inference."""
        for i in reversed(range(len(self.wavenets))):
            kept, moved = z.flip(1).chunk(2, dim=1)
            z = torch.cat([kept, moved - self._shift(i, kept, condition)], dim=1)
        return z

    def _shift(self, i: int, kept: Tensor, condition: Tensor) -> Tensor:
        shift: Tensor = self.to_shift[i](self.wavenets[i](self.widen[i](kept), condition))
        return shift


@dataclass
class SteadyFace:
    """What content, emotion and style alone ask for."""

    motion: Float[Tensor, "batch frames 53"]
    """Normalised."""
    closure: Float[Tensor, "batch frames"]
    """Logits of "P, B or M shuts the lips now"."""
    phones: Float[Tensor, "batch frames phones"]
    """Logits of the phone that is spoken."""


class SteadyDecoder(nn.Module):
    """The face that content, emotion and style alone ask for (ours; see `MotionGenerator`)."""

    def __init__(self, config: MotionGeneratorConfig) -> None:
        super().__init__()
        self.condition = ConditionEncoder(config, config.condition_dim, with_style=True)
        self.from_content = nn.Conv1d(
            FEATURES_PER_FRAME * config.content_dim, config.hidden_dim, 3, padding=1
        )
        self.norm = nn.LayerNorm(config.hidden_dim)
        self.wavenet = WaveNet(
            config.hidden_dim,
            2 * config.condition_dim,
            config.kernel,
            cycled_dilations(config, config.n_steady_layers),
        )
        self.to_motion = nn.Conv1d(config.hidden_dim, config.motion_dim, 1)
        self.to_closure = nn.Conv1d(config.hidden_dim, 1, 1)
        self.to_phones = nn.Conv1d(config.hidden_dim, len(PHONES), 1)

    def forward(
        self,
        content: Float[Tensor, "batch features content"],
        emotion: Float[Tensor, "batch features emotion"],
        style: Float[Tensor, "batch styles"],
    ) -> SteadyFace:
        x = self.from_content(_per_frame(content)).relu()  # (B, hidden, T)
        hidden = self.wavenet(self.norm(x.mT).mT, self.condition(content, emotion, style)).relu()
        return SteadyFace(
            motion=self.to_motion(hidden).mT,
            closure=self.to_closure(hidden)[:, 0],
            phones=self.to_phones(hidden).mT,
        )


def smoothed(motion: Float[Tensor, "batch time dim"], width: int) -> Float[Tensor, "batch time dim"]:
    """Curves under a Hann window of `width` steps (odd); beyond its ends stand its first and last frame."""
    window = torch.hann_window(width + 2, periodic=False, device=motion.device, dtype=motion.dtype)[1:-1]
    return filtered(motion, window / window.sum())


def filtered(
    motion: Float[Tensor, "batch time dim"], taps: Float[Tensor, " width"]
) -> Float[Tensor, "batch time dim"]:
    """Curves through a symmetric filter (odd); beyond the clip's ends stand its first and last frame."""
    half = len(taps) // 2
    padded = functional.pad(motion.mT, (half, half), mode="replicate")  # (B, dim, T + width - 1)
    return (padded.unfold(-1, len(taps), 1) @ taps).mT


def cycled_dilations(config: MotionGeneratorConfig, n_layers: int) -> tuple[int, ...]:
    return tuple(config.dilations[i % len(config.dilations)] for i in range(n_layers))


def fold_weight_norm(module: nn.Module) -> None:
    """Turn weight-normalised convolutions into plain ones: the form that is stored and run after training."""
    for layer in module.modules():
        if is_parametrized(layer, "weight"):
            remove_parametrizations(layer, "weight")
