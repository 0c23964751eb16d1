"""Train both emotion encoders at the paper's size and by its schedule (Sec. 4.1): 10k steps of 30 clips.

It reads `training.features --kind front` of HuBERT and faces of 128 pixels: commands in docs/training.md.
"""

from pathlib import Path

import tyro

from ecoface_model.config import paper_config
from training.runs.script import run_script
from training.train_emotion import TrainEmotionConfig, main

PAPER = TrainEmotionConfig(
    run=Path("work/emotion-paper"),
    features=Path("work/features-paper"),
    faces=Path("work/faces-128"),
    encoder=paper_config().emotion,
    visual=paper_config().visual,
    n_steps=10_000,
    n_clips=30,
    n_frames_seen=24,
    learning_rate=5e-5,
)

if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(TrainEmotionConfig, default=PAPER)))
