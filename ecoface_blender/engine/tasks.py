"""The engine's check and its installation, continued by Blender's clock while the artist works."""

import sys
import tempfile

import bpy

from ..errors import EcoFaceBlenderError
from ..ui.watching import redraw_panels
from . import engine
from .check import Check
from .install import Installation
from .install_plan import Plan
from .interpreter import installed_engine, look_for_python_anew
from .job import job_folder
from .settings import engine_settings

PERIOD = 0.1  # s

report: tuple[str, ...] = ()
"""What the last check found, shown in the preferences."""
failure = ""
"""Why the last check or installation failed; empty if it did not."""
success = ""

check: Check | None = None
installation: Installation | None = None
_folder: tempfile.TemporaryDirectory | None = None


def start_check(context: bpy.types.Context) -> Check:
    """Begin; whoever begins it steps it to its end, then calls `end_check`.

    Raises:
        EcoFaceBlenderError: if the engine cannot be started.
    """
    global check, report, failure, success, _folder
    report, failure, success = (), "", ""
    _folder = job_folder()
    try:
        check = Check(engine_settings(context), _folder.name)
    except EcoFaceBlenderError:
        _folder.cleanup()
        raise
    return check


def end_check(why: str = "") -> None:
    """Keep what was found, or why nothing was."""
    global check, report, failure
    if check is None:
        return
    report, failure = check.report, why
    check = None
    if _folder:
        _folder.cleanup()


def start_installation(plan: Plan) -> Installation:
    """Begin; goes on by itself in a thread."""
    global installation, failure, success
    failure = success = ""
    engine.unload()  # it may run in what is replaced
    engine.installing = True
    python = bpy.path.abspath(sys.executable)
    installation = Installation(python, installed_engine(), plan)
    return installation


def end_installation(why: str = "") -> None:
    """Keep how it went."""
    global installation, failure, success
    installation, failure, engine.installing = None, why, False
    success = "" if why else "PyTorch is installed; check the engine."
    look_for_python_anew()


def watch() -> None:
    """Let Blender's clock go on with what has begun."""
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=PERIOD, persistent=True)


def tick() -> float | None:
    """Look at what is under way; when to look again."""
    for job, end in ((check, end_check), (installation, end_installation)):
        if job is None:
            continue
        try:
            if job.step():
                end()
        except EcoFaceBlenderError as error:
            end(str(error))
    redraw_panels()
    return PERIOD if check or installation else None


def abandon() -> None:
    """Give up what is under way: the extension is being switched off."""
    if installation:
        installation.cancel()
        installation.wait()
        end_installation("Cancelled.")
    end_check("Cancelled.")
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
