"""Train the motion generator (Sec. 3.3): reconstruction, velocity, lips, KL under the flow prior.

python -m training.train_motion --run work/motion
"""

import copy
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
import tyro
from safetensors.torch import save_file
from torch import Tensor, nn

from ecoface_model.config import MotionGeneratorConfig
from ecoface_model.device import choose_device
from ecoface_model.flame import FlameHead
from ecoface_model.flame_file import FlameFile, read_head
from ecoface_model.generator_blocks import fold_weight_norm
from ecoface_model.lips import lip_directions
from ecoface_model.motion_generator import GeneratorOutput, MotionGenerator

from .batches import EmotionSources, MotionBatch, MotionClips
from .clips import PHONES
from .losses import (
    closure_gate_loss,
    closure_loss,
    kl_loss,
    lip_loss,
    phone_loss,
    reconstruction_loss,
    velocity_loss,
)
from .motion_scores import prior_scores
from .run import Run, seed_step, step_generator, warm_up_then_cosine
from .synthetic.styles import STYLES

GENERATOR = "generator.safetensors"


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of Eq. (11)'s terms; the paper prints none."""

    reconstruction: float = 1.0
    velocity: float = 3.0
    """GeneFace's."""
    lips: float = 1.0
    """Mouth landmarks on the head, ours: coefficients of equal error do not move the lips equally."""
    kl: float = 0.1
    """Per latent number; GeneFace's 0.5 starves the latent, less leaves prior samples overdone."""
    steady: float = 1.0
    """Reconstruction by the steady face alone."""
    steady_velocity: float = 3.0
    closure: float = 3.0
    """Lips left open on P, B, M; from `closure_from` on, for early it costs vowels their opening."""
    closure_gate: float = 0.1
    phones: float = 0.1


@dataclass(frozen=True, kw_only=True)
class TrainMotionConfig:
    """One run; the defaults are the default model's."""

    run: Path = Path("work/motion")
    corpus: Path = Path("work/corpus")
    features: Path = Path("work/features")
    prototypes: Path = Path("work/emotion/prototypes.safetensors")
    n_variants: int = 3
    n_emotion_variants: int = 2
    generator: MotionGeneratorConfig = field(
        default_factory=lambda: MotionGeneratorConfig(n_styles=len(STYLES))
    )
    weights: LossWeights = field(default_factory=LossWeights)
    sources: EmotionSources = field(default_factory=EmotionSources)
    n_steps: int = 2500
    closure_from: int = 2000
    batch_size: int = 24
    n_frames: int = 96
    """Frames of a crop; a multiple of the stride q."""
    learning_rate: float = 6e-4
    """Ours; GeneFace 5e-4, EcoFace 5e-5 with batches of 50 over 30,000 steps."""
    warm_up: int = 300
    clip_gradient: float = 1.0
    average: float = 0.998
    """Decay of the weights' running average, which is what is scored and shipped."""
    seed: int = 0
    device: str | None = None
    log_every: int = 50
    score_every: int = 500
    n_scored_clips: int = 60


