"""The door of the command line: many lines, one, or a check of a head."""

from collections.abc import Sequence

from . import batch_cli, check_cli, writer
from . import cli as command

WRITER = writer.COMMAND
"""For the Blenders that a batch starts, not for people."""


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code."""
    if arguments and arguments[0] == "batch":
        return batch_cli.run(arguments[1:])
    if arguments and arguments[0] == "check":
        return check_cli.run(arguments[1:])
    if arguments and arguments[0] == WRITER:
        return writer.run()
    return command.run(arguments)
