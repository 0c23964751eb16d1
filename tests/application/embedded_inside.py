"""Runs within Blender: installs the zip, generates by every source of emotion, tells what came of it.

ZIP FOLDER SPEECH [PYTHON]; without PYTHON by the engine that is built in.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path

import bpy
import numpy as np

NAME = "bl_ext.user_default.ecoface"
FRAMES = range(1, 120, 6)
ENGINE_PACKAGES = ("torch", "onnxruntime", "ecoface_model", "safetensors", "soundfile", "soxr", "av")


def main(package: str, folder: str, speech: str, python: str = "") -> None:
    """Install, generate, write told.json and vertices.npz."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.extensions.package_install_files(
        filepath=package, repo="user_default", enable_on_install=True, overwrite=True
    )
    preferences = bpy.context.preferences.addons[NAME].preferences
    preferences.python = python
    engine, settings = sys.modules[f"{NAME}.engine.engine"], sys.modules[f"{NAME}.engine.settings"]
    told = {"blender": bpy.app.version_string, "python": sys.version.split()[0], "seconds": {}, "curves": {}}
    told["before"] = engine.describe(settings.engine_settings(bpy.context))
    began = time.monotonic()
    bpy.ops.ecoface.check_engine()
    told["seconds"]["check"] = time.monotonic() - began
    told["check"] = list(sys.modules[f"{NAME}.engine.tasks"].report)
    bpy.ops.ecoface.add_head()
    actor = bpy.context.object
    bpy.ops.ecoface.generate(sound=speech, head=actor.name, emotion="happy:2")
    bpy.ops.ecoface.add_head()
    speaker = bpy.context.object
    for frame, emotion in ((1, "SAD"), (60, "ANGRY")):
        bpy.context.scene.frame_set(frame)
        bpy.ops.ecoface.key_emotion(emotion=emotion.lower(), intensity=1.5)
    vertices = {}
    for name, given in {
        "label": {"emotion": "angry:1.5"},
        "speech": {},
        "sound": {"emotion_from": speech},
        "performance": {"emotion_head": actor.name},
        "track": {"emotion_track": True},
    }.items():
        began = time.monotonic()
        bpy.ops.ecoface.generate(sound=speech, head=speaker.name, **given)
        told["seconds"][name] = time.monotonic() - began
        told["curves"][name] = n_curves(speaker)
        vertices[name] = np.stack([evaluated(speaker, frame) for frame in FRAMES])
    told["engine"] = engine.describe(settings.engine_settings(bpy.context))
    told["command"] = list(engine._client._process.args)
    told["foreign"] = [name for name in ENGINE_PACKAGES if name in sys.modules]
    np.savez(Path(folder) / "vertices.npz", **vertices)
    engine.close()
    (Path(folder) / "told.json").write_text(json.dumps(told), encoding="utf-8")


def n_curves(speaker: bpy.types.Object) -> int:
    """F-curves of the action that plays."""
    action = speaker.data.shape_keys.animation_data.action
    return sum(
        len(bag.fcurves) for layer in action.layers for strip in layer.strips for bag in strip.channelbags
    )


def evaluated(speaker: bpy.types.Object, frame: int) -> np.ndarray:
    """Vertices of the head in a frame, in metres."""
    bpy.context.scene.frame_set(frame)
    mesh = speaker.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    values = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", values)
    return values.reshape(-1, 3)


if __name__ == "__main__":
    try:
        main(*sys.argv[sys.argv.index("--") + 1 :])
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # Blender hangs at its end with what is registered
