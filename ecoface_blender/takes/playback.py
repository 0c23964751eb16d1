"""Blender plays a line that is still being made: from its start, with its sound, as far as there are keys.

Only names are held meanwhile.
"""

import math
from contextlib import suppress

import bpy

from ..errors import EcoFaceBlenderError
from ..request import GenerationRequest
from ..sound import spoken_file


class Playback:
    """What of a scene was changed so that the line is seen and heard; all of it can be taken back."""

    def __init__(self, request: GenerationRequest, extend: bool):
        """`extend` lets a scene that ends too early go on as far as there are keys."""
        self._request = request
        self._extend = extend
        self._began = self._began_playing = False
        self._frame = 0  # the current one, before
        self._ends: tuple[int, int] | None = None
        """The scene's last frame before and now."""
        self._strip: tuple[str, str] | None = None
        """The sound's, and the scene in whose sequencer it is."""

    def show(self, last_frame: float) -> None:
        """There are keys up to this frame now; plays from the first when called first."""
        scene = bpy.data.scenes[self._request.scene]
        if self._extend and scene.frame_end < last_frame - 1e-3:
            before = self._ends[0] if self._ends else scene.frame_end
            scene.frame_end = math.ceil(last_frame - 1e-3)
            self._ends = before, scene.frame_end
        if not self._began:
            self._began = True
            self._begin(scene)

    def _begin(self, scene: bpy.types.Scene) -> None:
        context = bpy.context
        if bpy.app.background or context.screen is None or scene != context.scene:
            return
        if self._request.add_strip:
            with suppress(EcoFaceBlenderError):  # which the end of the job says
                strip = spoken_file.add(context, self._request.sound, self._request.first_frame)
                self._strip = strip and (strip.name, strip.id_data.name)
        if not context.screen.is_animation_playing:
            self._began_playing, self._frame = True, scene.frame_current
            scene.frame_set(round(self._request.first_frame))
            bpy.ops.screen.animation_play()

    def keep(self) -> None:
        """The line is there: it plays on, with its sound. The scene's end is the caller's again."""
        self._give_back_end()
        self._began_playing, self._strip = False, None

    def end(self) -> None:
        """All as it was before, but for what the artist has changed since."""
        self._give_back_end()
        if self._strip:
            _remove_strip(*self._strip)
        screen = bpy.context.screen
        if self._began_playing and screen and screen.is_animation_playing:
            with suppress(RuntimeError):  # the window is being closed
                bpy.ops.screen.animation_cancel(restore_frame=False)
            if scene := bpy.data.scenes.get(self._request.scene):
                scene.frame_set(self._frame)
        self._began_playing, self._strip = False, None

    def _give_back_end(self) -> None:
        scene = bpy.data.scenes.get(self._request.scene)
        if scene and self._ends and scene.frame_end == self._ends[1]:
            scene.frame_end = self._ends[0]
        self._ends = None


def _remove_strip(name: str, scene_name: str) -> None:
    scene = bpy.data.scenes.get(scene_name)
    editor = scene.sequence_editor if scene else None
    strip = editor.strips.get(name) if editor else None
    if editor is None or strip is None or strip.type != "SOUND":
        return
    sound = strip.sound
    editor.strips.remove(strip)
    if sound is not None and not sound.users:
        bpy.data.sounds.remove(sound)
