"""The sub-panels Takes and Adjust: which take the head plays, and how much of it is shown."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import bpy
from bpy.props import IntProperty
from bpy.types import Panel, UIList

from ..errors import EcoFaceBlenderError
from ..heads import chosen, own_bones, own_head
from ..ui.layout import Sidebar, draw_sentence
from . import diagnosis, stored, takes


class ECOFACE_UL_takes(UIList):
    """The takes of the chosen head, by their actions' names."""

    def draw_item(self, _context, layout, _data, take, _icon, _active_data, _active_property, _index):
        layout.prop(take, "name", text="", emboss=False, icon="ACTION")

    def filter_items(self, context, data, name):
        speaker, actions = chosen.chosen_head(context), getattr(data, name)
        shown = [speaker is not None and takes.belongs(action, speaker) for action in actions]
        return [self.bitflag_filter_item if each else 0 for each in shown], []


class ECOFACE_PT_takes(Sidebar, Panel):
    """A click on a take plays it."""

    bl_label = "Takes"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, _ = self._start(context)
        speaker = chosen.chosen_head(context)
        if speaker and (reason := diagnosis.why_still(context.scene, speaker)):
            draw_sentence(layout, context, reason, icon="ERROR")
        row = layout.row()
        row.template_list("ECOFACE_UL_takes", "", bpy.data, "actions", context.scene, "ecoface_take", rows=4)
        column = row.column(align=True)
        column.operator("ecoface.take_duplicate", text="", icon="DUPLICATE")
        column.operator("ecoface.take_delete", text="", icon="TRASH")
        column.operator("ecoface.take_push", text="", icon="NLA_PUSHDOWN")
        column = layout.column(align=True)
        column.operator("ecoface.take_again", icon="FILE_REFRESH")
        column.operator("ecoface.take_swap")
        column.operator("ecoface.take_range", icon="PREVIEW_RANGE")
        column.operator("ecoface.fill_silence", icon="SORTTIME")
        if speaker and (owner := takes.edited(speaker)):
            row = layout.row(align=True)
            row.prop(owner.animation_data, "action_influence", text="Edits", slider=True)
            row.operator("ecoface.layer_remove", text="", icon="X")
        else:
            layout.operator("ecoface.layer_add", icon="NLA")


class ECOFACE_PT_adjust(Sidebar, Panel):
    """Live controls of the take that is played."""

    bl_label = "Adjust"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context):
        return takes.played(chosen.chosen_head(context)) is not None

    def draw(self, context):
        layout, _ = self._start(context)
        speaker = chosen.named_head(context)
        group = takes.playing(speaker).ecoface_take
        for name in ("jaw", "lips", "upper", "head_motion", "gaze"):
            layout.prop(group, name, slider=True)
        if own_head.is_head(speaker) and own_bones.rig_of(speaker) is None:
            layout.operator("ecoface.add_neck", icon="ARMATURE_DATA")
        row = layout.row(align=True)
        row.prop(speaker, "ecoface_look_at")
        row.operator("ecoface.look_again", text="", icon="FILE_REFRESH")
        layout.prop(group, "smoothing")
        layout.prop(group, "offset")
        layout.operator("ecoface.take_reset", icon="LOOP_BACK")


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


CLASSES = (ECOFACE_UL_takes, ECOFACE_PT_takes, ECOFACE_PT_adjust)

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
