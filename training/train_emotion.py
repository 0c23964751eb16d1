"""Train both emotion encoders together (Sec. 3.2): one space for how speech sounds and how its face looks.

Contrast between emotions in each modality (Eq. 4), the same moments of both brought together (Eqs. 5 and 6),
triplets between intensities within an emotion (Eq. 7). Synthetic clips are heard and seen; recorded voices,
where there are some, are heard beside them, so that a class is one place for both.

python -m training.train_emotion --run work/emotion --voices work/voices
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

from ecoface_model.classifier import EmotionClassifier
from ecoface_model.config import EmotionConfig, VisualConfig
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import FEATURES_PER_FRAME, N_LABELS
from ecoface_model.emotion import WhisperEmotion, build_emotion
from ecoface_model.visual import VisualEmotion
from training.batches.emotion import EmotionBatch, EmotionClips
from training.batches.motion import VOICE_FEATURES
from training.data.clips import CorpusError
from training.data.face_store import FaceStore
from training.data.sources import write_sources
from training.data.voice_clips import VoiceClips
from training.evaluation.classifier_fit import calibrate, fit_classifier
from training.evaluation.emotion_space import Space, draw, joint_prototypes, map_clips, map_faces, prototypes
from training.evaluation.hidden_fit import STEPS, expect_shared_evenly
from training.evaluation.recognition import recognition
from training.evaluation.retrieval import as_lines, space_scores
from training.objectives.emotion import (
    audio_visual_loss,
    clip_features,
    contrastive_loss,
    label_loss,
    mean_over_speech,
    triplet_loss,
)
from training.runs.results import CLASSIFIER, ENCODER, PROTOTYPES, VISUAL
from training.runs.run import Run, drawn_ahead, seed_step, warm_up_then_cosine
from training.runs.script import run_script

SPACE, SCORES = "emotion_space.png", "scores.json"
NO_VOICES = (
    "No recorded voices were given (--voices): what is learned is how synthetic speech expresses emotions; "
    "do not expect it to name the emotions of people."
)


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
    """Cross-entropy of a linear layer on the clip's mean: of speech, the classifier; of faces, one that is
    left behind; ours."""


@dataclass(frozen=True, kw_only=True)
class TrainEmotionConfig:
    """One run; the defaults are the default model's, and all numbers but τ are ours."""

    run: Path = Path("work/emotion")
    corpus: Path = Path("work/corpus")
    features: Path = Path("work/features")
    """Where `training.features --kind front` put the corpus's."""
    faces: Path = Path("work/faces")
    voices: Path | None = None
    """A corpus of recorded voices (`training.prepare voices`); its features lie in features/ inside of it."""
    leave_out: tuple[str, ...] = ()
    """Data sets of the voices that take no part, such as emodb: to see how a corpus never heard is named."""
    n_variants: int = 2
    """Of the features: recordings of each clip that the encoder hears."""
    n_voice_variants: int = 6
    """The same of recorded voices, to which the classifier is fitted."""
    encoder: EmotionConfig = field(default_factory=lambda: EmotionConfig(hidden_dim=256, frame_units=512))
    visual: VisualConfig = field(default_factory=VisualConfig)
    hubert: Path | None = None
    """A transformers folder of hubert-large-ls960-ft, from which an encoder of kind "hubert" sets out."""
    weights: EmotionLossWeights = field(default_factory=EmotionLossWeights)
    temperature: float = 0.07
    """τ of Eq. (4); SupCon's."""
    margin: float = 0.5
    """Alpha of Eq. (7), between squared distances of unit features (0 to 4)."""
    label_smoothing: float = 0.1
    n_steps: int = 700
    n_clips: int = 12
    """Synthetic clips of a batch, each heard twice and seen twice; with n_real, N of Eq. (4)."""
    n_real: int = 20
    """Clips of recorded voices, each heard twice."""
    n_frames: int = 75
    """Of a piece that is heard, 3 s: an acted sentence is hardly longer."""
    n_frames_seen: int = 8
    """Of a piece that is seen."""
    learning_rate: float = 7e-4
    warm_up: int = 50
    ramp: int = 150
    """Steps over which contrast, triplets and the tie between modalities come in."""
    weight_decay: float = 0.1
    clip_gradient: float = 1.0
    seed: int = 0
    device: str | None = None
    log_every: int = 20
    score_every: int = 350
    n_fit_steps: int = STEPS
    """Of the classifier's fit at the end."""

    def __post_init__(self) -> None:
        expect_shared_evenly(self.encoder.hidden_dim, self.encoder.frame_units)
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
    """Both encoders, the classifier of speech, and the head that training alone needs."""

    def __init__(self, config: TrainEmotionConfig) -> None:
        super().__init__()
        self.audio = build_emotion(config.encoder)
        self.visual = VisualEmotion(config.visual)
        self.classifier = EmotionClassifier.of(config.encoder, self.audio.row_dim)
        self.classifier.row_layers().requires_grad_(False)  # fitted at the end
        self.visual_head = nn.Linear(config.visual.feature_dim, N_LABELS)


