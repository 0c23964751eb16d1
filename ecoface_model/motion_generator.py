"""Emotional motion generator: conditional VAE, flow prior, speaker-aware decoder (Sec. 3.3, Fig. 6).

Three clocks meet here: content and emotion at 2T (50 Hz), motion at T (25 Hz), the latent at T/q.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .base_decoder import BaseDecoder
from .condition_encoder import SpeechCondition
from .config import MotionGeneratorConfig
from .core.constants import FEATURES_PER_FRAME
from .face_directions import FaceDirections
from .flow_prior import FlowPrior
from .motion_decoder import MotionDecoder
from .posterior_encoder import PosteriorEncoder
from .style_normaliser import FeatureNormaliser, StyleNormaliser


@dataclass
class GeneratorOutput:
    """What one training pass yields: the decoded motion and everything its losses need."""

    motion: Float[Tensor, "batch frames 53"]
    """Decoded from the posterior, in the head's own coefficients."""
    base: Float[Tensor, "batch frames 53"] | None
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
    then spoils the lips and overrules the emotion asked for. Here a decoder without z gives a deterministic
    base, and z only the residual, relative to the base of the clip's true label (see `FaceDirections`).
    """

    def __init__(self, config: MotionGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.style_normaliser = StyleNormaliser(config)
        self.feature_normaliser = FeatureNormaliser(config)
        self.condition = SpeechCondition(config)
        self.posterior = PosteriorEncoder(config)
        self.prior = FlowPrior(config, 2 * config.condition_dim)
        self.decoder = MotionDecoder(config)
        self.base = BaseDecoder(config) if config.steady_face else None
        self.directions = FaceDirections(config) if config.steady_face else None

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

        `label` holds the prototype of each clip's emotion; only the base asks for it. `noise` is white: the
        epsilon of Eq. (9).

        Raises:
            ValueError: if T is not a multiple of the stride q.
        """
        if motion.shape[1] % self.config.stride:
            raise ValueError(f"expected frames in multiples of {self.config.stride}, found {motion.shape[1]}")
        normaliser = self.style_normaliser
        plain_label = label[:, None].expand(-1, content.shape[1], -1)  # (B, 2T, F)
        plain_label = self.feature_normaliser.emotion(plain_label)
        content, emotion = self.feature_normaliser.content(content), self.feature_normaliser.emotion(emotion)
        target = normaliser.normalised(motion, style)
        base, closure, phones, of_label = None, None, None, torch.zeros_like(target)
        seen = target
        if self.base is not None and self.directions is not None:
            face = self.base(content, emotion, style)
            base, closure, phones = self.directions.base(face.motion), face.closure, face.phones
            of_label = self.directions.base(self.base(content, plain_label, style).motion).detach()
            seen = self.directions.off_lips(target - of_label)
        condition = self.condition(content, emotion)  # (B, 2C, T/q)
        mu, log_sigma = self.posterior(seen, condition)
        z = mu + noise * log_sigma.exp()  # Eq. (9)
        decoded = of_label + self._residual(z, content, emotion, style)
        return GeneratorOutput(
            motion=normaliser.in_coefficients(decoded, style),
            base=None if base is None else normaliser.in_coefficients(base, style),
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
        content, emotion = self.feature_normaliser.content(content), self.feature_normaliser.emotion(emotion)
        z = self._prior_latent(content, emotion, noise)
        motion = self._residual(z, content, emotion, style)
        closure, phones = motion.new_zeros(motion.shape[:2]), motion[..., :0]
        if self.base is not None and self.directions is not None:
            face = self.base(content, emotion, style)
            motion, closure = motion + self.directions.base(face.motion), face.closure.sigmoid()
            phones = face.phones.softmax(dim=-1)
        return GeneratorSample(self.style_normaliser.in_coefficients(motion, style), closure, phones)

    def residual_of_prior(
        self,
        content: Float[Tensor, "batch features content"],
        emotion: Float[Tensor, "batch features emotion"],
        style: Float[Tensor, "batch styles"],
        noise: Float[Tensor, "batch steps latent"],
    ) -> Float[Tensor, "batch frames 53"]:
        """What a prior sample adds to the base, normalised; its gradient ends at the latent."""
        content, emotion = self.feature_normaliser.content(content), self.feature_normaliser.emotion(emotion)
        with torch.no_grad():
            z = self._prior_latent(content, emotion, noise)
        return self._residual(z, content, emotion, style)

    def _prior_latent(self, content: Tensor, emotion: Tensor, noise: Tensor) -> Tensor:
        """The prior's noise sent back through the flow, (B, T/q, latent); speech features come normalised."""
        return self.prior.inverse(noise.mT, self.condition(content, emotion)).mT

    def _residual(self, z: Tensor, content: Tensor, emotion: Tensor, style: Tensor) -> Tensor:
        """What a latent gives, normalised: in the paper's form the whole face."""
        decoded: Tensor = self.decoder(z, content, emotion, style)
        return decoded if self.directions is None else self.directions.residual(decoded)
