"""What a listener's face does about what is said to it: nods, raised brows, a trace of its mood. No bpy.

By rule: most nods and raised brows of listeners answer the ends of the speaker's phrases and the pauses after
them (Dittmann and Llewellyn 1968; Duncan 1974), and come as one or a few small strokes (Hadar 1985); faces
weakly take on what they see (Dimberg 1982). Sources from memory; sizes were chosen on pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..heads.feelings import EMOTIONS

NODS_AT_ENDS, BROWS_AT_ENDS = 0.75, 0.45  # shares of a speaker's phrases that are answered so at their end
ANSWERED = (-0.35, 0.25)  # seconds from a phrase's end, between which an answer begins
LONG, IN_LONG = 1.7, (1.9, 0.4)
"""Seconds from which on a phrase is answered within, too; and between such nods: a log-normal's two."""
NODS_APART = 1.1  # seconds from one beginning to the next
STROKES, STROKE_TIME = (1, 3), 0.46  # strokes of a nod, and seconds of each
NOD = np.radians(4.5)  # down, of the first stroke: 31 degrees a second
FLASH = {"browInnerUp": 0.5, "browOuterUp": 0.45}  # weights of ARKit's units, both sides alike
LIDS = ("eyeWide", "eyeSquint")
"""Units that give way to a blink."""
RISE, HOLD, FALL = 0.16, 0.2, 0.36  # seconds of raised brows
MOODS: dict[str, dict[str, float]] = {
    "calm": {"mouthSmile": 0.14, "mouthLowerDown": 0.03, "cheekSquint": 0.1},
    "happy": {
        "mouthSmile": 0.42, "mouthUpperUp": 0.07, "mouthLowerDown": 0.075,
        "cheekSquint": 0.5, "browInnerUp": 0.1, "browOuterUp": 0.12,
    },
    "sad": {"browInnerUp": 0.95, "browDown": 0.15, "mouthFrown": 0.3, "eyeSquint": 0.04, "eyeWide": 0.05},
    "angry": {"browInnerUp": 0.15, "browDown": 0.6, "eyeSquint": 0.1, "eyeWide": 0.16, "mouthFrown": 0.25},
    "fearful": {"browInnerUp": 0.9, "browOuterUp": 0.3, "eyeWide": 0.32, "mouthStretch": 0.15},
    "disgust": {
        "browDown": 0.35, "noseSneer": 0.45, "cheekSquint": 0.2, "eyeWide": 0.06, "mouthFrown": 0.2,
        "mouthUpperUp": 0.06,
    },
    "surprised": {"browInnerUp": 0.85, "browOuterUp": 0.55, "eyeWide": 0.4},
}  # fmt: skip
"""What a listener shows of a speaker's emotion at 1: a smile at a smile, concern at grief and anger.

A smile presses lips together that are shut; as much of lips that part goes with it. Who listens is awake:
brows that are drawn down take the upper lids along, as much of wide eyes holds them."""
MOST_MOOD = 1.3  # of an emotion, from which on a listener shows no more
TAKEN_ON = 0.55  # seconds, standard deviation of the time over which a mood is taken on, and as much later
LEADS, LINGERS = 1.3, 1.8
"""Seconds over which a face takes on its own mood before a line, and loses it after one: who speaks with
feeling has felt it before."""
OWN, LEFT = 1.4, 0.5
"""How much more of its own mood a face shows before a line than of another's; and after one, whose idle has
lost the rest."""
INTO_LINE = 0.5  # seconds for which it is still held in a line, which comes out of it by and by
MOOD_OF_LINE = 1.0  # seconds of a line's beginning, or end, whose mood that is


@dataclass(frozen=True)
class Heard:
    """What is said to a listener, on its own clock."""

    phrases: Sequence[tuple[float, float]]
    """Seconds from and to, in order."""
    feelings: np.ndarray
    """(T, EMOTIONS) of every frame, 0 to 2."""


