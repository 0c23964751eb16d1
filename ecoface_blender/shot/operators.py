"""A shot in one click: camera, light, frames and sound for the head that speaks."""

from contextlib import suppress

import bpy
from bpy.props import BoolProperty, StringProperty
from bpy.types import Operator

from ..errors import EcoFaceBlenderError
from ..generate import gather
from ..heads import chosen
from ..heads.on_head import OnHead
from ..takes import frames
from . import portrait

SYNC = "AUDIO_SYNC"


class ECOFACE_OT_set_up_shot(OnHead, Operator):
    """Look at the head that speaks through a portrait camera, in soft light, with the scene's frames fitted
    to its line and sound that follows the playhead; what is not wanted is unticked below"""

    bl_idname = "ecoface.set_up_shot"
    bl_label = "Set Up Shot"

    head: StringProperty(name="Head", description="Name of the head's object", options={"SKIP_SAVE"})
    camera: BoolProperty(
        name="Camera",
        description="A portrait camera before the face, as the scene's; the one before stays in the file",
        default=True,
    )
    light: BoolProperty(name="Light", description="A key and a fill light beside the face", default=True)
    frames: BoolProperty(
        name="Frame Range",
        description="The scene begins and ends with the head's take and the chosen strip, if there are such",
        default=True,
    )
    sound: BoolProperty(
        name="Sound",
        description="Hear the sound while scrubbing, and drop frames rather than play beside the sound",
        default=True,
    )

    def run(self, context):
        speaker = chosen.named_head(context, self.head)
        face, done = portrait.portrait_of(speaker), []
        if self.camera:
            portrait.set_camera(context, face)
            done.append("camera")
        if self.light:
            portrait.set_lights(context, face)
            done.append("light")
        if self.frames and (spans := _spans(context, speaker)):
            first, last = frames.fit(context.scene, spans)
            done.append(f"frames {first} to {last}")
        if self.sound:
            context.scene.use_audio_scrub, context.scene.sync_mode = True, SYNC
            done.append("sound in sync")
        self.report({"INFO"}, f"Set up for '{speaker.name}': {', '.join(done) or 'nothing'}")
        return {"FINISHED"}

    def invoke(self, context, _event):
        """A click also looks through the camera."""
        result = self.execute(context)
        view = getattr(context.space_data, "region_3d", None)
        if "FINISHED" in result and self.camera and view is not None:
            view.view_perspective = "CAMERA"
        return result


def _spans(context: bpy.types.Context, speaker: bpy.types.Object) -> list[tuple[float, float]]:
    """What the head speaks: its take, and the strip that the panel means."""
    found = [frames.of_take(speaker)]
    settings = getattr(context.scene, "ecoface", None)
    if settings and settings.sound_from == "STRIP":
        with suppress(EcoFaceBlenderError):  # there is none, or several
            found.append(frames.of_strip(context, gather.chosen_strip(context, settings.strip)))
    return [span for span in found if span]


CLASSES = (ECOFACE_OT_set_up_shot,)
