"""The tab EcoFace in the 3D view's sidebar: head, voice, style, emotion, and the button.

What is drawn has the same rows whatever was chosen, is under way or went wrong, so that nothing moves under
the mouse: rows that do not apply are greyed, and what is said stands in a place of its own below the button.
"""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.types import Panel

from .. import running
from ..engine import engine
from ..engine.settings import engine_settings
from ..heads import chosen
from ..heads import report as face_report
from ..package import PACKAGE
from ..takes import diagnosis, heard, stored
from ..ui.layout import NEXT, Sidebar, draw_message, draw_progress, draw_when
from . import gather
from .job_operator import why_not_ready

NO_ENGINE = "No engine; choose one in the preferences"
_REFERENCES = {"FILE": "reference_file", "STRIP": "reference_strip", "HEAD": "reference_head"}


class ECOFACE_PT_speech(Sidebar, Panel):
    """The choices in the order in which they are made."""

    bl_label = "Emotional Lip Sync"

    def draw(self, context):
        layout, settings = self._start(context)
        column = layout.column()
        column.enabled = running.job is None
        self._draw_head(column, context, settings)
        self._draw_sound(column, context, settings)
        column.prop(settings, "style")
        self._draw_emotion(column, context, settings)
        missing = why_not_ready(context) or gather.what_is_missing(context)
        self._draw_button(layout, missing)
        draw_message(layout, context, *_message(context, settings, missing))
        self._draw_engine(layout, context)

    def _draw_head(self, column, context, settings):
        """Who speaks; what to do where it is nobody, or a face of which too little is known."""
        speaker = chosen.chosen_head(context)
        meant = speaker or chosen.meant_head(context)
        row = column.row(align=True)
        row.prop(settings, "head", placeholder=speaker.name if speaker else "None")
        fill = row.row(align=True)
        fill.enabled = meant is not None and (speaker is None or face_report.knows_too_little(meant))
        fill.operator("ecoface.mapping_fill", text="", icon="SHADERFX").head = meant.name if meant else ""
        row = column.row(align=True)
        row.operator("ecoface.add_head", icon="USER")
        row.operator("ecoface.set_up_shot", icon="VIEW_CAMERA")

    def _draw_sound(self, column, context, settings):
        from_strip = settings.sound_from == "STRIP"
        column.row().prop(settings, "sound_from", expand=True)
        if from_strip:
            strip = gather.default_strip(context)
            column.prop(settings, "strip", icon="SOUND", placeholder=strip.name if strip else "")
        else:
            column.prop(settings, "sound")
        choice = gather.choice_shown(context) if from_strip else settings.choice
        row = column.row(align=True, heading="Soundtrack")
        for menu in ("track_menu", "channel_menu"):
            part = row.row(align=True)
            part.enabled = choice is not None and menu in choice.shown()
            part.prop(choice or settings.choice, menu, text="")
        row = column.row(align=True, heading="Scene")
        row.use_property_split = False
        row.prop(settings, "extend_frames", toggle=True)
        part = row.row(align=True)
        part.enabled = not from_strip
        part.prop(settings, "add_strip", toggle=True)

    def _draw_emotion(self, column, context, settings):
        """One menu, then what it asks for: whose, or Listen; and how strong."""
        column.prop(settings, "emotion_menu")
        if settings.emotion_from == "REFERENCE":
            column.prop(settings, _REFERENCES[settings.reference_from], text=" ")
        else:
            row = column.row()
            row.enabled = (
                settings.emotion_from in ("SPEECH", "TRACK") and gather.why_no_voice(context) is None
            )
            row.operator("ecoface.listen", text="Listen and Key Emotions", icon="KEYFRAME_HLT")
        row = column.row()
        row.enabled = settings.emotion_from in ("LABEL", "TRACK")
        row.prop(settings, "intensity", slider=True)

    def _draw_button(self, layout, missing):
        """The button, or how far it is, in the same place."""
        if job := running.shown():
            draw_progress(layout, job)
            return
        row = layout.row()
        row.scale_y = 1.6
        row.enabled = missing is None
        row.operator("ecoface.generate", icon="PLAY_SOUND")

    def _draw_engine(self, layout, context):
        """Which engine works, and the way to another."""
        row = layout.row(align=True)
        said = row.column()
        said.active = False
        described = engine.describe(engine_settings(context))
        icon = "SYSTEM" if described else "ERROR"
        draw_message(said, context, described or NO_ENGINE, icon, lines=1)
        row.operator("preferences.addon_show", text="", icon="PREFERENCES", emboss=False).module = PACKAGE


def _message(context, settings, missing):
    """What there is to say, the most pressing alone, and its icon."""
    speaker = chosen.chosen_head(context)
    if running.shown():
        return "You may go on working; Esc over this panel cancels.", "INFO"
    if missing:
        return missing, "INFO"
    if running.failure:
        return running.failure, "ERROR"
    if speaker and (still := diagnosis.why_still(context.scene, speaker)):
        return still, "ERROR"
    if speaker and face_report.knows_too_little(speaker):
        return face_report.describe(speaker), "ERROR"
    said = [stored.describe(speaker) if speaker else "", heard.heard_sentence(speaker)]
    if settings.emotion_from not in ("SPEECH", "REFERENCE"):
        del said[1]
    return ". ".join(filter(None, said)), "ACTION"


class ECOFACE_PT_variation(Sidebar, Panel):
    """What is seldom changed."""

    bl_label = "Variation"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, settings = self._start(context)
        draw_when(layout, NEXT)
        layout.prop(settings, "seed")
        layout.prop(settings, "temperature", slider=True)


CLASSES = (ECOFACE_PT_speech, ECOFACE_PT_variation)
