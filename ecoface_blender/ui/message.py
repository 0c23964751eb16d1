"""What the panel has no room for, told whole."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.props import StringProperty
from bpy.types import Operator

from .layout import POP_UP, wrapped_for_pop_up


class ECOFACE_OT_message(Operator):
    """Show the whole message"""

    bl_idname = "ecoface.message"
    bl_label = "Show Message"
    bl_options = {"INTERNAL"}

    text: StringProperty(name="Text", description="The message", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context, properties):
        """The message itself, for whoever hovers over the button."""
        return properties.text.rstrip(".") or cls.__doc__

    def execute(self, context):
        """Also copies it: it is what one asks others about."""
        context.window_manager.clipboard = self.text
        return {"FINISHED"}

    def invoke(self, context, _event):
        self.execute(context)
        return context.window_manager.invoke_popup(self, width=POP_UP)

    def draw(self, context):
        column = self.layout.column(align=True)
        for line in wrapped_for_pop_up(self.text, context.preferences):
            column.label(text=line)


CLASSES = (ECOFACE_OT_message,)
