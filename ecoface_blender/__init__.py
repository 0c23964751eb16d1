"""EcoFace in Blender: a voice on the timeline becomes keyframes on a head. Registers, and nothing else."""

import bpy
from bpy.props import PointerProperty

from . import command, engine, generation, operators, panels, settings

CLASSES = (
    settings.EcoFacePreferences,
    settings.EcoFaceSettings,
    *operators.CLASSES,
    *panels.CLASSES,
)

_commands = []


def register():
    """Make the classes known; starts no process and reads no file."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.ecoface = PointerProperty(type=settings.EcoFaceSettings)
    _commands.append(bpy.utils.register_cli_command("ecoface", command.run))


def unregister():
    """Leave nothing behind, the worker included."""
    generation.abandon()
    engine.close()
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    del bpy.types.Scene.ecoface
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
