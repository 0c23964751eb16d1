"""Installs the extension's zip where nothing else is, generates by every source of emotion, compares.

python3 tests/application/embedded_engine.py --extension dist/ecoface-0.1.0-linux_x64.zip \\
    --blender BLENDER [--torch .venv/bin/python] --out out/embedded

BLENDER is the application, or a Python that has bpy and nothing of the engine. With --torch all is done again
by that Python's PyTorch, and the speaking heads may differ by 0.01 mm.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

INSIDE = Path(__file__).with_name("embedded_inside.py")
SPEECH = Path(__file__).resolve().parents[2] / "demo" / "speech.wav"
TOLERANCE = 0.01  # mm


def main() -> int:
    """Run, compare, tell; 0 if all is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--extension", type=Path, required=True, help="the zip of this platform")
    parser.add_argument("--blender", required=True, help="Blender, or a Python with bpy")
    parser.add_argument("--torch", type=Path, help="a Python that has PyTorch")
    parser.add_argument("--out", type=Path, required=True, help="folder for what was made")
    options = parser.parse_args()
    embedded = run(options, "")
    print(json.dumps({name: value for name, value in embedded.items() if name != "seconds"}, indent=1))
    print(" | ".join(f"{name} {seconds:.1f} s" for name, seconds in embedded["seconds"].items()))
    faults = [name for name, count in embedded["curves"].items() if count < 50] + embedded["foreign"]
    if options.torch:
        other = run(options, without_onnxruntime(options.torch.absolute(), options.out.resolve()))
        print(f"{embedded['engine']} | {other['engine']}")
        faults += compare(options.out)
    print("all is well" if not faults else f"wrong: {', '.join(faults)}")
    return bool(faults)


def without_onnxruntime(python: Path, folder: Path) -> str:
    """The same Python, where PyTorch computes on the processor, too: ONNX Runtime would come first."""
    wrapper, blocking = folder / "python_with_torch", folder / "blocking"
    blocking.mkdir(parents=True, exist_ok=True)
    (blocking / "sitecustomize.py").write_text("import sys\nsys.modules['onnxruntime'] = None\n")
    wrapper.write_text(f'#!/bin/sh\nPYTHONPATH="{blocking}" exec "{python}" "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


def run(options: argparse.Namespace, python: str) -> dict:
    """One life of the extension in a Blender without a past; gives what it told."""
    name = "torch" if python else "embedded"
    folder = (options.out / name).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    hidden = ("ECOFACE_PYTHON", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment |= {"BLENDER_USER_RESOURCES": str(folder / "user"), "HOME": str(folder)}
    arguments = [str(options.extension.resolve()), str(folder), str(SPEECH), python]
    command = [options.blender, "-b", "--factory-startup", "--python", str(INSIDE), "--", *arguments]
    if "python" in Path(options.blender).name:
        command = [options.blender, str(INSIDE), "--", *arguments]
    told = folder / "told.json"
    told.unlink(missing_ok=True)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    if not told.is_file():
        sys.exit(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return json.loads(told.read_text(encoding="utf-8"))


def compare(folder: Path) -> list[str]:
    """Sources by which the two heads differ too much; prints how much they do."""
    one, two = (np.load(folder / name / "vertices.npz") for name in ("embedded", "torch"))
    faults = []
    for name in one.files:
        apart = 1000 * np.linalg.norm(one[name] - two[name], axis=-1)
        moved = 1000 * np.linalg.norm(one[name] - one[name][:1], axis=-1)
        print(f"{name}: {apart.max():.5f} mm at most, of {moved.max():.1f} mm that the face moves")
        faults += [name] if not apart.max() < TOLERANCE or moved.max() < 1 else []
    return faults


if __name__ == "__main__":
    sys.exit(main())
