"""Two minutes of speech as head and gaze know it: a melody with accents and pauses, and a mood."""

import numpy as np

from ecoface_model.core.constants import EMOTIONS, FRAME_RATE
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import Accent, Melody

SECONDS = np.arange(3000) / FRAME_RATE


def moods(emotion: str = "neutral", amount: float = 0.0, frames: int = 3000, style: str = "natural") -> Moods:
    amounts = np.zeros((-(-frames * 2 // 5), len(EMOTIONS)), np.float32)
    amounts[:, EMOTIONS.index(emotion)] = amount
    return Moods.of(amounts, frames, style)


def melody(frames: int = 3000) -> Melody:
    """Phrases of 3 s with pauses of 1 s, and an accent every 0.6 s."""
    seconds = frames / FRAME_RATE
    phrases = tuple((s + 0.5, min(s + 3.5, seconds)) for s in np.arange(0, seconds - 1, 4.0))
    accents = tuple(
        Accent(float(t), 0.3 + 0.7 * (k % 3 == 0))
        for s, e in phrases
        for k, t in enumerate(np.arange(s + 0.3, e, 0.6))
    )
    contour = np.sin(2 * np.pi * 0.5 * np.arange(frames) / FRAME_RATE) * 3
    return Melody(contour, accents, phrases, seconds)
