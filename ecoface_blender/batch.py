"""The commands as a script, for Blender without a window and for the bpy wheel:

blender -b [file.blend] --python ecoface_blender/batch.py -- lines.csv -o out
python -m ecoface_blender.batch lines.csv -o out
python -m ecoface_blender.batch --audio A.wav --fbx OUT.fbx [--blend OUT.blend]
"""

import importlib
import os
import sys
from pathlib import Path

import bpy


def main() -> int:
    """Run the command with the arguments after `--`, or all of them where Python runs this."""
    if __package__:
        package = __package__
    else:  # Blender runs this file by its path, whether or not the extension is installed
        folder = Path(__file__).resolve().parent
        sys.path.insert(0, str(folder.parent))
        package = folder.name
    own = sys.argv[1:] if bpy.app.module else sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    commands = importlib.import_module(f"{package}.headless.commands")
    one = any(argument.split("=")[0] == "--audio" for argument in own)
    return commands.run(own if one or own == [commands.WRITER] else ["batch", *own])


if __name__ == "__main__":
    try:
        code = main()
    except Exception as error:  # Blender itself would end with 0
        print(f"ecoface: unexpected {type(error).__name__}: {error}; please report this.", file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    if bpy.app.module:
        os._exit(code)  # some of Blender's wheels do not return from their own clean-up
    sys.exit(code)
