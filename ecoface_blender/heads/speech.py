"""What a motion says and feels, frame by frame: all that heads of visemes and emotion keys are moved by.

Pure numpy. It is made once at the motion's rate, where sounds have their length, and travels from there as
columns beside the motion, which are resampled with it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from . import visemes
from .coarticulation import SOUNDS, smooth
from .emotion_names import PARTS, WHOLE
from .feelings import EMOTIONS, STRONG_SPEECH, emotion_curves
from .visemes import Articulation

SLOW = 0.25  # s of the mean that keys of the whole face follow
AROUND = 0.5  # s for which an emotion is there before and after speech
RESTING = 0.5  # of an emotion that stays on a silent face
NAMES = tuple(dict.fromkeys([*visemes.NAMES, *PARTS, *WHOLE]))
"""Sources whose curves come from speech, not from the motion's shape."""


@dataclass(frozen=True)
class Speech:
    """Of every frame of a motion."""

    said: Articulation
    feelings: np.ndarray
    """(T, EMOTIONS) from 0 to 2."""
    closed_slowly: np.ndarray
    """(T,) as `said.closed`, smoothed."""
    speaking_slowly: np.ndarray
    """(T,) as `said.speaking`, smoothed."""
    upper: float = 1.0
    mouth: float = 1.0
    """How much of the emotion brows and eyes show, and the mouth."""

    @classmethod
    def of(
        cls,
        said: Articulation,
        feelings: np.ndarray,
        rate: float,
        upper: float = 1.0,
        mouth: float = 1.0,
    ) -> "Speech":
        """Of what is said and felt at `rate` frames a second; feelings come and go with speech."""
        awake = smooth(_spread(1 - said.shut, AROUND * rate), AROUND / 2 * rate).clip(0, 1)
        speaking = smooth(said.speaking, SLOW * rate)
        accent = 1 - STRONG_SPEECH * (1 - speaking / max(speaking.max(), 1e-6))
        feelings = feelings * ((RESTING + (1 - RESTING) * awake) * accent)[:, None]
        closed = smooth(said.closed, 0.08 * rate)
        return cls(said, feelings, (1.6 * closed).clip(0, 1), speaking, upper, mouth)

    @property
    def columns(self) -> np.ndarray:
        """(T, n) of all that changes over time, to be resampled with the motion."""
        said = self.said
        slow = [self.closed_slowly, self.speaking_slowly]
        return np.column_stack([said.weights, said.closed, said.shut, *slow, self.feelings])

    def with_columns(self, columns: np.ndarray) -> "Speech":
        """The same with other `columns`: at other times, or smoothed."""
        ends = np.cumsum([len(SOUNDS), 1, 1, 1, 1])
        weights, closed, shut, slow, open_, feelings = np.split(columns, ends, axis=1)
        said = Articulation(weights, closed[:, 0], shut[:, 0])
        return Speech(said, feelings, slow[:, 0], open_[:, 0], self.upper, self.mouth)

    def curves(self, wanted: Collection[str]) -> dict[str, np.ndarray]:
        """The wanted curves (T,) of visemes and emotions, before any head limits them."""
        out: dict[str, np.ndarray] = {}
        for each in visemes.SETS:
            if set(wanted) & set(each.phones):
                out |= visemes.viseme_curves(self.said, each)
        out |= emotion_curves(self.feelings, tuple(wanted), self.upper, self.mouth)
        return {name: curve for name, curve in out.items() if name in wanted}


def silent(n_frames: int) -> Speech:
    """A face that says and feels nothing."""
    none = np.zeros(n_frames)
    said = Articulation(np.zeros((n_frames, len(SOUNDS))), none, none + 1)
    return Speech(said, np.zeros((n_frames, len(EMOTIONS))), none, none)


def of_phones(
    phones: np.ndarray,
    names: Sequence[str],
    rate: float,
    jaw: np.ndarray,
    feelings: np.ndarray,
    controls: tuple[float, float, float] = (1.0, 1.0, 1.0),
    amounts: tuple[float, float] = (1.0, 1.0),
) -> Speech:
    """From shares (T, n) of the named phones, the jaw's degrees (T,) and feelings (T, EMOTIONS).

    Args:
        controls: what Jaw, Lips and Upper Face multiply.
        amounts: how much of the emotion the line shows above the nose, and below.
    """
    by_jaw, by_lips, by_upper = (max(each, 0.0) for each in controls)
    said = Articulation.of(phones, names, rate, jaw, (by_jaw, by_lips))
    return Speech.of(said, feelings, rate, by_upper * amounts[0], by_lips * amounts[1])


def _spread(values: np.ndarray, frames: float) -> np.ndarray:
    """The largest of (T,) within so many frames."""
    reach = round(frames)
    padded = np.pad(values, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
