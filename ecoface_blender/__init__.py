"""EcoFace in Blender: a voice on the timeline becomes keyframes on a head. Registers, and nothing else."""

from typing import Any

import bpy

from . import (
    emotion,
    engine,
    export,
    generate,
    head_check,
    heads,
    line_queue,
    listening,
    preferences,
    running,
    shot,
    takes,
    ui,
)
from .engine import engine as worker_process
from .engine import idle_unload, tasks
from .headless import commands
from .line_queue import queue
from .ui import translations

ROOMS = (
    ui,
    preferences,
    engine,
    heads,
    takes,
    emotion,
    generate,
    shot,
    listening,
    line_queue,
    head_check,
    export,
)
"""In the order in which they register; each has CLASSES, some PROPERTIES (they go on Blender's types)
or HANDLERS (of Blender's events)."""

PANELS = tuple(
    panel
    for room in (generate, emotion, listening, takes, export, line_queue, heads)
    for panel in room.PANELS
)
"""In the order in which the sidebar shows them."""

_commands: list[Any] = []


def register():
    """Make the classes known; starts no process and reads no file."""
    translations.register()
    for room in ROOMS:
        for cls in room.CLASSES:
            bpy.utils.register_class(cls)
        for owner, name, declaration in getattr(room, "PROPERTIES", ()):
            setattr(owner, name, declaration)
        for name, handler in getattr(room, "HANDLERS", ()):
            getattr(bpy.app.handlers, name).append(handler)
    for cls in PANELS:
        bpy.utils.register_class(cls)
    _commands.append(bpy.utils.register_cli_command("ecoface", commands.run))


def unregister():
    """Leave nothing behind, the worker included."""
    queue.abandon()
    running.abandon()
    tasks.abandon()
    idle_unload.stop()
    worker_process.close()
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    for cls in reversed(PANELS):
        bpy.utils.unregister_class(cls)
    for room in reversed(ROOMS):
        for name, handler in getattr(room, "HANDLERS", ()):
            getattr(bpy.app.handlers, name).remove(handler)
        for owner, name, _declaration in getattr(room, "PROPERTIES", ()):
            delattr(owner, name)
        for cls in reversed(room.CLASSES):
            bpy.utils.unregister_class(cls)
    translations.unregister()
