"""What each emotion does to the face, at RAVDESS's two intensities and between them.

Weights are ARKit units by channel (see `channels.py`), tuned by eye on the reference head; movements follow
the prototypes of Ekman & Friesen, times Recio 2013, blinks Bentivoglio 1997 and Doughty 2001.
"""

from dataclasses import dataclass, field

from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.errors import RequestError

Weights = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """One emotion at one intensity."""

    upper: Weights = field(default_factory=dict)
    mouth: Weights = field(default_factory=dict)
    """Added to the mouth while speaking, as far as the sound lets it."""
    pause: Weights = field(default_factory=dict)
    """Added on top in pauses."""
    factors: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    """On jaw, lip opening, spread and rounding of the sounds."""
    jaw_pause: float = 0.0
    """Degrees by which the jaw hangs lower in pauses."""
    jaw_speech: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Temper:
    """How an emotion moves in time."""

    onset: float = 0.5
    """Seconds to the apex."""
    decay: float = 1.0
    blinks: float = 1.0
    """Factor on the style's blink rate."""
    blink_time: float = 1.0
    """Factor on a blink's length."""
    double_blinks: float = 0.1
    """Share of blinks that come twice."""
    first_blink: float = 0.0
    """Seconds after the first sound without a blink."""
    accent: Weights = field(default_factory=lambda: {"brow_inner_up": 0.45, "brow_outer_up": 0.22})
    """What a pitch accent of full strength adds."""
    accent_share: float = 1.0
    accent_time: float = 1.0
    tremble: float = 0.0
    """Size of a 5 Hz tremble of the brows."""
    settle: float = 1.0
    """Share of brows and lids that stays after the first second."""
    asymmetry: float = 0.03


_NORMAL: dict[str, Pose] = {
    "neutral": Pose(),
    "calm": Pose(
        upper={"eye_blink": 0.05, "brow_inner_up": 0.15, "cheek_squint": 0.2},
        mouth={"smile": 0.34, "upper_lip_up": 0.06},
        pause={"smile": 0.06},
        factors=(0.85, 0.9, 0.95, 0.95),
        jaw_pause=0.3,
    ),
    "happy": Pose(
        upper={"cheek_squint": 0.6, "eye_squint": 0.1, "brow_inner_up": 0.2, "brow_outer_up": 0.1},
        mouth={"smile": 0.72, "upper_lip_up": 0.3, "lower_lip_down": 0.1},
        pause={"smile": 0.12},
        factors=(1.05, 1.05, 1.15, 0.8),
        jaw_pause=0.6,
        jaw_speech=0.5,
    ),
    "sad": Pose(
        upper={"brow_inner_up": 1.3, "brow_down": 0.3, "brow_outer_up": -0.2, "eye_wide": 0.12},
        mouth={"frown": 0.65, "shrug_lower": 0.15, "lower_lip_down": 0.12},
        pause={"shrug_lower": 0.15},
        factors=(0.75, 0.75, 0.75, 0.85),
    ),
    "angry": Pose(
        upper={
            "brow_down": 1.05,
            "brow_outer_up": 0.3,
            "eye_squint": 0.25,
            "eye_wide": 0.3,
            "nose_sneer": 0.3,
        },
        mouth={"upper_lip_up": 0.18, "lower_lip_down": 0.25, "frown": 0.2},
        pause={
            "press": 0.4,
            "roll_upper": 0.2,
            "roll_lower": 0.15,
            "frown": 0.2,
            "upper_lip_up": -0.15,
            "lower_lip_down": -0.2,
        },
        factors=(1.2, 1.15, 1.05, 0.95),
        jaw_pause=0.3,
    ),
    "fearful": Pose(
        upper={"brow_inner_up": 1.6, "brow_outer_up": 0.25, "brow_down": 0.65, "eye_wide": 0.6},
        mouth={"stretch": 0.7, "lower_lip_down": 0.25, "frown": 0.15},
        pause={"stretch": 0.1},
        factors=(0.9, 0.95, 1.1, 0.8),
        jaw_pause=1.0,
        jaw_speech=0.5,
    ),
    "disgust": Pose(
        upper={"nose_sneer": 1.2, "brow_inner_up": 0.9, "cheek_squint": 0.35, "eye_squint": 0.35},
        mouth={"upper_lip_up": 0.75, "frown": 0.4, "shrug_lower": 0.35},
        pause={"shrug_lower": 0.15},
        factors=(0.9, 0.95, 0.9, 0.9),
    ),
    "surprised": Pose(
        upper={"brow_inner_up": 1.2, "brow_outer_up": 0.7, "eye_wide": 0.75},
        mouth={"funnel": 0.05},
        factors=(1.15, 1.05, 0.95, 1.05),
        jaw_pause=5.0,
        jaw_speech=1.0,
    ),
}

