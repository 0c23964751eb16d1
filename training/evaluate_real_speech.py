"""Lips on real recorded speech: `python -m training.evaluate real-speech [--model FILE]`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from numpy.typing import NDArray

from ecoface_model.flame import FlameHead
from ecoface_model.flame_file import read_head
from ecoface_model.pipeline import EcoFace
from training import lip_metrics
from training.lip_metrics import LipClip, Score
from training.real_speech import RecordedClip, read_recordings
from training.synthetic.performance import perform


@dataclass(frozen=True)
class Target:
    """One row of the table: what is measured, and what a model must reach."""

    name: str
    measure: Callable[[Sequence[LipClip]], Score]
    low: float = -np.inf
    high: float = np.inf
    digits: int = 3

    @property
    def wanted(self) -> str:
        """The target in words."""
        if np.isfinite(self.low) and np.isfinite(self.high):
            return f"{self.low:g} to {self.high:g}"
        return f"at least {self.low:g}" if np.isfinite(self.low) else f"at most {self.high:g}"

    def holds(self, value: float) -> bool:
        """Whether a value reaches the target."""
        return bool(self.low <= value <= self.high)


TARGETS = (
    Target("closure", lip_metrics.closure, low=0.92),
    Target("false closure", lip_metrics.false_closure, high=0.06),
    Target("contrast", lip_metrics.contrast, low=0.86),
    Target("open AUC", lip_metrics.open_auc, low=0.96),
    Target("rounding AUC", lip_metrics.rounding_auc, low=0.93),
    Target("pauses", lip_metrics.pauses, high=0.12),
    Target("lag (ms)", lip_metrics.lag, low=-20.0, high=20.0, digits=0),
    Target("r", lip_metrics.correlation, low=0.80),
    Target("jitter", lip_metrics.jitter, high=0.05),
    Target("opening (mm)", lip_metrics.opening, low=5.0, high=15.0, digits=1),
)


@dataclass(frozen=True, kw_only=True)
class RealSpeech:
    """Lips on real recorded speech (five LibriVox clips), against the rule-based animator's."""

    model: Path | None = None
    """Model file; the default model if not given."""
    animator: bool = False
    """Judge the rule-based animator itself instead: the ceiling."""
    style: str | None = None
    emotion: str | None = None
    """LABEL[:INTENSITY]; from the speech if not given."""
    seed: int = 0
    temperature: float = 1.0
    device: str | None = None


def judged(head: FlameHead, recording: RecordedClip, motion: Float32[NDArray[Any], "frames 53"]) -> LipClip:
    """A motion of a recording beside the rule-based animator's, natural and neutral, of the same phones."""

    def lips(frames: Float32[NDArray[Any], "frames 53"]) -> LipClip:
        with torch.inference_mode():
            landmarks = head.landmarks(torch.from_numpy(frames)).numpy()
        return LipClip(landmarks, head.rest_lip_gap(), recording.phones)

    reference = lips(perform(recording.phones, recording.waveform))
    return replace(lips(motion), reference=reference.aperture)


def real_speech_clips(config: RealSpeech) -> list[LipClip]:
    """The recordings as the model (or the animator) speaks them."""
    head = FlameHead.from_file(read_head())
    recordings = read_recordings()
    if config.animator:
        return [judged(head, clip, perform(clip.phones, clip.waveform)) for clip in recordings]
    model = EcoFace.load(config.model, config.device)
    clips = []
    for clip in recordings:
        motion = model.generate(
            clip.waveform,
            style=config.style,
            emotion=config.emotion,
            seed=config.seed,
            temperature=config.temperature,
        )
        clips.append(judged(head, clip, motion.motion))
    return clips


def table(clips: Sequence[LipClip]) -> str:
    """All metrics with their counts and targets, one a line."""
    lines = [f"{'metric':14}{'value':>8}{'count':>7}   {'target':15}"]
    for target in TARGETS:
        score = target.measure(clips)
        mark = "pass" if target.holds(score.value) else "FAIL"
        lines.append(
            f"{target.name:14}{score.value:8.{target.digits}f}{score.count:7d}   {target.wanted:15}{mark}"
        )
    return "\n".join(lines)


def real_speech(config: RealSpeech) -> None:
    """Print the table of the lips."""
    print(table(real_speech_clips(config)))
