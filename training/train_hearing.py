"""Train how a reference's speech is heard (App. C): moment by moment, as one of the labels.

The audio encoder (Eqs. 4 to 7) scatters single sentences widely around the means that it sets apart, and from
few hours learns sentences by heart; so it stays as it is, and a linear layer on its features and on measured
prosody (`ecoface_model/hearing.py`) learns to tell the labels. A reference then goes to the generator as the
mix of labels that it is like, and means what they mean.

python -m training.train_hearing --run work/hearing
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from jaxtyping import Float, Int
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from ecoface_model.content import SpeechEncoder
from ecoface_model.emotion import build_emotion
from ecoface_model.files import write_beside
from ecoface_model.hearing import Hearing
from training.batches_hearing import HEARING, HeardClips, Moments
from training.emotion_sounds import EmotionSounds
from training.emotion_space import confusion_table
from training.release import fill, read_emotion_configs
from training.run import Run, drawn_ahead, seed_step, warm_up_then_cosine
from training.train_emotion import ENCODER, SCORES

N_USUAL, FRAMES_USUAL = 96, 100  # pieces of 4 s, of which it is learned what measures are usual


@dataclass(frozen=True, kw_only=True)
class TrainHearingConfig:
    """One run; the defaults are the default model's, and all numbers are ours."""

    run: Path = Path("work/hearing")
    corpus: Path = Path("work/corpus")
    emotion: Path = Path("work/emotion")
    """Run folder of train_emotion, through whose audio encoder it listens."""
    n_variants: int = 3
    """Recordings of each clip, the first as it is."""
    n_steps: int = 3000
    n_moments: int = 256
    label_smoothing: float = 0.05
    learning_rate: float = 3e-3
    warm_up: int = 100
    weight_decay: float = 0.02
    clip_gradient: float = 1.0
    seed: int = 0
    device: str | None = None
    log_every: int = 50
    score_every: int = 1000


@dataclass(frozen=True)
class Heard:
    """Held-out clips: what was meant, and the share of each kind over a clip."""

    emotion: Int[NDArray[np.int64], " clips"]
    intensity: Int[NDArray[np.int64], " clips"]
    shares: Float[NDArray[np.float32], "clips 15"]

    @property
    def found(self) -> Int[NDArray[np.int64], " clips"]:
        """The emotion with the largest share."""
        acted = self.shares[:, 1:].reshape(len(self.shares), -1, 2).sum(axis=2)
        found: NDArray[np.int64] = np.hstack([self.shares[:, :1], acted]).argmax(axis=1)
        return found

    def scores(self) -> dict[str, float]:
        """Balanced shares put to their emotion and, knowing it, to their intensity; as `accuracies`."""
        right = self.found == self.emotion
        acted = np.flatnonzero(self.emotion)
        own = 2 * self.emotion[acted] - 1
        stronger = self.shares[acted, own + 1] > self.shares[acted, own]
        return {
            "emotion_accuracy": float(np.mean([right[self.emotion == e].mean() for e in set(self.emotion)])),
            "intensity_accuracy": float((stronger == (self.intensity[acted] == 2)).mean()),
        }


def main(config: TrainHearingConfig) -> None:
    """Train from the last checkpoint to the last step; write what it learned, and scores.

    Raises:
        CorpusError: if the corpus is missing.
        ModelFileError: if train_emotion's run is missing or of another kind.
    """
    encoder = frozen_encoder(config.emotion)
    run = Run(config.run, config, config.device)
    processes = run.processes
    torch.manual_seed(config.seed)
    hearing = Hearing(read_emotion_configs(config.emotion)[0].feature_dim).to(processes.device)
    parameters = list(hearing.parameters())
    optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=config.weight_decay)
    first = run.resume({"hearing": hearing}, optimizer) + 1
    if first > config.n_steps and (config.run / SCORES).is_file():
        return  # all is done: nothing needs to be heard again
    sounds, held_out = (EmotionSounds(config.corpus, split) for split in ("train", "val"))
    if first == 1:
        hearing.learn_usual(usual_sounds(sounds, config.seed).to(processes.device))
    encoder.to(processes.device)
    train = HeardClips(sounds, encoder, hearing, config.n_variants, config.seed)
    val = HeardClips(held_out, encoder, hearing, 1, config.seed)
    rows = processes.share(config.n_moments)
    began = time.monotonic()

    def draw(rng: np.random.Generator, step: int) -> Moments:
        return train.batch(rng, config.n_moments)

    for step, batch in drawn_ahead(draw, config.seed, first, config.n_steps):
        seed_step(config.seed, step)
        own = batch.rows(rows).to(processes.device)
        hearing.train()
        loss = cross_entropy(
            hearing(own.heard, own.prosody), own.kind, label_smoothing=config.label_smoothing
        )
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * warm_up_then_cosine(step, config.n_steps, config.warm_up)
        run.descend(loss, {"label": loss}, parameters, optimizer, config.clip_gradient, step, batch.ids[rows])
        if step % config.log_every == 0:
            run.log(
                step, {"loss": loss.item(), "s_per_step": (time.monotonic() - began) / (step - first + 1)}
            )
        if step % config.score_every == 0 and step < config.n_steps:
            if processes.is_main:
                scores = heard(hearing, val).scores()
                print(f"step {step}, SYNTHETIC emotion: {scores}", flush=True)
            run.save(step, {"hearing": hearing}, optimizer)
            run.plot()
    run.save(config.n_steps, {"hearing": hearing}, optimizer)
    run.plot()
    if processes.is_main:
        write(config.run, hearing)
        report(config.run, heard(hearing, val))


def frozen_encoder(run: Path) -> SpeechEncoder:
    """What train_emotion made."""
    encoder = build_emotion(read_emotion_configs(run)[0])
    fill(encoder, run / ENCODER, "training.train_emotion")
    return encoder.eval().requires_grad_(False)


def usual_sounds(sounds: EmotionSounds, seed: int) -> Float[Tensor, "pieces samples"]:
    """Pieces of clips as recorded anywhere."""
    rng = np.random.default_rng(seed)
    pieces = [sounds.recording(sounds.draw(rng), 0, FRAMES_USUAL, 0.5, rng) for _ in range(N_USUAL)]
    return torch.from_numpy(np.stack(pieces))


@torch.no_grad()
def heard(hearing: Hearing, clips: HeardClips) -> Heard:
    """All of the clips."""
    hearing.eval()
    shares = []
    for clip in range(len(clips.ids)):
        whole = clips.whole(clip).to(hearing.usual.device)
        logits = hearing(whole.heard, whole.prosody)  # (2T, 15)
        shares.append(logits.softmax(dim=1).mean(dim=0).cpu().numpy())
    return Heard((clips.kinds + 1) // 2, np.where(clips.kinds == 0, 0, 2 - clips.kinds % 2), np.stack(shares))


def write(folder: Path, hearing: Hearing) -> None:
    """What training.release needs of it."""
    tensors = {key: value.cpu().contiguous() for key, value in hearing.state_dict().items()}
    with write_beside(folder / HEARING) as temporary:
        save_file(tensors, temporary)


def report(folder: Path, found: Heard) -> None:
    """Write and print how held-out clips are heard."""
    scores = found.scores()
    with write_beside(folder / SCORES) as temporary:
        temporary.write_text(json.dumps(scores, indent=2))
    print(f"held-out sentences, SYNTHETIC emotion (nothing about people): {scores}")
    print(f"meant (rows) and found (columns):\n{confusion_table(found.emotion, found.found)}")


if __name__ == "__main__":
    main(tyro.cli(TrainHearingConfig))
