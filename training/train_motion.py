"""Train the motion generator (Sec. 3.3) by Eq. (11): reconstruction, KL under the flow prior, sync, emotion.

python -m training.train_motion --run work/motion
"""

import copy
import dataclasses
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import tyro
from safetensors.torch import save_file
from torch import Tensor, nn

from ecoface_model.config import MotionGeneratorConfig, VisualConfig
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.flame import FlameHead
from ecoface_model.flow_prior import draw_noise
from ecoface_model.motion_generator import MotionGenerator
from ecoface_model.postprocess.lips import lid_directions, lip_directions
from ecoface_model.tensor_names import GENERATOR as GENERATOR_PREFIX
from ecoface_model.tensor_names import from_file
from ecoface_model.wavenet import fold_weight_norm
from training.batches.motion import TRAIN, EmotionSources, MotionBatch, MotionClips
from training.evaluation.motion_scores import prior_scores
from training.runs.generator_start import start_from
from training.runs.motion_stage import EmotionLook, LossWeights, MotionStage, read_judges, weighted
from training.runs.results import GENERATOR
from training.runs.run import Run, drawn_ahead, seed_step, warm_up_then_cosine
from training.runs.script import run_script


@dataclass(frozen=True, kw_only=True)
class TrainMotionConfig:
    """One run; the defaults are the default model's."""

    run: Path = Path("work/motion")
    corpus: Path = Path("work/corpus")
    features: Path = Path("work/features")
    prototypes: Path = Path("work/emotion/prototypes.safetensors")
    visual_weights: Path = Path("work/emotion/visual.safetensors")
    sync: Path = Path("work/sync/sync.safetensors")
    voices: Path | None = None
    """A corpus of recorded voices, whose emotion features lie in features/ inside of it: twins of the
    synthetic clips."""
    start_from: Path | None = None
    """A model file whose generator is trained further, where its weights fit; from nothing if not given."""
    head: Path | None = None
    """FLAME file or folder whose coefficients the motions are; our reference head if not given."""
    n_variants: int = 3
    n_emotion_variants: int = 2
    generator: MotionGeneratorConfig = field(default_factory=MotionGeneratorConfig)
    """Its n_styles and n_sets are the corpus's, whatever stands here."""
    visual: VisualConfig = field(default_factory=VisualConfig)
    weights: LossWeights = field(default_factory=LossWeights)
    look: EmotionLook = field(default_factory=EmotionLook)
    sources: EmotionSources = field(default_factory=EmotionSources)
    speaker_dropout: float = 0.1
    """Share of the crops that do not tell whose style it is, of which the style "average" is learned; 1 is
    the paper's ablation "w/o speaker-aware"."""
    n_steps: int = 1400
    closure_from: int = 1100
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


