"""Each training stage at a tiny size, as one process or several run it.

python tests/tiny_stages.py STAGE FOLDER RUN
"""

import sys
from collections.abc import Callable
from pathlib import Path

import ecoface_model.emotion
from ecoface_model.config import EmotionConfig, VisualConfig
from training import train_emotion, train_sync
from training.sync_expert import SyncConfig

CONTENT_DIM, EMOTION_DIM, IMAGE_SIZE = 24, 16, 32
N_STEPS = 3


def emotion_config(folder: Path, run: Path) -> train_emotion.TrainEmotionConfig:
    return train_emotion.TrainEmotionConfig(
        run=run,
        corpus=folder / "corpus",
        faces=folder / "faces",
        encoder=EmotionConfig(feature_dim=EMOTION_DIM, n_layers=1, n_heads=2, feedforward_dim=32),
        visual=VisualConfig(widths=(4, 4, 8, 8), feature_dim=EMOTION_DIM, image_size=IMAGE_SIZE),
        n_steps=N_STEPS,
        n_clips=6,
        n_frames=12,
        n_frames_seen=3,
        warm_up=1,
        ramp=1,
        log_every=1,
        score_every=2,
        device="cpu",
    )


def emotion(folder: Path, run: Path) -> None:
    """Without dropout, which falls on other rows in other processes."""
    ecoface_model.emotion.DROPOUT = 0.0
    train_emotion.main(emotion_config(folder, run))


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


def sync(folder: Path, run: Path) -> None:
    train_sync.main(sync_config(folder, run))


STAGES: dict[str, Callable[[Path, Path], None]] = {"emotion": emotion, "sync": sync}

if __name__ == "__main__":
    STAGES[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
