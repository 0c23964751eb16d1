"""Do head and eyes move as people's? `python -m training.evaluate head`: beside the literature's figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ecoface_model.core.constants import EMOTIONS, FRAME_RATE
from ecoface_model.core.head_file import read_head
from ecoface_model.core.head_pose import head_angles
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.head_motion.melody import Melody, smooth
from ecoface_model.head_motion.pitch import PITCH_RATE, pitch
from ecoface_model.pipeline import EcoFace
from ecoface_model.postprocess.eyelids import EyelidContact
from ecoface_model.postprocess.voice_activity import resting
from training.data.real_speech import read_recordings
from training.evaluation.metrics import share_above
from training.evaluation.naturalness import Alive, joined, parts_of
from training.evaluation.report import markdown_table, write_report

SACCADE = 0.9  # degrees from frame to frame, from which on the gaze jumps
ON_FACE = 4.0  # degrees from the middle of a face, within which it is looked at
LARGE = 6.0  # degrees
JITTER = 8.0  # Hz

Times = list[float]


@dataclass(frozen=True, kw_only=True)
class HeadAndGaze:
    """Head and eyes over a few minutes of recorded speech, and by emotion."""

    model: Path | None = None
    """Model file; the default model if not given."""
    seconds: float = 180.0
    emotional_seconds: float = 60.0
    """Of speech for each emotion."""
    intensity: float = 1.5
    style: str | None = None
    out: Path = Path("work/evaluation")
    """Folder for head.md and head.json."""
    seed: int = 0
    device: str | None = None


def gaze_in_the_world(motion: FlameMotion) -> Float[NDArray[np.float64], "frames 2"]:
    """Yaw and pitch of the gaze in degrees, whatever the head does."""
    assert motion.head is not None and motion.gaze is not None
    world: NDArray[np.float64] = np.degrees(head_angles(motion.head)[:, :2] + motion.gaze)
    return world


def saccades(world: Float[NDArray[Any], "frames 2"]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Frames at which the gaze jumps, and how many degrees."""
    steps = np.linalg.norm(np.diff(world, axis=0), axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], steps > SACCADE, [0]]))).reshape(-1, 2)
    sizes = [float(np.linalg.norm(world[stop] - world[start])) for start, stop in edges]
    return edges[:, 0], np.array(sizes)


def spells(flags: NDArray[np.bool_]) -> Times:
    """Seconds of each stretch of true frames that neither begins nor ends the flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]))).reshape(-1, 2)
    return [float(b - a) / FRAME_RATE for a, b in edges if a > 0 and b < len(flags)]


def gaze_figures(motion: FlameMotion, speaking: NDArray[np.bool_]) -> dict[str, float]:
    """Fixations, saccades and looks away."""
    world = gaze_in_the_world(motion)
    frames, sizes = saccades(world)
    between = np.diff(frames) / FRAME_RATE
    away = np.linalg.norm(world - np.median(world, axis=0), axis=1) > ON_FACE
    return {
        "saccades a second": len(frames) / motion.seconds,
        "fixation, mean (s)": float(between.mean()),
        "fixation, median (s)": float(np.median(between)),
        "saccade, mean (degrees)": float(sizes.mean()),
        "saccade, median (degrees)": float(np.median(sizes)),
        "saccades over 15 degrees (share)": float((sizes > 15).mean()),
        "on the face, mean (s)": float(np.mean(spells(~away))),
        "away, mean (s)": float(np.mean(spells(away))),
        "on the face while speaking (share)": float((~away[speaking]).mean()),
    }


def blink_figures(motion: FlameMotion, lids: EyelidContact, ends: Sequence[float]) -> dict[str, float]:
    """Blinks, and what they go with."""
    openings = lids.openings(motion.motion)
    shut = (openings / np.maximum(lids.usual(openings), 1e-6)).mean(axis=1) < 0.4
    starts = np.flatnonzero(np.diff(shut.astype(int)) > 0) / FRAME_RATE
    frames, sizes = saccades(gaze_in_the_world(motion))
    large = frames[sizes > LARGE] / FRAME_RATE

    def near(times: Any, others: Any, before: float, after: float) -> float:
        hits = [any(-before <= other - time <= after for other in others) for time in times]
        return float(np.mean(hits)) if hits else np.nan

    return {
        "blinks a minute": 60 * len(starts) / motion.seconds,
        "blinks within 0.5 s of another (share)": near(starts, [*starts], -0.01, 0.5),
        "large gaze shifts with a blink (share)": near(large, starts, 0.15, 0.3),
        "phrase ends with a blink (share)": near(ends, starts, 0.3, 0.7),
    }


def head_figures(motion: FlameMotion) -> dict[str, float]:
    """How far and how fast the head turns."""
    assert motion.head is not None
    angles = np.degrees(head_angles(motion.head))
    speed = np.linalg.norm(np.diff(angles, axis=0), axis=1) * FRAME_RATE
    low, high = np.percentile(angles, [2.5, 97.5], axis=0)
    figures = {}
    for k, name in enumerate(("yaw", "pitch", "roll")):
        figures[f"{name}, standard deviation (degrees)"] = float(angles[:, k].std())
        figures[f"{name}, 95 % range (degrees)"] = float(high[k] - low[k])
    return figures | {
        "pitch, mean (degrees)": float(angles[:, 1].mean()),
        "speed, mean (degrees/s)": float(speed.mean()),
        "speed, 95th percentile (degrees/s)": float(np.percentile(speed, 95)),
        "energy above 8 Hz (share)": share_above(angles, JITTER),
    }


def explained_pitch(motion: FlameMotion, waveform: NDArray[np.float32]) -> tuple[float, float]:
    """Correlation of the head's pitch with F0 in voice, and R squared of F0 by all three turns."""
    assert motion.head is not None
    f0 = pitch(waveform)
    voiced = np.isfinite(f0)
    times = np.flatnonzero(voiced) / PITCH_RATE
    semitones = 12 * np.log2(f0[voiced])
    angles = head_angles(motion.head)
    turns = np.stack([np.interp(times, np.arange(len(angles)) / FRAME_RATE, a) for a in angles.T], axis=1)
    design = np.column_stack([turns, np.ones(len(turns))])
    fitted = design @ np.linalg.lstsq(design, semitones, rcond=None)[0]
    explained = 1 - float(np.square(semitones - fitted).mean() / max(semitones.var(), 1e-9))
    return float(np.corrcoef(turns[:, 1], semitones)[0, 1]), explained


