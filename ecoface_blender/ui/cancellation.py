"""What ends a job that is under way: another file, an undo. Each is said in one sentence."""

import bpy
from bpy.app.handlers import persistent

from .. import running

OPENED = "Another file was opened meanwhile, so nothing was generated; generate again there."
UNDONE = "An undo or redo has changed the scene meanwhile, so nothing was generated; generate again."
WINDOW_CLOSED = "The window in which the line was being generated has closed; generate again."


@persistent
def _opening(*_arguments: object) -> None:
    running.stop_all(OPENED)


@persistent
def _undone(*_arguments: object) -> None:
    """Of a queue this ends the line that is worked on; the others are looked up when their turn comes."""
    if running.job:
        running.job.stop(UNDONE)


HANDLERS = (
    ("load_pre", _opening),
    ("undo_post", _undone),
    ("redo_post", _undone),
)


def tell_later(sentence: str) -> None:
    """A pop-up as soon as Blender has time: an operator that Blender itself ends can no longer report."""
    print(f"EcoFace: {sentence}")
    if not bpy.app.background:
        bpy.app.timers.register(lambda: _pop_up(sentence), first_interval=0.2, persistent=True)


def _pop_up(sentence: str) -> None:
    manager = bpy.context.window_manager
    if not manager.windows:
        return
    with bpy.context.temp_override(window=manager.windows[0]):
        manager.popup_menu(
            lambda menu, _context: menu.layout.label(text=sentence), title="EcoFace", icon="INFO"
        )


CLASSES = ()