_STRONG: dict[str, Pose] = {
    "neutral": Pose(),
    "calm": Pose(
        upper={"eye_blink": 0.08, "brow_inner_up": 0.22, "cheek_squint": 0.4},
        mouth={"smile": 0.5, "upper_lip_up": 0.1},
        pause={"smile": 0.08},
        factors=(0.8, 0.85, 0.95, 0.9),
        jaw_pause=0.5,
    ),
    "happy": Pose(
        upper={"cheek_squint": 1.25, "eye_squint": 0.2, "brow_inner_up": 0.7, "brow_outer_up": 0.45},
        mouth={"smile": 1.08, "upper_lip_up": 0.6, "lower_lip_down": 0.15},
        pause={"smile": 0.06, "upper_lip_up": 0.15, "stretch": 0.1},
        factors=(1.2, 1.15, 1.2, 0.7),
        jaw_pause=1.8,
        jaw_speech=1.0,
    ),
    "sad": Pose(
        upper={
            "brow_inner_up": 2.0,
            "brow_down": 0.5,
            "brow_outer_up": -0.3,
            "eye_wide": 0.2,
            "cheek_squint": 0.15,
        },
        mouth={"frown": 1.15, "shrug_lower": 0.25, "lower_lip_down": 0.2, "stretch": 0.15},
        pause={"shrug_lower": 0.25},
        factors=(0.7, 0.65, 0.7, 0.8),
        jaw_pause=0.5,
        jaw_speech=0.3,
    ),
    "angry": Pose(
        upper={
            "brow_down": 1.35,
            "brow_outer_up": 0.4,
            "eye_squint": 0.3,
            "eye_wide": 0.65,
            "nose_sneer": 0.6,
        },
        mouth={"upper_lip_up": 0.45, "lower_lip_down": 0.5, "stretch": 0.25, "frown": 0.25},
        pause={"upper_lip_up": 0.1, "lower_lip_down": 0.1, "stretch": 0.15},
        factors=(1.4, 1.3, 1.1, 0.95),
        jaw_pause=0.7,
        jaw_speech=0.5,
    ),
    "fearful": Pose(
        upper={"brow_inner_up": 2.3, "brow_outer_up": 0.45, "brow_down": 1.0, "eye_wide": 1.1},
        mouth={"stretch": 1.05, "lower_lip_down": 0.5, "frown": 0.25},
        pause={"stretch": 0.15},
        factors=(1.1, 1.05, 1.2, 0.75),
        jaw_pause=2.2,
        jaw_speech=1.2,
    ),
    "disgust": Pose(
        upper={"nose_sneer": 1.9, "brow_inner_up": 1.5, "cheek_squint": 0.45, "eye_squint": 0.38},
        mouth={"upper_lip_up": 1.2, "frown": 0.7, "shrug_lower": 0.45, "lower_lip_down": 0.1},
        pause={"upper_lip_up": 0.15, "shrug_lower": 0.2},
        factors=(1.0, 1.05, 0.9, 0.85),
        jaw_pause=0.5,
        jaw_speech=0.5,
    ),
    "surprised": Pose(
        upper={"brow_inner_up": 1.9, "brow_outer_up": 1.1, "eye_wide": 1.15},
        mouth={"funnel": 0.1},
        factors=(1.35, 1.1, 0.9, 1.1),
        jaw_pause=11.0,
        jaw_speech=2.0,
    ),
}