def turn_on_accents(motion: FlameMotion, melody: Melody) -> float:
    """The head's speed around accents (0.25 s before to 0.1 s after), over its mean."""
    assert motion.head is not None
    speed = smooth(np.linalg.norm(np.diff(motion.head, axis=0), axis=1), 3)
    times = np.arange(len(speed)) / FRAME_RATE
    near = np.zeros(len(speed), bool)
    for accent in melody.accents:
        near |= (times > accent.time - 0.25) & (times < accent.time + 0.1)
    return float(speed[near].mean() / speed.mean())


LITERATURE = {
    "saccade, mean (degrees)": "6.9 of those that leave a face (Lee 2002)",
    "saccades over 15 degrees (share)": "0.1 (Bahill 1975: most are smaller than 15)",
    "fixation, mean (s)": "0.3 to 1 on faces",
    "on the face, mean (s)": "3.1 talking, 7.9 listening (Lee 2002)",
    "away, mean (s)": "0.9 talking, 0.4 listening (Lee 2002)",
    "on the face while speaking (share)": "0.4 to 0.8 (Argyle and Cook 1976; Lee 2002)",
    "blinks a minute": "26 talking, 17 at rest (Bentivoglio 1997)",
    "large gaze shifts with a blink (share)": "most of 20 degrees and more (Evinger 1994)",
    "phrase ends with a blink (share)": "0.3 to 0.5 (Nakano 2010)",
    "yaw, standard deviation (degrees)": "2 to 4 (Busso 2007)",
    "pitch, standard deviation (degrees)": "2 to 4 (Busso 2007)",
    "roll, standard deviation (degrees)": "1 to 3 (Busso 2007)",
    "speed, mean (degrees/s)": "5 to 20",
    "F0 explained by the head, each recording (R squared)": "0.63 of one speaker (Munhall 2004)",
}
"""What people do, from memory of these papers."""


def head(config: HeadAndGaze) -> None:
    """Measure, print and write."""
    ecoface = EcoFace.load(config.model, config.device)
    alive = Alive(real_speech=True, seed=config.seed)
    waveform, _ = joined(parts_of(alive), config.seconds, np.random.default_rng(config.seed))
    made = ecoface.generate(waveform, style=config.style, seed=config.seed)
    rest = resting(waveform)
    melody = Melody.of(waveform, rest)
    explained = [
        explained_pitch(ecoface.generate(each.waveform, style=config.style, seed=config.seed), each.waveform)
        for each in read_recordings()
    ]
    figures = gaze_figures(made, rest < 0.5)
    figures |= blink_figures(made, EyelidContact(read_head()), [end for _, end in melody.phrases])
    figures |= head_figures(made)
    figures["correlation of the head's pitch with F0, each recording"] = float(
        np.mean([r for r, _ in explained])
    )
    figures["F0 explained by the head, each recording (R squared)"] = float(
        np.mean([e for _, e in explained])
    )
    figures["head's speed on accents over its mean"] = turn_on_accents(made, melody)
    by_emotion = _by_emotion(ecoface, config, waveform)
    rows: list[list[object]] = [[name, value, LITERATURE.get(name, "")] for name, value in figures.items()]
    columns = list(next(iter(by_emotion.values())))
    emotional: list[list[object]] = [[name, *found.values()] for name, found in by_emotion.items()]
    text = "\n\n".join(
        [
            "# Head and gaze",
            f"{made.seconds:.0f} s of recorded speech, its own emotion, style {made.metadata['style']}.",
            markdown_table(["measure", "model", "people (from memory)"], rows),
            f"By label, at intensity {config.intensity:g}, {config.emotional_seconds:.0f} s each:",
            markdown_table(["emotion", *columns], emotional),
        ]
    )
    write_report(config.out, "head", text, {"figures": figures, "by emotion": by_emotion})
    print(text)


def _by_emotion(
    ecoface: EcoFace, config: HeadAndGaze, waveform: NDArray[np.float32]
) -> dict[str, dict[str, float]]:
    """Some of the figures for each label."""
    part = waveform[: round(config.emotional_seconds * 16000)]
    speaking = resting(part) < 0.5
    found = {}
    for emotion in EMOTIONS:
        made = ecoface.generate(
            part, style=config.style, emotion=f"{emotion}:{config.intensity}", seed=config.seed
        )
        turns, looks = head_figures(made), gaze_figures(made, speaking)
        found[emotion] = {
            "yaw range": turns["yaw, 95 % range (degrees)"],
            "pitch range": turns["pitch, 95 % range (degrees)"],
            "roll range": turns["roll, 95 % range (degrees)"],
            "mean pitch": turns["pitch, mean (degrees)"],
            "mean speed": turns["speed, mean (degrees/s)"],
            "fast (95 %)": turns["speed, 95th percentile (degrees/s)"],
            "on the face": looks["on the face while speaking (share)"],
            "saccades/s": looks["saccades a second"],
        }
    return found