def main(config: TrainMotionConfig) -> None:
    """Train from the last checkpoint to the last step and write the averaged generator."""
    run = Run(config.run, config, config.device)
    processes = run.processes
    torch.manual_seed(config.seed)
    train, val = (read_clips(config, split) for split in ("train", "val"))
    head_file = read_head(config.head)
    head = FlameHead.from_file(head_file)
    judges = read_judges(config.sync, config.visual_weights, config.visual, config.weights)
    generator = prepared_generator(config, train, head_file)
    if config.start_from is not None:
        start_from(generator, train.styles, config.start_from)
    stage = MotionStage(generator, head, *judges, config.visual.image_size).to(processes.device)
    averaged = copy.deepcopy(stage.generator)
    parameters = list(stage.generator.parameters())
    optimizer = torch.optim.Adam(parameters, lr=config.learning_rate)
    modules = {"generator": stage.generator, "averaged": averaged}
    first = run.resume(modules, optimizer) + 1
    rows, began = processes.share(config.batch_size), time.monotonic()

    def draw(rng: np.random.Generator, _: int) -> MotionBatch:
        return train.batch(rng, config.batch_size, config.n_frames, config.sources, config.speaker_dropout)

    for step, whole in drawn_ahead(draw, config.seed, first, config.n_steps):
        seed_step(config.seed, step)
        posterior, prior = (noise[rows].to(processes.device) for noise in step_noise(config))
        batch = whole.rows(rows).to(processes.device)
        look = None if step % config.look.every else config.look
        with processes.autocast():
            losses = stage(batch, posterior, prior, look)
        losses["closure"] = losses["closure"] * (step > config.closure_from)
        loss = weighted(losses, config.weights) * processes.weight(whole.mask)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * warm_up_then_cosine(step, config.n_steps, config.warm_up)
        ids = [train.rows[int(number)].id for number in batch.number]
        run.descend(loss, losses, parameters, optimizer, config.clip_gradient, step, ids)
        move_towards(averaged, stage.generator, 1 - min(config.average, step / (step + 100)))
        if step % config.log_every == 0:
            values = {"loss": loss.item()} | {name: value.item() for name, value in losses.items()}
            run.log(step, values | {"s_per_step": (time.monotonic() - began) / (step - first + 1)})
        if step % config.score_every == 0 or step == config.n_steps:
            if processes.is_main:
                scores = prior_scores(averaged.eval(), stage.head, val, config.n_scored_clips, config.seed)
                print(f"step {step}: {', '.join(f'{k} {v:.3f}' for k, v in scores.items())}", flush=True)
            run.save(step, modules, optimizer)
            run.plot()
    if processes.is_main:
        write_generator(averaged, train.styles, config.run / GENERATOR)


def read_clips(config: TrainMotionConfig, split: str) -> MotionClips:
    """One split of the corpus with its features; the voices lend emotions in training alone."""
    return MotionClips(
        config.corpus,
        config.features,
        split,
        config.n_variants,
        config.n_emotion_variants,
        config.prototypes,
        config.voices if split == TRAIN else None,
    )


def step_noise(config: TrainMotionConfig) -> tuple[Tensor, Tensor]:
    """The whole batch's epsilon of Eq. (9), white, and its prior noise, from torch's seed of this step."""
    n_steps = config.n_frames // config.generator.stride
    white = torch.randn(config.batch_size, n_steps, config.generator.latent_dim)
    seeded = torch.Generator().manual_seed(torch.initial_seed() + 1)
    return white, draw_noise(config.generator, n_steps, seeded, batch=config.batch_size)


def prepared_generator(
    config: TrainMotionConfig, clips: MotionClips, head_file: FlameFile
) -> MotionGenerator:
    """A new generator that knows its corpus's statistics and which directions move lips and lids."""
    sized = dataclasses.replace(config.generator, n_styles=len(clips.styles), n_sets=len(clips.datasets))
    generator = MotionGenerator(sized)
    for name, value in clips.statistics().items():
        own = from_file(GENERATOR_PREFIX + name).removeprefix(GENERATOR_PREFIX)
        generator.get_buffer(own).copy_(torch.from_numpy(value))
    if generator.directions is not None:
        std = generator.style_normaliser.std[0].numpy()
        lips = lip_directions(head_file, config.generator.n_lip_directions, std)
        lids = lid_directions(head_file, config.generator.n_lid_directions, std, lips)
        generator.directions.lips.copy_(torch.from_numpy(lips))
        generator.directions.lids.copy_(torch.from_numpy(lids))
    return generator


@torch.no_grad()
def move_towards(average: nn.Module, module: nn.Module, share: float) -> None:
    """One step of the running average of a module's weights."""
    for mean, value in zip(average.parameters(), module.parameters(), strict=True):
        mean.lerp_(value, share)


def write_generator(generator: MotionGenerator, styles: Sequence[str], path: Path) -> None:
    """Write the trained generator, weight normalisation folded in, with its config and its styles."""
    generator = copy.deepcopy(generator)
    fold_weight_norm(generator)
    metadata = {"config": json.dumps(dataclasses.asdict(generator.config)), "styles": json.dumps(styles)}
    tensors = {name: value.contiguous().cpu() for name, value in generator.state_dict().items()}
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, metadata)


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(TrainMotionConfig)))
