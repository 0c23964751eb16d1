"""The sub-panels Emotion Track, its Weights, and Emotion Strength."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.types import Panel

from ..animation import emotion_keys
from ..core.constants import EMOTIONS
from ..heads import chosen
from ..ui.layout import Sidebar
from ..ui.translations import sentence

MOST_SHOWN = 12
"""Changes in the list: those around the playhead."""


class ECOFACE_PT_emotion_track(Sidebar, Panel):
    """A click keys an emotion where the playhead is; the list says what is keyed."""

    bl_label = "Emotion Track"
    bl_parent_id = "ECOFACE_PT_speech"

    @classmethod
    def poll(cls, context):
        asked = context.scene.ecoface.emotion_from == "TRACK"
        return asked and chosen.chosen_head(context) is not None

    def draw(self, context):
        layout, settings = self._start(context)
        column = layout.column()
        column.prop(settings, "intensity", slider=True)
        column.prop(settings, "transition")
        grid = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
        for name in EMOTIONS:
            button = grid.operator("ecoface.key_emotion", text=name.title())
            button.emotion = name
            button.intensity, button.transition = settings.intensity, settings.transition
        self._draw_changes(layout, context)

    def _draw_changes(self, layout, context):
        speaker = chosen.chosen_head(context)
        frames = emotion_keys.changed_frames(speaker)
        if not frames:
            return
        now = context.scene.frame_current
        current = max((number for number, frame in enumerate(frames) if frame <= now), default=0)
        first = max(0, min(current - MOST_SHOWN // 2, len(frames) - MOST_SHOWN))
        column = layout.box().column(align=True)
        if first:
            column.label(text=sentence("{count} more before", count=first))
        for number, frame in enumerate(frames[first : first + MOST_SHOWN], first):
            change = emotion_keys.change_at(speaker, frame)
            row = column.row(align=True)
            left, right = row.row(), row.row()
            left.alignment, right.alignment = "LEFT", "RIGHT"
            icon = "KEYFRAME_HLT" if number == current else "KEYFRAME"
            text = f"{frame:g}  {change}"
            go = left.operator("ecoface.emotion_go", text=text, icon=icon, emboss=False)
            go.frame = round(frame)
            remove = right.operator("ecoface.emotion_remove", text="", icon="X", emboss=False)
            remove.frame = frame
        if (more := len(frames) - first - MOST_SHOWN) > 0:
            column.label(text=sentence("{count} more after", count=more))


class ECOFACE_PT_emotion_weights(Sidebar, Panel):
    """The head's animated properties, with the dots and keys of any animated property."""

    bl_label = "Weights"
    bl_parent_id = "ECOFACE_PT_emotion_track"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, _ = self._start(context)
        layout.use_property_decorate = True
        group = chosen.named_head(context).ecoface_emotions
        column = layout.column(align=True)
        for name in EMOTIONS:
            column.prop(group, name, slider=True)
        layout.prop(group, "intensity", slider=True)


class ECOFACE_PT_emotion_amount(Sidebar, Panel):
    """How much of the emotion is shown."""

    bl_label = "Emotion Strength"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, settings = self._start(context)
        layout.prop(settings, "strength", slider=True)
        column = layout.column(align=True)
        column.prop(settings, "upper", slider=True)
        column.prop(settings, "mouth", slider=True)


CLASSES = (ECOFACE_PT_emotion_track, ECOFACE_PT_emotion_weights, ECOFACE_PT_emotion_amount)
