"""The list of several lines: a sub-panel of the 3D view's tab, and a panel beside the strips."""

from bpy.types import Panel, UIList

from .. import running
from ..ui.layout import Sidebar, draw_message
from . import queue


class ECOFACE_UL_queue(UIList):
    """A line: its state, its strip, its head."""

    def draw_item(self, _context, layout, _data, item, _icon, _active_data, _active_property, _index):
        row = layout.row(align=True)
        row.label(text=item.name, icon_value=row.enum_item_icon(item, "state", item.state))
        row.label(text=item.head, icon="USER")
        run = running.queue
        if item.state == queue.WORKING and run:
            row.progress(factor=run.fraction, text=f"{run.fraction:.0%}")
        else:
            row.label(text=row.enum_item_name(item, "state", item.state))


class _Queue(Sidebar):
    def draw(self, context):
        layout, _ = self._start(context)
        strips = queue.selected_strips(context)
        self._draw_heads(layout, context, strips)
        text = f"Generate {len(strips)} Strips" if len(strips) > 1 else "Generate Selected Strips"
        layout.operator("ecoface.generate_strips", text=text, icon="PLAY_SOUND")
        self._draw_list(layout, context)

    def _draw_heads(self, layout, context, strips):
        """Who speaks: of one strip it is shown, of several it is assigned."""
        column = layout.column()
        if len(strips) == 1:
            speaker = queue.speaker_of(context, strips[0])
            column.prop(strips[0], "ecoface_head", placeholder=speaker.name if speaker else "None")
        elif strips:
            column.operator("ecoface.assign_head", icon="USER")
        else:
            column.label(text=queue.NOTHING_SELECTED, icon="INFO")

    def _draw_list(self, layout, context):
        """The same rows whether there are lines or not, and whether they are spoken."""
        manager = context.window_manager
        row = layout.row()
        row.template_list(
            "ECOFACE_UL_queue", "", manager, "ecoface_queue", manager, "ecoface_queue_index", rows=3
        )
        column = row.column(align=True)
        column.operator("ecoface.queue_remove", text="", icon="REMOVE")
        column.operator("ecoface.queue_clear", text="", icon="TRASH")
        column.operator("ecoface.queue_retry", text="", icon="FILE_REFRESH")
        row = layout.row()
        row.enabled = running.queue is not None
        row.operator("ecoface.cancel", icon="CANCEL")
        index = manager.ecoface_queue_index
        chosen = queue.lines[index] if 0 <= index < len(queue.lines) else None
        said, failed = (chosen.sentence, chosen.state == queue.FAILED) if chosen else ("", False)
        draw_message(layout, context, said, "ERROR" if failed else "INFO")


class ECOFACE_PT_queue(_Queue, Panel):
    """In the 3D view."""

    bl_label = "Queue"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (as Blender wants it)


class ECOFACE_PT_strips(_Queue, Panel):
    """In the sequencer, where strips are selected."""

    bl_label = "Emotional Lip Sync"
    bl_space_type = "SEQUENCE_EDITOR"


CLASSES = (ECOFACE_UL_queue, ECOFACE_PT_queue, ECOFACE_PT_strips)
