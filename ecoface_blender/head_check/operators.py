"""Check Head: one click, a sheet of poses, and what would mend those that are wrong."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from pathlib import Path

import bpy
from bpy.props import StringProperty
from bpy.types import Operator

from ..heads import chosen
from ..ui.reporting import Reporting
from ..ui.watching import waiting
from . import checks as head_check
from . import sheet


def check(
    context: bpy.types.Context, speaker: bpy.types.Object
) -> tuple[list[head_check.Finding], bpy.types.Image]:
    """What is wrong with a head, and the sheet; the scene is as before.

    Raises:
        EcoFaceBlenderError: if it is no face, or cannot be animated now.
    """
    with head_check.posed(context, speaker) as poses:
        checked = head_check.check(context, poses)
        image = sheet.render(context, poses, checked)
    return checked.findings, image


class ECOFACE_OT_check_head(Reporting, Operator):
    """Show the head in poses of speech and emotion on a sheet, and say what does not close or move"""

    bl_idname = "ecoface.check_head"
    bl_label = "Check Head"
    bl_options = {"REGISTER"}

    head: StringProperty(
        name="Head", description="Name of the head's object; the panel's if left out", options={"SKIP_SAVE"}
    )
    filepath: StringProperty(
        name="File", description="Where to write the sheet, too", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context):
        if reason := chosen.why_no_head(context):
            cls.poll_message_set(reason)
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set("Heads are checked in Object Mode")
            return False
        return True

    def run(self, context):
        speaker = chosen.named_head(context, self.head)
        with waiting(context):
            findings, image = check(context, speaker)
        if self.filepath:
            sheet.save(image, Path(bpy.path.abspath(self.filepath)))
        for finding in findings:
            self.report({"WARNING"}, str(finding))
        if not findings:
            self.report({"INFO"}, f"'{speaker.name}' shows every pose; see the image '{image.name}'")
        return {"FINISHED"}

    def invoke(self, context, _event):
        """A click also opens the sheet."""
        result = self.execute(context)
        if "FINISHED" in result and not bpy.app.background:
            speaker = chosen.chosen_head(context, self.head)
            bpy.ops.wm.window_new()
            area = context.window_manager.windows[-1].screen.areas[0]
            area.type = "IMAGE_EDITOR"
            area.spaces.active.image = bpy.data.images.get(sheet.image_name(speaker))
        return result


CLASSES = (ECOFACE_OT_check_head,)
