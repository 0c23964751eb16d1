"""How every script of training ends: well, or with one sentence and an exit code."""

import sys
from collections.abc import Callable

from ecoface_model.core.errors import EcoFaceError

INTERRUPTED = 130  # as shells say it of Ctrl-C


def run_script(main: Callable[[], object]) -> None:
    """Run a script's `main`: exits with 1 and a sentence where something outside is not as expected."""
    try:
        main()
    except EcoFaceError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted; the same command resumes what was finished", file=sys.stderr)
        sys.exit(INTERRUPTED)
