"""Phones of the take as markers, and away again."""

from bpy.props import BoolProperty
from bpy.types import Operator

from ..heads import chosen
from ..heads.on_head import OnHead
from . import markers
from .operators import OnTake


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


class ECOFACE_OT_unmark_phones(OnHead, Operator):
    """Remove the markers of this head's phones; others stay"""

    bl_idname = "ecoface.unmark_phones"
    bl_label = "Remove Phone Markers"

    def run(self, context):
        speaker = chosen.named_head(context)
        count = markers.remove(context.scene, speaker)
        self.report({"INFO"}, f"{count} markers of '{speaker.name}' are removed")
        return {"FINISHED"}


CLASSES = (ECOFACE_OT_mark_phones, ECOFACE_OT_unmark_phones)
