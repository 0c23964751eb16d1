"""The sub-panel Bake and Export: from the keys onwards."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.types import Panel

from ..ui.layout import Sidebar
from ..ui.translations import sentence
from . import export
from .operators import draw_options


class ECOFACE_PT_export(Sidebar, Panel):
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
