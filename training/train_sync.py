"""Train the sync-expert (App. A.3, Eq. 12) on performed clips and their content features.

python -m training.train_sync --run work/sync
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import tyro
from torch import Tensor

from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from training.batches.sync import KINDS, NegativeShares, SyncBatch, SyncClips
from training.objectives.sync_expert import (
    MAX_SHIFT,
    SyncConfig,
    SyncExpert,
    clip_shift_cosines,
    cosine,
    log_probability,
)
from training.runs.run import Run, seed_step, step_generator, warm_up_then_cosine
from training.runs.script import run_script

EXPERT, CURVE, SCORES = "sync.safetensors", "sync_curve.png", "sync_scores.json"
IN_SYNC = 0.5  # a cosine above it says yes


@dataclass(frozen=True, kw_only=True)
class TrainSyncConfig:
    """One run; the defaults are the default model's, and ours unless said otherwise."""

    run: Path = Path("work/sync")
    corpus: Path = Path("work/corpus")
    features: Path = Path("work/features")
    n_variants: int = 3
    """Recordings of each clip that are heard: the first as it is, the others augmented."""
    expert: SyncConfig = field(default_factory=SyncConfig)
    negatives: NegativeShares = field(default_factory=NegativeShares)
    n_tries: int = 6
    """Draws of wrong content for a window before it goes without."""
    n_steps: int = 2500
    batch_size: int = 512
    """Windows, each with right and wrong content."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    warm_up: int = 100
    clip_gradient: float = 1.0
    seed: int = 0
    device: str | None = None
    log_every: int = 25
    score_every: int = 500
    n_scored: int = 6000
    """Held-out windows that are scored."""
    n_scored_clips: int = 200
    """Held-out clips over which the curve of shifts is a mean."""

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise ValueError(
                f"expected a batch of two windows or more to normalise by, found {self.batch_size}"
            )


def main(config: TrainSyncConfig) -> None:
    """Train from the last checkpoint to the last step; write the expert, its scores and its curve."""
    run = Run(config.run, config, config.device)
    device, is_main = run.processes.device, run.processes.is_main
    torch.manual_seed(config.seed)
    head = FlameHead.from_file(read_head()).to(device)
    train, val = (
        SyncClips(config.corpus, config.features, split, config.n_variants, head)
        for split in ("train", "val")
    )
    expert = prepared_expert(config.expert, train).to(device)
    optimizer = torch.optim.AdamW(expert.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    modules = {"expert": expert}
    first = run.resume(modules, optimizer) + 1
    started = time.monotonic()

    for step in range(first, config.n_steps + 1):
        seed_step(config.seed, step)
        rng = step_generator(config.seed, step)
        whole = train.batch(rng, config.batch_size, config.negatives, config.n_tries)
        batch = whole.part(run.processes.share(config.batch_size), device)
        with run.processes.autocast():
            right, wrong = cosines(expert.train(), batch)
        losses = sync_losses(right.float(), wrong.float(), batch.clear)
        loss = (losses["right"] + losses["wrong"]) / 2
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * warm_up_then_cosine(step, config.n_steps, config.warm_up)
        run.descend(
            loss, losses, expert.parameters(), optimizer, config.clip_gradient, step, sorted(set(batch.ids))
        )
        if step % config.log_every == 0:
            seconds = (time.monotonic() - started) / (step - first + 1)
            values = {name: value.item() for name, value in losses.items()}
            run.log(step, {"loss": loss.item(), **values, "s_per_step": seconds})
        if step % config.score_every == 0 or step == config.n_steps:
            scores = held_out_scores(expert, val, config)
            if is_main:
                print(f"step {step}: " + ", ".join(f"{k} {v:.3f}" for k, v in scores.items()), flush=True)
            run.save(step, modules, optimizer)
            run.plot()
    if is_main:
        write_expert(expert, val, config)


def prepared_expert(config: SyncConfig, clips: SyncClips) -> SyncExpert:
    """A new expert that knows its corpus's statistics."""
    expert = SyncExpert(config)
    for name, value in clips.statistics().items():
        expert.get_buffer(name).copy_(torch.from_numpy(value))
    return expert


