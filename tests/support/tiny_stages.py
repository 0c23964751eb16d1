"""Each training stage at a tiny size, as one process or several run it.

python tests/support/tiny_stages.py CORPUS RUNS does them all, one after another
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_corpus import write_tiny_corpus, write_tiny_voices

from ecoface_model.config import EmotionConfig, MotionGeneratorConfig, VisualConfig
from ecoface_model.visual import VisualEmotion
from training import train_emotion, train_motion, train_sync
from training.objectives.sync_expert import SyncConfig, SyncExpert
from training.runs.motion_stage import EmotionLook, LossWeights

CONTENT_DIM, EMOTION_DIM, IMAGE_SIZE = 24, 16, 32
VISUAL = VisualConfig(widths=(4, 4, 8, 8), feature_dim=EMOTION_DIM, image_size=IMAGE_SIZE)
N_STEPS = 3


def emotion_config(folder: Path, run: Path) -> train_emotion.TrainEmotionConfig:
    """Without dropout, which falls on other rows in other processes."""
    return train_emotion.TrainEmotionConfig(
        run=run,
        corpus=folder / "corpus",
        features=folder / "features",
        faces=folder / "faces",
        voices=folder / "voices",
        n_variants=1,
        n_voice_variants=1,
        encoder=EmotionConfig(
            feature_dim=EMOTION_DIM, n_layers=1, n_heads=2, feedforward_dim=32, dropout=0.0
        ),
        visual=VISUAL,
        n_steps=N_STEPS,
        n_clips=6,
        n_real=4,
        n_frames=12,
        n_frames_seen=3,
        warm_up=1,
        ramp=1,
        log_every=1,
        score_every=2,
        device="cpu",
    )


def emotion(folder: Path, run: Path, device: str = "cpu") -> None:
    train_emotion.main(replace(emotion_config(folder, run), device=device))


def sync_config(folder: Path, run: Path) -> train_sync.TrainSyncConfig:
    return train_sync.TrainSyncConfig(
        run=run,
        corpus=folder / "corpus",
        features=folder / "features",
        n_variants=1,
        expert=SyncConfig(content_dim=CONTENT_DIM, hidden_dim=16, embedding_dim=24),
        n_steps=N_STEPS,
        batch_size=16,
        warm_up=1,
        log_every=1,
        score_every=2,
        n_scored=32,
        n_scored_clips=3,
        device="cpu",
    )


def sync(folder: Path, run: Path, device: str = "cpu") -> None:
    train_sync.main(replace(sync_config(folder, run), device=device))


def motion_config(folder: Path, run: Path) -> train_motion.TrainMotionConfig:
    return train_motion.TrainMotionConfig(
        run=run,
        corpus=folder / "corpus",
        features=folder / "features",
        voices=folder / "voices",
        prototypes=folder / "prototypes.safetensors",
        visual_weights=folder / "visual.safetensors",
        sync=folder / "sync.safetensors",
        n_variants=1,
        n_emotion_variants=1,
        generator=MotionGeneratorConfig(
            content_dim=CONTENT_DIM,
            emotion_dim=EMOTION_DIM,
            hidden_dim=16,
            condition_dim=8,
            flow_hidden_dim=8,
            n_encoder_layers=2,
            n_decoder_layers=2,
            n_steady_layers=2,
        ),
        visual=VISUAL,
        weights=LossWeights(life=0.0),
        look=EmotionLook(every=2, n_clips=4, n_frames=3),
        n_steps=N_STEPS,
        closure_from=N_STEPS,
        batch_size=4,
        n_frames=24,
        warm_up=1,
        log_every=1,
        score_every=2,
        n_scored_clips=3,
        device="cpu",
    )


def motion(folder: Path, run: Path, device: str = "cpu") -> None:
    """Without two terms of ours that are no means over rows: closures stand unevenly, and life is a ratio."""
    train_motion.main(replace(motion_config(folder, run), device=device))


def write_judges(folder: Path, visual: VisualConfig, content_dim: int) -> None:
    """What the motion stage is judged by: they have learned nothing, but say that they have."""
    torch.manual_seed(0)
    save_file(VisualEmotion(visual).state_dict(), folder / "visual.safetensors")
    expert = SyncExpert(SyncConfig(content_dim=content_dim, hidden_dim=16, embedding_dim=24))
    expert.held_out = {"loss": 0.5}
    expert.save(folder / "sync.safetensors")


def write_stage_corpus(folder: Path) -> None:
    """All that the tiny stages read."""
    write_tiny_corpus(folder, CONTENT_DIM, EMOTION_DIM, IMAGE_SIZE)
    write_tiny_voices(folder / "voices", EMOTION_DIM)
    write_judges(folder, VISUAL, CONTENT_DIM)


STAGES: dict[str, Callable[..., None]] = {
    "emotion": emotion,
    "sync": sync,
    "motion": motion,
}

if __name__ == "__main__":
    for name, stage in STAGES.items():
        stage(Path(sys.argv[1]), Path(sys.argv[2]) / name)
