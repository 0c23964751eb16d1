"""Emotions keyed on a head by one click each: key, remove, go there."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import Operator

from ..animation import emotion_keys
from ..core.constants import DEFAULT_INTENSITY
from ..core.emotion_label import TURN
from ..errors import EcoFaceBlenderError
from ..heads import chosen
from ..heads.on_head import OnHead
from ..sound import sequencer


class _OnEmotionKeys(OnHead):
    """For what is done with the emotions of the chosen head at a frame."""

    head: StringProperty(
        name="Head", description="Name of the head's object; the panel's if left out", options={"SKIP_SAVE"}
    )
    frame: FloatProperty(
        name="Frame", description="The scene's current frame if left out", options={"SKIP_SAVE"}
    )

    def run(self, context):
        speaker = chosen.named_head(context, self.head)
        given = self.properties.is_property_set("frame")
        return self.on(context, speaker, self.frame if given else context.scene.frame_current)

    def on(self, context: bpy.types.Context, speaker: bpy.types.Object, frame: float) -> set[str]:
        """Do it; gives the set that Blender gets."""
        raise NotImplementedError


class ECOFACE_OT_key_emotion(_OnEmotionKeys, Operator):
    """Key this emotion at the current frame, and all others away; what was felt before gives way to it"""

    bl_idname = "ecoface.key_emotion"
    bl_label = "Key Emotion"

    emotion: EnumProperty(
        name="Emotion", description="The emotion from this frame on", items=emotion_keys.EMOTION_ITEMS
    )
    intensity: FloatProperty(
        name="Intensity",
        description="How strong it is: 0 is none at all, 1 plain, 2 strong",
        min=0.0,
        max=2.0,
        default=DEFAULT_INTENSITY,
    )
    transition: FloatProperty(
        name="Transition",
        description="Seconds over which the emotion before gives way; it has done so in this frame",
        min=0.0,
        soft_max=3.0,
        default=TURN,
    )

    def invoke(self, context, _event):
        """A click also lets the next take be made from what is keyed."""
        result = self.execute(context)
        if "FINISHED" in result:
            context.scene.ecoface.emotion_from = "TRACK"
        return result

    def on(self, context, speaker, frame):
        values = {self.emotion: 1.0, emotion_keys.INTENSITY: self.intensity}
        frames = round(self.transition * sequencer.scene_rate(context.scene))  # keys on whole frames
        emotion_keys.key(speaker, frame, values, frames)
        return {"FINISHED"}


class ECOFACE_OT_emotion_remove(_OnEmotionKeys, Operator):
    """Remove the emotion that is keyed here; the one before it goes on"""

    bl_idname = "ecoface.emotion_remove"
    bl_label = "Remove Emotion"

    def on(self, _context, speaker, frame):
        if not emotion_keys.remove(speaker, frame):
            raise EcoFaceBlenderError(f"No emotion of '{speaker.name}' is keyed in frame {frame:g}.")
        return {"FINISHED"}


class ECOFACE_OT_emotion_go(Operator):
    """Go to this frame"""

    bl_idname = "ecoface.emotion_go"
    bl_label = "Go to Emotion"
    bl_options = {"INTERNAL"}

    frame: IntProperty(name="Frame", description="Where to go", options={"SKIP_SAVE"})

    def execute(self, context):
        context.scene.frame_set(self.frame)
        return {"FINISHED"}


CLASSES = (ECOFACE_OT_key_emotion, ECOFACE_OT_emotion_remove, ECOFACE_OT_emotion_go)
