"""What the button and scripts call to generate a line, and to cancel it."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from typing import Any

import bpy
from bpy.props import FloatProperty, IntProperty, StringProperty
from bpy.types import Operator

from .. import running
from ..emotion.operator_properties import EmotionProperties
from ..engine.settings import EngineSettings
from ..request import GenerationRequest
from . import gather, generation
from .job_operator import JobOperator
from .properties import idle_property


def track_property(what: str) -> Any:
    """Which one of a sound is heard, as a script says it."""
    return IntProperty(
        name=what.title(),
        description=f"Which {what} of the sound is heard, from 1 on; 0 is the one with the voice",
        min=0,
        options={"SKIP_SAVE"},
    )


class Generating(JobOperator):
    """For operators that let the engine fulfil a request."""

    def request(self, context: bpy.types.Context, settings: EngineSettings, folder: str) -> GenerationRequest:
        """What is asked for; files that it needs are written into the folder."""
        raise NotImplementedError

    def start_job(self, context, settings, folder):
        """Send it."""
        request = self.request(context, settings, folder.name)
        return generation.start(
            request, settings, folder, self.clicked and context.scene.ecoface.live_preview
        )

    def finish_job(self, context, job):
        """Write the keys and say so."""
        result = generation.finish(context, job)
        self.report({"WARNING"} if job.warnings else {"INFO"}, result)
        return {"FINISHED"}


class ECOFACE_OT_generate(EmotionProperties, Generating, Operator):
    """Make a new take of the head from the voice, with all that this panel says; takes that were made before
    stay as they are. What a script leaves out is taken from the panel"""

    bl_idname = "ecoface.generate"
    bl_label = "Generate Emotional Lip Sync"
    bl_options = {
        "UNDO"
    }  # not REGISTER: adjusting the last operation would generate at every step of a slider

    head: StringProperty(name="Head", description="Name of the head's object", options={"SKIP_SAVE"})
    sound: StringProperty(
        name="Sound",
        description="A sound file; it is spoken from the first frame of the scene",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    strip: StringProperty(
        name="Strip", description="Name of a sound strip of the sequencer", options={"SKIP_SAVE"}
    )
    track: track_property("soundtrack")
    channel: track_property("channel")
    style: StringProperty(name="Style", description="Name of a speaker style", options={"SKIP_SAVE"})
    seed: IntProperty(
        name="Seed", description="Another seed, another performance", min=0, options={"SKIP_SAVE"}
    )
    temperature: FloatProperty(
        name="Temperature",
        description="How far one performance may be from another",
        min=0.0,
        max=2.0,
        default=1.0,
        options={"SKIP_SAVE"},
    )
    idle: idle_property(options={"SKIP_SAVE"})

    def request(self, context, settings, folder):
        """What the script has said, else the panel."""
        names = [name for name in type(self).__annotations__ if self.properties.is_property_set(name)]
        given = {name: getattr(self, name) for name in names} | self.emotion_given()
        return gather.request(context, settings, given, folder)


class ECOFACE_OT_cancel(Operator):
    """Cancel the line that is being generated, and those that wait"""

    bl_idname = "ecoface.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context):
        return running.shown() is not None

    def execute(self, _context):
        if job := running.shown():
            job.cancel()
        return {"FINISHED"}


CLASSES = (
    ECOFACE_OT_generate,
    ECOFACE_OT_cancel,
)
