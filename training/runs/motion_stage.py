"""What the motion generator is trained by: the terms of Eq. (11), and ours beside them, on one batch."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from ecoface_model.config import VisualConfig
from ecoface_model.core.errors import EcoFaceError
from ecoface_model.flame import FlameHead
from ecoface_model.motion_generator import GeneratorOutput, MotionGenerator
from ecoface_model.renderer.grey import GreyFaces
from ecoface_model.visual import VisualEmotion
from training.batches.motion import MotionBatch
from training.objectives.motion import (
    closure_gate_loss,
    closure_loss,
    emotion_loss,
    kl_loss,
    life_loss,
    lip_loss,
    phone_loss,
    reconstruction_loss,
    velocity_loss,
)
from training.objectives.sync_expert import SyncExpert, sync_loss


class JudgeError(EcoFaceError):
    """A judge that training needs has learned nothing."""


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of the terms; the paper prints none. A weight of 0 is the paper's ablation "w/o" that term."""

    reconstruction: float = 1.0
    """First term of Eq. (11)."""
    kl: float = 0.1
    """Second; per latent number. GeneFace's 0.5 starves the latent, less leaves prior samples overdone."""
    sync: float = 0.02
    """Third. GeneFace 0.01; more than this bends the lips of vowels towards what the expert likes."""
    emotion: float = 0.3
    """Fourth; it is looked at on few faces of some steps."""
    velocity: float = 3.0
    """GeneFace's."""
    lips: float = 1.0
    """Mouth landmarks on the head, ours: coefficients of equal error do not move the lips equally."""
    steady: float = 1.0
    """Reconstruction by the steady face alone."""
    steady_velocity: float = 3.0
    life: float = 0.1
    """Prior samples as lively as the performances, ours."""
    closure: float = 3.0
    """Lips off their closures on P, B, M, ours; only from `closure_from` on, for early it shuts vowels."""
    closure_gate: float = 0.1
    phones: float = 0.1


@dataclass(frozen=True, kw_only=True)
class EmotionLook:
    """What the last term of Eq. (11) looks at: rendering all faces would take ten times as long."""

    every: int = 4
    """Steps."""
    n_clips: int = 6
    n_frames: int = 6


class MotionStage(nn.Module):
    """The generator with what teaches it: judges that do not learn."""

    def __init__(
        self,
        generator: MotionGenerator,
        head: FlameHead,
        sync: SyncExpert | None,
        visual: VisualEmotion | None,
        image_size: int,
    ) -> None:
        super().__init__()
        self.generator = generator
        self.head = head
        self.sync = sync
        self.visual = visual
        self.faces = None if visual is None else GreyFaces(head, image_size)

    def forward(
        self,
        batch: MotionBatch,
        posterior_noise: Float[Tensor, "batch steps latent"],
        prior_noise: Float[Tensor, "batch steps latent"],
        look: EmotionLook | None,
    ) -> dict[str, Tensor]:
        """Terms by the names of `LossWeights`; `look` is None in steps that leave the emotion term out."""
        generator, style, mask = self.generator, batch.style, batch.mask
        output = generator(batch.motion, batch.content, batch.emotion, style, batch.label, posterior_noise)
        decoded, target = (
            generator.style_normaliser.normalised(m, style) for m in (output.motion, batch.motion)
        )
        spoken = output.motion if output.base is None else output.base  # what moves the lips
        lips, true_lips = self.head.landmarks(spoken), self.head.landmarks(batch.motion)
        losses = {
            "reconstruction": reconstruction_loss(decoded, target, mask),
            "velocity": velocity_loss(decoded, target, mask),
            "lips": lip_loss(lips, true_lips, mask),
            "closure": closure_loss(lips, true_lips, batch.closed, mask),
            "kl": kl_loss(
                output.z,
                output.mu,
                output.log_sigma,
                generator.prior.log_density(output.z_prior),
                mask[:, :: generator.config.stride],
            ),
        }
        if output.base is not None:
            losses |= self._of_the_steady_face(batch, output, prior_noise, true_lips)
        if self.sync is not None:
            losses["sync"] = sync_loss(self.sync, lips, batch.content, mask)
        if self.visual is not None:
            losses["emotion"] = spoken.new_zeros(()) if look is None else self._emotion(spoken, batch, look)
        return losses

    def _of_the_steady_face(
        self,
        batch: MotionBatch,
        output: GeneratorOutput,
        prior_noise: Float[Tensor, "batch steps latent"],
        true_landmarks: Float[Tensor, "batch frames 68 3"],
    ) -> dict[str, Tensor]:
        """What the form with a steady face has besides."""
        generator, style, mask = self.generator, batch.style, batch.mask
        assert output.base is not None and output.phones is not None and output.closure is not None
        steady, target = (
            generator.style_normaliser.normalised(m, style) for m in (output.base, batch.motion)
        )
        life = generator.residual_of_prior(batch.content, batch.emotion, style, prior_noise)
        sampled = generator.style_normaliser.in_coefficients(steady.detach() + life, style)
        return {
            "steady": reconstruction_loss(steady, target, mask),
            "steady_velocity": velocity_loss(steady, target, mask),
            "closure_gate": closure_gate_loss(output.closure, batch.closed, mask * (batch.phone >= 0)),
            "phones": phone_loss(output.phones, batch.phone, mask),
            "life": life_loss(self.head.landmarks(sampled), true_landmarks, mask),
        }

    def _emotion(
        self, predicted: Float[Tensor, "batch frames 53"], batch: MotionBatch, look: EmotionLook
    ) -> Float[Tensor, ""]:
        """The visual encoder on the middle frames of the first clips."""
        assert self.visual is not None and self.faces is not None
        start = (predicted.shape[1] - look.n_frames) // 2
        chosen = slice(look.n_clips), slice(start, start + look.n_frames)
        with torch.no_grad():
            wanted = self.visual(self.faces(batch.motion[chosen]))
        return emotion_loss(self.visual(self.faces(predicted[chosen])), wanted)


def read_judges(
    sync: Path, visual: Path, visual_config: VisualConfig, weights: LossWeights
) -> tuple[SyncExpert | None, VisualEmotion | None]:
    """The frozen judges of the terms that have a weight.

    Raises:
        JudgeError: if the sync-expert only guesses, or the visual encoder is missing.
    """
    expert, encoder = None, None
    if weights.sync:
        expert = SyncExpert.load(sync)
        if not expert.better_than_guessing:
            raise JudgeError(
                f"expected a sync-expert that does better than guessing in {sync}, found a held-out loss of "
                f"{expert.held_out.get('loss')}; train it for longer, or set the weight of sync to 0"
            )
    if weights.emotion:
        if not visual.is_file():
            raise JudgeError(
                f"expected the visual emotion encoder at {visual}, found none; "
                f"run `python -m training.train_emotion` first, or set the weight of emotion to 0"
            )
        encoder = VisualEmotion(visual_config)
        encoder.load_state_dict(load_file(visual))
        encoder.eval().requires_grad_(False)
    return expert, encoder


def weighted(losses: dict[str, Tensor], weights: LossWeights) -> Float[Tensor, ""]:
    """Eq. (11): the sum of the terms by their weights."""
    return torch.stack([getattr(weights, name) * value for name, value in losses.items()]).sum()
