"""Train both emotion encoders together (Sec. 3.2): one space for how speech sounds and how its face looks.

Contrast between emotions in each modality (Eq. 4), the same moments of both brought together (Eqs. 5 and 6),
triplets between intensities within an emotion (Eq. 7).

python -m training.train_emotion --run work/emotion
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import tyro
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor, nn

from ecoface_model.config import N_LABELS, EmotionConfig, VisualConfig
from ecoface_model.emotion import MelEmotion, build_emotion
from ecoface_model.files import write_beside
from ecoface_model.visual import VisualEmotion
from training.batch_norm import over_whole_batch
from training.batches_emotion import EmotionBatch, EmotionClips
from training.clips import CorpusError
from training.emotion_space import Space, confusion, draw, map_clips, map_faces, prototypes
from training.losses_emotion import (
    audio_visual_loss,
    clip_features,
    contrastive_loss,
    label_loss,
    triplet_loss,
)
from training.retrieval import as_lines, space_scores
from training.run import Run, drawn_ahead, seed_step, warm_up_then_cosine

ENCODER, VISUAL, PROTOTYPES = "encoder.safetensors", "visual.safetensors", "prototypes.safetensors"
SPACE, SCORES = "emotion_space.png", "scores.json"


@dataclass(frozen=True, kw_only=True)
class EmotionLossWeights:
    """Weights of the terms; the paper prints none. A weight of 0 is the paper's ablation "w/o" that term."""

    contrastive: float = 1.0
    """Eq. (4), of either modality."""
    audio_visual: float = 1.0
    """Eq. (5); added to Eq. (4) it makes Eq. (6)."""
    triplet: float = 1.0
    """Eq. (7), of either modality."""
    label: float = 1.0
    """Cross-entropy of a linear head on the clip's mean, one head a modality; ours, left behind."""


@dataclass(frozen=True, kw_only=True)
class TrainEmotionConfig:
    """One run; the defaults are the default model's, and all numbers but τ are ours."""

    run: Path = Path("work/emotion")
    corpus: Path = Path("work/corpus")
    faces: Path = Path("work/faces")
    encoder: EmotionConfig = field(default_factory=EmotionConfig)
    visual: VisualConfig = field(default_factory=VisualConfig)
    hubert: Path | None = None
    """A transformers folder of hubert-large-ls960-ft, from which an encoder of kind "hubert" sets out."""
    weights: EmotionLossWeights = field(default_factory=EmotionLossWeights)
    temperature: float = 0.07
    """τ of Eq. (4); SupCon's."""
    margin: float = 0.5
    """Alpha of Eq. (7), between squared distances of unit features (0 to 4)."""
    n_steps: int = 1800
    n_clips: int = 16
    """N of Eq. (4): clips of a batch, each heard twice and seen twice."""
    n_frames: int = 50
    """Of a piece that is heard, 2 s."""
    n_frames_seen: int = 8
    """Of a piece that is seen."""
    learning_rate: float = 5e-4
    warm_up: int = 50
    ramp: int = 250
    """Steps over which contrast, triplets, the tie between modalities and augmentation come in."""
    weight_decay: float = 0.02
    clip_gradient: float = 1.0
    seed: int = 0
    device: str | None = None
    log_every: int = 20
    score_every: int = 500
    n_clips_scored: int = 12
    """Per emotion and intensity, while training."""
    n_clips_prototype: int = 60
    """Per emotion and intensity, of which a prototype is the mean."""

    def __post_init__(self) -> None:
        if self.encoder.feature_dim != self.visual.feature_dim:
            raise ValueError(
                f"expected audio and visual features of one width, found {self.encoder.feature_dim} and "
                f"{self.visual.feature_dim}"
            )
        if self.n_frames_seen > self.n_frames:
            raise ValueError(
                f"expected as many frames heard as seen or more, found {self.n_frames} and "
                f"{self.n_frames_seen}"
            )


class EmotionEncoders(nn.Module):
    """Both encoders, and the heads that training alone needs."""

    def __init__(self, config: TrainEmotionConfig) -> None:
        super().__init__()
        self.audio = build_emotion(config.encoder)
        self.visual = VisualEmotion(config.visual)
        self.audio_head = nn.Linear(config.encoder.feature_dim, N_LABELS)
        self.visual_head = nn.Linear(config.visual.feature_dim, N_LABELS)


def main(config: TrainEmotionConfig) -> None:
    """Train from the last checkpoint to the last step; write encoders, prototypes, scores and a picture.

    Raises:
        CorpusError: if corpus or faces are missing, or the faces are of another size than the config's.
    """
    run = Run(config.run, config, config.device)
    processes = run.processes
    torch.manual_seed(config.seed)
    train, val = (EmotionClips(config.corpus, config.faces, split) for split in ("train", "val"))
    if train.store.image_size != config.visual.image_size:
        raise CorpusError(
            f"expected faces of {config.visual.image_size} pixels in {config.faces}, found "
            f"{train.store.image_size}; run `python -m training.faces --image-size "
            f"{config.visual.image_size}` into another folder and name it with --faces."
        )
    encoders = started(config, train).to(processes.device)
    over_whole_batch(encoders.visual, processes)
    parameters = [parameter for parameter in encoders.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=config.weight_decay)
    first = run.resume({"encoders": encoders}, optimizer) + 1
    rows = processes.share(config.n_clips)
    own = slice(2 * rows.start, 2 * rows.stop)  # two views of each clip
    began = time.monotonic()

    def draw(rng: np.random.Generator, step: int) -> EmotionBatch:
        return train.batch(rng, config.n_clips, config.n_frames, config.n_frames_seen, ramp(config, step))

    for step, batch in drawn_ahead(draw, config.seed, first, config.n_steps):
        seed_step(config.seed, step)
        batch = batch.to(processes.device)
        encoders.train()
        with processes.autocast():
            audio = processes.gather(encoders.audio(batch.waveform[own]).float())  # (2N, 2T, F)
            visual = processes.gather(encoders.visual(batch.faces[own]).float())  # (2N, 2 seen, F)
        losses = emotion_losses(audio, visual, encoders, batch, config)
        loss = weighted(losses, config.weights, ramp(config, step))
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * warm_up_then_cosine(step, config.n_steps, config.warm_up)
        run.descend(loss, losses, parameters, optimizer, config.clip_gradient, step, batch.ids[rows])
        if step % config.log_every == 0:
            values = {"loss": loss.item()} | {name: value.item() for name, value in losses.items()}
            run.log(step, values | {"s_per_step": (time.monotonic() - began) / (step - first + 1)})
        if step % config.score_every == 0 and step < config.n_steps:
            if processes.is_main:
                space = write_encoders(config, encoders, train, val, config.n_clips_scored)
                print(f"step {step}, SYNTHETIC emotion:\n{as_lines(space_scores(space))}", flush=True)
            run.save(step, {"encoders": encoders}, optimizer)
            run.plot()
    run.save(config.n_steps, {"encoders": encoders}, optimizer)
    run.plot()
    if processes.is_main:
        report(config, write_encoders(config, encoders, train, val, config.n_clips_prototype))


