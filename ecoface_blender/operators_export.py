"""What leaves the scene by a button or a script: baking, and files for other programs."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.props import BoolProperty, StringProperty
from bpy.types import Operator
from bpy_extras.io_utils import ExportHelper

from . import choices, export
from .operators import _Sentences


class _OnHead(_Sentences):
    """For what is done with the chosen head and its keys."""

    @classmethod
    def poll(cls, context):
        if reason := choices.why_no_keys(context):
            cls.poll_message_set(reason)
            return False
        return True


class ECOFACE_OT_bake(_OnHead, Operator):
    """Key every frame of what the head does, all layers together, as plain linear keys in a new action"""

    bl_idname = "ecoface.bake"
    bl_label = "Bake"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context):
        action = export.bake(context, choices.chosen_head(context))
        self.report({"INFO"}, f"Baked into {action.name}")
        return {"FINISHED"}


class ECOFACE_OT_export_fbx(_OnHead, Operator, ExportHelper):
    """Write the head with its shape keys and their animation to an FBX file"""

    bl_idname = "ecoface.export_fbx"
    bl_label = "Export FBX"
    bl_options = {"REGISTER"}
    filename_ext = ".fbx"

    filter_glob: StringProperty(default="*.fbx", options={"HIDDEN"})
    raw: BoolProperty(
        name="Raw Keys",
        description="Write shape keys as they are here, from minus to plus 10. "
        "Game engines cut them to 0..1, so that otherwise each key is written as two halves",
    )

    def run(self, context):
        export.export_fbx(context, choices.chosen_head(context), self.filepath, raw=self.raw)
        self.report({"INFO"}, f"Wrote {self.filepath}")
        return {"FINISHED"}


CLASSES = (ECOFACE_OT_bake, ECOFACE_OT_export_fbx)
