"""Adding a head."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import bpy
from bpy.types import Operator

from ..engine.settings import engine_settings
from ..ui.reporting import Reporting
from . import dressing, head_arrays, own_head


class ECOFACE_OT_add_head(Reporting, Operator):
    """Add a head that can speak: EcoFace's own, or your FLAME head if the preferences name one"""

    bl_idname = "ecoface.add_head"
    bl_label = "Add Head"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if context.mode != "OBJECT":
            cls.poll_message_set("Heads are added in Object Mode")
            return False
        return True

    def run(self, context):
        arrays = head_arrays.asked_for(engine_settings(context))
        added = own_head.add_head(context, arrays, "Head")
        if head_arrays.is_own(arrays):
            dressing.apply_look(added)
        self.report({"INFO"}, f"Added {arrays['name']} as {added.name}")
        return {"FINISHED"}

    def invoke(self, context, _event):
        """A click also turns the view to the head, which is of a person's size: a speck in a new file."""
        result = self.execute(context)
        if "FINISHED" in result and context.space_data.type == "VIEW_3D":
            bpy.ops.view3d.view_selected()
        return result


CLASSES = (ECOFACE_OT_add_head,)