def nod_times(heard: Heard, rng: np.random.RandomState) -> list[float]:
    """Seconds at which nods begin."""
    found: list[float] = []
    for start, end in heard.phrases:
        moment = start + LONG * rng.uniform(0.6, 1.0)
        while moment < end - 1.0:
            found.append(moment)
            moment += IN_LONG[0] * float(np.exp(IN_LONG[1] * rng.standard_normal()))
        answer, shown = end + rng.uniform(*ANSWERED), rng.uniform()
        if shown < NODS_AT_ENDS:
            found.append(answer)
    apart: list[float] = []
    for moment in sorted(found):
        if not apart or moment - apart[-1] >= NODS_APART:
            apart.append(moment)
    return apart


def nod(since: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """(T,) radians down of a nod that begins at 0 s, each stroke smaller than the one before."""
    strokes = rng.randint(STROKES[0], STROKES[1] + 1)
    share = (since / (strokes * STROKE_TIME)).clip(0, 1)
    down = (1 - np.cos(2 * np.pi * share * strokes)) / 2
    faded: np.ndarray = NOD * rng.uniform(0.5, 1.2) * (1 - 0.6 * share) * down
    return faded


def flashes(heard: Heard, seconds: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """(T,) of raised brows, 0 to 1, at the ends of some phrases."""
    curve = np.zeros(len(seconds))
    for _, end in heard.phrases:
        begins, shown, size = end + rng.uniform(*ANSWERED), rng.uniform(), rng.uniform(0.6, 1.0)
        if shown < BROWS_AT_ENDS:
            since = seconds - begins
            up, down = step(since / RISE), step((since - RISE - HOLD) / FALL)
            curve = np.maximum(curve, size * up * (1 - down))
    return curve


def own_mood(
    felt: np.ndarray, seconds: np.ndarray, speaks: Sequence[float], spoke: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """What a face feels before and after its own lines: (T, EMOTIONS), and of each frame its share (T,).

    Args:
        felt: (T, EMOTIONS) of every frame in its lines.
        speaks: seconds at which a line begins.
        spoke: seconds at which one ends.
    """
    mood, share = np.zeros_like(felt), np.zeros(len(seconds))
    near = [(start, seconds - start, LEADS, (0.0, MOOD_OF_LINE), OWN) for start in speaks]
    near += [(end, end - seconds, LINGERS, (-MOOD_OF_LINE, 0.0), LEFT) for end in spoke]
    for edge, until, lasts, (first, last), size in near:
        said = felt[(seconds >= edge + first) & (seconds <= edge + last)]
        if len(said):
            here = step(1 + until / lasts) * (until <= INTO_LINE)
            mood = np.maximum(mood, size * here[:, None] * np.minimum(said.mean(axis=0), MOST_MOOD))
            share = np.maximum(share, here)
    return mood, share


def units(
    heard: Heard,
    seconds: np.ndarray,
    rate: float,
    rng: np.random.RandomState,
    own: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """(T,) weights of ARKit's units, both sides alike: raised brows, and a trace of the speaker's mood.

    That gives way to what the face feels itself (`own_mood`).
    """
    raised = flashes(heard, seconds, rng)
    shown = {unit: weight * raised for unit, weight in FLASH.items()}
    felt = _later(np.minimum(heard.feelings, MOST_MOOD), TAKEN_ON * rate)
    if own is not None:
        felt = (1 - own[1][:, None]) * felt + own[0]
    for emotion, weights in MOODS.items():
        for unit, weight in weights.items():
            shown[unit] = shown.get(unit, 0.0) + weight * felt[:, EMOTIONS.index(emotion)]
    return shown


def _later(curves: np.ndarray, width: float) -> np.ndarray:
    """A Gaussian mean over frames (T, n), as many frames later as it is wide; beyond the ends they hold."""
    reach = int(np.ceil(4 * width))
    weights = np.exp(-0.5 * ((np.arange(-reach, reach + 1) + width) / max(width, 1e-3)) ** 2)
    padded = np.pad(curves, ((reach, reach), (0, 0)), mode="edge")
    weights = weights[::-1] / weights.sum()
    return np.stack([np.convolve(each, weights, "valid") for each in padded.T], axis=1)


def step(values: np.ndarray) -> np.ndarray:
    """From 0 to 1 without corners."""
    share = values.clip(0, 1)
    return share * share * (3 - 2 * share)