TEMPERS: dict[str, Temper] = {
    "neutral": Temper(),
    "calm": Temper(
        onset=0.7,
        decay=1.2,
        blinks=16 / 22,
        blink_time=1.25,
        accent={"brow_inner_up": 0.25, "brow_outer_up": 0.1},
        accent_share=0.5,
    ),
    "happy": Temper(
        onset=0.5,
        decay=0.9,
        blinks=24 / 22,
        accent={"brow_inner_up": 0.55, "brow_outer_up": 0.3},
        accent_share=1.3,
        asymmetry=0.05,
    ),
    "sad": Temper(
        onset=0.8,
        decay=1.5,
        blinks=18 / 22,
        blink_time=1.3,
        accent={"brow_inner_up": 0.3},
        accent_share=0.7,
        accent_time=1.6,
        asymmetry=0.05,
    ),
    "angry": Temper(
        onset=0.3,
        decay=0.8,
        blinks=12 / 22,
        accent={"brow_down": 0.25, "nose_sneer": 0.1},
        accent_time=0.9,
        asymmetry=0.07,
    ),
    "fearful": Temper(
        onset=0.25,
        decay=0.7,
        blinks=28 / 22,
        double_blinks=0.4,
        accent={"brow_inner_up": 0.15, "eye_wide": 0.1},
        accent_share=0.7,
        tremble=0.03,
        asymmetry=0.05,
    ),
    "disgust": Temper(onset=0.35, decay=0.7, blinks=18 / 22, accent={"nose_sneer": 0.25}, asymmetry=0.2),
    "surprised": Temper(
        onset=0.2,
        decay=0.5,
        blinks=18 / 22,
        first_blink=0.8,
        accent={"brow_inner_up": 0.4, "brow_outer_up": 0.2, "eye_wide": 0.15},
        settle=0.8,
        asymmetry=0.04,
    ),
}


def _between(a: Weights, b: Weights, share: float) -> Weights:
    """Weights between two poses; a channel that one does not name is 0 there."""
    return {name: (1 - share) * a.get(name, 0.0) + share * b.get(name, 0.0) for name in sorted({*a, *b})}


def emotion_pose(emotion: str, intensity: float) -> Pose:
    """The pose at an intensity from 0 (none) over 1 (RAVDESS's normal) to 2 (strong).

    Raises:
        RequestError: if there is no such emotion or intensity.
    """
    if emotion not in EMOTIONS:
        raise RequestError(f"expected an emotion of {', '.join(EMOTIONS)}, found {emotion!r}")
    if not 0 <= intensity <= 2:
        raise RequestError(f"expected an intensity from 0 (none) to 2 (strong), found {intensity}")
    low, high = (Pose(), _NORMAL[emotion]) if intensity <= 1 else (_NORMAL[emotion], _STRONG[emotion])
    share = intensity if intensity <= 1 else intensity - 1
    jaw, opening, spread, rounding = (
        (1 - share) * a + share * b for a, b in zip(low.factors, high.factors, strict=True)
    )
    return Pose(
        upper=_between(low.upper, high.upper, share),
        mouth=_between(low.mouth, high.mouth, share),
        pause=_between(low.pause, high.pause, share),
        factors=(jaw, opening, spread, rounding),
        jaw_pause=(1 - share) * low.jaw_pause + share * high.jaw_pause,
        jaw_speech=(1 - share) * low.jaw_speech + share * high.jaw_speech,
    )
