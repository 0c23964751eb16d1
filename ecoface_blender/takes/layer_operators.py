"""A layer for edits by hand above the take: put on, taken off."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.types import Operator

from ..animation import emotion_keys, layers
from ..heads import chosen
from ..ui.reporting import Reporting
from . import takes
from .operators import OnTake


class ECOFACE_OT_layer_add(OnTake, Operator):
    """Key by hand in a layer above this take, which stays when the take is made again or changed"""

    bl_idname = "ecoface.layer_add"
    bl_label = "Add Edit Layer"

    @classmethod
    def poll(cls, context):
        speaker = chosen.chosen_head(context)
        if speaker and takes.edited(speaker):
            cls.poll_message_set("The head has a layer for edits already")
            return False
        return super().poll(context)

    def on(self, _context, speaker, take):
        emotion_keys.leave(take)
        layers.add(take)
        self.report({"INFO"}, f"Keys of '{speaker.name}' go into a layer above '{take.name}' now")
        return {"FINISHED"}


class ECOFACE_OT_layer_remove(Reporting, Operator):
    """Delete the edits and play the take alone"""

    bl_idname = "ecoface.layer_remove"
    bl_label = "Remove Edit Layer"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        speaker = chosen.chosen_head(context)
        if speaker is None or takes.edited(speaker) is None:
            cls.poll_message_set("The head has no layer for edits")
            return False
        return True

    def run(self, context):
        if (owner := takes.edited(chosen.named_head(context))) is not None:
            layers.remove(owner.animation_data.action)
        return {"FINISHED"}


CLASSES = (ECOFACE_OT_layer_add, ECOFACE_OT_layer_remove)
