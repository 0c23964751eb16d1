"""The sub-panel Bake and Export."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.types import Panel

from .panels import _Sidebar


class ECOFACE_PT_export(_Sidebar, Panel):
    """From the keys onwards."""

    bl_label = "Bake and Export"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, _ = self._start(context)
        layout.operator("ecoface.bake", icon="KEYFRAME_HLT")
        layout.operator("ecoface.export_fbx", icon="EXPORT")


CLASSES = (ECOFACE_PT_export,)
