"""Run by test_blender_extension in a Python of its own: the extension's life in a fresh Blender, as JSON.

python extension_life.py ZIP MODEL SPEECH; BLENDER_USER_RESOURCES is an empty folder, ECOFACE_PYTHON set
"""

import json
import os
import subprocess
import sys
import threading

import bpy

NAME = "bl_ext.user_default.ecoface"


def traces():
    """Everything of ours that Blender knows now."""
    handlers = [f for name in dir(bpy.app.handlers) for f in _list(getattr(bpy.app.handlers, name))]
    return {
        "types": sorted(t for t in dir(bpy.types) if "ecoface" in t.lower()),
        "operators": sorted(o for o in dir(bpy.ops.ecoface)) if "ecoface" in dir(bpy.ops) else [],
        "scene": hasattr(bpy.types.Scene, "ecoface"),
        "handlers": [h.__name__ for h in handlers if "ecoface" in str(getattr(h, "__module__", ""))],
        "threads": sorted(t.name for t in threading.enumerate() if "EcoFace" in t.name),
        "processes": _children(),
        "files": sorted(_files()),
    }


def _list(value):
    return value if isinstance(value, list) else []


def _children():
    """Commands of this process's children."""
    lines = subprocess.run(
        ["ps", "-ww", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True
    ).stdout
    return [line for line in lines.splitlines() if "worker" in line]


def _files():
    """What was written into the folder of extensions, compiled Python aside."""
    root = os.path.join(os.environ["BLENDER_USER_RESOURCES"], "extensions", "user_default", "ecoface")
    for folder, _, names in os.walk(root):
        yield from (os.path.relpath(os.path.join(folder, n), root) for n in names if not n.endswith(".pyc"))


def main(package, model, speech):
    """Install, enable, run, disable, remove."""
    told = {"version": bpy.app.version_string, "before": traces()}
    bpy.ops.extensions.package_install_files(filepath=package, repo="user_default", enable_on_install=True)
    told["enabled"] = NAME in bpy.context.preferences.addons.keys()  # noqa: SIM118 (Blender's collection)
    told["installed"] = traces()
    told["core"] = sys.modules[f"{NAME}.core.arkit"].__file__
    told["foreign"] = [name for name in sys.modules if name.split(".")[0] in ("ecoface_model", "torch")]
    bpy.context.preferences.addons[NAME].preferences.model = model
    bpy.ops.ecoface.add_head()
    bpy.ops.ecoface.generate(sound=speech)
    action = bpy.context.object.data.shape_keys.animation_data.action
    told["last_frame"] = action.frame_range[1]
    told["running"] = traces()
    bpy.ops.preferences.addon_disable(module=NAME)
    told["disabled"] = traces()
    bpy.ops.preferences.addon_enable(module=NAME)
    told["again"] = traces()
    bpy.ops.extensions.package_uninstall(repo_index=_repo_index(), pkg_id="ecoface")
    told["removed"] = traces()
    print("TOLD " + json.dumps(told))


def _repo_index():
    return next(
        i for i, r in enumerate(bpy.context.preferences.extensions.repos) if r.module == "user_default"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)