def started(config: TrainEmotionConfig, train: EmotionClips) -> EmotionEncoders:
    """Encoders before the first step."""
    encoders = EmotionEncoders(config)
    if isinstance(encoders.audio, MelEmotion):
        rng = np.random.default_rng(config.seed)
        standardise(encoders.audio, train.batch(rng, 16, config.n_frames, config.n_frames_seen).waveform)
    elif config.hubert is not None:
        from ecoface_model.hubert import HubertEncoder, load_hubert

        assert isinstance(encoders.audio, HubertEncoder)
        load_hubert(encoders.audio, config.hubert)
    return encoders


def ramp(config: TrainEmotionConfig, step: int) -> float:
    """0 to 1 over the first steps."""
    return min(1.0, step / config.ramp)


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
    audio_emotion: Float[Tensor, "views audio_steps feature"],
    visual_emotion: Float[Tensor, "views visual_steps feature"],
    encoders: EmotionEncoders,
    batch: EmotionBatch,
    config: TrainEmotionConfig,
) -> dict[str, Float[Tensor, ""]]:
    """The terms on the features of the whole batch: `EmotionLossWeights`' names, then the modality.

    Eq. (5) runs over the steps that a clip's first sound and first faces share; the others are means in time.
    """
    steps = batch.beside[:, None] + torch.arange(visual_emotion.shape[1], device=batch.beside.device)
    clips = torch.arange(len(steps), device=steps.device)[:, None]
    losses = {"audio_visual": audio_visual_loss(audio_emotion[::2][clips, steps], visual_emotion[::2])}
    for modality, features, head in (
        ("audio", audio_emotion, encoders.audio_head),
        ("visual", visual_emotion, encoders.visual_head),
    ):
        z = clip_features(features)  # (2N, F)
        losses |= {
            f"contrastive {modality}": contrastive_loss(z, batch.emotion, config.temperature),
            f"triplet {modality}": triplet_loss(z, batch.emotion, batch.intensity, config.margin),
            f"label {modality}": label_loss(head(features.mean(dim=1)), batch.emotion, batch.intensity),
        }
    return losses


def weighted(losses: dict[str, Tensor], weights: EmotionLossWeights, ramp: float) -> Tensor:
    """The sum that is minimised, Eq. (6) + Eq. (7) + labels; all but the labels come in with the ramp."""
    terms = []
    for name, loss in losses.items():
        term = name.split()[0]
        terms.append(getattr(weights, term) * (1.0 if term == "label" else ramp) * loss)
    return torch.stack(terms).sum()


def write_encoders(
    config: TrainEmotionConfig,
    encoders: EmotionEncoders,
    train: EmotionClips,
    val: EmotionClips,
    n_clips: int,
) -> Space:
    """Write what the later stages need, as it is now; give where held-out clips lie, and prototypes."""
    waveforms, faces, rows = train.evenly(n_clips)
    audio_levels = prototypes(map_clips(encoders.audio, waveforms, rows))
    visual_levels = prototypes(map_faces(encoders.visual, faces, rows))
    waveforms, faces, rows = val.evenly(n_clips)
    heard, seen = map_clips(encoders.audio, waveforms, rows), map_faces(encoders.visual, faces, rows)
    for name, tensors in (
        (ENCODER, encoders.audio.state_dict()),
        (VISUAL, encoders.visual.state_dict()),
        (PROTOTYPES, {"prototypes": audio_levels, "visual": visual_levels}),
    ):
        with write_beside(config.run / name) as temporary:
            save_file({key: value.cpu().contiguous() for key, value in tensors.items()}, temporary)
    return Space(heard, seen, audio_levels, visual_levels)


def report(config: TrainEmotionConfig, space: Space) -> None:
    """Draw, write and print where held-out clips lie in the end."""
    draw(space, config.run / SPACE)
    scores = space_scores(space)
    with write_beside(config.run / SCORES) as temporary:
        temporary.write_text(json.dumps(scores, indent=2))
    print(f"held-out sentences, SYNTHETIC emotion (nothing about people):\n{as_lines(scores)}")
    for name, mapped, levels in (
        ("audio", space.audio, space.audio_levels),
        ("visual", space.visual, space.visual_levels),
    ):
        print(f"{name}, meant (rows) and found (columns):\n{confusion(mapped, levels)}")


if __name__ == "__main__":
    main(tyro.cli(TrainEmotionConfig))
