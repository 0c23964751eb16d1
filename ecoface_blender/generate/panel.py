"""The tab EcoFace in the 3D view's sidebar: head, voice, style, emotion, and the button."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.types import Panel

from .. import running
from ..engine import engine
from ..engine.settings import engine_settings
from ..heads import chosen
from ..heads import report as face_report
from ..package import PACKAGE
from ..takes import heard, stored
from ..ui.layout import Sidebar, draw_progress, draw_sentence
from . import gather
from .job_operator import why_not_ready


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
        self._draw_emotion(column, settings)
        self._draw_heard(column, context, settings)
        if job := running.shown():
            draw_progress(layout, job)
        else:
            self._draw_button(layout, context)
        self._draw_engine(layout, context)

    def _draw_head(self, column, context, settings):
        speaker = chosen.chosen_head(context)
        row = column.row(align=True)
        row.prop(settings, "head", placeholder=speaker.name if speaker else "None")
        if speaker:
            row.operator("ecoface.add_head", text="", icon="ADD")
        else:
            column.operator("ecoface.add_head", icon="USER")
        meant = speaker or chosen.meant_head(context)
        if meant and (speaker is None or face_report.knows_too_little(meant)):
            if speaker:  # otherwise the button's place says why nothing can be generated
                draw_sentence(column, context, face_report.describe(meant), icon="ERROR")
            column.operator("ecoface.mapping_fill", icon="SHADERFX").head = meant.name

    def _draw_sound(self, column, context, settings):
        column.row().prop(settings, "sound_from", expand=True)
        if settings.sound_from == "STRIP":
            strip = gather.default_strip(context)
            column.prop(settings, "strip", icon="SOUND", placeholder=strip.name if strip else "")
            choice = gather.choice_shown(context)
        else:
            column.prop(settings, "sound")
            column.prop(settings, "add_strip")
            choice = settings.choice
        for menu in choice.shown() if choice else ():
            column.prop(choice, menu)

    def _draw_emotion(self, column, settings):
        column.prop(settings, "emotion_from")
        if settings.emotion_from == "LABEL":
            column.prop(settings, "emotion", text=" ")
            column.prop(settings, "intensity", slider=True)
        elif settings.emotion_from == "REFERENCE":
            column.row().prop(settings, "reference_from", expand=True)
            name = {"FILE": "reference_file", "STRIP": "reference_strip", "HEAD": "reference_head"}
            column.prop(settings, name[settings.reference_from], text=" ")

    def _draw_heard(self, column, context, settings):
        """What was heard for the take that is played, and the way to have it as keys."""
        said = heard.heard_sentence(chosen.chosen_head(context))
        if said and settings.emotion_from in ("SPEECH", "REFERENCE"):
            draw_sentence(column, context, said, icon="OUTLINER_OB_SPEAKER")
        if settings.emotion_from in ("SPEECH", "TRACK"):
            row = column.row()
            row.enabled = gather.why_no_voice(context) is None  # which is said below
            row.operator("ecoface.listen", icon="KEYFRAME_HLT")

    def _draw_button(self, layout, context):
        missing = why_not_ready(context) or gather.what_is_missing(context)
        row = layout.row()
        row.scale_y = 1.6
        row.enabled = missing is None
        row.operator("ecoface.generate", icon="PLAY_SOUND")
        if missing:
            draw_sentence(layout, context, missing, icon="INFO")
            if chosen.chosen_head(context) and engine.why_not_usable(engine_settings(context)):
                opened = layout.operator("preferences.addon_show", text="Preferences", icon="PREFERENCES")
                opened.module = PACKAGE
        elif running.failure:
            draw_sentence(layout, context, running.failure, icon="ERROR")
        elif made := stored.describe(chosen.chosen_head(context)):
            draw_sentence(layout, context, made, icon="ACTION")

    def _draw_engine(self, layout, context):
        """Which engine works, and the way to another."""
        if described := engine.describe(engine_settings(context)):
            row = layout.row(align=True)
            said = row.column()
            said.active = False
            draw_sentence(said, context, described, icon="SYSTEM")
            row.operator("preferences.addon_show", text="", icon="PREFERENCES", emboss=False).module = PACKAGE


class ECOFACE_PT_variation(Sidebar, Panel):
    """What is seldom changed."""

    bl_label = "Variation"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, settings = self._start(context)
        layout.prop(settings, "seed")
        layout.prop(settings, "temperature", slider=True)
        layout.prop(settings, "idle")


CLASSES = (ECOFACE_PT_speech, ECOFACE_PT_variation)
