"""Several strips in one go: generate, retry, take out of the list, cancel."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import time
from typing import ClassVar

import bpy
from bpy.types import Operator

from .. import running
from ..engine import engine
from ..engine.settings import engine_settings
from ..errors import EcoFaceBlenderError
from ..heads import chosen
from ..running import CANCELLED
from ..ui.reporting import Reporting
from ..ui.watching import POLL_SECONDS, Watching, redraw_panels
from . import queue


class _Queue(Reporting, Watching):
    """For what lets the engine work off the lines that wait."""

    bl_options: ClassVar[set[str]] = set()  # each line pushes an undo step of its own

    def fill(self, context: bpy.types.Context) -> None:
        """Let lines wait for their turn."""
        raise NotImplementedError

    def run(self, context):
        """Wait for all lines: the path taken by scripts, tests and background runs."""
        self.fill(context)
        job = queue.start()
        try:
            while not job.step():
                time.sleep(POLL_SECONDS)
        finally:
            self.end_job(job, "")
        if not job.done and job.failed:
            raise EcoFaceBlenderError(job.summary())
        return self.finish_job(context, job)

    def invoke(self, context, _event):
        """Stay responsive: the path taken by a click; lines are added to a queue that runs already."""
        if bpy.app.background:
            return self.execute(context)
        try:
            self.fill(context)
        except EcoFaceBlenderError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if running.queue:
            return {"FINISHED"}
        return self.watch(context, queue.start())

    def finish_job(self, _context, job):
        """Say what became of the lines."""
        self.report({"WARNING"} if job.failed else {"INFO"}, job.summary())
        return {"FINISHED"}

    def end_job(self, job, why):
        """Clear up; a failure of the whole run is one of its lines, in the list."""
        job.stop(why or CANCELLED)
        queue.end(job)


class ECOFACE_OT_generate_strips(_Queue, Operator):
    """Animate each selected sound strip's head, one after another, with the panel's style and emotion"""

    bl_idname = "ecoface.generate_strips"
    bl_label = "Generate Selected Strips"

    @classmethod
    def poll(cls, context):
        reason = engine.why_not_usable(engine_settings(context))
        if reason is None and not queue.selected_strips(context):
            reason = queue.NOTHING_SELECTED
        if reason:
            cls.poll_message_set(reason)
        return reason is None

    def fill(self, context):
        """The selected strips join the queue."""
        queue.add(context, queue.selected_strips(context))


class ECOFACE_OT_queue_retry(_Queue, Operator):
    """Generate the failed lines once more, with the panel's style and emotion as they are now"""

    bl_idname = "ecoface.queue_retry"
    bl_label = "Retry Failed Lines"

    @classmethod
    def poll(cls, context):
        reason = engine.why_not_usable(engine_settings(context))
        if reason is None and not any(e.state == queue.FAILED for e in queue.lines):
            reason = "No line has failed"
        if reason:
            cls.poll_message_set(reason)
        return reason is None

    def fill(self, _context):
        """What has failed waits again."""
        queue.retry()


class ECOFACE_OT_queue_remove(Operator):
    """Take the chosen line out of the list; if it is being generated, that ends"""

    bl_idname = "ecoface.queue_remove"
    bl_label = "Remove Line"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        return 0 <= context.window_manager.ecoface_queue_index < len(queue.lines)

    def execute(self, context):
        manager = context.window_manager
        queue.forget(queue.lines[manager.ecoface_queue_index])
        manager.ecoface_queue_index = max(0, min(manager.ecoface_queue_index, len(queue.lines) - 1))
        redraw_panels()
        return {"FINISHED"}


class ECOFACE_OT_queue_clear(Operator):
    """Take all lines out of the list but the one that is being generated"""

    bl_idname = "ecoface.queue_clear"
    bl_label = "Clear List"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context):
        return bool(queue.lines)

    def execute(self, _context):
        queue.clear()
        redraw_panels()
        return {"FINISHED"}


class ECOFACE_OT_assign_head(Reporting, Operator):
    """Let the selected strips be spoken by the chosen head from now on"""

    bl_idname = "ecoface.assign_head"
    bl_label = "Assign Head to Strips"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        reason = (chosen.why_no_head(context) or "").rstrip(".") or None
        if reason is None and not queue.selected_strips(context):
            reason = queue.NOTHING_SELECTED
        if reason:
            cls.poll_message_set(reason)
        return reason is None

    def run(self, context):
        speaker, strips = chosen.named_head(context), queue.selected_strips(context)
        for strip in strips:
            strip.ecoface_head = speaker
        self.report({"INFO"}, f"'{speaker.name}' speaks {len(strips)} of the strips")
        return {"FINISHED"}


CLASSES = (
    ECOFACE_OT_generate_strips,
    ECOFACE_OT_queue_retry,
    ECOFACE_OT_queue_remove,
    ECOFACE_OT_queue_clear,
    ECOFACE_OT_assign_head,
)
