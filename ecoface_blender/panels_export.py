"""The sub-panel Bake and Export: from the keys onwards."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.types import Panel

from . import export
from .operators_export import draw_options
from .panels import _Sidebar
from .translations import sentence


class ECOFACE_PT_export(_Sidebar, Panel):
    """Plain keys, and files for other programs."""

    bl_label = "Bake and Export"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, _ = self._start(context)
        layout.operator("ecoface.bake", icon="KEYFRAME_HLT", text="Bake...")
        group = context.scene.ecoface_export
        column = layout.column()
        column.prop(group, "kind")
        draw_options(column, group)
        button = sentence("Export {format}...", format=export.KINDS[group.kind].label)
        layout.operator("ecoface.export", icon="EXPORT", text=button)


CLASSES = (ECOFACE_PT_export,)
