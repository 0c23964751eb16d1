"""The sub-panel of the mapping: what a mesh is recognised as, and the artist's own rows instead."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.types import Panel, UIList

from ..ui.layout import Sidebar, draw_sentence
from . import report as face_report
from .mapping_operators import edited


class ECOFACE_UL_mapping(UIList):
    """A row: what moves, by which curve, how much."""

    bl_idname = "ECOFACE_UL_mapping"

    def draw_item(self, _context, layout, _data, item, _icon, _active_data, _active_property):
        row = layout.row(align=True)
        row.label(text=item.target or "-", icon="BONE_DATA" if item.kind == "BONE" else "SHAPEKEY_DATA")
        row.label(text=item.source)
        row.prop(item, "gain", text="", emboss=False)


class ECOFACE_PT_mapping(Sidebar, Panel):
    """Rows of the active mesh, and the values of the chosen one."""

    bl_label = "Shape Key Mapping"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, _settings = self._start(context)
        item = edited(context)
        if item is None:
            draw_sentence(layout, context, "Select a mesh with shape keys.", icon="INFO")
            return
        draw_sentence(layout, context, face_report.describe(item), icon="INFO")
        layout.operator("ecoface.check_head", icon="IMAGE_DATA").head = item.name
        self._draw_checked(layout, context, face_report.last_checked(item))
        group = item.ecoface_mapping
        layout.operator("ecoface.mapping_parts", icon="GROUP")
        layout.prop(group, "use")
        column = layout.column()
        column.active = group.use
        row = column.row()
        row.template_list("ECOFACE_UL_mapping", "", group, "rows", group, "active", rows=4)
        side = row.column(align=True)
        side.operator("ecoface.mapping_add", text="", icon="ADD")
        side.operator("ecoface.mapping_remove", text="", icon="REMOVE")
        side.separator()
        side.operator("ecoface.mapping_clear", text="", icon="TRASH")
        column.operator("ecoface.mapping_fill", icon="SHADERFX")
        if group.active < len(group.rows):
            self._draw_row(column, group.rows[group.active])
        presets = layout.row(align=True)
        presets.operator("ecoface.mapping_load", icon="FILEBROWSER")
        presets.operator("ecoface.mapping_save", icon="FILE_TICK")

    def _draw_checked(self, layout, context, findings):
        """What is wrong, for as long as there is a sheet that shows it."""
        for finding in findings or ():
            draw_sentence(layout, context, finding, icon="ERROR")
        if findings == []:
            draw_sentence(layout, context, "It shows every pose.", icon="CHECKMARK")

    def _draw_row(self, column, row):
        column.prop(row, "source")
        column.prop(row, "kind")
        column.prop(row, "target")
        if row.kind == "BONE":
            column.prop(row, "axis")
        values = column.column(align=True)
        for name in ("gain", "offset", "minimum", "maximum"):
            values.prop(row, name)


CLASSES = (ECOFACE_UL_mapping, ECOFACE_PT_mapping)
