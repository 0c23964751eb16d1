"""What Blender keeps of the queue: its mirror for panel and scripts, and whose head speaks a strip."""

import bpy
from bpy.app.handlers import persistent
from bpy.props import CollectionProperty, EnumProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import PropertyGroup

from ..heads import finding
from . import queue
from .queue import DONE, FAILED, WAITING, WORKING


@persistent
def _opened(*_arguments: object) -> None:
    """The lines belong to a file that is no more open, and so does what is saved of their mirror."""
    queue.abandon()
    queue.mirror()


class ShownLine(PropertyGroup):
    """What the list shows of a line; its name is the strip's."""

    head: StringProperty(name="Head", description="Who speaks the line")
    state: EnumProperty(
        name="State",
        description="How far the line is",
        items=[
            (WAITING, "Queued", "Waits for the lines before it", "SORTTIME", 0),
            (WORKING, "Generating", "The engine computes it", "PLAY", 1),
            (DONE, "Done", "Its keys are on the head", "CHECKMARK", 2),
            (FAILED, "Failed", "The sentence says why", "ERROR", 3),
        ],
    )
    sentence: StringProperty(name="Result", description="What was done, or why not")


CLASSES = (ShownLine,)

PROPERTIES = (
    (
        bpy.types.WindowManager,
        "ecoface_queue",
        CollectionProperty(
            name="Queue", description="Lines to generate", type=ShownLine, options={"SKIP_SAVE"}
        ),
    ),
    (
        bpy.types.WindowManager,
        "ecoface_queue_index",
        IntProperty(name="Line", description="The line that is chosen in the list", options={"SKIP_SAVE"}),
    ),
    (
        bpy.types.Strip,
        "ecoface_head",
        PointerProperty(
            name="Strip's Head",
            description="The head that speaks this strip. Leave empty for the active head",
            type=bpy.types.Object,
            poll=lambda _strip, candidate: finding.speaking_mesh(candidate) is not None,
        ),
    ),
)

HANDLERS = (("load_post", _opened),)
