"""Where each sound wants jaw and lips, and how strongly: the table behind co-articulation.

Values were tuned by eye on the reference head; weights are ARKit units, both sides alike, the jaw in degrees.
Rounding lowers mouthSmile below 0: without it the corners pull the lips into a V.
"""

from dataclasses import dataclass, field, replace

from training.data.phones import BILABIALS, LABIODENTALS, PAUSE

ROUNDED = ("UW", "UH", "OW", "OY", "AO", "W", "R", "ER", "SH", "ZH", "CH", "JH")
OWN_JAW = (*BILABIALS, *LABIODENTALS, "S", "Z", "SH", "ZH", "CH", "JH")
"""Sounds whose jaw neither loudness nor emotion may move."""


@dataclass(frozen=True, kw_only=True)
class Viseme:
    """One sound's target and its dominance over its neighbours (Cohen & Massaro 1993)."""

    jaw: float
    """Degrees."""
    lips: dict[str, float] = field(default_factory=dict)
    """Target weights by channel (see `channels.py`); a lip channel that is not named has the target 0."""
    jaw_strength: float
    lip_strength: float
    lead: float
    """Seconds over which the sound is prepared."""
    trail: float
    """Seconds over which it is left."""


def _viseme(jaw: float, strengths: tuple[float, float], lead_trail: tuple[int, int], **lips: float) -> Viseme:
    """A row of the table, times in ms."""
    return Viseme(
        jaw=jaw,
        lips=lips,
        jaw_strength=strengths[0],
        lip_strength=strengths[1],
        lead=lead_trail[0] / 1000,
        trail=lead_trail[1] / 1000,
    )


_PAUSE = _viseme(0.0, (0.5, 0.3), (150, 200), mouth_close=0.012)
_BILABIAL = _viseme(1.0, (1.0, 0.3), (110, 90), pucker=0.12)
_LABIODENTAL = _viseme(1.5, (1.5, 1.5), (100, 80), upper_lip_up=0.35)
_DENTAL = _viseme(3.5, (0.7, 0.3), (90, 80), tongue_out=0.52, lower_lip_down=0.15, upper_lip_up=0.35)
_ALVEOLAR = _viseme(2.5, (0.6, 0.15), (80, 70), lower_lip_down=0.2, upper_lip_up=0.3, stretch=0.06)
_SIBILANT = _viseme(
    1.0, (2.0, 0.8), (110, 100), stretch=0.28, lower_lip_down=0.35, upper_lip_up=0.55, smile=0.06
)
_HUSHING = _viseme(
    1.0, (2.0, 2.0), (140, 130), pucker=0.75, funnel=0.15, upper_lip_up=0.45, lower_lip_down=0.38, smile=-0.22
)
_VELAR = _viseme(3.5, (0.3, 0.1), (80, 70), lower_lip_down=0.08, upper_lip_up=0.2)
_RHOTIC = _viseme(2.5, (0.6, 1.2), (120, 100), pucker=0.65, funnel=0.2, upper_lip_up=0.1, smile=-0.15)
_W = _viseme(1.0, (1.0, 3.0), (160, 140), pucker=1.25, funnel=0.28, smile=-0.2)
_IY = _viseme(2.5, (1.0, 1.5), (120, 120), stretch=0.42, smile=0.3, lower_lip_down=0.25, upper_lip_up=0.5)
_IH = _viseme(3.5, (0.9, 0.9), (110, 110), stretch=0.22, smile=0.12, lower_lip_down=0.15, upper_lip_up=0.35)
_EH = _viseme(6.0, (1.1, 1.0), (120, 120), stretch=0.22, smile=0.1, lower_lip_down=0.12, upper_lip_up=0.35)
_AH = _viseme(5.0, (0.8, 0.4), (100, 100), lower_lip_down=0.05, upper_lip_up=0.2)
_AA = _viseme(10.5, (1.4, 0.8), (120, 120), lower_lip_down=0.1, upper_lip_up=0.25)
_AO = _viseme(8.5, (1.3, 1.5), (140, 130), pucker=0.5, funnel=0.08, smile=-0.35)
_OW = _viseme(6.0, (1.0, 2.2), (160, 150), pucker=0.95, funnel=0.12, smile=-0.4)
_UW = _viseme(2.3, (1.0, 3.0), (160, 150), pucker=1.2, funnel=0.28, smile=-0.3)
_UH = replace(_UW, jaw=3.2, lips={name: 0.7 * weight for name, weight in _UW.lips.items()})

VISEMES: dict[str, Viseme] = {
    PAUSE: _PAUSE,
    **dict.fromkeys(BILABIALS, _BILABIAL),
    **dict.fromkeys(LABIODENTALS, _LABIODENTAL),
    **dict.fromkeys(("TH", "DH"), _DENTAL),
    **dict.fromkeys(("T", "D", "N", "L"), _ALVEOLAR),
    **dict.fromkeys(("S", "Z"), _SIBILANT),
    **dict.fromkeys(("SH", "ZH", "CH", "JH"), _HUSHING),
    **dict.fromkeys(("K", "G", "NG", "HH"), _VELAR),
    **dict.fromkeys(("R", "ER"), _RHOTIC),
    "W": _W,
    **dict.fromkeys(("IY", "Y"), _IY),
    "IH": _IH,
    "EH": _EH,
    "EY": _EH,
    "AE": replace(_EH, jaw=8.0),
    "AH": _AH,
    **dict.fromkeys(("AA", "AY", "AW"), _AA),
    **dict.fromkeys(("AO", "OY"), _AO),
    "OW": _OW,
    "UW": _UW,
    "UH": _UH,
}
"""By ARPAbet name."""

GLIDES = {"AY": _IH, "EY": _IH, "OY": _IH, "AW": _UW, "OW": _UW}
"""Where a diphthong ends: its last third."""
