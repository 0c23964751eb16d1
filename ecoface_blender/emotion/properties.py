"""The emotions of a head as properties of its object, which are keyed: weights and an intensity."""

from typing import Any

import bpy
from bpy.props import FloatProperty, PointerProperty
from bpy.types import PropertyGroup

from ..core.constants import DEFAULT_INTENSITY


def _weight(name: str) -> Any:
    return FloatProperty(
        name=name,
        description=f"How much {name.lower()} is in the mix; what all weights lack to 1 is neutral",
        min=0.0,
        max=1.0,
        default=0.0,
        step=5,
        precision=2,
        subtype="FACTOR",
        options={"ANIMATABLE"},
        override={"LIBRARY_OVERRIDABLE"},
    )


class EmotionWeights(PropertyGroup):
    """The emotions of a head over time; hover over one and press I to key it."""

    neutral: _weight("Neutral")
    calm: _weight("Calm")
    happy: _weight("Happy")
    sad: _weight("Sad")
    angry: _weight("Angry")
    fearful: _weight("Fearful")
    disgust: _weight("Disgust")
    surprised: _weight("Surprised")
    intensity: FloatProperty(
        name="Intensity",
        description="How strong the emotions are: 0 is none at all, 1 plain, 2 strong",
        min=0.0,
        max=2.0,
        default=DEFAULT_INTENSITY,
        step=10,
        precision=2,
        options={"ANIMATABLE"},
        override={"LIBRARY_OVERRIDABLE"},
    )


CLASSES = (EmotionWeights,)

PROPERTIES = (
    (
        bpy.types.Object,
        "ecoface_emotions",
        PointerProperty(
            name="Emotions",
            description="Emotions of this head over time",
            type=EmotionWeights,
            override={"LIBRARY_OVERRIDABLE"},
        ),
    ),
)
