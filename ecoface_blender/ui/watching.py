"""How Blender stays responsive during a job: an operator looks at it now and then and shows how far it is."""

from contextlib import contextmanager
from typing import Any

import bpy

from ..errors import EcoFaceBlenderError
from ..running import Job
from . import cancellation
from .eta import time_left
from .reporting import OfOperator
from .translations import sentence

POLL_SECONDS = 0.05


class Watching(OfOperator):
    """For an operator that is `modal` while a job goes on."""

    def finish_job(self, context: bpy.types.Context, job: Any) -> set[str]:
        """Use what the job has given; gives the set that Blender gets."""
        raise NotImplementedError

    def end_job(self, job: Any, why: str) -> None:
        """Clear up after the job, however it went; `why` it failed, or nothing."""
        raise NotImplementedError

    def watch(self, context: bpy.types.Context, job: Job) -> set[str]:
        """Go on with the job while the artist works."""
        self._job, self._shown = job, ""
        timer = context.window_manager.event_timer_add(POLL_SECONDS, window=context.window)
        job.at_end = lambda: _stop_showing(timer)
        context.window_manager.modal_handler_add(self)
        self._show(context)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        if event.type == "ESC" and event.value == "PRESS" and over_sidebar(context.window, event):
            self._job.cancel()
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            if not self._job.step():
                self._show(context)
                return {"PASS_THROUGH"}
            result = self.finish_job(context, self._job)
        except EcoFaceBlenderError as error:
            # the panel says it, and a report of an error would pop up over its button
            self.report({"INFO"} if self._job.cancelled else {"WARNING"}, str(error))
            self.end_job(self._job, "" if self._job.cancelled else str(error))
            return {"CANCELLED"}
        except BaseException:
            self.end_job(self._job, "")
            raise
        self.end_job(self._job, "")
        return result

    def cancel(self, _context):
        """Blender itself ends the operator: another file is opened, or the window closes."""
        why = self._job.stopped or cancellation.WINDOW_CLOSED
        self._job.cancel()
        self.end_job(self._job, why)
        cancellation.tell_later(why)

    def _show(self, context):
        """Progress in the status bar, and in the panel by its redraw."""
        text = progress_text(self._job)
        if text != self._shown:
            self._shown = text
            context.workspace.status_text_set(f"EcoFace: {text} (Esc over EcoFace's panel cancels)")
            redraw_panels()


def progress_text(job: Job) -> str:
    """Stage, percentage and time left of a job, for people."""
    left = time_left(job.seconds_left)
    return f"{sentence(job.stage)} {job.fraction:.0%}{', ' if left else ''}{left}"


def over_sidebar(window: bpy.types.Window, event: bpy.types.Event) -> bool:
    """Whether the mouse is over a sidebar in which EcoFace's panels are seen."""
    x, y = event.mouse_x, event.mouse_y
    return any(
        region.type == "UI"
        and area.type in ("VIEW_3D", "SEQUENCE_EDITOR")
        and region.x <= x < region.x + region.width
        and region.y <= y < region.y + region.height
        and region.active_panel_category == "EcoFace"
        for area in window.screen.areas
        for region in area.regions
    )


def _stop_showing(timer: bpy.types.Timer) -> None:
    """The window as it was before the click."""
    bpy.context.window_manager.event_timer_remove(timer)
    for workspace in bpy.data.workspaces:  # it may not be the one any more in which the button is
        workspace.status_text_set(None)
    redraw_panels()


def redraw_panels() -> None:
    """Show the new state: Blender redraws a sidebar by itself only under the mouse."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
            for region in area.regions:
                if area.type in ("VIEW_3D", "SEQUENCE_EDITOR") and region.type == "UI":
                    region.tag_redraw()


@contextmanager
def waiting(context):
    """The cursor shows that Blender is at work: a minute's speech takes some seconds."""
    if context.window is None or bpy.app.background:
        yield
        return
    context.window.cursor_modal_set("WAIT")
    try:
        yield
    finally:
        context.window.cursor_modal_restore()
