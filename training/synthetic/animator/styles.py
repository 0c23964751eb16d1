"""The speaking styles our own performances come in: what one speaker's face does whatever the emotion."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Style:
    """How one speaker moves. Factors are 1 for the natural speaker; weights are in ARKit units."""

    jaw: float = 1.0
    """Factor on the jaw's opening in speech."""
    lips: float = 1.0
    """Factor on what the lips themselves open (upper lip up, lower lip down)."""
    spread: float = 1.0
    """Factor on stretching and smiling for sounds such as "ee"."""
    rounding: float = 1.0
    """Factor on pucker and funnel."""
    lead: float = 1.0
    """Factor on how early sounds are prepared and how late they are left."""
    rest_jaw: float = 0.0
    """Degrees the jaw hangs in pauses."""
    corner: float = 0.0
    """Smile (or, below 0, frown) that never leaves."""
    upper_teeth: float = 0.0
    """Upper lip raised while speaking."""
    brow_share: float = 0.35
    """Share of the pitch accents that get a brow raise, strongest first."""
    brow_gain: float = 1.0
    """Factor on the height of those raises."""
    brow_rest: float = 0.0
    """Brows' place at rest: above 0 raised, below 0 lowered."""
    lids: float = 0.0
    """Lids at rest: above 0 drooping, below 0 wide."""
    blinks: float = 22.0
    """Blinks per minute while speaking without emotion."""
    expressivity: float = 1.0
    """Factor on the emotion's own weights."""
    asymmetry: float = 1.0
    """Factor on the difference between the sides; below 0 the right side moves more."""
    skew: float = 0.0
    """Mouth and jaw pulled to the left (below 0: right) while speaking."""


STYLES: dict[str, Style] = {
    "natural": Style(),
    "lively": Style(
        jaw=1.12, lips=1.2, spread=1.15, rounding=1.1, lead=0.9, corner=0.08, upper_teeth=0.06,
        brow_share=0.6, brow_gain=1.4, brow_rest=0.45, lids=-0.3, blinks=28.0, expressivity=1.2,
        asymmetry=1.2,
    ),
    "mumbler": Style(
        jaw=0.66, lips=0.68, spread=0.75, rounding=0.8, lead=1.2, brow_share=0.15, brow_gain=0.6,
        brow_rest=-0.15, lids=0.15, blinks=16.0, expressivity=0.75, asymmetry=1.3, skew=0.04,
    ),
    "orator": Style(
        jaw=1.32, lips=1.1, spread=1.05, rounding=1.2, lead=1.1, upper_teeth=0.1, brow_share=0.5,
        brow_gain=1.2, brow_rest=-0.05, blinks=14.0, expressivity=1.15, asymmetry=0.6,
    ),
    "warm": Style(
        jaw=0.95, spread=1.1, rounding=0.95, corner=0.26, upper_teeth=0.12, brow_share=0.4, brow_gain=1.1,
        brow_rest=0.2, lids=0.03, blinks=24.0, expressivity=1.1, asymmetry=1.1,
    ),
    "stern": Style(
        jaw=0.9, lips=0.85, spread=0.85, lead=0.9, corner=-0.24, brow_share=0.25, brow_gain=0.8,
        brow_rest=-0.5, lids=0.02, blinks=10.0, expressivity=0.85, asymmetry=0.5,
    ),
    "poised": Style(
        jaw=0.75, lips=1.3, rounding=1.15, rest_jaw=0.2, corner=0.03, upper_teeth=0.25, brow_share=0.2,
        brow_gain=0.8, brow_rest=0.1, lids=0.05, blinks=18.0, expressivity=0.8, asymmetry=0.5,
    ),
    "quirky": Style(
        jaw=1.05, lips=1.3, spread=1.2, rounding=0.9, lead=0.85, upper_teeth=0.15, brow_share=0.55,
        brow_gain=1.5, brow_rest=0.1, lids=-0.08, blinks=32.0, expressivity=1.3, asymmetry=-3.0, skew=-0.2,
    ),
}  # fmt: skip
"""By name; the first is the default."""

GUESTS: dict[str, Style] = {
    "guest-broad": Style(
        jaw=1.2, lips=0.9, spread=0.9, rounding=1.15, lead=1.05, rest_jaw=0.1, corner=-0.1, brow_share=0.45,
        brow_gain=0.9, brow_rest=-0.3, lids=0.08, blinks=20.0, expressivity=1.05, asymmetry=1.6, skew=0.06,
    ),
    "guest-light": Style(
        jaw=0.85, lips=1.1, spread=1.15, rounding=1.05, lead=0.95, corner=0.14, upper_teeth=0.18,
        brow_share=0.3, brow_gain=1.15, brow_rest=0.3, lids=-0.12, blinks=26.0, expressivity=0.95,
        asymmetry=-0.8,
    ),
}  # fmt: skip
"""Speakers of the test split whom no training sees: the paper's unseen speakers."""

PERFORMERS = STYLES | GUESTS
"""Everybody the animator can be."""
