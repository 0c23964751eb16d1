"""Says in one sentence which system library Blender's wheel misses; silent when all is well."""

import subprocess
import sys

PACKAGES = "libxrender1 libxi6 libxkbcommon0 libxxf86vm1 libxfixes3 libsm6 libice6 libgl1 libegl1"


def main() -> int:
    """Import bpy in a process of its own, because a failed import cannot be repeated."""
    run = subprocess.run([sys.executable, "-c", "import bpy"], capture_output=True, text=True)
    if run.returncode == 0:
        return 0
    cause = run.stderr.strip().splitlines()[-1] if run.stderr.strip() else f"exit code {run.returncode}"
    print(
        f"Blender's Python module needs system libraries that are not all here ({cause}): install them, "
        f"on Debian and Ubuntu with: apt-get install {PACKAGES}",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
