"""The engine by buttons: check, start, unload, install."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import time
from pathlib import Path

import bpy
from bpy.types import Operator

from .. import running
from ..errors import EcoFaceBlenderError
from ..ui.reporting import Reporting
from ..ui.watching import POLL_SECONDS, redraw_panels
from . import engine, idle_unload
from . import tasks as engine_tasks
from .job import warm_up
from .settings import engine_settings, wheel_folder

INSTALLING = "The engine is being installed; wait for it or cancel it"
NEEDS_NETWORK = (
    "Allow Online Access in the preferences of Blender (System > Network), or choose a Wheel Folder"
)


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
    """Make an environment with PyTorch for the engine: downloads up to 3 GB, or takes a Wheel Folder.
    It can be repeated; what was there stays until the new one works"""

    bl_idname = "ecoface.install_engine"
    bl_label = "Install Engine"

    @classmethod
    def refusal(cls, context):
        online = wheel_folder(context) or bpy.app.online_access
        return why_busy() or (None if online else NEEDS_NETWORK)

    def run(self, context):
        """Wait for it: the path taken by scripts."""
        job, why = self._start(context), ""
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

    def invoke(self, context, _event):
        """Stay responsive: the path taken by a click."""
        if bpy.app.background:
            return self.execute(context)
        try:
            self._start(context)
        except EcoFaceBlenderError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        engine_tasks.watch()
        return {"FINISHED"}

    def _start(self, context):
        wheels = wheel_folder(context)
        if wheels and not Path(wheels).is_dir():
            raise EcoFaceBlenderError(f"Expected a Wheel Folder at '{wheels}', found none; choose another.")
        return engine_tasks.start_installation(wheels)


class ECOFACE_OT_cancel_install(Operator):
    """Give the installation up; the engine that was there before is kept"""

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
    ECOFACE_OT_cancel_install,
)