def cosines(expert: SyncExpert, batch: SyncBatch) -> tuple[Tensor, Tensor]:
    """Cosines (N,) of each window with its right and its wrong content, normalised as one batch."""
    content = torch.cat([batch.content, batch.wrong_content])  # (2N, 10, F)
    mouth = expert.embed_mouth(batch.mouth)[:, 0]  # (N, E)
    right, wrong = expert.embed_content(content)[:, 0].chunk(2)  # (N, E)
    return cosine(mouth, right), cosine(mouth, wrong)


def sync_losses(right: Tensor, wrong: Tensor, clear: Tensor) -> dict[str, Tensor]:
    """Eq. (12): cross-entropy of windows (N,) with right content, and with clear wrong content."""
    return {
        "right": -log_probability(right).mean(),
        "wrong": -(log_probability(1 - wrong) * clear).mean(),
    }


@torch.no_grad()
def held_out_scores(expert: SyncExpert, clips: SyncClips, config: TrainSyncConfig) -> dict[str, float]:
    """Loss and accuracies on held-out windows with their first wrong content, the same ones each time.

    "accuracy": mean of right and wrong pairs whose wrong content is clear, in all and by its kind;
    "accuracy_all": of all pairs, also the share "alike" whose wrong content is a pause's or a long sound's.
    """
    expert.eval()
    device = expert.mouth_mean.device
    batch = clips.batch(np.random.default_rng(config.seed), config.n_scored, config.negatives, 1)
    batch = batch.part(slice(None), device)
    right, wrong = cosines(expert, batch)
    clear, accepted, refused = batch.clear, (right > IN_SYNC).float(), (wrong <= IN_SYNC).float()
    losses = sync_losses(right[clear], wrong[clear], clear[clear])
    scores = {
        "loss": (losses["right"] + losses["wrong"]) / 2,
        "accuracy": (accepted[clear].mean() + refused[clear].mean()) / 2,
    }
    for number, kind in enumerate(KINDS):
        chosen = clear & (batch.kind == number)
        scores[f"accuracy_{kind}"] = (accepted[chosen].mean() + refused[chosen].mean()) / 2
    scores["accuracy_all"] = (accepted.mean() + refused.mean()) / 2
    scores["alike"] = 1 - clear.float().mean()
    return {name: float(value) for name, value in scores.items()}


def write_expert(expert: SyncExpert, clips: SyncClips, config: TrainSyncConfig) -> None:
    """The expert with its held-out scores inside, and the same scores and the curve for people."""
    expert.held_out = held_out_scores(expert, clips, config)
    expert.save(config.run / EXPERT)
    curve = mean_shift_curve(expert, clips, config.n_scored_clips)
    with atomic_write(config.run / SCORES) as temporary:
        temporary.write_text(json.dumps({**expert.held_out, "cosine_by_shift": curve}, indent=2) + "\n")
    draw_curve(curve, config.run / CURVE)


def mean_shift_curve(expert: SyncExpert, clips: SyncClips, n_clips: int) -> dict[int, float]:
    """Mean cosine at each shift of the content against the lips, in frames, over clips spread evenly."""
    long_enough = [clip for clip in clips.clips() if len(clip[0]) >= 2 * MAX_SHIFT]
    if not long_enough:
        return {}
    chosen = np.linspace(0, len(long_enough) - 1, min(n_clips, len(long_enough))).astype(int)
    device = expert.mouth_mean.device
    curves = [
        clip_shift_cosines(expert.eval(), mouth.to(device), content.to(device))
        for mouth, content in (long_enough[number] for number in chosen)
    ]
    means = torch.stack(curves).mean(dim=0).tolist()
    return dict(zip(range(-MAX_SHIFT, MAX_SHIFT + 1), means, strict=True))


def draw_curve(curve: dict[int, float], path: Path) -> None:
    """The mean cosine over shifts."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 4))
    axis.plot(list(curve), list(curve.values()), marker="o", markersize=3)
    axis.axvline(0, color="0.7", linewidth=1)
    axis.set_xlabel("speech content later than the lips by, frames of 40 ms")
    axis.set_ylabel("mean cosine, held-out clips")
    axis.set_title("Sync-expert: lips and content, shifted")
    figure.tight_layout()
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=100)
    pyplot.close(figure)


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(TrainSyncConfig)))
