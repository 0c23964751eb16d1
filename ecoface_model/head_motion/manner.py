"""How an emotion, and a style, moves head and eyes: sizes, speeds, poses, and how long a gaze is held.

Busso et al. (2007) measured larger and faster heads in anger and happiness than in neutral and sad speech;
that a sad head hangs, a surprised or frightened one draws back and a disgusted one turns away is in any
handbook of acting. From memory; the numbers are ours, set by looking at the results.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import EMOTIONS, FRAME_RATE
from ecoface_model.core.emotion_label import TRACK_RATE
from ecoface_model.head_motion.melody import smooth

SETTLES = 1.2  # seconds over which a mood reaches the head
MOST = 2.0  # of all emotions together


@dataclass(frozen=True, kw_only=True)
class Manner:
    """What an emotion of intensity 1 does; of 2, the same again. Nothing by default."""

    size: float = 1.0
    """Factor of all turns."""
    speed: float = 1.0
    """Factor of their speed; its inverse of their times."""
    nods: float = 1.0
    """Factor of the nods' size, beside `size`."""
    pitch: float = 0.0
    """Degrees by which the head hangs; it is raised below 0."""
    aside: float = 0.0
    """Degrees by which it turns away from who is spoken to."""
    tilt: float = 0.0
    """Degrees by which it leans to one shoulder."""
    hold: float = 1.0
    """Factor of how long a gaze rests on who is spoken to."""
    away: float = 1.0
    """Factor of how long it is turned away."""
    darting: float = 1.0
    """Factor of how often it shifts while it rests on them."""
    downcast: float = 0.0
    """Degrees by which the gaze is lowered."""


MANNERS = {
    "neutral": Manner(),
    "calm": Manner(size=0.85, speed=0.88, tilt=0.8, hold=1.15, darting=0.85),
    "happy": Manner(size=1.2, speed=1.12, pitch=-1.0, tilt=1.5, hold=1.15),
    "sad": Manner(size=0.72, speed=0.72, nods=0.8, pitch=3.2, tilt=1.2, hold=0.75, away=1.4, downcast=3.0),
    "angry": Manner(size=1.2, speed=1.2, nods=1.08, pitch=1.2, hold=1.5, away=0.8, darting=0.7),
    "fearful": Manner(size=0.9, speed=1.2, pitch=-1.2, aside=1.2, hold=0.75, away=0.8, darting=1.4),
    "disgust": Manner(size=0.95, speed=0.95, pitch=-1.0, aside=2.2, tilt=1.0, hold=0.8, away=1.2),
    "surprised": Manner(size=1.05, speed=1.15, pitch=-2.0, hold=1.4, away=0.8, darting=0.8),
}

STYLES = {
    "natural": 1.0,
    "lively": 1.3,
    "mumbler": 0.7,
    "orator": 1.25,
    "warm": 1.1,
    "stern": 0.75,
    "poised": 0.65,
    "quirky": 1.2,
}
"""Factor of all turns by the style's name; 1 where it is not here."""


@dataclass(frozen=True)
class Moods:
    """The manner of every frame, as arrays (T,)."""

    curves: dict[str, Float[NDArray[np.float64], " frames"]]
    first: int = 0
    """The number of the first frame."""

    def at(self, name: str, seconds: float) -> float:
        """A field of `Manner` at a moment."""
        curve = self.curves[name]
        return float(curve[min(max(round(seconds * FRAME_RATE) - self.first, 0), len(curve) - 1)])

    def part(self, frames: range) -> "Moods":
        """Of some of the frames, counted as these are."""
        there = slice(frames.start - self.first, frames.stop - self.first)
        return Moods({name: curve[there] for name, curve in self.curves.items()}, frames.start)

    def later(self, frames: int) -> "Moods":
        """The same, with frames that count from so many frames later on."""
        return Moods(self.curves, self.first - frames)

    @classmethod
    def of(
        cls, amounts: Float32[NDArray[np.float32], "points emotions"], n_frames: int, style: str
    ) -> "Moods":
        """Of how much of each emotion is felt, at 10 Hz from the beginning on: 0 none, 1 normal, 2 strong."""
        felt = np.asarray(amounts, np.float64)[:, 1:]  # neutral moves as it is
        felt = felt * np.minimum(1, MOST / np.maximum(felt.sum(axis=1, keepdims=True), 1e-9))
        felt = np.stack([smooth(curve, SETTLES * TRACK_RATE) for curve in felt.T], axis=1)
        seconds = np.arange(n_frames) / FRAME_RATE
        points = (np.arange(len(felt)) + 0.5) / TRACK_RATE
        at_frames = np.stack([np.interp(seconds, points, curve) for curve in felt.T])  # (7, T)
        curves = {field.name: _mixed(field.name, at_frames) for field in fields(Manner)}
        curves["size"] = curves["size"] * STYLES.get(style, 1.0)
        return cls(curves)


def _mixed(name: str, felt: Float[NDArray[Any], "emotions frames"]) -> Float[NDArray[np.float64], " frames"]:
    """Factors are powers of the amounts, angles multiples."""
    values = np.array([getattr(MANNERS[emotion], name) for emotion in EMOTIONS[1:]])
    if getattr(Manner(), name) == 1.0:
        mixed: NDArray[np.float64] = np.exp(np.log(values) @ felt)
        return mixed
    added: NDArray[np.float64] = values @ felt
    return added
