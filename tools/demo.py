"""The whole path on one clip: motion, picture sheet, video with sound, Blender file and FBX in one folder.

python tools/demo.py demo/speech.wav --emotion happy --out out/demo
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """Run the product's own commands, one after the other, and say what each made and how fast."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("speech", type=Path)
    parser.add_argument("--emotion")
    parser.add_argument("--out", type=Path, default=Path("out/demo"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    emotion = ["--emotion", options.emotion] if options.emotion else []
    speech, out = str(options.speech), options.out
    ecoface = [sys.executable, "-m", "ecoface_model"]
    motion, sheet, video = (str(out / f"demo.{kind}") for kind in ("npz", "png", "mp4"))
    scene, fbx = str(out / "demo.blend"), str(out / "demo.fbx")
    batch = [sys.executable, "-m", "ecoface_blender.batch"]
    steps = (
        (motion, [*ecoface, "generate", speech, "-o", motion, *emotion]),
        (sheet, [*ecoface, "preview", motion, "--sound", speech, "-o", sheet]),
        (video, [*ecoface, "preview", motion, "--sound", speech, "-o", video]),
        (f"{scene} and {fbx}", [*batch, "--audio", speech, *emotion, "--blend", scene, "--fbx", fbx]),
    )
    for made, command in steps:
        started = time.monotonic()
        code = subprocess.run(command).returncode
        if code:
            return code
        print(f"{made}: {time.monotonic() - started:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
