"""Train the audio emotion encoder (Sec. 3.2): contrast between emotions, triplets between intensities.

python -m training.train_emotion --run work/emotion
"""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import tyro
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor, nn

from ecoface_model.config import EmotionConfig
from ecoface_model.content import SpeechEncoder
from ecoface_model.device import choose_device
from ecoface_model.emotion import build_emotion
from ecoface_model.files import write_beside
from training.batches_emotion import EmotionBatch, EmotionClips
from training.emotion_space import accuracies, confusion, draw, map_clips, prototypes
from training.losses_emotion import clip_features, contrastive_loss, triplet_loss
from training.run import Run, seed_step, step_generator, warm_up_then_cosine

ENCODER, PROTOTYPES, SPACE = "encoder.safetensors", "prototypes.safetensors", "emotion_space.png"


@dataclass(frozen=True, kw_only=True)
class EmotionLossWeights:
    """Weights of the terms; the paper prints none."""

    contrastive: float = 1.0
    """Eq. (4)."""
    triplet: float = 1.0
    """Eq. (7)."""


@dataclass(frozen=True, kw_only=True)
class TrainEmotionConfig:
    """One run; the defaults are the default model's, and all numbers but τ are ours."""

    run: Path = Path("work/emotion")
    corpus: Path = Path("work/corpus")
    encoder: EmotionConfig = field(default_factory=EmotionConfig)
    weights: EmotionLossWeights = field(default_factory=EmotionLossWeights)
    temperature: float = 0.07
    """τ of Eq. (4); SupCon's."""
    margin: float = 0.5
    """Alpha of Eq. (7), between squared distances of unit features (0 to 4)."""
    n_steps: int = 1000
    n_clips: int = 32
    """Clips of a batch, each heard twice."""
    n_frames: int = 50
    """Of a piece, 2 s."""
    learning_rate: float = 8e-4
    warm_up: int = 60
    weight_decay: float = 0.02
    clip_gradient: float = 1.0
    seed: int = 0
    device: str | None = None
    log_every: int = 20
    score_every: int = 200


def main(config: TrainEmotionConfig) -> None:
    """Train from the last checkpoint to the last step; write the encoder, its prototypes and a picture."""
    device = choose_device(config.device)
    run = Run(config.run, config)
    torch.manual_seed(config.seed)
    train, val = (EmotionClips(config.corpus, split) for split in ("train", "val"))
    encoder = build_emotion(config.encoder).to(device)
    optimizer = torch.optim.AdamW(
        encoder.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    first = run.resume({"encoder": encoder}, optimizer) + 1
    started = time.monotonic()

    for step in range(first, config.n_steps + 1):
        seed_step(config.seed, step)
        batch = train.batch(step_generator(config.seed, step), config.n_clips, config.n_frames).to(device)
        encoder.train()
        losses = emotion_losses(encoder, batch, config)
        loss = torch.stack([asdict(config.weights)[name] * value for name, value in losses.items()]).sum()
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * warm_up_then_cosine(step, config.n_steps, config.warm_up)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(encoder.parameters(), config.clip_gradient)
        optimizer.step()
        if step % config.log_every == 0:
            seconds = (time.monotonic() - started) / (step - first + 1)
            run.log(
                step, {"loss": loss.item(), **{k: v.item() for k, v in losses.items()}, "s_per_step": seconds}
            )
        if step % config.score_every == 0 or step == config.n_steps:
            print(f"step {step}: {_scores(encoder, train, val, config.seed)}", flush=True)
            run.save(step, {"encoder": encoder}, optimizer)
            run.plot()
    finish(config, encoder, train, val)


def emotion_losses(
    encoder: SpeechEncoder, batch: EmotionBatch, config: TrainEmotionConfig
) -> dict[str, Float[Tensor, ""]]:
    """The terms by the names of `EmotionLossWeights`; Eqs. (5) and (6) join them with the visual encoder."""
    z = clip_features(encoder(batch.waveform))  # (B, F)
    return {
        "contrastive": contrastive_loss(z, batch.emotion, config.temperature),
        "triplet": triplet_loss(z, batch.emotion, batch.intensity, config.margin),
    }


def finish(
    config: TrainEmotionConfig, encoder: SpeechEncoder, train: EmotionClips, val: EmotionClips
) -> None:
    """Write what the motion generator needs, and say how well synthetic emotions are told apart."""
    levels = prototypes(map_clips(encoder, train.waveforms, train.rows))
    mapped = map_clips(encoder, val.waveforms, val.rows)
    draw(mapped, config.run / SPACE)
    weights = {name: value.cpu().contiguous() for name, value in encoder.state_dict().items()}
    for name, tensors in ((ENCODER, weights), (PROTOTYPES, {"prototypes": levels.contiguous()})):
        with write_beside(config.run / name) as temporary:
            save_file(tensors, temporary)
    scores = ", ".join(f"{name} {value:.2f}" for name, value in accuracies(mapped, levels).items())
    print(f"held-out sentences, SYNTHETIC emotion (says nothing about people): {scores}")
    print(confusion(mapped, levels))


def _scores(encoder: SpeechEncoder, train: EmotionClips, val: EmotionClips, seed: int) -> str:
    """Synthetic accuracies, with prototypes from a part of the training clips."""
    part = np.random.default_rng(seed).permutation(len(train.rows))[:400]
    some = map_clips(encoder, [train.waveforms[i] for i in part], [train.rows[i] for i in part])
    scores = accuracies(map_clips(encoder, val.waveforms, val.rows), prototypes(some))
    return "synthetic " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items())


if __name__ == "__main__":
    main(tyro.cli(TrainEmotionConfig))
