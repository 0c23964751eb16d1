"""What the panels share: where they are, progress, and sentences over several lines."""

from typing import Any

import blf

from . import translations
from .watching import progress_text

BESIDE_TEXT = 90
"""Pixels at scale 1 of icon, margins and the region's tabs beside a line."""
MORE = 20
"""Pixels of the button that tells a message whole."""
MESSAGE_LINES = 4
NAMES = 0.4
"""Share of a row that is a property's name, as Blender has it."""
USUAL = 280
"""Pixels at scale 1 of a sidebar."""
POP_UP = 400
"""Pixels at scale 1 of its width."""


LIVE, NEXT = "Shows at once, in this take", "Shows in the next take"
"""When an amount acts."""


class Sidebar:
    layout: Any
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "EcoFace"

    def _start(self, context):
        """The layout as Blender's own panels have it, and the settings."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False  # settings of a tool are not animated
        return layout, context.scene.ecoface


def draw_progress(layout, job):
    """A bar with the stage, and the way out."""
    row = layout.row(align=True)
    row.scale_y = 1.6
    row.progress(factor=job.fraction, text=progress_text(job))
    row.operator("ecoface.cancel", text="", icon="CANCEL")


def labelled_row(layout, text):
    """A row for several things where Blender's panels have values, with one name before them."""
    split = layout.split(factor=NAMES)
    split.use_property_split = False
    name = split.row()
    name.alignment = "RIGHT"
    name.label(text=translations.sentence(text))
    return split.row(align=True)


def draw_when(layout, when):
    """Say whether the amounts below show at once, or in the next take."""
    row = layout.row()
    row.active = False
    row.label(text=translations.sentence(when), icon="INFO")


def draw_message(layout, context, sentence, icon, lines=MESSAGE_LINES):
    """Text in a place of so many lines, however long it is: nothing below it moves when it changes.

    What is too long ends in an ellipsis; the button beside it tells it whole, by a click or its tooltip.
    """
    row = layout.row(align=True)
    column = row.column(align=True)
    column.scale_y = 0.8
    column.alert = icon == "ERROR" and bool(sentence)
    said = translations.sentence(sentence) if sentence else ""
    width = _width(context) - MORE * context.preferences.system.ui_scale
    wrapped = _wrapped(said, width, context.preferences)
    if len(wrapped) > lines:
        wrapped = [*wrapped[: lines - 1], f"{wrapped[lines - 1]} ..."]
    for number in range(lines):
        text = wrapped[number] if number < len(wrapped) else ""
        column.label(text=text, icon=icon if number == 0 and said else "BLANK1")
    more = row.column()
    more.enabled = bool(said)
    more.operator("ecoface.message", text="", icon="TEXT", emboss=False).text = said


def draw_sentence(layout, context, sentence, icon):
    """Text over as many lines as the sidebar's width needs; Blender's labels do not wrap."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(
        _wrapped(translations.sentence(sentence), _width(context), context.preferences)
    ):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def _width(context):
    """Pixels that there are for text; of a usual sidebar where there is no window."""
    scale = context.preferences.system.ui_scale
    return (context.region.width if context.region else USUAL * scale) - BESIDE_TEXT * scale


def wrapped_for_pop_up(sentence, preferences):
    """Lines of a sentence in a pop-up."""
    return _wrapped(sentence, (POP_UP - BESIDE_TEXT) * preferences.system.ui_scale, preferences)


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
