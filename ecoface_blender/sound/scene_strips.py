"""Whose time it is: from Blender 5.0 on the sequencer may be another scene's, which shows this as a strip."""

import bpy

from ..errors import EcoFaceBlenderError
from .sequencer import scene_rate, sequencer_scene


def scene_frame(context: bpy.types.Context, frame: float) -> float:
    """The frame that the window's scene has at a frame of the sequencer's scene.

    The uppermost strip that shows the scene then tells, as it does for Blender's own Sync Scene Time. Without
    such a strip both scenes begin at the same second.

    Raises:
        EcoFaceBlenderError: if the strip shows the scene at another rate than its own.
    """
    scene, sequencer = context.scene, sequencer_scene(context)
    if scene == sequencer:
        return frame
    rate, here = scene_rate(sequencer), scene_rate(scene)
    shown = [
        strip
        for strip in sequencer.sequence_editor.strips_all
        if strip.type == "SCENE" and strip.scene == scene and not strip.mute
        if _time(strip, "left_handle", "frame_final_start") <= frame
        if frame < _time(strip, "right_handle", "frame_final_end")
    ]
    if not shown:
        return frame / rate * here
    if abs(rate - here) > 1e-3:
        raise EcoFaceBlenderError(
            f"The sequencer's scene '{sequencer.name}' shows '{scene.name}' at {rate:.6g} frames a second, "
            f"which has {here:.6g}; give both the same frame rate."
        )
    strip = max(shown, key=lambda each: each.channel)
    start = _time(strip, "content_start", "frame_start")
    trimmed = _time(strip, "content_trim_start", "animation_offset_start")
    return scene.frame_start + trimmed + frame - start


def _time(strip: bpy.types.Strip, name: str, before: str) -> float:
    """A strip's time by its name of Blender 5.2, or the one it had before."""
    return getattr(strip, name if hasattr(strip, name) else before)
