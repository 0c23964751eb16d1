"""Emotional motion generator: conditional VAE, flow prior, speaker-aware decoder (Sec. 3.3, Fig. 6).

Three clocks meet here: content and emotion at 2T (50 Hz), motion at T (25 Hz), the latent at T/q.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecoface_model.config import MotionGeneratorConfig
from ecoface_model.core.constants import FEATURES_PER_FRAME

from .generator_blocks import (
    LIP_FILTER,
    ConditionEncoder,
    FlowPrior,
    SteadyDecoder,
    WaveNet,
    cycled_dilations,
    filtered,
    smoothed,
)

MIN_LOG_SIGMA, MAX_LOG_SIGMA = -6.0, 2.0  # keeps a young posterior away from overflow


@dataclass
class GeneratorOutput:
    """What one training pass yields: the decoded motion and everything its losses need."""

    motion: Float[Tensor, "batch frames 53"]
    """Decoded from the posterior, in the head's own coefficients."""
    steady: Float[Tensor, "batch frames 53"] | None
    """What content, emotion and style say without the latent; None in the paper's form."""
    mu: Float[Tensor, "batch steps latent"]
    log_sigma: Float[Tensor, "batch steps latent"]
    z: Float[Tensor, "batch steps latent"]
    z_prior: Float[Tensor, "batch steps latent"]
    """z carried through the flow into the prior's own space."""
    closure: Float[Tensor, "batch frames"] | None
    """Logits of "P, B or M shuts the lips now"."""
    phones: Float[Tensor, "batch frames phones"] | None
    """Logits of the phone that is spoken."""


@dataclass
class GeneratorSample:
    """What inference yields."""

    motion: Float[Tensor, "batch frames 53"]
    """In the head's own coefficients."""
    closure: Float[Tensor, "batch frames"]
    """Probability that P, B or M shuts the lips; 0 in the paper's form, which does not tell."""
    phones: Float[Tensor, "batch frames phones"]
    """Probability of each of PHONES; no columns in the paper's form."""

    def channels(self) -> Float[Tensor, "batch frames channels"]:
        """All in one: the motion's 53, the closure, the phones."""
        return torch.cat([self.motion, self.closure[..., None], self.phones], dim=-1)


