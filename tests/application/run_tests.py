"""The extension's tests inside the Blender application, with the Python and the numpy that it brings.

ECOFACE_PYTHON=.venv/bin/python blender -b --factory-startup --python tests/application/run_tests.py

Needs pytest in Blender's Python. Test files can be named after a `--`; all of Blender's are run else.
"""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("test_blender_*.py", "test_heads_*.py")


def main() -> int:
    """Run them; the exit code is pytest's."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
    os.chdir(ROOT)
    named = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    folder = ROOT / "tests" / "blender"
    files = named or [str(path) for name in NAMES for path in sorted(folder.glob(name))]
    return int(pytest.main(["-o", "addopts=-q", "-p", "no:cacheprovider", *files]))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender itself would end with 0
