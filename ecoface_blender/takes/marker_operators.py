"""Phones or words of the take as markers, and away again."""

import bpy
from bpy.props import BoolProperty, StringProperty
from bpy.types import Operator

from ..heads import chosen
from ..heads.on_head import OnHead
from . import markers, takes
from .operators import OnTake

WIDE = 520  # pixels at scale 1 of the field for a text


class ECOFACE_OT_mark_phones(OnTake, Operator):
    """Mark in the timeline where each sound of this take's speech begins: M, AA, S and so on, as ARPAbet
    writes them"""

    bl_idname = "ecoface.mark_phones"
    bl_label = "Mark Phones"

    closing: BoolProperty(
        name="Lips Only", description="Only those that the lips are seen to make: P, B, M, F and V"
    )

    phrases: BoolProperty(
        name="Phrases",
        description="Where each phrase begins and ends, between pauses, instead of the phones in it",
    )

    def on(self, context, speaker, take):
        if self.phrases:
            count = markers.mark(context.scene, speaker, markers.phrases_in(take, context.scene))
            self.report({"INFO"}, f"{count // 2} phrases of '{take.name}' are marked")
            return {"FINISHED"}
        phones = markers.said_in(take, context.scene)
        if self.closing:
            phones = [phone for phone in phones if phone.name in markers.CLOSING]
        count = markers.mark(context.scene, speaker, phones)
        self.report({"INFO"}, f"{count} phones of '{take.name}' are marked")
        return {"FINISHED"}


class ECOFACE_OT_mark_words(OnTake, Operator):
    """Mark in the timeline where each word of this take's speech begins. Write or paste these words;
    they are laid along the sounds that were heard. A text file (.txt) beside the sound is read for you"""

    bl_idname = "ecoface.mark_words"
    bl_label = "Mark Words"

    text: StringProperty(
        name="Text",
        description="What is said in this take, word for word",
        maxlen=markers.MOST_TEXT,
        options={"SKIP_SAVE"},
    )

    def invoke(self, context, _event):
        """Ask for the text."""
        if bpy.app.background:
            return self.execute(context)
        self.text = markers.text_of(takes.playing(chosen.named_head(context)))
        return context.window_manager.invoke_props_dialog(self, width=WIDE, confirm_text="Mark Words")

    def draw(self, _context):
        self.layout.prop(self, "text")

    def on(self, context, speaker, take):
        text = self.text if self.properties.is_property_set("text") else markers.text_of(take)
        found, fits = markers.words_in(take, context.scene, text)
        take[markers.TEXT] = text
        count = markers.mark(context.scene, speaker, found)
        said = f"{count} words of '{take.name}' are marked"
        if not fits:
            said = f"{said}, but what is heard does not sound like this text; see that it is what is said"
        self.report({"INFO"} if fits else {"WARNING"}, said)
        return {"FINISHED"}


class ECOFACE_OT_unmark_phones(OnHead, Operator):
    """Remove the markers of this head's phones, phrases or words; others stay"""

    bl_idname = "ecoface.unmark_phones"
    bl_label = "Remove Markers"

    def run(self, context):
        speaker = chosen.named_head(context)
        count = markers.remove(context.scene, speaker)
        self.report({"INFO"}, f"{count} markers of '{speaker.name}' are removed")
        return {"FINISHED"}


CLASSES = (ECOFACE_OT_mark_phones, ECOFACE_OT_mark_words, ECOFACE_OT_unmark_phones)
