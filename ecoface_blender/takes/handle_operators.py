"""What an animator asks for at the current frame, by one click: lips shut, more of a smile, brows."""

from bpy.props import EnumProperty, FloatProperty
from bpy.types import Operator

from ..animation import emotion_keys
from ..sound import sequencer
from . import handles, takes
from .operators import OnTake

_WHAT = {
    handles.CLOSE: "Shut the lips in the current frame, as for an M",
    handles.SMILE: "Raise the corners of the mouth around the current frame",
    handles.BROWS_UP: "Raise the brows around the current frame",
    handles.BROWS_DOWN: "Lower the brows around the current frame",
}
_USUAL = {handles.CLOSE: 1.0}
_EASE = {handles.CLOSE: 0.12}  # s; a closure is short


class ECOFACE_OT_face_handle(OnTake, Operator):
    """Change the face around the current frame, by keys in the layer above this take; the take stays"""

    bl_idname = "ecoface.face_handle"
    bl_label = "Edit Face Here"

    shape: EnumProperty(
        name="Shape",
        description="What is changed",
        items=[(shape, label, _WHAT[shape]) for shape, label in handles.LABELS.items()],
    )
    amount: FloatProperty(
        name="Amount",
        description="How much of it is added; 1 is all, below 0 it is taken away",
        min=-1.0,
        max=1.0,
        default=0.5,
        step=5,
        precision=2,
        subtype="FACTOR",
        options={"SKIP_SAVE"},
    )
    ease: FloatProperty(
        name="Ease",
        description="Seconds before and after, in which it comes and goes",
        min=0.02,
        max=5.0,
        default=0.3,
        step=2,
        precision=2,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, _context, properties):
        """What the button does, without a full stop."""
        return f"{_WHAT[properties.shape]}, by keys in the layer above this take; press again for more"

    def on(self, context, speaker, take):
        if not self.properties.is_property_set("amount"):
            self.amount = _USUAL.get(self.shape, self.amount)
        if not self.properties.is_property_set("ease"):
            self.ease = _EASE.get(self.shape, self.ease)
        frame = context.scene.frame_current_final
        ease = max(1.0, self.ease * sequencer.scene_rate(context.scene))
        if takes.edited(speaker) is None:
            emotion_keys.leave(take)
        layer, count = handles.add(speaker, frame, self.shape, self.amount, ease)
        self.report({"INFO"}, f"{handles.LABELS[self.shape]}: {count} curves keyed in '{layer.name}'")
        return {"FINISHED"}


CLASSES = (ECOFACE_OT_face_handle,)
