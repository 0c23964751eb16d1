"""What is done with takes: switch, copy, delete, reset, make anew."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from dataclasses import asdict, replace

import bpy
from bpy.props import IntProperty, StringProperty
from bpy.types import Operator

from . import choices, controls, emotion_keys, generation, keyframes, take_lines, takes, targets
from .emotion_wishes import EmotionWishes
from .errors import EcoFaceBlenderError
from .operators import _Generating, _Sentences

NO_TAKE = "The head plays no take; generate lip sync, or choose a take first"


class _OnTake(_Sentences):
    """For what is done with the take that the chosen head plays."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if takes.played(choices.chosen_head(context)) is None:
            cls.poll_message_set(NO_TAKE)
            return False
        return True

    def run(self, context):
        speaker = choices.chosen_head(context)
        return self.on(context, speaker, takes.played(speaker))


class ECOFACE_OT_take_play(_Sentences, Operator):
    """Let the head play this take; what it played is kept"""

    bl_idname = "ecoface.take_play"
    bl_label = "Play Take"
    bl_options = {"REGISTER", "UNDO"}

    take: StringProperty(name="Take", description="Name of the take's action", options={"SKIP_SAVE"})

    def run(self, context):
        speaker, take = choices.chosen_head(context), bpy.data.actions.get(self.take)
        if speaker is None or not takes.is_take(take):
            self.report({"ERROR"}, f"Expected a head and a take '{self.take}', found none; choose them.")
            return {"CANCELLED"}
        takes.play(speaker, take)
        return {"FINISHED"}


class ECOFACE_OT_take_duplicate(_OnTake, Operator):
    """Play a copy of this take, to be changed while this one stays"""

    bl_idname = "ecoface.take_duplicate"
    bl_label = "Duplicate Take"

    def on(self, _context, speaker, take):
        copy = take.copy()
        copy.use_fake_user = True
        takes.play(speaker, copy)
        return {"FINISHED"}


class ECOFACE_OT_take_delete(_OnTake, Operator):
    """Delete this take, keys, settings and all, and play the one before it"""

    bl_idname = "ecoface.take_delete"
    bl_label = "Delete Take"

    def on(self, _context, speaker, take):
        others = [other for other in takes.takes_of(speaker) if other != take]
        if others:
            takes.play(speaker, others[-1])
        emotion_keys.leave(take)
        bpy.data.actions.remove(take)
        return {"FINISHED"}


class ECOFACE_OT_take_push(_OnTake, Operator):
    """Move this take down to a strip of its own in the Nonlinear Animation editor"""

    bl_idname = "ecoface.take_push"
    bl_label = "Push Down Take"

    def on(self, _context, speaker, take):
        owners = [each for each in targets.owners(speaker) if keyframes.plays(each, take)]
        for owner in owners or [speaker.data.shape_keys]:
            keyframes.push_down(owner)
        self.report({"INFO"}, f"'{take.name}' is a strip of '{speaker.name}' now")
        return {"FINISHED"}


class ECOFACE_OT_take_reset(_OnTake, Operator):
    """Show the take as it was made; edits of its keys stay"""

    bl_idname = "ecoface.take_reset"
    bl_label = "Reset"

    def on(self, _context, _speaker, take):
        for name, value in asdict(controls.Settings()).items():
            setattr(take.ecoface_take, name, value)
        return {"FINISHED"}


class _Again(_Generating):
    """For what lets the engine speak a take's line once more."""

    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        if reason := generation.why_not_ready(context):
            cls.poll_message_set(reason)
            return False
        if takes.played(choices.chosen_head(context)) is None:
            cls.poll_message_set(NO_TAKE)
            return False
        return True

    def stored_line(self, context, folder):
        """The line of the take that is played."""
        speaker = choices.chosen_head(context)
        return replace(
            take_lines.line_again(context, takes.played(speaker), folder),
            scene=context.scene.name,
            speaker=speaker.name,
        )

    def with_new_emotion(self, context, line, folder):
        """The line with what was said of the emotion, else the panel's, in place of its own."""
        found = takes.stored_motion(takes.played(choices.chosen_head(context)))
        seconds = found and len(found[0]) / found[1]
        return replace(line, **choices.emotion_fields(context, line, folder, self.emotion_wishes(), seconds))


class ECOFACE_OT_take_again(_Again, Operator):
    """Make this take again from what is stored with it, into a new take: the same seed gives the same"""

    bl_idname = "ecoface.take_again"
    bl_label = "Make Again"

    seed: IntProperty(
        name="Seed", description="Another seed than the take's own", min=0, options={"SKIP_SAVE"}
    )

    def line(self, context, folder):
        line = self.stored_line(context, folder)
        return replace(line, seed=self.seed) if self.properties.is_property_set("seed") else line


class ECOFACE_OT_take_swap(EmotionWishes, _Again, Operator):
    """Make this take again with the panel's emotion, into a new take; its seed and style stay"""

    bl_idname = "ecoface.take_swap"
    bl_label = "Swap Emotion"

    def line(self, context, folder):
        return self.with_new_emotion(context, self.stored_line(context, folder), folder)


class ECOFACE_OT_take_range(EmotionWishes, _Again, Operator):
    """Make some frames anew with the panel's emotion and seed, in a copy of this take, blended at both ends.
    Keys outside stay as they are"""

    bl_idname = "ecoface.take_range"
    bl_label = "Regenerate Range"

    start: IntProperty(
        name="Start", description="First frame; the preview range's, else the scene's", options={"SKIP_SAVE"}
    )
    end: IntProperty(
        name="End", description="Last frame; the preview range's, else the scene's", options={"SKIP_SAVE"}
    )

    def line(self, context, folder):
        scene, given = context.scene, self.properties.is_property_set
        preview = scene.use_preview_range
        first = scene.frame_preview_start if preview else scene.frame_start
        last = scene.frame_preview_end if preview else scene.frame_end
        start, end = self.start if given("start") else first, self.end if given("end") else last
        if end <= start:
            raise EcoFaceBlenderError(f"Expected frames in order, found {start} to {end}; swap them.")
        line = self.with_new_emotion(context, self.stored_line(context, folder), folder)
        return replace(line, seed=scene.ecoface.seed, frames=(start, end))


CLASSES = (
    ECOFACE_OT_take_again,
    ECOFACE_OT_take_swap,
    ECOFACE_OT_take_range,
    ECOFACE_OT_take_play,
    ECOFACE_OT_take_duplicate,
    ECOFACE_OT_take_delete,
    ECOFACE_OT_take_push,
    ECOFACE_OT_take_reset,
)
