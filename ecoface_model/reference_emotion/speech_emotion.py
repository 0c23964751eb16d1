"""SpeechEmotion: which emotion a voice speaks with, over time: what `ecoface listen` gives. numpy only."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.emotion_label import TRACK_RATE, EmotionTrack

NOBODY = 0.5  # seconds of speech, below which nobody is said to speak
WITHOUT_BASELINE = "none"


@dataclass(frozen=True)
class SpeechEmotion:
    """Shares of the emotions and an intensity, at 10 Hz, each point the middle of its tenth of a second."""

    shares: Float32[NDArray[np.float32], "points emotions"]
    """In EMOTIONS' order; a point's add up to 1. Where nobody speaks, those of the speech nearby."""
    intensity: Float32[NDArray[np.float32], " points"]
    """0 (none) over 1 (RAVDESS's normal) to 2 (strong), of what is not neutral."""
    speech: Float32[NDArray[np.float32], " points"]
    """Whether somebody speaks, 0 to 1."""
    baseline: str = WITHOUT_BASELINE
    """The kind of voice baseline that was used: one of `voice_baseline.KINDS`, or WITHOUT_BASELINE."""

    @property
    def speech_seconds(self) -> float:
        """For how long somebody speaks."""
        return float(self.speech.sum() / TRACK_RATE)

    @property
    def overall(self) -> Float32[NDArray[np.float32], " emotions"]:
        """The shares of the whole clip: their mean over its speech; neutral where nobody speaks."""
        mean = np.zeros(len(EMOTIONS), np.float32)
        if self.speech_seconds > 0:
            mean[:] = np.average(self.shares, axis=0, weights=self.speech)
        else:
            mean[0] = 1
        return mean

    @property
    def emotion(self) -> str:
        """The emotion with the largest share."""
        return EMOTIONS[int(self.overall.argmax())]

    @property
    def share(self) -> float:
        """Its share: how sure."""
        return float(self.overall.max())

    @property
    def overall_intensity(self) -> float:
        """The mean over the clip's speech; 0 where it is neutral."""
        if self.emotion == EMOTIONS[0] or self.speech_seconds == 0:
            return 0.0
        return float(np.average(self.intensity, weights=self.speech))

    def neutral_if_nobody_speaks(self) -> "SpeechEmotion":
        """The same, or neutral throughout where there is hardly any speech to tell a mood by."""
        if self.speech_seconds >= NOBODY:
            return self
        neutral = np.zeros_like(self.shares)
        neutral[:, 0] = 1
        return replace(self, shares=neutral, intensity=np.zeros_like(self.intensity))

    def summary(self) -> dict[str, object]:
        """What a motion's metadata keep of it."""
        shares = {name: round(float(share), 3) for name, share in zip(EMOTIONS, self.overall, strict=True)}
        return {
            "emotion": self.emotion,
            "share": round(self.share, 3),
            "intensity": round(self.overall_intensity, 2),
            "shares": shares,
            "baseline": self.baseline,
            "text": self.describe(),
        }

    def describe(self, least: float = 0.15) -> str:
        """As the panel says it: "angry 0.7, sad 0.2", every share of at least `least`."""
        overall = [round(float(share), 3) for share in self.overall]  # as `summary` keeps them
        order = np.argsort(-self.overall, kind="stable")
        said = [f"{EMOTIONS[i]} {overall[i]:.1f}" for i in order if overall[i] >= least]
        return ", ".join(said) or f"{self.emotion} {self.share:.1f}"

    def row(self, file: str) -> dict[str, str | float]:
        """One row of `ecoface listen -o FILE.csv`: file, emotion, intensity, a column per emotion."""
        shares = {name: round(float(share), 3) for name, share in zip(EMOTIONS, self.overall, strict=True)}
        said: dict[str, str | float] = {"file": file, "emotion": self.emotion}
        return said | {"intensity": round(self.overall_intensity, 2)} | shares

    def curves(self) -> dict[str, object]:
        """The curves of `ecoface listen -o FILE.json`: rate, a list per emotion, intensity, speech."""
        shares, intensity, speech = (
            np.round(curve.astype(np.float64), 3).tolist()
            for curve in (self.shares.T, self.intensity, self.speech)
        )
        columns = dict(zip(EMOTIONS, shares, strict=True))
        return {"rate": TRACK_RATE, "shares": columns, "intensity": intensity, "speech": speech}

    def track(self) -> EmotionTrack:
        """The same as an emotion track, to generate from."""
        return EmotionTrack(self.shares, self.intensity, first=0.5 / TRACK_RATE)
