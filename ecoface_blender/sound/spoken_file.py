"""The sound file that a line speaks, in the sequencer: there once, however often it is asked for."""

from contextlib import suppress
from pathlib import Path

import bpy

from ..errors import EcoFaceBlenderError
from . import sequencer


def add(context: bpy.types.Context, path: str, first_frame: float) -> bpy.types.Strip | None:
    """Let a file be heard from a frame on; gives the new strip, None where it is heard from there already.

    Raises:
        EcoFaceBlenderError: if there is no such file or Blender hears nothing in it.
    """
    for strip in sequencer.sound_strips(context):
        with suppress(EcoFaceBlenderError):  # a strip that plays nothing
            heard = sequencer.located(strip)
            if heard.path == Path(path) and abs(heard.first_frame - first_frame) < 1:
                return None
    return sequencer.add_sound_strip(sequencer.sequencer_scene(context), path, first_frame)
