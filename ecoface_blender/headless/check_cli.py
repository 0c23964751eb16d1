"""Check a head from the command line: `blender --command ecoface check --open A.blend --sheet A.png`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import bpy

from ..engine.settings import engine_settings
from ..errors import EcoFaceBlenderError
from ..head_check import operators as operators_check
from ..head_check import sheet
from . import cli as command
from .arguments import USER_ERROR, Parser, answer


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code: 0 if every pose is right."""
    return answer(parser(), check, arguments)


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = Parser(
        prog="ecoface check", description="Which poses a head does not show, and what mends them."
    )
    parser.add_argument("--open", metavar="BLEND", type=Path, help="a Blender file with the head")
    parser.add_argument("--head", help="name of the head's object; default the only head")
    parser.add_argument("--sheet", metavar="PNG", type=Path, help="write pictures of the poses there")
    return parser


def check(options: argparse.Namespace) -> int:
    """Print a line for each pose that is wrong.

    Raises:
        EcoFaceBlenderError: if there is no such file, or no such head in it.
    """
    if options.open:
        if not options.open.is_file():
            raise EcoFaceBlenderError(f"Expected a file at '{options.open}', found none; correct the path.")
        command.open_blend(options.open)
    context = bpy.context
    speaker = command.speaking_head(context, options.head, engine_settings(context))
    findings, image = operators_check.check(context, speaker)
    for finding in findings:
        print(finding)
    if not findings:
        print(f"'{speaker.name}' shows every pose")
    if options.sheet:
        sheet.save(image, options.sheet.resolve())
        print(options.sheet)
    return USER_ERROR if findings else 0
