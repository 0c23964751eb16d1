"""The whole way by mouse and keyboard in Blender's own window, with a screenshot of every state of the panel.

python3 tests/application/click_path.py --extension dist/ecoface-0.1.0-linux_x64.zip --out out/application

Computes with the engine that is built in, or with the Python that --engine names. Needs Blender 5.2 on the
PATH (or --blender), Xvfb, xdotool, ImageMagick and Tesseract; takes five minutes.
All is checked by what Blender says of itself; whether it looks right is for whoever opens the pictures.
"""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from desktop import SETTLED, SIDEBAR, Desktop
from panel import (
    GENERATE,
    PANEL,
    VIEW,
    choose_sound,
    confirm_file,
    generate,
    in_window,
    places,
    set_engine,
    stays,
    stop_playing,
    write_path,
)

ROOT = Path(__file__).resolve().parents[2]
SPEECH = ROOT / "demo" / "speech.wav"
LONGEST_POSE = 8  # s
FIRST_DRAWN = 5  # s, of a head without a graphics card


def main() -> None:
    """Parse, walk, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--extension", type=Path, required=True, help="the extension's zip")
    parser.add_argument("--engine", type=Path, help="a Python for it (default: the one built in)")
    parser.add_argument("--out", type=Path, required=True, help="folder for screenshots and figures")
    parser.add_argument("--blender", default="blender")
    parser.add_argument("--display", type=int, default=78)
    options = parser.parse_args()
    folder = options.out.resolve()
    desktop = Desktop(folder, options.blender, options.display)
    try:
        desktop.install(options.extension.resolve())
        desktop.open_blender()
        figures = walk(desktop, str(options.engine.absolute()) if options.engine else "")
    finally:
        desktop.close()
    (folder / "figures.json").write_text(json.dumps(figures, indent=2))
    print(json.dumps(figures, indent=2))


def walk(desktop: Desktop, engine: str) -> dict[str, float]:
    """Every step of an artist's first half hour."""
    figures: dict[str, float] = {}
    desktop.inside("bpy.data.objects.remove(bpy.data.objects['Cube'])")  # it would stand in the shot
    desktop.screenshot("1_no_head")
    rows = places(desktop)
    desktop.click("Add Head")
    desktop.wait("a head", lambda state: len(state["heads"]) == 1)
    desktop.screenshot("1_head", rest=FIRST_DRAWN)
    stays(desktop, rows)
    set_engine(desktop, "/no/such/python")
    desktop.screenshot("2_engine_missing")
    stays(desktop, rows)
    set_engine(desktop, engine)
    desktop.screenshot("3_no_sound")
    stays(desktop, rows)
    voice = Path(tempfile.gettempdir()) / "voice.wav"  # a path that fits into the field
    shutil.copyfile(SPEECH, voice)
    choose_sound(desktop, str(voice))
    desktop.screenshot("4_ready")
    stays(desktop, rows)
    cancel(desktop, figures)
    desktop.inside("import sys; sys.modules['bl_ext.user_default.ecoface.engine.engine'].close()")
    figures["cold_seconds"] = generate(desktop, "5_working")
    desktop.screenshot("6_done")
    stop_playing(desktop)
    stays(desktop, rows)
    set_up_shot(desktop)
    desktop.side_by_side("steps", "1_no_head", "4_ready", "5_working", "6_shot")
    figures["warm_seconds"] = generate(desktop, None, n_takes=2)
    stop_playing(desktop)
    undo_and_redo(desktop)
    figures["longest_pause_seconds"] = desktop.state()["longest_pause"]
    swap(desktop)
    stop_playing(desktop)
    stays(desktop, rows)
    edit(desktop)
    stays(desktop, rows)
    figures["check_seconds"] = check_head(desktop)
    export(desktop)
    second_head(desktop)
    stays(desktop, rows)
    fail(desktop)
    stays(desktop, rows)
    render(desktop)
    graphics_card(desktop)
    return figures


def cancel(desktop: Desktop, figures: dict[str, float]) -> None:
    """Esc over the panel ends a job at once, and nothing is left of it."""
    before = desktop.state()["actions"]
    desktop.click(GENERATE)
    desktop.wait("a job", lambda state: state["running"] is not None)
    desktop.move(*PANEL)
    began = time.monotonic()
    desktop.keys("Escape")
    desktop.wait("no job", lambda state: state["running"] is None)
    figures["cancel_seconds"] = time.monotonic() - began
    assert desktop.state()["actions"] == before, "a cancelled job leaves an action"
    desktop.screenshot("4_cancelled")


def set_up_shot(desktop: Desktop) -> None:
    """Through the portrait camera, at a vowel; one undo takes all of it away."""
    desktop.click("Shot")
    desktop.wait("a shot", lambda state: "Portrait Camera" in state["objects"])
    desktop.inside("bpy.context.scene.frame_set(24)")
    desktop.screenshot("6_shot")


def edit(desktop: Desktop) -> None:
    """A smile and shut lips in a layer, from the sub-panel."""
    desktop.click("Edit")
    desktop.screenshot("8_edit")
    desktop.click("More Smile")
    desktop.click("Close Lips Here")
    desktop.click("Phones")
    desktop.wait("a layer", lambda state: any(name.startswith("Edits of") for name in state["actions"]))
    desktop.screenshot("8_edited")
    desktop.inside(
        "window = bpy.context.window_manager.windows[0]\n"
        "with bpy.context.temp_override(window=window):\n"
        "    bpy.ops.ecoface.layer_remove()\n"
    )
    desktop.click("Edit")


