"""The tab EcoFace in the 3D view's sidebar: head, voice, style, emotion, and the button."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import blf
from bpy.types import Panel

from . import choices, chosen, face_report, generation, lines_queue, listening, translations
from .modal import progress_text

BESIDE_TEXT = 90
"""Pixels at scale 1 of icon, margins and the region's tabs beside a line."""


class _Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "EcoFace"

    def _start(self, context):
        """The layout as Blender's own panels have it, and the settings."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False  # settings of a tool are not animated
        return layout, context.scene.ecoface


class ECOFACE_PT_speech(_Sidebar, Panel):
    """The choices in the order in which they are made."""

    bl_label = "Emotional Lip Sync"

    def draw(self, context):
        layout, settings = self._start(context)
        column = layout.column()
        column.enabled = generation.running is None
        self._draw_head(column, context, settings)
        self._draw_sound(column, context, settings)
        column.prop(settings, "style")
        self._draw_emotion(column, settings)
        self._draw_heard(column, context, settings)
        if job := lines_queue.running or generation.running:
            draw_progress(layout, job)
        else:
            self._draw_button(layout, context)

    def _draw_head(self, column, context, settings):
        speaker = choices.chosen_head(context)
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
            strip = choices.default_strip(context)
            column.prop(settings, "strip", icon="SOUND", placeholder=strip.name if strip else "")
        else:
            column.prop(settings, "sound")
            column.prop(settings, "add_strip")

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
        heard = listening.heard_sentence(choices.chosen_head(context))
        if heard and settings.emotion_from in ("SPEECH", "REFERENCE"):
            draw_sentence(column, context, heard, icon="OUTLINER_OB_SPEAKER")
        if settings.emotion_from in ("SPEECH", "TRACK"):
            row = column.row()
            row.enabled = choices.why_no_voice(context) is None  # which is said below
            row.operator("ecoface.listen", icon="KEYFRAME_HLT")

    def _draw_button(self, layout, context):
        missing = generation.why_not_ready(context) or choices.what_is_missing(context)
        row = layout.row()
        row.scale_y = 1.6
        row.enabled = missing is None
        row.operator("ecoface.generate", icon="PLAY_SOUND")
        if missing:
            draw_sentence(layout, context, missing, icon="INFO")
            if choices.chosen_head(context) and generation.why_no_engine(context):
                opened = layout.operator("preferences.addon_show", text="Preferences", icon="PREFERENCES")
                opened.module = __package__
        elif generation.failure:
            draw_sentence(layout, context, generation.failure, icon="ERROR")
        elif made := generation.describe(choices.chosen_head(context)):
            draw_sentence(layout, context, made, icon="ACTION")


class ECOFACE_PT_variation(_Sidebar, Panel):
    """What is seldom changed."""

    bl_label = "Variation"
    bl_parent_id = "ECOFACE_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, settings = self._start(context)
        layout.prop(settings, "seed")
        layout.prop(settings, "temperature", slider=True)


def draw_progress(layout, job):
    """A bar with the stage, and the way out."""
    row = layout.row(align=True)
    row.scale_y = 1.6
    row.progress(factor=job.fraction, text=progress_text(job))
    row.operator("ecoface.cancel", text="", icon="CANCEL")


def draw_sentence(layout, context, sentence, icon):
    """Text over as many lines as the sidebar's width needs; Blender's labels do not wrap."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    width = context.region.width - BESIDE_TEXT * context.preferences.system.ui_scale
    for number, line in enumerate(_wrapped(translations.sentence(sentence), width, context.preferences)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def _wrapped(sentence, width, preferences):
    """Lines of whole words, none of them wider than so many pixels in the font of labels."""
    blf.size(0, preferences.ui_styles[0].widget.points * preferences.system.ui_scale)
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and blf.dimensions(0, longer)[0] > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


CLASSES = (ECOFACE_PT_speech, ECOFACE_PT_variation)
