"""The sub-panels Emotion Track, its Weights, and Emotion Strength."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.types import Panel

from ..animation import emotion_keys
from ..core.constants import EMOTIONS
from ..heads import chosen
from ..ui.layout import NEXT, Sidebar, draw_when
from ..ui.translations import sentence

MOST_SHOWN = 6
"""Changes in the list: those around the playhead."""


class ECOFACE_PT_emotion_track(Sidebar, Panel):
    """A click keys an emotion where the playhead is; the list says what is keyed."""

    bl_label = "Emotion Track"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, settings = self._start(context)
        draw_when(layout, NEXT)
        layout.prop(settings, "transition")
        grid = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
        for name in EMOTIONS:
            button = grid.operator("ecoface.key_emotion", text=name.title())
            button.emotion = name
            button.intensity, button.transition = settings.intensity, settings.transition
        self._draw_changes(layout, context)

    def _draw_changes(self, layout, context):
        """Always as many rows, whatever is keyed."""
        speaker = chosen.chosen_head(context)
        frames = emotion_keys.changed_frames(speaker) if speaker else []
        now = context.scene.frame_current
        current = max((number for number, frame in enumerate(frames) if frame <= now), default=0)
        first = max(0, min(current - MOST_SHOWN // 2, len(frames) - MOST_SHOWN))
        column = layout.box().column(align=True)
        column.label(text=sentence("{count} more before", count=first) if first else "")
        for number in range(first, first + MOST_SHOWN):
            if number < len(frames):
                icon = "KEYFRAME_HLT" if number == current else "KEYFRAME"
                self._draw_change(column.row(align=True), speaker, frames[number], icon)
            else:
                column.row(align=True).label(text="")
        more = len(frames) - first - MOST_SHOWN
        column.label(text=sentence("{count} more after", count=more) if more > 0 else "")

    def _draw_change(self, row, speaker, frame, icon):
        change = emotion_keys.change_at(speaker, frame)
        left, right = row.row(), row.row()
        left.alignment, right.alignment = "LEFT", "RIGHT"
        go = left.operator("ecoface.emotion_go", text=f"{frame:g}  {change}", icon=icon, emboss=False)
        go.frame = round(frame)
        remove = right.operator("ecoface.emotion_remove", text="", icon="X", emboss=False)
        remove.frame = frame


class ECOFACE_PT_emotion_weights(Sidebar, Panel):
    """The head's animated properties, with the dots and keys of any animated property."""

    bl_label = "Weights"
    bl_parent_id = "ECOFACE_PT_emotion_track"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, _ = self._start(context)
        layout.use_property_decorate = True
        speaker = chosen.chosen_head(context)
        if speaker is None:
            return
        group = speaker.ecoface_emotions
        column = layout.column(align=True)
        for name in EMOTIONS:
            column.prop(group, name, slider=True)
        layout.prop(group, "intensity", text=sentence("Keyed Intensity"), slider=True)


class ECOFACE_PT_emotion_amount(Sidebar, Panel):
    """How much of the emotion is shown."""

    bl_label = "Emotion Strength"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, settings = self._start(context)
        draw_when(layout, NEXT)
        layout.prop(settings, "strength", slider=True)
        column = layout.column(align=True)
        column.prop(settings, "upper", slider=True)
        column.prop(settings, "mouth", slider=True)


CLASSES = (ECOFACE_PT_emotion_track, ECOFACE_PT_emotion_weights, ECOFACE_PT_emotion_amount)
