"""The sub-panel Voice Baseline: how the head's voice usually sounds, and of which lines that was made."""

from bpy.types import Panel

from ..emotion import voice_baseline
from ..heads import chosen
from ..ui.layout import Sidebar
from ..ui.translations import sentence


class ECOFACE_PT_voice_baseline(Sidebar, Panel):
    """Made by a click, shown, and forgotten by another one."""

    bl_label = "Voice Baseline"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (as Blender wants it)

    def draw(self, context):
        layout, _ = self._start(context)
        speaker = chosen.chosen_head(context)
        made_of = voice_baseline.describe(speaker) if speaker else None
        row = layout.row(align=True)
        if made_of:
            row.label(text=sentence("Made of {lines}", lines=made_of), icon="CHECKMARK")
        else:
            row.label(text=sentence("None yet"), icon="BLANK1")
        row.operator("ecoface.voice_baseline_remove", text="", icon="X")
        row = layout.row(align=True)
        row.operator("ecoface.voice_baseline", text="From Neutral Line").lines = "STRIP"
        row.operator("ecoface.voice_baseline", text="From All Lines").lines = "ALL"


CLASSES = (ECOFACE_PT_voice_baseline,)