def main(config: TrainEmotionConfig) -> None:
    """Train from the last checkpoint to the last step; write encoders, classifier, prototypes and scores.

    Raises:
        CorpusError: if corpus, features or faces are missing, or the faces are of another size than the
            config's.
    """
    run = Run(config.run, config, config.device)
    processes = run.processes
    torch.manual_seed(config.seed)
    train, val = (read_clips(config, split) for split in ("train", "val"))
    n_real = config.n_real if train.real else 0
    encoders = started(config, train).to(processes.device)
    parameters = [parameter for parameter in encoders.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=config.weight_decay)
    first = run.resume({"encoders": encoders}, optimizer) + 1
    heard, seen = (twice(processes.share(n)) for n in (config.n_clips + n_real, config.n_clips))
    began = time.monotonic()

    def draw(rng: np.random.Generator, _: int) -> EmotionBatch:
        return train.batch(rng, config.n_clips, n_real, config.n_frames, config.n_frames_seen)

    for step, batch in drawn_ahead(draw, config.seed, first, config.n_steps):
        seed_step(config.seed, step)
        batch = batch.to(processes.device)
        encoders.train()
        with processes.autocast():
            own = encoders.audio.of_front(batch.rows[heard], batch.baseline[heard], batch.kind[heard])
            audio = processes.gather(own.float())  # (2N, 2T, F)
            visual = processes.gather(encoders.visual(batch.faces[seen]).float())  # (2 n_clips, 2 seen, F)
        losses = emotion_losses(audio, visual, encoders, batch, config)
        loss = weighted(losses, config.weights, ramp(config, step))
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * warm_up_then_cosine(step, config.n_steps, config.warm_up)
        run.descend(loss, losses, parameters, optimizer, config.clip_gradient, step, batch.ids)
        if step % config.log_every == 0:
            values = {"loss": loss.item()} | {name: value.item() for name, value in losses.items()}
            run.log(step, values | {"s_per_step": (time.monotonic() - began) / (step - first + 1)})
        if step % config.score_every == 0 and step < config.n_steps:
            if processes.is_main:
                print(f"step {step}:\n{as_lines(score(encoders, val))}", flush=True)
            run.save(step, {"encoders": encoders}, optimizer)
            run.plot()
    run.save(config.n_steps, {"encoders": encoders}, optimizer)
    run.plot()
    if processes.is_main:
        write_encoders(config.run, encoders, train, val, config.n_fit_steps)


def read_clips(config: TrainEmotionConfig, split: str) -> EmotionClips:
    """One split of the corpus with its faces, and of the voices."""
    faces = FaceStore(config.faces)
    if faces.image_size != config.visual.image_size:
        raise CorpusError(
            f"expected faces of {config.visual.image_size} pixels in {config.faces}, found "
            f"{faces.image_size}; run `python -m training.faces --image-size "
            f"{config.visual.image_size}` into another folder and name it with --faces."
        )
    synthetic = VoiceClips(config.corpus, config.features, split, config.n_variants)
    real = None
    if config.voices is None:
        print(NO_VOICES, flush=True)
    else:
        n_variants = max(config.n_variants, config.n_voice_variants)
        real = VoiceClips(config.voices, config.voices / VOICE_FEATURES, split, n_variants, config.leave_out)
    return EmotionClips(synthetic, faces, real, config.n_variants)


def twice(rows: slice) -> slice:
    """Both views of each clip."""
    return slice(2 * rows.start, 2 * rows.stop)


def started(config: TrainEmotionConfig, train: EmotionClips) -> EmotionEncoders:
    """Encoders before the first step."""
    encoders = EmotionEncoders(config)
    if isinstance(encoders.audio, WhisperEmotion):
        mean, std = (torch.from_numpy(each) for each in (train.real or train.synthetic).statistics())
        encoders.audio.state_mean.copy_(mean.view_as(encoders.audio.state_mean))
        encoders.audio.state_std.copy_(std.view_as(encoders.audio.state_std))
    elif config.hubert is not None:
        from ecoface_model.hubert import HubertEncoder, load_hubert

        assert isinstance(encoders.audio, HubertEncoder)
        load_hubert(encoders.audio, config.hubert)
    return encoders


