"""The sub-panels Takes and Adjust: which take the head plays, and how much of it is shown."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import bpy
from bpy.props import IntProperty
from bpy.types import Panel, UIList

from ..errors import EcoFaceBlenderError
from ..heads import chosen, own_bones, own_head
from ..ui.layout import LIVE, Sidebar, draw_message, draw_when, labelled_row
from ..ui.translations import sentence
from . import diagnosis, frames, handles, stored, takes
from .properties import TakeControls

TOLD = 4
"""Lines of what is said below the takes."""
NUMBERS = 1.0
"""Width of a take's number, in Blender's units of the layout."""


class ECOFACE_UL_takes(UIList):
    """The takes of the chosen head, numbered and by their actions' names, in the order they were made in.

    No icon: names that begin alike are told apart by what a narrow list has room for.
    """

    def draw_item(self, _context, layout, _data, take, _icon, _active_data, _active_property, _index):
        row = layout.row(align=True)
        number = row.row()
        number.ui_units_x, number.alignment, number.active = NUMBERS, "RIGHT", False
        number.label(text=str(stored.made(take) or ""))
        row.prop(take, "name", text="", emboss=False)

    def filter_items(self, context, data, name):
        speaker, found = chosen.chosen_head(context), getattr(data, name)
        shown = [speaker is not None and takes.belongs(action, speaker) for action in found]
        places = {action: place for place, action in enumerate(takes.in_order(found))}
        return [self.bitflag_filter_item if each else 0 for each in shown], [places[each] for each in found]


class ECOFACE_PT_takes(Sidebar, Panel):
    """A click on a take plays it."""

    bl_label = "Takes"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, _ = self._start(context)
        speaker = chosen.chosen_head(context)
        row = layout.row()
        row.template_list("ECOFACE_UL_takes", "", bpy.data, "actions", context.scene, "ecoface_take", rows=4)
        column = row.column(align=True)
        column.operator("ecoface.take_duplicate", text="", icon="DUPLICATE")
        column.operator("ecoface.take_delete", text="", icon="TRASH")
        column.operator("ecoface.take_push", text="", icon="NLA_PUSHDOWN")
        row = layout.row()
        row.active = False
        row.label(text=sentence("Into a new take; this one stays"))
        column = layout.column(align=True)
        column.operator("ecoface.take_again", icon="FILE_REFRESH")
        column.operator("ecoface.take_swap", icon="BLANK1")
        start, end = frames.range_asked(context.scene)
        column.operator(
            "ecoface.take_range",
            text=sentence("Regenerate Frames {start} to {end}", start=start, end=end),
            icon="PREVIEW_RANGE",
        )
        layout.operator("ecoface.fill_silence", icon="SORTTIME")
        still = diagnosis.why_still(context.scene, speaker) if speaker else None
        if still:
            draw_message(layout, context, still, "ERROR", lines=TOLD)
        else:
            draw_message(layout, context, _touched(context, speaker), "INFO", lines=TOLD)


def _touched(context, speaker):
    """What the buttons that make a take anew will change, before they do."""
    take = takes.played(speaker)
    if take is None:
        return ""
    first, last = take.curve_frame_range
    start, end = frames.range_asked(context.scene)
    start, end = max(start, first), min(end, last)
    whole = f"Take, Swap: frames {first:.0f} to {last:.0f}, with its own or the panel's emotion"
    if start > end:
        return f"{whole}. The range lies outside this take."
    return f"{whole}. Range: only {start:.0f} to {end:.0f}."


class ECOFACE_PT_edits(Sidebar, Panel):
    """Edits above the take: the layer, and what an animator asks for at a frame."""

    bl_label = "Edit"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, _ = self._start(context)
        draw_when(layout, LIVE)
        grid = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
        for shape, label in handles.LABELS.items():
            grid.operator("ecoface.face_handle", text=label).shape = shape
        row = layout.row(align=True)
        speaker = chosen.chosen_head(context)
        if speaker and (owner := takes.edited(speaker)):
            row.use_property_split = False  # its name in the slider: beside it there is no room for both
            row.prop(owner.animation_data, "action_influence", text="Edits", slider=True)
        else:
            row.operator("ecoface.layer_add", icon="NLA")
        row.operator("ecoface.layer_remove", text="", icon="X")
        row = labelled_row(layout, "Mark")
        row.operator("ecoface.mark_phones", text="Phones")
        row.operator("ecoface.mark_words", text="Words")
        row.operator("ecoface.unmark_phones", text="", icon="X")


class ECOFACE_PT_adjust(Sidebar, Panel):
    """Live controls of the take that is played."""

    bl_label = "Adjust"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, _ = self._start(context)
        draw_when(layout, LIVE)
        speaker = chosen.chosen_head(context)
        take = takes.played(speaker)
        group = take.ecoface_take if take else None
        for name in ("jaw", "lips", "upper", "head_motion", "gaze"):
            _draw_control(layout, group, name, slider=True)
        row = layout.row(align=True)
        row.enabled = speaker is not None
        if speaker:
            row.prop(speaker, "ecoface_look_at")
        else:
            row.label(text="Look At")
        row.operator("ecoface.look_again", text="", icon="FILE_REFRESH")
        row = layout.row()
        row.enabled = speaker is not None and own_head.is_head(speaker) and own_bones.rig_of(speaker) is None
        row.operator("ecoface.add_neck", icon="ARMATURE_DATA")
        for name in ("smoothing", "offset"):
            _draw_control(layout, group, name)
        layout.operator("ecoface.take_reset", icon="LOOP_BACK")


def _draw_control(layout, group, name, **options):
    """A control, or its name alone where no take is played: the same row."""
    if group is not None:
        layout.prop(group, name, **options)
        return
    row = layout.row()
    row.enabled = False
    row.label(text=TakeControls.bl_rna.properties[name].name)


def _index_of_played(_scene):
    take = takes.played(chosen.chosen_head(bpy.context))
    return bpy.data.actions.find(take.name) if take else -1


def _play_index(_scene, index):
    speaker = chosen.chosen_head(bpy.context)
    take = bpy.data.actions[index] if 0 <= index < len(bpy.data.actions) else None
    if speaker and stored.is_take(take):
        try:
            takes.play(speaker, take)
        except EcoFaceBlenderError as error:
            print(f"EcoFace: {error}")  # a property has no other way to say it


CLASSES = (ECOFACE_UL_takes, ECOFACE_PT_takes, ECOFACE_PT_edits, ECOFACE_PT_adjust)

PROPERTIES = (
    (
        bpy.types.Scene,
        "ecoface_take",
        IntProperty(
            name="Take",
            description="The take that the head plays",
            get=_index_of_played,
            set=_play_index,
            options={"SKIP_SAVE"},
        ),
    ),
)
