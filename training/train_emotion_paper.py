"""Train both emotion encoders at the paper's size and by its schedule (Sec. 4.1): 10k steps of 30 clips.

python -m training.faces work/corpus --out work/faces-128 --image-size 128
python -m training.train_emotion_paper --hubert FOLDER_OF_HUBERT_LARGE_LS960_FT
"""

from pathlib import Path

import tyro

from ecoface_model.config import paper_config
from training.train_emotion import TrainEmotionConfig, main

PAPER = TrainEmotionConfig(
    run=Path("work/emotion-paper"),
    faces=Path("work/faces-128"),
    encoder=paper_config().emotion,
    visual=paper_config().visual,
    n_steps=10_000,
    n_clips=30,
    n_frames_seen=24,
    learning_rate=5e-5,
)

if __name__ == "__main__":
    main(tyro.cli(TrainEmotionConfig, default=PAPER))
