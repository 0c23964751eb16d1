"""What our commands share: mistakes are said in one line, and the exit code tells whose they are."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from ..errors import EcoFaceBlenderError

OWN_ERROR = 1
USER_ERROR = 2
"""Exit code for what the caller can mend; 1 is our own failure."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as all our errors do."""

    def error(self, message: str) -> NoReturn:
        """End with the exit code of a user's error."""
        self.exit(USER_ERROR, f"ecoface: {message}; see --help.\n")


def answer(
    parser: argparse.ArgumentParser, make: Callable[[argparse.Namespace], int], arguments: Sequence[str]
) -> int:
    """Do what the arguments say and return the exit code; one sentence on stderr if something failed."""
    try:
        return make(parser.parse_args(list(arguments)))
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    except EcoFaceBlenderError as error:
        print(f"ecoface: {error}", file=sys.stderr)
        return USER_ERROR
    except Exception as error:  # outermost: whoever runs a thousand lines wants one line for each that failed
        print(f"ecoface: unexpected {type(error).__name__}: {error}; please report this.", file=sys.stderr)
        return OWN_ERROR
