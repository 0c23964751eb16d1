"""Lips on real recorded speech: `python -m training.evaluate real-speech [--degraded] [--model FILE]`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from numpy.typing import NDArray

from ecoface_model.core.head_file import read_head
from ecoface_model.pipeline import EcoFace
from training.data.real_speech import RecordedClip, read_recordings
from training.evaluation import lip_metrics
from training.evaluation.degraded_speech import CONDITIONS
from training.evaluation.lip_metrics import LipClip, Score
from training.evaluation.penetration import InnerMouth, penetration
from training.synthetic.animator.performance import perform

MOST_LOST = 0.05
"""Of any metric, under a telephone, in a room, or by another pitch."""
UNDER_THE_VOICE, CLOSURE_IN_NOISE = ("noise", "music"), 0.85

Motion = NDArray[np.float32]
Condition = Callable[[NDArray[Any]], NDArray[Any]]


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

    def lost(self, clean: float, degraded: float) -> float:
        """How much worse a value is than that of the clean speech."""
        return clean - degraded if np.isfinite(self.low) else degraded - clean


RATES = (
    Target("closure", lip_metrics.closure, low=0.97),
    Target("false closure", lip_metrics.false_closure, high=0.04),
    Target("contrast", lip_metrics.contrast, low=0.93),
    Target("open AUC", lip_metrics.open_auc, low=0.98),
    Target("rounding AUC", lip_metrics.rounding_auc, low=0.96),
    Target("pauses", lip_metrics.pauses, high=0.08),
    Target("r", lip_metrics.correlation, low=0.87),
    Target("jitter", lip_metrics.jitter, high=0.04),
)
"""Metrics without a unit, whose losses compare."""
TARGETS = (
    *RATES,
    Target("jitter beyond the animator's", lip_metrics.jitter_beyond_animator, high=0.0),
    Target("lag (ms)", lip_metrics.lag, low=-15.0, high=15.0, digits=0),
    Target("opening (mm)", lip_metrics.opening, low=6.0, high=15.0, digits=1),
    Target("lip in lip (mm)", lip_metrics.lips_in_lips, high=0.5, digits=2),
    Target("lip in teeth (mm)", lip_metrics.lips_in_teeth, high=0.5, digits=2),
)


@dataclass(frozen=True, kw_only=True)
class RealSpeech:
    """Lips on real recorded speech (five LibriVox clips), against the rule-based animator's."""

    model: Path | None = None
    """Model file; the default model if not given."""
    animator: bool = False
    """Judge the rule-based animator itself instead: the ceiling."""
    degraded: bool = False
    """Also under a telephone band, in a room, at other pitches, in noise and with music, beside the clean."""
    style: str | None = None
    emotion: str | None = None
    """LABEL[:INTENSITY]; from the speech if not given."""
    seed: int = 0
    temperature: float = 1.0
    device: str | None = None

    def __post_init__(self) -> None:
        assert not (self.animator and self.degraded), "the animator hears phones, not sound"


class Judge:
    """The recordings, and the rule-based animator's lips of the same phones, natural and neutral."""

    def __init__(self) -> None:
        self.recordings = read_recordings()
        self.mouth = InnerMouth.of(read_head())
        self.performances = [perform(clip.phones, clip.waveform) for clip in self.recordings]

    def judged(self, motions: Sequence[Float32[Motion, "frames 53"]]) -> list[LipClip]:
        """One motion of each recording, beside the animator's."""
        pairs = zip(self._lips(motions), self._lips(self.performances), strict=True)
        return [replace(own, reference=animated.aperture) for own, animated in pairs]

    def judged_with_depths(self, motions: Sequence[Float32[Motion, "frames 53"]]) -> list[LipClip]:
        """The same with how deep lips go in, which takes a minute."""
        depths = [penetration(self.mouth, motion) for motion in motions]
        return [
            replace(clip, in_lips=depth.lips, in_teeth=depth.teeth)
            for clip, depth in zip(self.judged(motions), depths, strict=True)
        ]

    def _lips(self, motions: Sequence[Motion]) -> list[LipClip]:
        head = self.mouth.head
        with torch.inference_mode():
            landmarks = [head.landmarks(torch.from_numpy(motion)).numpy() for motion in motions]
        rest = head.rest_lip_gap()
        return [
            LipClip(points, rest, clip.phones)
            for points, clip in zip(landmarks, self.recordings, strict=True)
        ]


def speak(
    model: EcoFace, config: RealSpeech, recordings: Sequence[RecordedClip], condition: Condition
) -> list[Float32[Motion, "frames 53"]]:
    """The model's motion of each recording as it sounds under a condition."""
    return [
        model.generate(
            np.asarray(condition(clip.waveform), np.float32),
            style=config.style,
            emotion=config.emotion,
            seed=config.seed,
            temperature=config.temperature,
        ).motion
        for clip in recordings
    ]


def table(clips: Sequence[LipClip]) -> str:
    """All metrics with their counts and targets, one a line."""
    lines = [f"{'metric':30}{'value':>8}{'count':>7}   {'target':15}"]
    for target in TARGETS:
        score = target.measure(clips)
        mark = "pass" if target.holds(score.value) else "FAIL"
        lines.append(
            f"{target.name:30}{score.value:8.{target.digits}f}{score.count:7d}   {target.wanted:15}{mark}"
        )
    return "\n".join(lines)


def degraded_table(clean: Sequence[LipClip], degraded: Mapping[str, Sequence[LipClip]]) -> str:
    """The metrics under each condition, and which lose more than they may."""
    lines = [f"{'metric':15}{'clean':>10}" + "".join(f"{name:>11}" for name in degraded)]
    failed = []
    for target in RATES:
        base = target.measure(clean).value
        cells = []
        for name, clips in degraded.items():
            value = target.measure(clips).value
            if name in UNDER_THE_VOICE:
                good = target.name != "closure" or value >= CLOSURE_IN_NOISE
            else:
                good = target.lost(base, value) <= MOST_LOST + 1e-9
            cells.append(f"{value:10.3f}{' ' if good else '!'}")
            failed += [] if good else [f"{target.name} ({name})"]
        lines.append(f"{target.name:15}{base:10.3f}" + "".join(cells))
    rule = f"at most {MOST_LOST:g} lost on any; in noise and music closure at least {CLOSURE_IN_NOISE:g}"
    return "\n".join([*lines, f"{rule}: " + ("FAIL, " + ", ".join(failed) if failed else "pass")])


def real_speech(config: RealSpeech) -> None:
    """Print the tables of the lips."""
    judge = Judge()
    if config.animator:
        print(table(judge.judged_with_depths(judge.performances)))
        return
    model = EcoFace.load(config.model, config.device)
    clean = judge.judged_with_depths(speak(model, config, judge.recordings, np.asarray))
    print(table(clean))
    if config.degraded:
        others = {
            name: judge.judged(speak(model, config, judge.recordings, condition))
            for name, condition in CONDITIONS.items()
        }
        print("\n" + degraded_table(clean, others))
