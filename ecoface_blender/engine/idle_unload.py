"""Gives the engine's memory back when nothing was asked of it for a while."""

import bpy

from . import engine
from .settings import idle_seconds

PERIOD = 15.0  # s between two looks


def watch() -> None:
    """Begin to look, where Blender has a clock: not in the background."""
    if not bpy.app.background and not bpy.app.timers.is_registered(look):
        bpy.app.timers.register(look, first_interval=PERIOD, persistent=True)


def look() -> float | None:
    """Unload an engine that has been idle for long; when to look again, None if there is none any more."""
    limit = idle_seconds(bpy.context)
    if limit:
        engine.unload_if_idle(limit)
    return PERIOD if engine.is_running() else None


def stop() -> None:
    """Look no more."""
    if bpy.app.timers.is_registered(look):
        bpy.app.timers.unregister(look)
