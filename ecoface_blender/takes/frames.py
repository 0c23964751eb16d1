"""The frames that a line fills, and a scene's frames fitted to them."""

import math
from collections.abc import Iterable
from contextlib import suppress

import bpy

from ..errors import EcoFaceBlenderError
from ..sound import scene_strips, sequencer
from . import takes


def of_strip(context: bpy.types.Context, strip: bpy.types.Strip) -> tuple[float, float] | None:
    """First and last frame of what a strip lets be heard, in the window's scene; None if nothing is."""
    with suppress(EcoFaceBlenderError):
        heard = sequencer.located(strip)
        first = scene_strips.scene_frame(context, heard.first_frame)
        seconds = heard.out_seconds - heard.in_seconds
        return first, first + seconds * sequencer.scene_rate(context.scene) - 1
    return None


def of_take(speaker: bpy.types.Object | None) -> tuple[float, float] | None:
    """First and last frame of the take that a head plays; None without one."""
    take = takes.played(speaker)
    return tuple(take.curve_frame_range) if take else None


def range_asked(scene: bpy.types.Scene) -> tuple[int, int]:
    """First and last frame of what is to be made anew: the preview range, else the scene."""
    if scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end
    return scene.frame_start, scene.frame_end


def fit(scene: bpy.types.Scene, spans: Iterable[tuple[float, float]]) -> tuple[int, int]:
    """Let the scene begin with the first and end with the last of these spans; gives its frames."""
    spans = list(spans)
    first = max(0, math.floor(min(span[0] for span in spans) + 1e-3))
    scene.frame_start, scene.frame_end = first, max(first, math.ceil(max(s[1] for s in spans) - 1e-3))
    return scene.frame_start, scene.frame_end


def extend(scene: bpy.types.Scene, speaker: bpy.types.Object) -> str:
    """Let a scene that ends before the take does go on to its end; says so, or nothing."""
    span, before = of_take(speaker), scene.frame_end
    if span is None or math.ceil(span[1] - 1e-3) <= before:
        return ""
    scene.frame_end = math.ceil(span[1] - 1e-3)
    return f"the scene goes on to frame {scene.frame_end} now (it ended at {before})"
