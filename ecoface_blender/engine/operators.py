"""The engine by buttons: check, start, unload, and PyTorch for a graphics card."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import textwrap
import time

import bpy
from bpy.types import Operator

from .. import running
from ..errors import EcoFaceBlenderError
from ..ui.reporting import Reporting
from ..ui.watching import POLL_SECONDS, redraw_panels
from . import engine, idle_unload
from . import tasks as engine_tasks
from .install import remove
from .install_plan import Plan, plan_for, why_no_plan
from .interpreter import installed_engine
from .job import warm_up
from .settings import engine_settings, package_index, wheel_folder

INSTALLING = "PyTorch is being installed; wait for it or cancel it"
NEEDS_NETWORK = (
    "Allow Online Access in the preferences of Blender (System > Network), or choose a Wheel Folder"
)
DIALOG_WIDTH, DIALOG_COLUMNS = 560, 96
"""Pixels at scale 1, and letters of a line."""


def why_busy() -> str | None:
    """Why the engine has to be left alone now."""
    if engine_tasks.installation:
        return INSTALLING
    if engine_tasks.check:
        return "The engine is being checked"
    return running.BUSY.rstrip(".") if running.shown() else None


class _Engine(Reporting):
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        if reason := cls.refusal(context):
            cls.poll_message_set(reason)
            return False
        return True

    @classmethod
    def refusal(cls, _context):
        """Why the button is grey."""
        return why_busy()


class ECOFACE_OT_check_engine(_Engine, Operator):
    """Start the engine, load the model, measure its speed, and show what they are; takes some seconds"""

    bl_idname = "ecoface.check_engine"
    bl_label = "Check Engine"

    def run(self, context):
        """Wait for it: the path taken by scripts."""
        check, why = engine_tasks.start_check(context), ""
        try:
            report = check.wait()
        except EcoFaceBlenderError as error:
            why = str(error)
            raise
        finally:
            engine_tasks.end_check(why)
        self.report({"INFO"}, "; ".join(report))
        return {"FINISHED"}

    def invoke(self, context, _event):
        """Stay responsive: the path taken by a click."""
        if bpy.app.background:
            return self.execute(context)
        try:
            engine_tasks.start_check(context)
        except EcoFaceBlenderError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        engine_tasks.watch()
        idle_unload.watch()
        return {"FINISHED"}


class ECOFACE_OT_start_engine(_Engine, Operator):
    """Start the engine and load the model now, so that the first line does not wait for them"""

    bl_idname = "ecoface.start_engine"
    bl_label = "Start Engine"

    def run(self, context):
        warm_up(engine_settings(context))
        return {"FINISHED"}


class ECOFACE_OT_unload_engine(_Engine, Operator):
    """End the engine and give its memory back; the next line starts it again"""

    bl_idname = "ecoface.unload_engine"
    bl_label = "Unload Engine"

    @classmethod
    def refusal(cls, _context):
        return why_busy() or (None if engine.is_running() else "The engine does not run")

    def run(self, _context):
        engine.unload()
        return {"FINISHED"}


class ECOFACE_OT_install_engine(_Engine, Operator):
    """Install PyTorch, which computes on a graphics card, for EcoFace alone; shows first what, from where and
    how large. The engine that is built in needs no installation"""

    bl_idname = "ecoface.install_engine"
    bl_label = "Use a Graphics Card"

    _plan: Plan | None = None
    """Of a click, once it is shown."""

    @classmethod
    def refusal(cls, context):
        online = wheel_folder(context) or bpy.app.online_access
        return why_busy() or why_no_plan() or (None if online else NEEDS_NETWORK)

    def invoke(self, context, _event):
        """A click: show what would be installed."""
        if bpy.app.background:
            return self.execute(context)
        try:
            self._plan = plan_for(wheel_folder(context), package_index(context))
        except EcoFaceBlenderError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return context.window_manager.invoke_props_dialog(
            self, width=DIALOG_WIDTH, title="Install PyTorch for a Graphics Card", confirm_text="Install"
        )

    def draw(self, _context):
        column = self.layout.column(align=True)
        for paragraph in self._plan.describe(installed_engine()) if self._plan else ():
            for line in textwrap.wrap(paragraph, DIALOG_COLUMNS, break_on_hyphens=False):
                column.label(text=line)

    def run(self, context):
        """Begin, after the dialog; or wait for it: the path taken by scripts."""
        if self._plan:
            engine_tasks.start_installation(self._plan)
            engine_tasks.watch()
            return {"FINISHED"}
        job = engine_tasks.start_installation(plan_for(wheel_folder(context), package_index(context)))
        why = ""
        try:
            while not job.step():
                time.sleep(POLL_SECONDS)
        except EcoFaceBlenderError as error:
            why = str(error)
            raise
        finally:
            engine_tasks.end_installation(why)
        self.report({"INFO"}, engine_tasks.success)
        return {"FINISHED"}


class ECOFACE_OT_remove_engine(_Engine, Operator):
    """Remove what Use a Graphics Card has installed: the engine that is built in computes again"""

    bl_idname = "ecoface.remove_engine"
    bl_label = "Remove PyTorch"

    @classmethod
    def refusal(cls, _context):
        return why_busy() or (None if installed_engine().is_dir() else "Nothing is installed")

    def run(self, _context):
        engine.close()  # it may run in there
        remove(installed_engine())
        return {"FINISHED"}


class ECOFACE_OT_cancel_install(Operator):
    """Give the installation up; what was installed before is kept"""

    bl_idname = "ecoface.cancel_install"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context):
        return engine_tasks.installation is not None

    def execute(self, _context):
        if engine_tasks.installation:
            engine_tasks.installation.cancel()
        redraw_panels()
        return {"FINISHED"}


CLASSES = (
    ECOFACE_OT_check_engine,
    ECOFACE_OT_start_engine,
    ECOFACE_OT_unload_engine,
    ECOFACE_OT_install_engine,
    ECOFACE_OT_remove_engine,
    ECOFACE_OT_cancel_install,
)
