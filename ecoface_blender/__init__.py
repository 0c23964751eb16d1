"""EcoFace in Blender: a voice on the timeline becomes keyframes on a head. Registers, and nothing else."""

import bpy

from . import command, engine, generation, operators, operators_takes, panels, panels_takes, settings, takes

MODULES = (settings, takes, operators, operators_takes, panels, panels_takes)
"""In the order in which they register; each has CLASSES, some have PROPERTIES that go on Blender's types."""

_commands = []


def register():
    """Make the classes known; starts no process and reads no file."""
    for module in MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
        for owner, name, declaration in getattr(module, "PROPERTIES", ()):
            setattr(owner, name, declaration)
    _commands.append(bpy.utils.register_cli_command("ecoface", command.run))


def unregister():
    """Leave nothing behind, the worker included."""
    generation.abandon()
    engine.close()
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    for module in reversed(MODULES):
        for owner, name, _declaration in getattr(module, "PROPERTIES", ()):
            delattr(owner, name)
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
