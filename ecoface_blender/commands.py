"""The door of the command line: `ecoface batch ...` for many lines, `ecoface --audio ...` for one."""

from collections.abc import Sequence

from . import batch_command, command


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code."""
    if arguments and arguments[0] == "batch":
        return batch_command.run(arguments[1:])
    return command.run(arguments)
