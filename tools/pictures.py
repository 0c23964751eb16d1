"""The picture of the default model's emotions in docs/results.md: `python tools/pictures.py`."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from ecoface_model.audio import read_sound
from ecoface_model.core.constants import EMOTIONS, FRAME_RATE
from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from ecoface_model.pipeline import EcoFace
from ecoface_model.renderer.portrait import Portrait

ROOT = Path(__file__).parents[1]
SPEECH, DOCS = ROOT / "demo" / "speech.wav", ROOT / "docs"
FACE_WIDTH = 175  # pixels
MOMENT = 0.96  # s, a vowel
SEED = 1


def main() -> None:
    """Generate, draw, write."""
    model, speech, head = EcoFace.load(), read_sound(SPEECH), read_head()
    portrait, flame, faces = Portrait(head), FlameHead.from_file(head), []
    for emotion in EMOTIONS:
        motion = model.generate(speech, emotion=f"{emotion}:2", seed=SEED).motion
        frame = torch.from_numpy(motion[round(MOMENT * FRAME_RATE)])[None]
        picture = Image.fromarray(portrait.render(flame.vertices(frame))[0].numpy())
        face = picture.resize((FACE_WIDTH, round(picture.height * FACE_WIDTH / picture.width)))
        ImageDraw.Draw(face).text((6, 4), emotion, fill="white")
        faces.append(np.asarray(face))
    Image.fromarray(np.concatenate(faces, axis=1)).save(DOCS / "emotions.png")


if __name__ == "__main__":
    main()
