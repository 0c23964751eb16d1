"""What is done with takes: switch, copy, delete, reset."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from dataclasses import asdict

import bpy
from bpy.props import IntProperty, StringProperty
from bpy.types import Operator

from ..animation import actions, adjust, emotion_keys
from ..engine.settings import engine_settings
from ..heads import chosen, face_kinds, head_arrays, own_bones, own_head
from ..heads.on_head import OnHead
from ..ui.reporting import Reporting
from . import adjusting, silence, stored, takes, turns

NO_TAKE = "The head plays no take; generate lip sync, or choose a take first"


class OnTake(Reporting):
    """For what is done with the take that the chosen head plays."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if takes.played(chosen.chosen_head(context)) is None:
            cls.poll_message_set(NO_TAKE)
            return False
        return True

    def run(self, context):
        speaker = chosen.named_head(context)
        return self.on(context, speaker, takes.playing(speaker))

    def on(self, context: bpy.types.Context, speaker: bpy.types.Object, take: bpy.types.Action) -> set[str]:
        """Do it; gives the set that Blender gets."""
        raise NotImplementedError


class ECOFACE_OT_take_play(Reporting, Operator):
    """Let the head play this take; what it played is kept"""

    bl_idname = "ecoface.take_play"
    bl_label = "Play Take"
    bl_options = {"REGISTER", "UNDO"}

    take: StringProperty(name="Take", description="Name of the take's action", options={"SKIP_SAVE"})

    def run(self, context):
        speaker, take = chosen.chosen_head(context), bpy.data.actions.get(self.take)
        if speaker is None or not stored.is_take(take):
            self.report({"ERROR"}, f"Expected a head and a take '{self.take}', found none; choose them.")
            return {"CANCELLED"}
        takes.play(speaker, take)
        return {"FINISHED"}


class ECOFACE_OT_take_duplicate(OnTake, Operator):
    """Play a copy of this take, to be changed while this one stays"""

    bl_idname = "ecoface.take_duplicate"
    bl_label = "Duplicate Take"

    def on(self, _context, speaker, take):
        copy = take.copy()
        copy.use_fake_user = True
        stored.number(copy)
        takes.play(speaker, copy)
        return {"FINISHED"}


class ECOFACE_OT_take_delete(OnTake, Operator):
    """Delete this take, keys, settings and all, and play the one that was made before it"""

    bl_idname = "ecoface.take_delete"
    bl_label = "Delete Take"

    def on(self, _context, speaker, take):
        mine = takes.takes_of(speaker)
        place = mine.index(take)
        if others := mine[:place][-1:] or mine[place + 1 :]:
            takes.play(speaker, others[0])
        emotion_keys.leave(take)
        bpy.data.actions.remove(take)
        return {"FINISHED"}


class ECOFACE_OT_take_push(OnTake, Operator):
    """Move this take down to a strip of its own in the Nonlinear Animation editor"""

    bl_idname = "ecoface.take_push"
    bl_label = "Push Down Take"

    def on(self, _context, speaker, take):
        owners = [each for each in face_kinds.known_rig(speaker).owners if actions.plays(each, take)]
        for owner in owners or [speaker.data.shape_keys]:
            actions.push_down(owner)
        self.report({"INFO"}, f"'{take.name}' is a strip of '{speaker.name}' now")
        return {"FINISHED"}


class ECOFACE_OT_take_reset(OnTake, Operator):
    """Show the take as it was made; edits of its keys stay"""

    bl_idname = "ecoface.take_reset"
    bl_label = "Reset"

    def on(self, _context, _speaker, take):
        for name, value in asdict(adjust.Settings()).items():
            setattr(take.ecoface_take, name, value)
        return {"FINISHED"}


class ECOFACE_OT_add_neck(Reporting, Operator):
    """Give a head that was added by an older EcoFace bones of neck and eyes, and its take their keys"""

    bl_idname = "ecoface.add_neck"
    bl_label = "Add Neck and Eyes"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        speaker = chosen.chosen_head(context)
        if not own_head.is_head(speaker) or own_bones.rig_of(speaker) is not None:
            cls.poll_message_set("Only a head of EcoFace without such bones gets them")
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set("Bones are added in Object Mode")
            return False
        return True

    def run(self, context):
        speaker = chosen.named_head(context)
        arrays = head_arrays.of_head(speaker, engine_settings(context))
        own_bones.add_bones(context, speaker, arrays)
        adjusting.turn(speaker)
        self.report({"INFO"}, f"'{speaker.name}' turns its head and its eyes now")
        return {"FINISHED"}


class ECOFACE_OT_look_again(OnTake, Operator):
    """Look at the target where it is by now, after it or the head was moved or animated"""

    bl_idname = "ecoface.look_again"
    bl_label = "Update"

    @classmethod
    def poll(cls, context):
        speaker = chosen.chosen_head(context)
        if speaker and turns.target_of(speaker) is None:
            cls.poll_message_set("The head looks at nothing; choose what it is to look at")
            return False
        return super().poll(context)

    def on(self, _context, speaker, _take):
        adjusting.look(speaker)
        return {"FINISHED"}


class ECOFACE_OT_fill_silence(OnHead, Operator):
    """Let the head listen wherever it says nothing within the scene's range: it blinks, breathes and looks at
    the head that speaks, in strips of the NLA between its takes"""

    bl_idname = "ecoface.fill_silence"
    bl_label = "Fill Silence"

    head: StringProperty(name="Head", description="Name of the head's object", options={"SKIP_SAVE"})
    seed: IntProperty(name="Seed", description="Another seed, other moments", min=0, options={"SKIP_SAVE"})

    def run(self, context):
        speaker = chosen.named_head(context, self.head)
        count = silence.fill(context, speaker, self.seed)
        self.report({"INFO"}, f"'{speaker.name}' listens in {count} silence{'s' if count > 1 else ''} now")
        return {"FINISHED"}


CLASSES = (
    ECOFACE_OT_fill_silence,
    ECOFACE_OT_add_neck,
    ECOFACE_OT_look_again,
    ECOFACE_OT_take_play,
    ECOFACE_OT_take_duplicate,
    ECOFACE_OT_take_delete,
    ECOFACE_OT_take_push,
    ECOFACE_OT_take_reset,
)
