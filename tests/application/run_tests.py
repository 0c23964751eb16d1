"""The extension's tests inside the Blender application, with the Python and the numpy that it brings.

ECOFACE_PYTHON=.venv/bin/python blender -b --factory-startup --python tests/application/run_tests.py

Needs pytest in Blender's Python. Test files can be named after a `--`; all of Blender's are run else.
"""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run them; the exit code is pytest's."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
    os.chdir(ROOT)
    named = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    files = named or [str(path) for path in sorted((ROOT / "tests" / "blender").glob("test_blender_*.py"))]
    return int(pytest.main(["-o", "addopts=-q", "-p", "no:cacheprovider", *files]))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender itself would end with 0
