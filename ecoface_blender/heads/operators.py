"""Adding a head."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty
from bpy.types import Operator

from ..engine.settings import engine_settings
from ..ui.reporting import Reporting
from . import dressing, head_arrays, identity, looks, own_head, placing, strays

FACE = "ecoface_face"
"""Custom property of a head: the number of its face in `identity.FACES`."""


class ECOFACE_OT_add_head(Reporting, Operator):
    """Add a head that can speak, with a face that no other head here has: EcoFace's own, or your FLAME head
    if the preferences name one"""

    bl_idname = "ecoface.add_head"
    bl_label = "Add Head"
    bl_options = {"REGISTER", "UNDO"}

    face: IntProperty(
        name="Face",
        description="Which face it has; 0 is the default. Left out, it is one that no other head here has",
        min=0,
        max=len(identity.FACES) - 1,
        options={"SKIP_SAVE"},
    )
    difference: FloatProperty(
        name="Difference",
        description="How far the face is from the default one",
        min=0.0,
        max=1.5,
        default=1.0,
        subtype="FACTOR",
        options={"SKIP_SAVE"},
    )
    align: EnumProperty(
        name="Align",
        description="Where it looks",
        items=[
            ("WORLD", "World", "Along -Y, at the front view"),
            ("VIEW", "View", "At you: it is turned about Z towards the 3D view"),
        ],
        options={"SKIP_SAVE"},
    )
    beside: BoolProperty(
        name="Stand Beside",
        description="Where something stands at the 3D cursor, stand beside it, not inside it",
        default=True,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context):
        if context.mode != "OBJECT":
            cls.poll_message_set("Heads are added in Object Mode")
            return False
        return True

    def run(self, context):
        arrays = head_arrays.asked_for(engine_settings(context))
        if not self.properties.is_property_set("face"):
            self.face = _free_face(context)
        arrays = identity.with_face(arrays, identity.drawn(arrays, self.face, self.difference))
        turn = placing.facing(context) if self.align == "VIEW" else 0.0
        strays.sweep(context.scene)
        place = context.scene.cursor.location.copy()
        if self.beside:
            place = placing.free_place(context, arrays, turn, own_head.find_heads(context))
        added = own_head.add_head(context, arrays, "Head")
        added.location, added.rotation_euler[2] = place, turn
        added[FACE] = self.face
        if head_arrays.is_own(arrays) and dressing.suits(added):
            dressing.apply_look(added, looks.of_face(self.face))
        self.report({"INFO"}, f"Added {arrays['name']} as {added.name}")
        return {"FINISHED"}

    def invoke(self, context, _event):
        """A click also turns the head to the view and the view to it: a speck in a new file."""
        if not self.properties.is_property_set("align"):
            self.align = "VIEW"
        result = self.execute(context)
        if "FINISHED" in result and context.space_data.type == "VIEW_3D":
            bpy.ops.view3d.view_selected()
        return result


def _free_face(context: bpy.types.Context) -> int:
    """The first face that no head of the scene has; the default one where all are taken."""
    taken = {item.get(FACE, 0) for item in own_head.find_heads(context)}
    return next((number for number in range(len(identity.FACES)) if number not in taken), 0)


CLASSES = (ECOFACE_OT_add_head,)
