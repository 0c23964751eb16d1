"""What a script may say of the emotion, the same for all operators that let the engine speak."""

from typing import Any

from bpy.props import BoolProperty, FloatProperty, StringProperty

from ..ui.reporting import OfOperator

_GIVEN = {"options": {"SKIP_SAVE"}}


def strength_property(name: str, what: str, **more: Any) -> Any:
    """Of the emotion, or of what it does to a part of the face; `more` is for Blender's FloatProperty."""
    description = f"{what}: 0 is neutral, 1 as it is, above 1 it is exaggerated"
    return FloatProperty(name=name, description=description, min=0.0, max=2.0, default=1.0, **more)


class EmotionProperties(OfOperator):
    """For operators: one source of emotion at most, and the amounts; the panel's where they are left out."""

    emotion: StringProperty(
        name="Emotion",
        description="LABEL or LABEL:INTENSITY, such as happy or happy:1.5, or several with their seconds, "
        "such as happy@0 sad@2.5; empty is the emotion of the voice",
        options={"SKIP_SAVE"},
    )
    emotion_from: StringProperty(
        name="Emotion From",
        description="A recording whose emotion is heard, or an .npz of a performance, which is seen",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    emotion_strip: StringProperty(
        name="Emotion Strip",
        description="Name of a sound or movie strip whose emotion is heard",
        options={"SKIP_SAVE"},
    )
    emotion_head: StringProperty(
        name="Emotion Head",
        description="Name of a head whose performance shows the emotion",
        options={"SKIP_SAVE"},
    )
    emotion_track: BoolProperty(
        name="Emotion Track",
        description="The emotions that are keyed on the head",
        options={"SKIP_SAVE"},
    )
    strength: strength_property("Strength", "The emotion all over", **_GIVEN)
    upper: strength_property("Upper Face", "What the emotion does to brows, lids and nose", **_GIVEN)
    mouth: strength_property("Mouth", "What the emotion does to cheeks, lips and jaw", **_GIVEN)

    def emotion_given(self):
        """What was said, by the names that `gather` knows."""
        said = [name for name in EmotionProperties.__annotations__ if self.properties.is_property_set(name)]
        return {name: getattr(self, name) for name in said}
