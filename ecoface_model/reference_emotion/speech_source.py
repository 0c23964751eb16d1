"""The emotion of the speech itself, told while it is animated."""

from collections.abc import Iterator
from concurrent.futures import Executor

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FEATURE_RATE, FEATURES_PER_FRAME
from ecoface_model.core.emotion_label import TRACK_RATE
from ecoface_model.reference_emotion.calibration import REACH, Calibration, sure_enough
from ecoface_model.reference_emotion.sources import (
    STEPS_PER_POINT,
    Amounts,
    mixed,
    on_the_line,
    with_neutral,
)
from ecoface_model.reference_emotion.speech_emotion import SpeechEmotion
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from ecoface_model.windowed_encoder import (
    Progress,
    Track,
    WindowedEncoder,
    frames_of,
    speech_emotion,
    speech_of,
)

REACH_POINTS = round(REACH * TRACK_RATE)

Heard = tuple[
    range, Float32[NDArray[np.float32], "steps content"], Float32[NDArray[np.float32], "steps emotion"]
]
"""A window, its content features, and those of its emotion."""


class SpeechSource:
    """One clip's content and emotion features; the front that both need runs once.

    A window's emotion is told when the next window was heard, since speech within REACH counts: so windows
    change nothing in it, and it is what `WindowedEncoder.listen` hears.
    """

    def __init__(
        self,
        encoder: WindowedEncoder,
        prototypes: Float32[NDArray[np.float32], "emotions 3 feature"],
        waveform: NDArray[np.float32],
        baseline: VoiceBaseline | None,
    ) -> None:
        self.encoder, self.prototypes, self.waveform, self.baseline = encoder, prototypes, waveform, baseline
        self.speech = speech_of(waveform)
        self.track = Track(FEATURES_PER_FRAME * frames_of(waveform))

    def windows(self, stage: str, progress: Progress | None, pool: Executor | None) -> Iterator[Heard]:
        """All windows of the clip, in order."""
        waiting: tuple[range, NDArray[np.float32]] | None = None
        heard = self.encoder.listened(self.waveform, self.baseline, stage, progress, pool)
        for window, content, evidence in heard:
            self.track.add(window, evidence)
            if waiting is not None:
                yield *waiting, self._emotion(waiting[0])
            waiting = window, content
        assert waiting is not None, "a plan has windows"
        yield *waiting, self._emotion(waiting[0])

    def heard(self) -> SpeechEmotion:
        """What was heard in all, once every window was."""
        shares = self.encoder.backend.calibration.shares(self.track.whole(), self.speech)
        return speech_emotion(*shares, self.speech, self.baseline)

    def amounts(self) -> Amounts:
        """How much of each emotion the face shows, at 10 Hz, once every window was heard."""
        heard = self.heard()
        return with_neutral(sure_enough(heard.shares) * heard.intensity[:, None])

    def amounts_so_far(self) -> Amounts:
        """The same, told from the windows that were heard; behind them the last moment lasts."""
        assert self.track.points is not None, "a window was heard"
        points, n = self.track.points[: self.track.known], self.track.known
        shares, intensity = self.encoder.backend.calibration.shares(points, self.speech[:n])
        told = with_neutral(sure_enough(shares) * intensity[:, None])
        return np.pad(told, ((0, len(self.speech) - n), (0, 0)), mode="edge")

    def _emotion(self, window: range) -> Float32[NDArray[np.float32], "steps feature"]:
        """Features of the labels that a window's speech is like, mixed, from what was heard so far."""
        assert self.track.points is not None
        steps = range(FEATURES_PER_FRAME * window.start, FEATURES_PER_FRAME * window.stop)
        return emotion_of_speech(
            self.encoder.backend.calibration,
            self.prototypes,
            self.track.points[: self.track.known],
            self.speech[: self.track.known],
            steps,
        )


def emotion_of_speech(
    calibration: Calibration,
    prototypes: Float32[NDArray[np.float32], "emotions 3 feature"],
    evidence: Float32[NDArray[np.float32], "points evidence"],
    speech: Float32[NDArray[np.float32], " points"],
    steps: range,
) -> Float32[NDArray[np.float32], "steps feature"]:
    """Features of the labels that speech is like, mixed, over some steps.

    `evidence` and `speech` are at 10 Hz from the first step's zero on, as far as the speech was heard.
    """
    begin, end = steps.start // STEPS_PER_POINT, steps.stop // STEPS_PER_POINT
    first = max(0, begin - 1 - REACH_POINTS)
    near = slice(first, min(len(evidence), end + 2 + REACH_POINTS))
    shares, intensity = calibration.shares(evidence[near], speech[near])
    seconds = (np.arange(steps.start, steps.stop) + 0.5) / FEATURE_RATE
    curves = np.concatenate([sure_enough(shares), intensity[:, None]], axis=1)  # (points, emotions + 1)
    curves = on_the_line(curves, seconds * TRACK_RATE - 0.5 - first)  # in the middle of each step
    return mixed(prototypes, curves[:, :-1], curves[:, -1])
