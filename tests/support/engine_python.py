"""The Python with torch, for tests in a Blender without it: its path, and a tiny model made by it."""

import os
import subprocess
import sys
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parents[1]
os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # of the engine: with tiny models its threads wait for one another
ENGINE_PYTHON = os.environ.get("ECOFACE_PYTHON", sys.executable)
SCRIPT = """
import sys
from pathlib import Path
import tiny_model
from ecoface_model.core.head_file import read_head
tiny_model.INFO["head"] = read_head().name
tiny_model.write_tiny_model(Path(sys.argv[1]))
"""


def write_tiny_model(path: Path) -> Path:
    """A tiny random model for the reference head."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(SUPPORT), str(ROOT)])}
    subprocess.run([ENGINE_PYTHON, "-c", SCRIPT, str(path)], check=True, env=environment)
    return path
