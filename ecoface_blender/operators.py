"""What the buttons and scripts call: gather plain values, let the other modules work, report."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import time

import bpy
from bpy.props import FloatProperty, IntProperty, StringProperty
from bpy.types import Operator

from . import choices, generation, head, lines_queue
from .emotion_wishes import EmotionWishes
from .errors import EcoFaceBlenderError
from .modal import POLL_SECONDS, Watching
from .settings import engine_settings


class _Sentences:
    """A failure becomes a report of one sentence: a pop-up for a click, a RuntimeError in a script."""

    def execute(self, context):
        try:
            return self.run(context)
        except EcoFaceBlenderError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}


class ECOFACE_OT_add_head(_Sentences, Operator):
    """Add a head that can speak: EcoFace's own, or your FLAME head if the preferences name one"""

    bl_idname = "ecoface.add_head"
    bl_label = "Add Head"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if context.mode != "OBJECT":
            cls.poll_message_set("Heads are added in Object Mode")
            return False
        return True

    def run(self, context):
        arrays = generation.head_arrays(engine_settings(context))
        added = head.add_head(context, arrays, "Head")
        self.report({"INFO"}, f"Added {arrays['name']} as {added.name}")
        return {"FINISHED"}

    def invoke(self, context, _event):
        """A click also turns the view to the head, which is of a person's size: a speck in a new file."""
        result = self.execute(context)
        if "FINISHED" in result and context.space_data.type == "VIEW_3D":
            bpy.ops.view3d.view_selected()
        return result


class _EngineWork(_Sentences, Watching):
    """For operators that let the engine do the job of their `start_job(context, folder)`."""

    @classmethod
    def poll(cls, context):
        if reason := generation.why_not_ready(context):
            cls.poll_message_set(reason)
            return False
        return True

    def run(self, context):
        """Wait for the result: the path taken by scripts, tests and background runs."""
        job, why = self._start(context), ""
        manager = context.window_manager
        manager.progress_begin(0, 100)
        try:
            while not job.step():
                manager.progress_update(round(100 * job.fraction))
                time.sleep(POLL_SECONDS)
            return self.finish_job(context, job)
        except EcoFaceBlenderError as error:
            why = str(error)
            raise
        finally:
            manager.progress_end()
            self.end_job(job, why)

    def invoke(self, context, event):
        """Stay responsive: the path taken by a click."""
        if bpy.app.background:
            return self.execute(context)
        try:
            job = self._start(context)
        except EcoFaceBlenderError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return self.watch(context, job)

    def _start(self, context):
        folder = generation.job_folder()
        try:
            return self.start_job(context, folder)
        except EcoFaceBlenderError:
            folder.cleanup()
            raise

    def end_job(self, job, why):
        """Clear up after the job."""
        generation.end(job, why)


class _Generating(_EngineWork):
    """For operators that let the engine speak the Line of their `line(context, folder)`."""

    def start_job(self, context, folder):
        """Send the line."""
        return generation.start(self.line(context, folder.name), engine_settings(context), folder)

    def finish_job(self, context, job):
        """Write the keys and say so."""
        result = generation.finish(context, job)
        self.report({"WARNING"} if job.warnings else {"INFO"}, result)
        return {"FINISHED"}


class ECOFACE_OT_generate(EmotionWishes, _Generating, Operator):
    """Animate the head from the voice, into a new action. What a script leaves out is taken from the panel"""

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

    def line(self, context, folder):
        """What the script has said, else the panel."""
        names = [name for name in type(self).__annotations__ if self.properties.is_property_set(name)]
        given = {name: getattr(self, name) for name in names} | self.emotion_wishes()
        return choices.line_from_panel(context, given, folder)


class ECOFACE_OT_cancel(Operator):
    """Give up the line that is being generated, and those that wait"""

    bl_idname = "ecoface.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context):
        return bool(lines_queue.running or generation.running)

    def execute(self, _context):
        (lines_queue.running or generation.running).cancel()
        return {"FINISHED"}


CLASSES = (
    ECOFACE_OT_add_head,
    ECOFACE_OT_generate,
    ECOFACE_OT_cancel,
)