class SteadyHeads(nn.Module):
    """Closure gate and phone classifier on the steady face's features: they teach, and are left behind."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.gate = nn.Linear(hidden_dim, 1)
        self.phones = nn.Linear(hidden_dim, len(PHONES))


def main(config: TrainMotionConfig) -> None:
    """Train from the last checkpoint to the last step and write the averaged generator."""
    device = choose_device(config.device)
    run = Run(config.run, config)
    torch.manual_seed(config.seed)
    train, val = (
        MotionClips(
            config.corpus,
            config.features,
            split,
            tuple(STYLES),
            config.n_variants,
            config.n_emotion_variants,
            config.prototypes,
        )
        for split in ("train", "val")
    )
    head_file = read_head()
    head = FlameHead.from_file(head_file).to(device)
    generator = prepared_generator(config, train, head_file).to(device)
    heads = SteadyHeads(config.generator.hidden_dim).to(device)
    averaged = copy.deepcopy(generator)
    optimizer = torch.optim.Adam([*generator.parameters(), *heads.parameters()], lr=config.learning_rate)
    modules = {"generator": generator, "heads": heads, "averaged": averaged}
    started, first = time.monotonic(), run.resume(modules, optimizer) + 1

    for step in range(first, config.n_steps + 1):
        seed_step(config.seed, step)
        rng = step_generator(config.seed, step)
        batch = train.batch(rng, config.batch_size, config.n_frames, config.sources).to(device)
        output = generator(batch.motion, batch.content, batch.emotion, batch.style, batch.label)
        losses = motion_losses(generator, heads, head, batch, output)
        losses["closure"] = losses["closure"] * (step > config.closure_from)
        loss = torch.stack([asdict(config.weights)[name] * value for name, value in losses.items()]).sum()
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * warm_up_then_cosine(step, config.n_steps, config.warm_up)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(generator.parameters(), config.clip_gradient)
        optimizer.step()
        decay = min(config.average, step / (step + 100))
        move_towards(averaged, generator, 1 - decay)
        if step % config.log_every == 0:
            seconds = (time.monotonic() - started) / (step - first + 1)
            run.log(
                step, {"loss": loss.item(), **{k: v.item() for k, v in losses.items()}, "s_per_step": seconds}
            )
        if step % config.score_every == 0 or step == config.n_steps:
            scores = prior_scores(averaged.eval(), head, val, config.n_scored_clips, config.seed)
            print(
                f"step {step}: " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items()),
                flush=True,
            )
            run.save(step, modules, optimizer)
            run.plot()
    write_generator(averaged, config.run / GENERATOR)


def prepared_generator(
    config: TrainMotionConfig, clips: MotionClips, head_file: FlameFile
) -> MotionGenerator:
    """A new generator that knows its corpus's statistics and which directions move the lips."""
    generator = MotionGenerator(config.generator)
    for name, value in clips.statistics().items():
        generator.get_buffer(name).copy_(torch.from_numpy(value))
    if config.generator.steady_face:
        directions = lip_directions(
            head_file, config.generator.n_lip_directions, generator.motion_std.numpy()
        )
        generator.lip_directions.copy_(torch.from_numpy(directions))
    return generator


def motion_losses(
    generator: MotionGenerator,
    heads: SteadyHeads,
    head: FlameHead,
    batch: MotionBatch,
    output: GeneratorOutput,
) -> dict[str, Tensor]:
    """The terms of Eq. (11) by the names of `LossWeights`; the sync and emotion terms join them here."""

    def normalised(motion: Tensor) -> Tensor:
        return (motion - generator.motion_mean) / generator.motion_std

    decoded, target = normalised(output.motion), normalised(batch.motion)
    spoken = output.motion if output.steady is None else output.steady  # what moves the lips
    lips, true_lips = head.landmarks(spoken), head.landmarks(batch.motion)
    losses = {
        "reconstruction": reconstruction_loss(decoded, target, batch.mask),
        "velocity": velocity_loss(decoded, target, batch.mask),
        "lips": lip_loss(lips, true_lips, batch.mask),
        "closure": closure_loss(lips, true_lips, batch.closed, batch.mask),
        "kl": kl_loss(
            output.z,
            output.mu,
            output.log_sigma,
            generator.log_prior(output.z_prior),
            batch.mask[:, :: generator.config.stride],
        ),
    }
    if output.steady is not None and output.steady_hidden is not None:
        steady = normalised(output.steady)
        losses["steady"] = reconstruction_loss(steady, target, batch.mask)
        losses["steady_velocity"] = velocity_loss(steady, target, batch.mask)
        gate = heads.gate(output.steady_hidden)[..., 0]  # (B, T)
        losses["closure_gate"] = closure_gate_loss(gate, batch.closed, batch.mask)
        losses["phones"] = phone_loss(heads.phones(output.steady_hidden), batch.phone, batch.mask)
    return losses


@torch.no_grad()
def move_towards(average: nn.Module, module: nn.Module, share: float) -> None:
    """One step of the running average of a module's weights."""
    for mean, value in zip(average.parameters(), module.parameters(), strict=True):
        mean.lerp_(value, share)


def write_generator(generator: MotionGenerator, path: Path) -> None:
    """Write the trained generator with its weight normalisation folded in."""
    generator = copy.deepcopy(generator)
    fold_weight_norm(generator)
    save_file({name: value.contiguous() for name, value in generator.state_dict().items()}, path)


if __name__ == "__main__":
    main(tyro.cli(TrainMotionConfig))
