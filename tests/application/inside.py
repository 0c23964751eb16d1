"""Runs within Blender's window: opens the sidebar, tells how things stand, and does what cannot be clicked.

`blender --python inside.py -- FOLDER`: state.json is written ten times a second; a command.py that appears is
run and removed.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path

import bpy

FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
TICK, TELL = 0.01, 0.1  # s
ADDON = "bl_ext.user_default.ecoface"
pause = {"longest": 0.0, "last": time.monotonic(), "told": 0.0}


def tick():
    """Between two of these Blender was busy: the difference is what an artist feels."""
    now = time.monotonic()
    pause["longest"] = max(pause["longest"], now - pause["last"] - TICK)
    command = FOLDER / "command.py"
    if command.exists():
        text = command.read_text()
        command.unlink()
        try:
            exec(compile(text, "command.py", "exec"), {"bpy": bpy, "reset_pause": reset_pause})
        except Exception:
            traceback.print_exc()
    if now - pause["told"] > TELL:
        pause["told"] = now
        tell()
    pause["last"] = time.monotonic()
    return TICK


def reset_pause():
    """Forget the longest pause."""
    pause["longest"], pause["last"] = 0.0, time.monotonic()


def tell():
    """Write the state whole or not at all."""
    modules = sys.modules
    running, takes = modules[ADDON + ".running"], modules[ADDON + ".takes.takes"]
    job, chosen = running.job, modules[ADDON + ".heads.chosen"]
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window):
        speaker = chosen.chosen_head(bpy.context)
        played = takes.played(speaker)
        state = {
            "time": time.time(),
            "longest_pause": pause["longest"],
            "heads": [item.name for item in bpy.data.objects if item.type == "MESH" and item.data.shape_keys],
            "objects": [item.name for item in bpy.context.scene.objects],
            "running": None if job is None else round(job.fraction, 3),
            "playing": window.screen.is_animation_playing,
            "failure": running.failure,
            "engine_failure": modules[ADDON + ".engine.tasks"].failure,
            "actions": [action.name for action in bpy.data.actions],
            "played": played.name if played else None,
            "emotion": bpy.context.scene.ecoface.emotion,
            "sound": bpy.context.scene.ecoface.sound,
            "seen": [space.image.name for space in image_editors() if space.image],
        }
    temporary = FOLDER / "state.partial"
    temporary.write_text(json.dumps(state))
    os.replace(temporary, FOLDER / "state.json")


def image_editors():
    """Those of all windows."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR":
                yield area.spaces.active


def open_sidebar():
    """One large 3D view with its sidebar at EcoFace; before the first draw that fails, so it is repeated."""
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda each: (each.type == "VIEW_3D", each.width * each.height))
    if len(window.screen.areas) > 1:
        with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
            bpy.ops.screen.screen_full_area(use_hide_panels=False)
        return 0.5
    area.spaces.active.show_region_ui = True
    region = next(each for each in area.regions if each.type == "UI")
    try:
        region.active_panel_category = "EcoFace"
    except (TypeError, AttributeError):
        return 0.5
    area.tag_redraw()
    pause["last"] = time.monotonic()
    bpy.app.timers.register(tick, persistent=True)
    return None


bpy.context.preferences.view.show_splash = False
bpy.context.preferences.view.show_tooltips = False  # they would lie over what is to be read
bpy.app.timers.register(open_sidebar, first_interval=2.0)
