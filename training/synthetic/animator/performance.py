"""One performance: phones, voice, emotion and style become FLAME motion on our head, frame by frame.

The mouth follows phones, loudness, emotion and style without chance (a network learns it from what it hears);
chance, by the seed, moves only brows, lids and nose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from numpy.typing import NDArray

from ecoface_model.core.constants import EXPRESSION_DIM, FRAME_RATE, SAMPLE_RATE, exact_div
from ecoface_model.core.head_file import read_head
from training.data.phones import PAUSE, phrases
from training.data.utterance import Phone
from training.synthetic.animator.articulation import articulate, ramp, time_grid
from training.synthetic.animator.channels import INDEX
from training.synthetic.animator.emotions_table import TEMPERS, Temper, emotion_pose
from training.synthetic.animator.mesh_contact import Face, make_contact
from training.synthetic.animator.prosody_features import RATE, Accent, ProsodyFeatures, listen
from training.synthetic.animator.styles import STYLES, Style
from training.synthetic.animator.upper_face import Mood, bump, upper_face

_BEFORE, _AFTER = 0.1, 0.75  # s, by which an emotion is there before and outlasts the voice
_BETWEEN = 0.8  # of the apex, between the accents
_MOST_ASYMMETRIC = 0.25
_MOST_SLIDER = 9.9  # of a coefficient: shape keys end at 10
_STEPS_PER_FRAME = exact_div(RATE, FRAME_RATE)


@dataclass(frozen=True)
class Feeling:
    """What the speaker shows: an emotion from 0 (none) over 1 (normal) to 2 (strong)."""

    emotion: str = "neutral"
    intensity: float = 1.0


@lru_cache(maxsize=64)
def reference_face(asymmetry: float) -> Face:
    """The reference head with the sides this much apart."""
    return Face.of(read_head(), asymmetry)


def envelope(
    phones: Sequence[Phone], accents: Sequence[Accent], temper: Temper, times: Float[NDArray[Any], " times"]
) -> Float[NDArray[Any], " times"]:
    """How strongly the emotion shows: up before a phrase, apex on its strongest accent, down late."""
    spoken = phrases(phones)
    base, apex = np.zeros(len(times)), np.zeros(len(times))
    for start, end in spoken:
        base = np.maximum(base, ramp(times, start - _BEFORE, end + _AFTER, temper.onset, temper.decay))
        inside = [accent for accent in accents if start <= accent.peak <= end]
        for accent in sorted(inside, key=lambda accent: -accent.strength)[:1]:
            apex = np.maximum(apex, bump(times, accent.peak - 0.45, accent.peak, accent.peak + 0.7))
    return base * (_BETWEEN + (1 - _BETWEEN) * apex)


def perform(
    phones: Sequence[Phone],
    waveform: Float32[NDArray[Any], " samples"],
    *,
    feeling: Feeling = Feeling(),
    style: Style = STYLES["natural"],
    seed: int = 0,
) -> Float32[NDArray[Any], "frames 53"]:
    """FLAME motion of a sentence: round(25 s) frames on the reference head."""
    n_frames = max(1, round(len(waveform) / SAMPLE_RATE * FRAME_RATE))
    times = time_grid(n_frames)
    prosody = listen(waveform, phones)
    if all(phone.name == PAUSE for phone in phones):
        prosody = ProsodyFeatures({}, (), False)
    pose, temper = emotion_pose(feeling.emotion, feeling.intensity), TEMPERS[feeling.emotion]
    apart = float(np.clip(style.asymmetry * temper.asymmetry, -_MOST_ASYMMETRIC, _MOST_ASYMMETRIC))
    face = reference_face(round(apart, 4))
    shown = envelope(phones, prosody.accents, temper, times)
    mouth = articulate(phones, prosody.vowel_loudness, pose, style, shown, times)
    _skew(mouth.weights, style.skew * (1 - mouth.pause))
    weights, jaw = make_contact(face, mouth)
    mood = Mood(pose=pose, temper=temper, style=style, intensity=feeling.intensity)
    rng = np.random.default_rng(seed)
    upper, blinks = upper_face(phones, prosody, mood, shown, times, rng)
    weights = face.blink(weights + upper, blinks)
    motion = face.motion(weights, jaw)[::_STEPS_PER_FRAME].astype(np.float32)
    motion[:, :EXPRESSION_DIM] = np.clip(motion[:, :EXPRESSION_DIM], -_MOST_SLIDER, _MOST_SLIDER)
    return motion


def _skew(weights: Float[NDArray[Any], "times channels"], amount: Float[NDArray[Any], " times"]) -> None:
    """Mouth and jaw pulled to one side while speaking."""
    for left, right in (("mouth_left", "mouth_right"), ("jaw_left", "jaw_right")):
        weights[:, INDEX[left]] += np.maximum(amount, 0)
        weights[:, INDEX[right]] += np.maximum(-amount, 0)
