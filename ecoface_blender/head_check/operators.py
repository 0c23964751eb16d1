"""Check Head: one click, a sheet of poses, and what would mend those that are wrong."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from collections.abc import Generator
from pathlib import Path

import bpy
from bpy.props import StringProperty
from bpy.types import Operator

from ..errors import EcoFaceBlenderError
from ..heads import chosen
from ..running import CANCELLED
from ..ui.reporting import Reporting
from ..ui.translations import sentence
from ..ui.watching import POLL_SECONDS, redraw_panels, waiting
from . import checks as head_check
from . import sheet
from .poses import TITLES

CHECKING = "EcoFace checks the head: pose {number} of {total} (Esc cancels)"
FIT_SECONDS = 0.5  # until a new window has been drawn


Result = tuple[list[head_check.Finding], bpy.types.Image]
"""What is wrong with a head, and the sheet."""


def check(context: bpy.types.Context, speaker: bpy.types.Object) -> Result:
    """Check a head; the scene is as before.

    Raises:
        EcoFaceBlenderError: if it is no face, or cannot be animated now.
    """
    going_on = steps(context, speaker)
    while True:
        try:
            next(going_on)
        except StopIteration as end:
            return end.value


def steps(context: bpy.types.Context, speaker: bpy.types.Object) -> Generator[int, None, Result]:
    """The same pose by pose: yields how many are drawn. Closed early, it leaves no sheet.

    Raises:
        EcoFaceBlenderError: if it is no face, or cannot be animated now.
    """
    with head_check.posed(context, speaker) as poses:
        checked = head_check.check(context, poses)
        yield 0
        image = yield from sheet.render(context, poses, checked)
    return checked.findings, image


class ECOFACE_OT_check_head(Reporting, Operator):
    """Show the head in poses of speech and emotion on a sheet, and say what does not close or move"""

    bl_idname = "ecoface.check_head"
    bl_label = "Check Head"
    bl_options = {"REGISTER"}

    head: StringProperty(
        name="Head", description="Name of the head's object; the panel's if left out", options={"SKIP_SAVE"}
    )
    filepath: StringProperty(
        name="File", description="Where to write the sheet, too", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context):
        if reason := chosen.why_no_head(context):
            cls.poll_message_set(reason)
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set("Heads are checked in Object Mode")
            return False
        return True

    def run(self, context):
        """Wait for the sheet: the path taken by scripts, tests and background runs."""
        speaker = chosen.named_head(context, self.head)
        with waiting(context):
            result = check(context, speaker)
        return self._tell(speaker, result)

    def invoke(self, context, _event):
        """Draw a pose at a time, so that a click sees how far it is, and open the sheet at the end."""
        if bpy.app.background:
            return self.execute(context)
        try:
            self._speaker = chosen.named_head(context, self.head)
            self._steps = steps(context, self._speaker)
            next(self._steps)
        except EcoFaceBlenderError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(POLL_SECONDS, window=context.window)
        context.window_manager.modal_handler_add(self)
        self._show(context, 0)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        """Nothing else gets the mouse or the keyboard meanwhile: the head is in a pose of the check."""
        if event.type == "ESC" and event.value == "PRESS":
            self.cancel(context)
            self.report({"INFO"}, CANCELLED)
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"RUNNING_MODAL"}
        try:
            self._show(context, next(self._steps))
            return {"RUNNING_MODAL"}
        except StopIteration as end:
            self.cancel(context)
            result = end.value
        except BaseException:
            self.cancel(context)
            raise
        _open_later(context.window, result[1].name)
        return self._tell(self._speaker, result)

    def cancel(self, context):
        """The head and the window as they were before the click."""
        self._steps.close()
        context.window_manager.event_timer_remove(self._timer)
        context.workspace.status_text_set(None)
        if context.area:
            context.area.header_text_set(None)

    def _show(self, context, n_drawn):
        """How far it is, in the status bar and above the head."""
        text = sentence(CHECKING, number=n_drawn + 1, total=len(TITLES))
        context.workspace.status_text_set(text)
        if context.area:
            context.area.header_text_set(text)

    def _tell(self, speaker, result):
        """Say what is wrong, and write the sheet where it was asked for."""
        redraw_panels()
        findings, image = result
        if self.filepath:
            sheet.save(image, Path(bpy.path.abspath(self.filepath)))
        for finding in findings:
            self.report({"WARNING"}, str(finding))
        if not findings:
            self.report({"INFO"}, f"'{speaker.name}' shows every pose; see the image '{image.name}'")
        return {"FINISHED"}


def _open_later(window: bpy.types.Window, name: str) -> None:
    """Show the sheet in a window of its own, all of it as soon as that has been drawn.

    Not at once: opened by the operator itself, the window would swallow its reports.
    """
    opened: list[bpy.types.Window] = []

    def go_on() -> float | None:
        manager = bpy.context.window_manager
        here = manager.windows[:]
        image = bpy.data.images.get(name)
        if image is None or not {window, *opened} <= set(here):
            return None
        if not opened:
            with bpy.context.temp_override(window=window):
                bpy.ops.wm.window_new()
            opened.append(next(each for each in manager.windows if each not in here))
            area = opened[0].screen.areas[0]
            area.type = "IMAGE_EDITOR"
            area.spaces.active.image = image
            return FIT_SECONDS
        area = opened[0].screen.areas[0]
        if area.type == "IMAGE_EDITOR":
            region = next(each for each in area.regions if each.type == "WINDOW")
            with bpy.context.temp_override(window=opened[0], area=area, region=region):
                bpy.ops.image.view_all(fit_view=True)
        return None

    bpy.app.timers.register(go_on)


CLASSES = (ECOFACE_OT_check_head,)
