"""EcoFace's panel under the mouse: its rows stay, its fields are written into, its button is clicked."""

import time
from pathlib import Path

from desktop import ROW, SETTLED, SIDEBAR, Desktop

PANEL = (1450, 400)  # where the mouse is over the panel
VIEW = (700, 700)  # and over the view
NEXT_BUTTON = 136  # pixels, from one button of the file browser to the next
FILE_TAB = 225  # pixels from the left of the sidebar to the tab File, in the row Sound
GENERATE = "Generate Emotional Lip Sync"


def places(desktop: Desktop) -> dict[str, int]:
    """How far down some of the panel's rows stand."""
    time.sleep(SETTLED)
    return {text: desktop.find(text)[1] for text in ("Style", "Variation", "Queue")}


def stays(desktop: Desktop, rows: dict[str, int]) -> None:
    """Nothing of the panel has moved under the mouse, once all of it is drawn."""
    for _ in range(5):
        now = places(desktop)
        if all(abs(now[text] - y) <= 2 for text, y in rows.items()):
            return
    raise AssertionError(f"the panel has moved: {rows} before, {now} now")


def set_engine(desktop: Desktop, path: str) -> None:
    """Give the extension's preferences a Python."""
    desktop.inside(
        "preferences = bpy.context.preferences.addons['bl_ext.user_default.ecoface'].preferences\n"
        f"preferences.python = {path!r}\n"
        "for window in bpy.context.window_manager.windows:\n"
        "    for area in window.screen.areas:\n"
        "        area.tag_redraw()\n"
    )
    desktop.move(*PANEL)
    time.sleep(1)


def choose_sound(desktop: Desktop, path: str) -> None:
    """The tab File, then the path into its field."""
    time.sleep(SETTLED)
    _, y = desktop.find("Sound")
    desktop.click_at(SIDEBAR + FILE_TAB, y)  # the word stands in sentences, too
    write_path(desktop, path)
    desktop.wait("the sound", lambda state: state["sound"] == path)


def write_path(desktop: Desktop, path: str) -> None:
    """Double click on the field below the row Sound, write, Enter."""
    time.sleep(SETTLED)
    _, y = desktop.find("Sound")
    for _ in range(2):
        desktop.click_at(SIDEBAR + 150, y + ROW)
    desktop.type(path)
    time.sleep(SETTLED)


def generate(desktop: Desktop, picture: str | None, n_takes: int = 1) -> float:
    """Click, and wait for one take more; seconds from click to keys."""
    desktop.inside("reset_pause()")
    time.sleep(SETTLED)
    x, y = desktop.find(GENERATE)
    desktop.move(x, y)
    began = time.monotonic()
    desktop.click_at(x, y)
    desktop.wait("a job", lambda state: state["running"] is not None or len(state["actions"]) >= n_takes)
    if picture:
        desktop.screenshot(picture, rest=0)
    desktop.wait("a take", lambda state: len(state["actions"]) == n_takes and state["running"] is None)
    return time.monotonic() - began - 0.3  # the mouse rests before the click


def stop_playing(desktop: Desktop) -> None:
    """Esc over the view, once the line has been seen."""
    desktop.move(*VIEW)
    desktop.keys("Escape")
    desktop.wait("the playback's end", lambda state: not state["playing"])


def confirm_file(desktop: Desktop, target: Path) -> None:
    """Name a file in the file browser, and press its button."""
    desktop.inside(
        "for window in bpy.context.window_manager.windows:\n"
        "    for area in window.screen.areas:\n"
        "        if area.type == 'FILE_BROWSER':\n"
        f"            area.spaces.active.params.directory = {str(target.parent).encode()!r}\n"
        f"            area.spaces.active.params.filename = {target.name!r}\n"
        "            area.tag_redraw()\n"
    )
    time.sleep(SETTLED)
    try:
        x, y = desktop.find("Cancel", left=0)
        desktop.click_at(x + NEXT_BUTTON, y)
    except LookupError:  # of two buttons one is always read
        desktop.click_at(*desktop.find("Export Face", left=0))


def in_window(desktop: Desktop, code: str) -> None:
    """Run an operator as if it had been clicked."""
    desktop.inside(
        "window = bpy.context.window_manager.windows[0]\n"
        f"with bpy.context.temp_override(window=window):\n    {code}\n"
    )
    time.sleep(SETTLED)
