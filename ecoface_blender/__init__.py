"""EcoFace in Blender: a voice on the timeline becomes keyframes on a head. Registers, and nothing else."""

import bpy

from . import (
    commands,
    engine,
    engine_tasks,
    generation,
    idle,
    interruptions,
    lines_queue,
    operators,
    operators_check,
    operators_emotion,
    operators_engine,
    operators_export,
    operators_layers,
    operators_listening,
    operators_mapping,
    operators_queue,
    operators_takes,
    panels,
    panels_emotion,
    panels_export,
    panels_listening,
    panels_mapping,
    panels_queue,
    panels_takes,
    preferences,
    settings,
    settings_emotion,
    settings_mapping,
    settings_queue,
    settings_takes,
    translations,
)

MODULES = (
    preferences,
    settings,
    settings_mapping,
    settings_takes,
    settings_emotion,
    operators,
    operators_emotion,
    operators_takes,
    operators_export,
    operators_layers,
    operators_listening,
    panels,
    panels_emotion,
    panels_listening,
    panels_takes,
    panels_export,
    operators_engine,
    settings_queue,
    operators_queue,
    panels_queue,
    operators_mapping,
    operators_check,
    panels_mapping,
    interruptions,
)
"""In the order in which they register; each has CLASSES, some PROPERTIES (they go on Blender's types)
or HANDLERS (of Blender's events)."""

_commands = []


def register():
    """Make the classes known; starts no process and reads no file."""
    translations.register()
    for module in MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
        for owner, name, declaration in getattr(module, "PROPERTIES", ()):
            setattr(owner, name, declaration)
        for name, handler in getattr(module, "HANDLERS", ()):
            getattr(bpy.app.handlers, name).append(handler)
    _commands.append(bpy.utils.register_cli_command("ecoface", commands.run))


def unregister():
    """Leave nothing behind, the worker included."""
    lines_queue.abandon()
    generation.abandon()
    engine_tasks.abandon()
    idle.stop()
    engine.close()
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    for module in reversed(MODULES):
        for name, handler in getattr(module, "HANDLERS", ()):
            getattr(bpy.app.handlers, name).remove(handler)
        for owner, name, _declaration in getattr(module, "PROPERTIES", ()):
            delattr(owner, name)
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
    translations.unregister()
