"""Train the audio emotion encoder (Sec. 3.2): contrast between emotions, triplets between intensities.

python -m training.train_emotion --run work/emotion
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import tyro
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor, nn

from ecoface_model.config import EMOTIONS, EmotionConfig
from ecoface_model.content import SpeechEncoder
from ecoface_model.device import choose_device
from ecoface_model.emotion import MelEmotion, build_emotion
from ecoface_model.files import write_beside
from training.batches_emotion import EmotionBatch, EmotionClips
from training.emotion_space import Mapped, accuracies, confusion, draw, map_clips, prototypes
from training.losses_emotion import clip_features, contrastive_loss, label_loss, triplet_loss
from training.run import Run, seed_step, step_generator, warm_up_then_cosine

ENCODER, PROTOTYPES, SPACE = "encoder.safetensors", "prototypes.safetensors", "emotion_space.png"
N_LABELS = 2 * len(EMOTIONS) - 1  # emotion x intensity; neutral is one


@dataclass(frozen=True, kw_only=True)
class EmotionLossWeights:
    """Weights of the terms; the paper prints none."""

    contrastive: float = 1.0
    """Eq. (4)."""
    triplet: float = 1.0
    """Eq. (7)."""
    label: float = 1.0
    """Cross-entropy of a linear head on the clip's mean; ours, the head is left behind."""


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
    n_steps: int = 2500
    n_clips: int = 16
    """Clips of a batch, each heard twice."""
    n_frames: int = 50
    """Of a piece, 2 s."""
    learning_rate: float = 5e-4
    warm_up: int = 50
    ramp: int = 250
    """Steps over which contrast, triplets and augmentation come in."""
    weight_decay: float = 0.02
    clip_gradient: float = 1.0
    seed: int = 0
    device: str | None = None
    log_every: int = 20
    score_every: int = 350
    n_clips_scored: int = 12
    """Per emotion and intensity, while training."""
    n_clips_prototype: int = 60
    """Per emotion and intensity, of which a prototype is the mean."""


def main(config: TrainEmotionConfig) -> None:
    """Train from the last checkpoint to the last step; write the encoder, its prototypes and a picture."""
    device = choose_device(config.device)
    run = Run(config.run, config)
    torch.manual_seed(config.seed)
    train, val = (EmotionClips(config.corpus, split) for split in ("train", "val"))
    encoder = build_emotion(config.encoder)
    head = nn.Linear(config.encoder.feature_dim, N_LABELS)
    if isinstance(encoder, MelEmotion):
        standardise(encoder, train.batch(np.random.default_rng(config.seed), 16, config.n_frames).waveform)
    modules: dict[str, nn.Module] = {"encoder": encoder.to(device), "head": head.to(device)}
    parameters = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=config.weight_decay)
    first = run.resume(modules, optimizer) + 1
    started = time.monotonic()

    for step in range(first, config.n_steps + 1):
        seed_step(config.seed, step)
        ramp = min(1.0, step / config.ramp)
        rng = step_generator(config.seed, step)
        batch = train.batch(rng, config.n_clips, config.n_frames, ramp).to(device)
        encoder.train()
        losses = emotion_losses(encoder, head, batch, config)
        loss = weighted(losses, config.weights, ramp)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * warm_up_then_cosine(step, config.n_steps, config.warm_up)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, config.clip_gradient)
        optimizer.step()
        if step % config.log_every == 0:
            values = {"loss": loss.item()} | {name: value.item() for name, value in losses.items()}
            run.log(step, values | {"s_per_step": (time.monotonic() - started) / (step - first + 1)})
        if step % config.score_every == 0 and step < config.n_steps:
            mapped, levels = write_encoder(config, encoder, train, val, config.n_clips_scored)
            print(f"step {step}, synthetic: {accuracies(mapped, levels)}", flush=True)
            run.save(step, modules, optimizer)
            run.plot()
    run.save(config.n_steps, modules, optimizer)
    run.plot()
    mapped, levels = write_encoder(config, encoder, train, val, config.n_clips_prototype)
    draw(mapped, config.run / SPACE)
    print(f"held-out sentences, SYNTHETIC emotion (nothing about people): {accuracies(mapped, levels)}")
    print(confusion(mapped, levels))


@torch.no_grad()
def standardise(encoder: MelEmotion, waveform: Float[Tensor, "batch samples"]) -> None:
    """Scale the new convolutions so that each channel has mean 0 and deviation 1 on real sounds.

    Log-mel spectra of speech differ little beside what they share; left as drawn, all clips look alike.
    """
    hooks = [layer.register_forward_hook(_rescale) for layer in (encoder.conv1, encoder.conv2)]
    encoder(waveform)
    for hook in hooks:
        hook.remove()


def _rescale(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> Tensor:
    assert isinstance(layer, nn.Conv1d) and layer.bias is not None
    mean, deviation = output.mean(dim=(0, 2)), output.std(dim=(0, 2))
    layer.weight /= deviation[:, None, None]
    layer.bias.copy_((layer.bias - mean) / deviation)
    return (output - mean[:, None]) / deviation[:, None]


def emotion_losses(
    encoder: SpeechEncoder, head: nn.Linear, batch: EmotionBatch, config: TrainEmotionConfig
) -> dict[str, Float[Tensor, ""]]:
    """The terms by the names of `EmotionLossWeights`; Eqs. (5) and (6) join them with the visual encoder."""
    features = encoder(batch.waveform)  # (B, 2T, F)
    z = clip_features(features)  # (B, F)
    return {
        "contrastive": contrastive_loss(z, batch.emotion, config.temperature),
        "triplet": triplet_loss(z, batch.emotion, batch.intensity, config.margin),
        "label": label_loss(head(features.mean(dim=1)), batch.emotion, batch.intensity),
    }


def weighted(losses: dict[str, Tensor], weights: EmotionLossWeights, ramp: float) -> Tensor:
    """The sum that is minimised; contrast and triplets come in with the ramp."""
    factors = {"contrastive": ramp, "triplet": ramp, "label": 1.0}
    return torch.stack([getattr(weights, name) * factors[name] * loss for name, loss in losses.items()]).sum()


def write_encoder(
    config: TrainEmotionConfig, encoder: SpeechEncoder, train: EmotionClips, val: EmotionClips, n_clips: int
) -> tuple[Mapped, Tensor]:
    """Write what the motion generator needs, as it is now; give where held-out clips lie, and prototypes."""
    levels = prototypes(map_clips(encoder, *train.evenly(n_clips)))
    mapped = map_clips(encoder, *val.evenly(n_clips))
    weights = {name: value.cpu().contiguous() for name, value in encoder.state_dict().items()}
    for name, tensors in ((ENCODER, weights), (PROTOTYPES, {"prototypes": levels.contiguous()})):
        with write_beside(config.run / name) as temporary:
            save_file(tensors, temporary)
    return mapped, levels


if __name__ == "__main__":
    main(tyro.cli(TrainEmotionConfig))