class MotionGenerator(nn.Module):
    """Speech features -> FLAME motion (Eqs. 8-10).

    Deviation, with `steady_face`: z as printed also carries emotion and how the lips vary; a prior sample
    then spoils the lips and overrules the emotion asked for. Here a decoder without z gives the steady face,
    and z only the rest, relative to the steady face of the clip's true label:
    f = f_steady + (I - L L^T) f_z, with L an orthonormal basis (`lip_directions`) of what moves the lips, in
    the space of normalised coefficients. Of f_z, only what moves the lids (`lid_directions`) is fast.

    Coefficients are normalised by the statistics of the data set that a style belongs to (`style_sets`),
    since trackers differ in range; a face without a style has the first set's.
    """

    motion_mean: Tensor
    motion_std: Tensor
    content_mean: Tensor
    content_std: Tensor
    emotion_mean: Tensor
    emotion_std: Tensor
    style_sets: Tensor
    lip_directions: Tensor
    lid_directions: Tensor

    def __init__(self, config: MotionGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        hidden, q = config.hidden_dim, config.stride
        self.register_buffer("motion_mean", torch.zeros(config.n_sets, config.motion_dim))
        self.register_buffer("motion_std", torch.ones(config.n_sets, config.motion_dim))
        self.register_buffer("style_sets", torch.eye(config.n_sets)[[0] * config.n_styles])
        self.register_buffer("content_mean", torch.zeros(config.content_dim))
        self.register_buffer("content_std", torch.ones(config.content_dim))
        self.register_buffer("emotion_mean", torch.zeros(config.emotion_dim))
        self.register_buffer("emotion_std", torch.ones(config.emotion_dim))
        both = 2 * config.condition_dim
        self.condition = ConditionEncoder(config, config.condition_dim, with_style=False)
        self.compress_condition = nn.Conv1d(both, both, 2 * q, stride=q, padding=q // 2)
        self.compress_motion = nn.Conv1d(config.motion_dim, hidden, 2 * q, stride=q, padding=q // 2)
        self.encoder_norm = nn.LayerNorm(hidden)
        self.encoder = WaveNet(hidden, both, config.kernel, cycled_dilations(config, config.n_encoder_layers))
        self.to_stats = nn.Conv1d(hidden, 2 * config.latent_dim, 1)
        self.prior = FlowPrior(config, both)
        self.decoder_condition = ConditionEncoder(config, config.condition_dim, with_style=True)
        self.expand_latent = nn.ConvTranspose1d(config.latent_dim, hidden, q, stride=q)
        self.decoder_norm = nn.LayerNorm(hidden)
        self.decoder = WaveNet(hidden, both, config.kernel, cycled_dilations(config, config.n_decoder_layers))
        self.to_motion = nn.Conv1d(hidden, config.motion_dim, 1)
        self.steady = SteadyDecoder(config) if config.steady_face else None
        if config.steady_face:
            n_lips, n_lids = config.n_lip_directions, config.n_lid_directions
            directions = torch.eye(config.motion_dim)[:, : n_lips + n_lids]
            self.register_buffer("lip_directions", directions[:, :n_lips].clone())
            self.register_buffer("lid_directions", directions[:, n_lips:].clone())

    def forward(
        self,
        motion: Float[Tensor, "batch frames 53"],
        content: Float[Tensor, "batch features content"],
        emotion: Float[Tensor, "batch features emotion"],
        style: Float[Tensor, "batch styles"],
        label: Float[Tensor, "batch emotion"],
        noise: Float[Tensor, "batch steps latent"],
    ) -> GeneratorOutput:
        """A training pass: posterior, one sample of it, the same through the flow, and its decoding.

        `label` holds the prototype of each clip's emotion; only the steady face asks for it. `noise` is
        white: the epsilon of Eq. (9).

        Raises:
            ValueError: if T is not a multiple of the stride q.
        """
        if motion.shape[1] % self.config.stride:
            raise ValueError(f"expected frames in multiples of {self.config.stride}, found {motion.shape[1]}")
        plain_label = label[:, None].expand(-1, content.shape[1], -1)  # (B, 2T, F)
        _, plain_label = self._normalise(content, plain_label)
        content, emotion = self._normalise(content, emotion)
        target = self.normalised(motion, style)
        steady, closure, phones, base = None, None, None, torch.zeros_like(target)
        if self.steady is not None:
            face = self.steady(content, emotion, style)
            steady, closure, phones = self._calm(face.motion), face.closure, face.phones
            base = self._calm(self.steady(content, plain_label, style).motion).detach()
        condition = self.compress_condition(self.condition(content, emotion))  # (B, 2C, T/q)
        mu, log_sigma = self.encode(self._off_lips(target - base), condition)
        z = mu + noise * log_sigma.exp()  # Eq. (9)
        decoded = base + self._life(self.decode(z, content, emotion, style))
        return GeneratorOutput(
            motion=self.in_coefficients(decoded, style),
            steady=None if steady is None else self.in_coefficients(steady, style),
            mu=mu,
            log_sigma=log_sigma,
            z=z,
            z_prior=self.prior(z.mT, condition).mT,
            closure=closure,
            phones=phones,
        )

    def sample(
        self,
        content: Float[Tensor, "batch features content"],
        emotion: Float[Tensor, "batch features emotion"],
        style: Float[Tensor, "batch styles"],
        noise: Float[Tensor, "batch steps latent"],
    ) -> GeneratorSample:
        """Motion of a prior sample, the way of inference; `noise` comes from `draw_noise`.

        Raises:
            ValueError: if the clocks do not agree: 2T features need T/q steps of noise.
        """
        steps = content.shape[1] / (FEATURES_PER_FRAME * self.config.stride)
        if noise.shape[1] != steps:
            raise ValueError(
                f"expected {steps:g} steps of noise for 2T = {content.shape[1]}, found {noise.shape[1]}"
            )
        content, emotion = self._normalise(content, emotion)
        z = self._prior_latent(content, emotion, noise)
        motion = self._life(self.decode(z, content, emotion, style))
        closure, phones = motion.new_zeros(motion.shape[:2]), motion[..., :0]
        if self.steady is not None:
            face = self.steady(content, emotion, style)
            motion, closure = motion + self._calm(face.motion), face.closure.sigmoid()
            phones = face.phones.softmax(dim=-1)
        return GeneratorSample(self.in_coefficients(motion, style), closure, phones)

    def life_of_prior(
        self,
        content: Float[Tensor, "batch features content"],
        emotion: Float[Tensor, "batch features emotion"],
        style: Float[Tensor, "batch styles"],
        noise: Float[Tensor, "batch steps latent"],
    ) -> Float[Tensor, "batch frames 53"]:
        """What a prior sample adds to the steady face, normalised; its gradient ends at the latent."""
        content, emotion = self._normalise(content, emotion)
        with torch.no_grad():
            z = self._prior_latent(content, emotion, noise)
        return self._life(self.decode(z, content, emotion, style))

    def _prior_latent(self, content: Tensor, emotion: Tensor, noise: Tensor) -> Tensor:
        """The prior's noise sent back through the flow, (B, T/q, latent); speech features come normalised."""
        condition = self.compress_condition(self.condition(content, emotion))  # (B, 2C, T/q)
        return self.prior.inverse(noise.mT, condition).mT

    def encode(
        self, motion: Float[Tensor, "batch frames 53"], condition: Float[Tensor, "batch condition steps"]
    ) -> tuple[Float[Tensor, "batch steps latent"], Float[Tensor, "batch steps latent"]]:
        """Mean and log standard deviation of the posterior q(z | f, c, e) of normalised motion, Eq. (8)."""
        x = self.compress_motion(motion.mT).relu()  # (B, hidden, T/q)
        x = self.encoder(self.encoder_norm(x.mT).mT, condition)
        mu, log_sigma = self.to_stats(x).mT.chunk(2, dim=-1)
        return mu, log_sigma.clamp(MIN_LOG_SIGMA, MAX_LOG_SIGMA)

    def decode(
        self,
        z: Float[Tensor, "batch steps latent"],
        content: Float[Tensor, "batch features content"],
        emotion: Float[Tensor, "batch features emotion"],
        style: Float[Tensor, "batch styles"],
    ) -> Float[Tensor, "batch frames 53"]:
        """Normalised motion of a latent, Eq. (10); speech features come normalised."""
        x = self.expand_latent(z.mT).relu()  # (B, hidden, T)
        x = self.decoder(self.decoder_norm(x.mT).mT, self.decoder_condition(content, emotion, style))
        motion: Tensor = self.to_motion(x.relu()).mT
        return motion

    def _off_lips(self, motion: Tensor) -> Tensor:
        """The part of normalised motion that z may give."""
        if self.steady is None:
            return motion
        return motion - motion @ self.lip_directions @ self.lip_directions.T

    def _calm(self, steady: Tensor) -> Tensor:
        """The steady face in time: the lips as fast as syllables, everything else slower."""
        elsewhere = self._off_lips(steady)
        lips = filtered(steady - elsewhere, steady.new_tensor(LIP_FILTER))
        return lips + smoothed(elsewhere, self.config.steady_smoothing)

    def _life(self, decoded: Tensor) -> Tensor:
        """What a decoded latent adds: nothing at the lips, fast at the lids, slower elsewhere."""
        if self.steady is None:
            return decoded
        decoded = self._off_lips(decoded)
        lids: Tensor = decoded @ self.lid_directions @ self.lid_directions.T
        return lids + smoothed(decoded - lids, self.config.life_smoothing)

    def normalised(
        self, motion: Float[Tensor, "batch frames 53"], style: Float[Tensor, "batch styles"]
    ) -> Float[Tensor, "batch frames 53"]:
        """Coefficients as the networks see them: by the mean and deviation of the style's data set."""
        mean, std = self._statistics(style)
        return (motion - mean) / std

    def in_coefficients(
        self, motion: Float[Tensor, "batch frames 53"], style: Float[Tensor, "batch styles"]
    ) -> Float[Tensor, "batch frames 53"]:
        """The inverse of `normalised`."""
        mean, std = self._statistics(style)
        return motion * std + mean

    def _statistics(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation, (B, 1, 53) each."""
        sets = style @ self.style_sets  # (B, sets)
        missing = 1 - sets.sum(dim=1, keepdim=True)
        sets = torch.cat([sets[:, :1] + missing, sets[:, 1:]], dim=1)
        return (sets @ self.motion_mean)[:, None], (sets @ self.motion_std)[:, None]

    def _normalise(self, content: Tensor, emotion: Tensor) -> tuple[Tensor, Tensor]:
        content = (content - self.content_mean) / self.content_std
        return content, (emotion - self.emotion_mean) / self.emotion_std

    def log_prior(self, z_prior: Float[Tensor, "batch steps latent"]) -> Float[Tensor, "batch steps latent"]:
        """Log-density of each number under the prior's noise; of slow channels, given the step before."""
        slow = self.config.n_slow_channels
        mean, sigma = torch.zeros_like(z_prior), torch.ones_like(z_prior)
        mean[:, 1:, :slow] = self.config.slow_correlation * z_prior[:, :-1, :slow]
        sigma[:, 1:, :slow] = math.sqrt(1 - self.config.slow_correlation**2)
        return -0.5 * ((z_prior - mean) / sigma) ** 2 - sigma.log() - 0.5 * math.log(2 * math.pi)


def draw_noise(
    config: MotionGeneratorConfig,
    n_steps: int,
    generator: torch.Generator,
    temperature: float = 1.0,
    batch: int = 1,
) -> Float[Tensor, "batch steps latent"]:
    """Noise of the prior on the CPU, the same on every device: white, or AR(1) on the slow channels."""
    noise = torch.randn(batch, n_steps, config.latent_dim, generator=generator)
    rho = config.slow_correlation
    for t in range(1, n_steps):
        slow = slice(None), t, slice(config.n_slow_channels)
        before = noise[:, t - 1, : config.n_slow_channels]
        noise[slow] = rho * before + math.sqrt(1 - rho**2) * noise[slow]
    return temperature * noise


def parameter_count(module: nn.Module) -> int:
    """Trainable numbers in a network."""
    return sum(p.numel() for p in module.parameters())