def second_head(desktop: Desktop) -> None:
    """It stands beside the first, with a face of its own."""
    desktop.click("Add Head")
    desktop.wait("two heads", lambda state: len(state["heads"]) == 2)
    desktop.screenshot("10_second_head", rest=FIRST_DRAWN)


def undo_and_redo(desktop: Desktop) -> None:
    """Ctrl Z takes the second take away, Ctrl Shift Z brings it again."""
    desktop.move(*VIEW)
    desktop.keys("ctrl+z")
    desktop.wait("one take", lambda state: len(state["actions"]) == 1)
    desktop.keys("ctrl+shift+z")
    desktop.wait("two takes", lambda state: len(state["actions"]) == 2)


def swap(desktop: Desktop) -> None:
    """Another emotion for the same take, from its sub-panel."""
    time.sleep(SETTLED)
    _, y = desktop.find("Emotion", 1)  # the first one is the panel's title
    desktop.click_at(SIDEBAR + 170, y)
    desktop.screenshot("7_emotion_menu")
    desktop.click("Happy")
    desktop.screenshot("7_emotion_label")
    desktop.click("Takes")
    desktop.screenshot("8_takes")
    desktop.click("Swap Emotion")
    desktop.wait("a third take", lambda state: len(state["actions"]) == 3 and state["running"] is None)
    assert "happy" in str(desktop.state()["played"]), "the take is named after its emotion"
    desktop.screenshot("8_swapped")
    desktop.click("Takes")


def check_head(desktop: Desktop) -> float:
    """Given up, then again: a sheet in a window of its own; seconds from the click to it."""
    desktop.click("Shape Key Mapping")
    before = desktop.state()["played"]
    desktop.click("Check Head")
    desktop.screenshot("9_checking")
    desktop.keys("Escape")
    time.sleep(LONGEST_POSE)  # and until the pose that is drawn is done
    assert not desktop.state()["seen"], "a check that was given up opens a sheet"
    desktop.click("Check Head")
    began = time.monotonic()
    desktop.wait("the sheet in a window", lambda state: "Check of Head" in state["seen"], patience=200)
    seconds = time.monotonic() - began
    desktop.screenshot("9_checked")
    desktop.inside(
        "with bpy.context.temp_override(window=bpy.context.window_manager.windows[-1]):\n"
        "    bpy.ops.wm.window_close()\n"
    )
    assert desktop.state()["played"] == before, "a check changes what the head plays"
    desktop.screenshot("9_findings")
    desktop.click("Shape Key Mapping")
    return seconds


def export(desktop: Desktop) -> None:
    """The sub-panel's button, then the file browser's."""
    desktop.click("Bake and Export")
    desktop.screenshot("9_export")
    desktop.click("Export FBX")
    time.sleep(2)
    desktop.screenshot("9_file_browser")
    target = desktop.folder / "talking.fbx"
    target.unlink(missing_ok=True)
    confirm_file(desktop, target)
    desktop.wait("the file", lambda _: target.exists() and target.stat().st_size > 100_000)
    desktop.click("Bake and Export")


def fail(desktop: Desktop) -> None:
    """A file that is no sound ends in a sentence."""
    wrong = desktop.folder / "no_sound.wav"
    wrong.write_text("This is no sound.")
    write_path(desktop, str(wrong))
    n_actions = len(desktop.state()["actions"])
    desktop.move(*VIEW)  # a click that follows the text at once may only leave its field
    desktop.click(GENERATE)
    desktop.wait("a failure", lambda state: bool(state["failure"]) and state["running"] is None)
    assert len(desktop.state()["actions"]) == n_actions, "a failed job leaves an action"
    desktop.screenshot("10_failed")


def graphics_card(desktop: Desktop) -> None:
    """The dialog that says what would be installed, confirmed with an empty Wheel Folder; the preferences."""
    (desktop.folder / "wheels").mkdir(exist_ok=True)
    desktop.inside(
        "preferences = bpy.context.preferences.addons['bl_ext.user_default.ecoface'].preferences\n"
        f"preferences.wheels = {str(desktop.folder / 'wheels')!r}\n"
    )
    desktop.move(*PANEL)
    in_window(desktop, "bpy.ops.ecoface.install_engine('INVOKE_DEFAULT')")
    desktop.screenshot("11_graphics_card")
    desktop.keys("Return")
    desktop.wait("a refusal", lambda state: "could not be installed" in state["engine_failure"])
    in_window(desktop, "bpy.ops.preferences.addon_show(module='bl_ext.user_default.ecoface')")
    desktop.screenshot("11_preferences")


def render(desktop: Desktop) -> None:
    """A frame of the shot, as Workbench draws it."""
    picture = desktop.folder / "11_rendered.png"
    picture.unlink(missing_ok=True)
    desktop.inside(
        "scene = bpy.context.scene\n"
        "scene.render.engine, scene.frame_current = 'BLENDER_WORKBENCH', 30\n"
        "scene.frame_set(30)\n"
        "scene.render.resolution_x, scene.render.resolution_y = 640, 640\n"
        f"scene.render.filepath = {str(picture)!r}\n"
        "bpy.ops.render.render(write_still=True)\n"
    )
    desktop.wait(
        "a rendered frame",
        lambda state: picture.exists() and state["time"] > picture.stat().st_mtime + SETTLED,
    )


if __name__ == "__main__":
    main()
