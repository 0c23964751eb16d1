"""The preferences as plain values; doors read them once and pass them on."""

from dataclasses import dataclass

import bpy

from ..package import PACKAGE


@dataclass(frozen=True)
class EngineSettings:
    """What the preferences say, as plain values; an empty text is the default."""

    python: str = ""
    model: str = ""
    flame: str = ""
    device: str = ""


def engine_settings(context: bpy.types.Context) -> EngineSettings:
    """The preferences as plain values; their defaults where EcoFace runs without being an add-on."""
    values = _preferences(context)
    if values is None:
        return EngineSettings()
    return EngineSettings(
        python=bpy.path.abspath(values.python),
        model=bpy.path.abspath(values.model),
        flame=bpy.path.abspath(values.flame),
        device=values.device.strip(),
    )


def idle_seconds(context: bpy.types.Context) -> float:
    """After how long without work the engine is unloaded; 0 is never."""
    values = _preferences(context)
    return 60.0 * values.idle_minutes if values else 0.0


def wheel_folder(context: bpy.types.Context) -> str:
    """The only place where Use a Graphics Card finds its packages; empty is the index."""
    values = _preferences(context)
    return bpy.path.abspath(values.wheels) if values else ""


def package_index(context: bpy.types.Context) -> str:
    """The address of the index that Use a Graphics Card downloads from; empty is PyPI."""
    values = _preferences(context)
    return values.index.strip() if values else ""


def _preferences(context):
    """None where EcoFace runs without being an add-on."""
    addon = context.preferences.addons.get(PACKAGE)
    return addon and addon.preferences
