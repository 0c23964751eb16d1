"""A take made again: as it was, with another emotion, or a range of it."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from dataclasses import replace

from bpy.props import IntProperty
from bpy.types import Operator

from ..emotion.operator_properties import EmotionProperties
from ..errors import EcoFaceBlenderError
from ..heads import chosen
from ..takes import frames, stored, takes
from ..takes.operators import NO_TAKE
from . import again as take_lines
from . import gather
from .job_operator import why_not_ready
from .operators import Generating


class _Again(Generating):
    """For what lets the engine fulfil a take's request once more."""

    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context):
        if reason := why_not_ready(context):
            cls.poll_message_set(reason)
            return False
        if takes.played(chosen.chosen_head(context)) is None:
            cls.poll_message_set(NO_TAKE)
            return False
        return True

    def stored_request(self, context, folder, emotion=True):
        """Of the take that is played."""
        speaker = chosen.named_head(context)
        return replace(
            take_lines.request_again(context, takes.playing(speaker), folder, emotion=emotion),
            scene=context.scene.name,
            speaker=speaker.name,
        )

    def with_new_emotion(self, context, settings, folder, said):
        """The stored request with what was `said` of the emotion, else the panel's, in place of its own."""
        asked = self.stored_request(context, folder, emotion=False)
        found = stored.motion_of(takes.playing(chosen.named_head(context)))
        seconds = found and len(found[0]) / found[1]
        return replace(asked, **gather.emotion_fields(context, settings, asked, folder, said, seconds))


class ECOFACE_OT_take_again(_Again, Operator):
    """Make all frames of the played take anew with its own sound, emotion, style and seed, whatever the panel
    says, into a new take: after the sound or the model has changed. The played take and your edits stay"""

    bl_idname = "ecoface.take_again"
    bl_label = "Regenerate Take"

    seed: IntProperty(
        name="Seed", description="Another seed than the take's own", min=0, options={"SKIP_SAVE"}
    )

    def request(self, context, _settings, folder):
        asked = self.stored_request(context, folder)
        return replace(asked, seed=self.seed) if self.properties.is_property_set("seed") else asked


class ECOFACE_OT_take_swap(EmotionProperties, _Again, Operator):
    """Make all frames of the played take anew with the panel's emotion and its own sound, style and seed,
    into a new take. The played take and your edits stay"""

    bl_idname = "ecoface.take_swap"
    bl_label = "Swap Emotion"

    def request(self, context, settings, folder):
        return self.with_new_emotion(context, settings, folder, self.emotion_given())


class ECOFACE_OT_take_range(EmotionProperties, _Again, Operator):
    """Make only these frames anew, the preview range's or else the scene's, with the panel's emotion and
    seed, in a copy of the played take, blended over 0.2 s inside both ends. All other frames and the played
    take stay as they are"""

    bl_idname = "ecoface.take_range"
    bl_label = "Regenerate Range"

    start: IntProperty(
        name="Start", description="First frame; the preview range's, else the scene's", options={"SKIP_SAVE"}
    )
    end: IntProperty(
        name="End", description="Last frame; the preview range's, else the scene's", options={"SKIP_SAVE"}
    )

    def request(self, context, settings, folder):
        scene, given = context.scene, self.properties.is_property_set
        first, last = frames.range_asked(scene)
        start, end = self.start if given("start") else first, self.end if given("end") else last
        if end <= start:
            raise EcoFaceBlenderError(f"Expected frames in order, found {start} to {end}; swap them.")
        asked = self.with_new_emotion(context, settings, folder, self.emotion_given())
        return replace(asked, seed=scene.ecoface.seed, frames=(start, end))


CLASSES = (ECOFACE_OT_take_again, ECOFACE_OT_take_swap, ECOFACE_OT_take_range)
