"""Each training stage at the paper's widths, for a few steps on a tiny corpus of noise."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tiny_corpus import write_tiny_corpus
from tiny_stages import write_judges

from ecoface_model.config import paper_config
from ecoface_model.core.constants import FEATURES_PER_FRAME
from training import train_emotion, train_emotion_paper, train_motion, train_sync
from training.objectives.sync_expert import SyncConfig
from training.runs.motion_stage import EmotionLook

PAPER = paper_config()
SYNC = SyncConfig(content_dim=PAPER.content.feature_dim, hidden_dim=512, embedding_dim=512)
FRAMES_SEEN = train_emotion_paper.PAPER.n_frames_seen
FEW = 4  # faces, where the stage does not run in full


def write_paper_corpus(folder: Path, full: bool) -> None:
    """Features and faces as wide as the paper's."""
    dims = PAPER.content.feature_dim, PAPER.emotion.feature_dim
    write_tiny_corpus(
        folder,
        *dims,
        PAPER.visual.image_size,
        n_faces=FRAMES_SEEN if full else FEW,
        front_dim=FEATURES_PER_FRAME * PAPER.emotion.feature_dim,
    )
    write_judges(folder, PAPER.visual, PAPER.content.feature_dim)


def emotion(folder: Path, run: Path, batch: int, full: bool, n_steps: int = 2, device: str = "cpu") -> None:
    """HuBERT and ResNet-18; if not in full, two of HuBERT's 24 layers, and few faces."""
    config = replace(
        train_emotion_paper.PAPER,
        run=run,
        corpus=folder / "corpus",
        features=folder / "features",
        faces=folder / "faces",
        n_variants=1,
        encoder=PAPER.emotion if full else replace(PAPER.emotion, n_layers=2),
        n_frames_seen=FRAMES_SEEN if full else FEW,
        n_steps=n_steps,
        n_clips=batch,
        log_every=1,
        device=device,
    )
    train_emotion.main(config)


def sync(folder: Path, run: Path, batch: int, full: bool, n_steps: int = 2, device: str = "cpu") -> None:
    """The sync-expert on HuBERT's content; it has no HuBERT of its own, and is always full."""
    train_sync.main(
        train_sync.TrainSyncConfig(
            run=run,
            corpus=folder / "corpus",
            features=folder / "features",
            n_variants=1,
            expert=SYNC,
            n_steps=n_steps,
            batch_size=batch,
            log_every=1,
            n_scored=64,
            n_scored_clips=2,
            device=device,
        )
    )


def motion(folder: Path, run: Path, batch: int, full: bool, n_steps: int = 2, device: str = "cpu") -> None:
    """The generator as printed, the four terms of Eq. (11) all at work in both steps; always full."""
    train_motion.main(
        train_motion.TrainMotionConfig(
            run=run,
            corpus=folder / "corpus",
            features=folder / "features",
            prototypes=folder / "prototypes.safetensors",
            visual_weights=folder / "visual.safetensors",
            sync=folder / "sync.safetensors",
            n_variants=1,
            n_emotion_variants=1,
            generator=PAPER.generator,
            visual=PAPER.visual,
            look=EmotionLook(every=1),
            n_steps=n_steps,
            batch_size=batch,
            log_every=1,
            n_scored_clips=2,
            device=device,
        )
    )


STAGES: dict[str, Callable[..., None]] = {
    "emotion": emotion,
    "sync": sync,
    "motion": motion,
}
