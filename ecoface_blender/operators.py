"""What the buttons and scripts call: gather plain values, let the other modules work, report."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import time

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import Operator
from bpy_extras.io_utils import ExportHelper

from . import choices, engine, export, generation, head
from .errors import EcoFaceBlenderError
from .settings import engine_settings

POLL_SECONDS = 0.05


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


class _Generating(_Sentences):
    """For operators that let the engine speak the Line of their `line(context, folder)`."""

    @classmethod
    def poll(cls, context):
        if reason := generation.why_not_ready(context):
            cls.poll_message_set(reason)
            return False
        return True

    def run(self, context):
        """Wait for the result: the path taken by scripts, tests and background runs."""
        job = self._start(context)
        try:
            while not job.step():
                time.sleep(POLL_SECONDS)
            return self._finish(context, job)
        finally:
            generation.end(job)

    def invoke(self, context, event):
        """Stay responsive: the path taken by a click."""
        if bpy.app.background:
            return self.execute(context)
        try:
            job = self._start(context)
        except EcoFaceBlenderError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._job, self._shown = job, None
        timer = context.window_manager.event_timer_add(POLL_SECONDS, window=context.window)
        job.at_end = lambda: stop_showing(timer)
        context.window_manager.modal_handler_add(self)
        self._show(context)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        if event.type == "ESC" and event.value == "PRESS":
            self._job.cancel()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        over = True
        try:
            if self._job.step():
                return self._finish(context, self._job)
            over = False
            self._show(context)
            return {"PASS_THROUGH"}
        except EcoFaceBlenderError as error:
            self.report({"INFO"} if self._job.cancelled else {"ERROR"}, str(error))
            return {"CANCELLED"}
        finally:
            if over:
                generation.end(self._job)

    def cancel(self, _context):
        """Blender itself ends the operator: another file is opened, or the window closes."""
        self._job.cancel()
        generation.end(self._job)

    def _start(self, context):
        folder = generation.job_folder()
        try:
            line = self.line(context, folder.name)
            return generation.start(line, engine_settings(context), folder)
        except EcoFaceBlenderError:
            folder.cleanup()
            raise

    def _finish(self, context, job):
        self.report({"INFO"}, generation.finish(context, job))
        return {"FINISHED"}

    def _show(self, context):
        """Progress in the status bar, and in the panel by its redraw."""
        if self._shown != (self._job.stage, self._job.fraction):
            self._shown = (self._job.stage, self._job.fraction)
            context.workspace.status_text_set(f"EcoFace: {self._job.stage} ... (Esc to cancel)")
            redraw_panels()


class ECOFACE_OT_generate(_Generating, Operator):
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
    emotion: StringProperty(
        name="Emotion",
        description="LABEL or LABEL:INTENSITY, such as happy or happy:1.5; empty is the emotion of the voice",
        options={"SKIP_SAVE"},
    )
    emotion_from: StringProperty(
        name="Emotion From",
        description="A recording whose emotion is shown",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
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
        given = {name: getattr(self, name) for name in names}
        return choices.line_from_panel(context, given, folder)


class ECOFACE_OT_cancel(Operator):
    """Give up the line that is being generated"""

    bl_idname = "ecoface.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context):
        return generation.running is not None

    def execute(self, _context):
        generation.running.cancel()
        return {"FINISHED"}


class _OnHead(_Sentences):
    """For what is done with the chosen head and its keys."""

    @classmethod
    def poll(cls, context):
        if reason := choices.why_no_keys(context):
            cls.poll_message_set(reason)
            return False
        return True


class ECOFACE_OT_bake(_OnHead, Operator):
    """Key every frame of what the head does, all layers together, as plain linear keys in a new action"""

    bl_idname = "ecoface.bake"
    bl_label = "Bake"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context):
        action = export.bake(context, choices.chosen_head(context))
        self.report({"INFO"}, f"Baked into {action.name}")
        return {"FINISHED"}


class ECOFACE_OT_export_fbx(_OnHead, Operator, ExportHelper):
    """Write the head with its shape keys and their animation to an FBX file"""

    bl_idname = "ecoface.export_fbx"
    bl_label = "Export FBX"
    bl_options = {"REGISTER"}
    filename_ext = ".fbx"

    filter_glob: StringProperty(default="*.fbx", options={"HIDDEN"})
    raw: BoolProperty(
        name="Raw Keys",
        description="Write shape keys as they are here, from minus to plus 10. "
        "Game engines cut them to 0..1, so that otherwise each key is written as two halves",
    )

    def run(self, context):
        export.export_fbx(context, choices.chosen_head(context), self.filepath, raw=self.raw)
        self.report({"INFO"}, f"Wrote {self.filepath}")
        return {"FINISHED"}


class ECOFACE_OT_check_engine(_Sentences, Operator):
    """Start the engine, load the model, and show what they are; takes some seconds"""

    bl_idname = "ecoface.check_engine"
    bl_label = "Check Engine"
    bl_options = {"INTERNAL"}

    def run(self, context):
        engine.report = ()
        engine.report = engine.check(engine_settings(context))
        self.report({"INFO"}, "; ".join(engine.report))
        return {"FINISHED"}


def stop_showing(timer):
    """The window as it was before the click."""
    bpy.context.window_manager.event_timer_remove(timer)
    for workspace in bpy.data.workspaces:  # it may not be the one any more in which the button is
        workspace.status_text_set(None)
    redraw_panels()


def redraw_panels():
    """Show the new state: Blender redraws a sidebar by itself only under the mouse."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if area.type == "VIEW_3D" and region.type == "UI":
                    region.tag_redraw()


CLASSES = (
    ECOFACE_OT_add_head,
    ECOFACE_OT_generate,
    ECOFACE_OT_cancel,
    ECOFACE_OT_bake,
    ECOFACE_OT_export_fbx,
    ECOFACE_OT_check_engine,
)