def ramp(config: TrainEmotionConfig, step: int) -> float:
    """0 to 1 over the first steps."""
    return min(1.0, step / config.ramp)


def emotion_losses(
    audio_emotion: Float[Tensor, "views audio_steps feature"],
    visual_emotion: Float[Tensor, "seen_views visual_steps feature"],
    encoders: EmotionEncoders,
    batch: EmotionBatch,
    config: TrainEmotionConfig,
) -> dict[str, Float[Tensor, ""]]:
    """The terms on the features of the whole batch: `EmotionLossWeights`' names, then the modality.

    Eq. (5) runs over the steps that a clip's first sound and first faces share; the others are means in time.
    """
    n_seen = len(visual_emotion)
    steps = batch.beside[:, None] + torch.arange(visual_emotion.shape[1], device=batch.beside.device)
    clips = torch.arange(len(steps), device=steps.device)[:, None]
    seen_audio = audio_emotion[:n_seen:2][clips, steps]
    losses = {"audio_visual": audio_visual_loss(seen_audio, visual_emotion[::2])}
    speech = batch.speech.repeat_interleave(FEATURES_PER_FRAME, dim=1)
    for modality, features, spoken, head in (
        ("audio", audio_emotion, speech, encoders.classifier.to_labels),
        ("visual", visual_emotion, None, encoders.visual_head),
    ):
        emotion, intensity, known, weight = (
            value[: len(features)] for value in (batch.emotion, batch.intensity, batch.known, batch.weight)
        )
        z = clip_features(features, spoken)  # (2N, F)
        logits = head(mean_over_speech(features, spoken))
        smoothing = config.label_smoothing
        losses |= {
            f"contrastive {modality}": contrastive_loss(z, emotion, config.temperature),
            f"triplet {modality}": triplet_loss(z, emotion, intensity, config.margin, known),
            f"label {modality}": label_loss(logits, emotion, intensity, known, smoothing, weight),
        }
    return losses


def weighted(losses: dict[str, Tensor], weights: EmotionLossWeights, ramp: float) -> Tensor:
    """The sum that is minimised, Eq. (6) + Eq. (7) + labels; all but the labels come in with the ramp."""
    terms = []
    for name, loss in losses.items():
        term = name.split()[0]
        terms.append(getattr(weights, term) * (1.0 if term == "label" else ramp) * loss)
    return torch.stack(terms).sum()


def score(encoders: EmotionEncoders, val: EmotionClips) -> dict[str, dict[str, float]]:
    """Balanced shares of held-out clips that are named rightly, by corpus and voice baseline."""
    encoders.eval()
    found = {"synthetic": recognition(encoders.audio, encoders.classifier, val.synthetic)}
    if val.real is not None:
        found["recorded voices"] = recognition(encoders.audio, encoders.classifier, val.real)
    return found


def write_encoders(
    folder: Path, encoders: EmotionEncoders, train: EmotionClips, val: EmotionClips, n_fit_steps: int
) -> None:
    """Calibrate the classifier on held-out clips; write what the later stages need, scores and a picture."""
    encoders.eval()
    corpora = [[clips.synthetic, *([clips.real] if clips.real else [])] for clips in (train, val)]
    fit_classifier(encoders.audio, encoders.classifier, corpora[0], n_steps=n_fit_steps)
    calibrate(encoders.audio, encoders.classifier, corpora[1])
    heard = [map_clips(encoders.audio, clips) for clips in (train.synthetic, train.real) if clips is not None]
    audio_levels = joint_prototypes(heard)
    visual_levels = prototypes(map_faces(encoders.visual, train.synthetic.rows, train.faces))
    for name, tensors in (
        (ENCODER, encoders.audio.own_state()),
        (CLASSIFIER, encoders.classifier.state_dict()),
        (VISUAL, encoders.visual.state_dict()),
        (PROTOTYPES, {"prototypes": audio_levels, "visual": visual_levels}),
    ):
        with atomic_write(folder / name) as temporary:
            save_file({key: value.cpu().contiguous() for key, value in tensors.items()}, temporary)
    write_sources(folder, [*train.rows_seen, *(train.real.rows if train.real else [])])
    space = Space(
        map_clips(encoders.audio, val.synthetic, val.seen.tolist()),
        map_faces(encoders.visual, val.synthetic.rows, val.faces),
        audio_levels,
        visual_levels,
    )
    draw(space, folder / SPACE)
    scores = space_scores(space) | score(encoders, val)
    with atomic_write(folder / SCORES) as temporary:
        temporary.write_text(json.dumps(scores, indent=2))
    print(f"held-out clips; synthetic emotion says nothing about people:\n{as_lines(scores)}")


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(TrainEmotionConfig)))
