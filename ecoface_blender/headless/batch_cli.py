"""Many lines from the command line, without a window: `blender --command ecoface batch lines.csv -o out`."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bpy

from ..engine.settings import engine_settings
from ..errors import EcoFaceBlenderError
from ..export import export, scene_files
from . import table as batch_lines
from .arguments import Parser, answer
from .cli import check_rate
from .folder import sounds_in, told
from .run import Batch, Order

SOME_FAILED = 3
"""Exit code when some lines failed and all others are done."""
MOST_WORKERS = 64
STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""
COLUMN_HELP = {
    "style": "name of a speaker style",
    "emotion": "such as happy, happy:1.5, or over time 'happy@0 sad:2@2.5'",
    "reference": "a recording whose emotion is heard, or an .npz of a performance, which is seen",
    "head": "name of the head's object; default the only one in the file, or a new one",
    "open": "a Blender file to begin with",
    "speaker": "whose voice it is: lines of one speaker share a voice baseline (default: the row's head)",
    "strength": "of the emotion: 0 is neutral, 1 as it is",
    "upper": "the same for brows, lids and nose",
    "mouth": "the same for cheeks, lips and jaw",
    "track": "which soundtrack of the sound is heard, from 1 on (default: the one that speaks)",
    "channel": "which channel of it is heard, from 1 on (default: where the voice is)",
    "temperature": "spread of the performances (default: 1)",
    "idle": "seconds after the sound in which the face rests and breathes (default: 0)",
    "head_motion": "how much the head turns, 0 to 2 (default: 1)",
    "gaze": "how far the eyes look about, 0 to 2 (default: 1)",
    "seed": "another seed, another performance (default: 0)",
    "outputs": f"any of {', '.join(batch_lines.OUTPUTS)} (default: fbx)",
}


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code."""
    try:
        return answer(parser(), make, arguments)
    except KeyboardInterrupt:
        print("ecoface: stopped; the same command goes on from here.", file=sys.stderr)
        return STOPPED


def parser() -> argparse.ArgumentParser:
    """The arguments, the same for every way in."""
    parser = Parser(
        prog="ecoface batch",
        description="Many recorded voices become speaking heads. What is done already is not done again.",
        epilog=f"Columns of the CSV: {', '.join(batch_lines.COLUMNS)}. See docs/batch.md.",
    )
    parser.add_argument("lines", type=Path, help="a CSV with one row a line, or a folder of sounds")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the outputs and the results")
    parser.add_argument("--workers", type=int, default=1, help="engines side by side (default: 1)")
    parser.add_argument("--shard", metavar="I/N", default="", help="do only this part of the lines, from 1/N")
    parser.add_argument("--fps", type=float, help="frame rate of the scene (default: as the scene has it)")
    parser.add_argument("--model", type=Path, help="a model file (default: the preferences')")
    parser.add_argument("--for", dest="target", choices=scene_files.TARGETS, help="for whom an FBX is")
    parser.add_argument("--keys", choices=("SAFE", "RAW", "ARKIT"), help="see docs/export.md")
    parser.add_argument("--jaw-bone", action="store_true", help="the jaw as a bone in FBX, glTF and USD")
    parser.add_argument("--animation-only", action="store_true", help="the curves alone in FBX")
    group = parser.add_argument_group("for lines that leave the column empty")
    for column in batch_lines.FOR_ALL:
        group.add_argument(f"--{column}".replace("_", "-"), help=COLUMN_HELP[column])
    return parser


def make(options: argparse.Namespace) -> int:
    """Do all lines and say what became of them; the exit code.

    Raises:
        EcoFaceBlenderError: if the table is wrong, or no line can be done.
    """
    check_rate(options.fps)
    if not 1 <= options.workers <= MOST_WORKERS:
        raise EcoFaceBlenderError(
            f"Expected 1 to {MOST_WORKERS} workers, found {options.workers}; correct --workers."
        )
    if options.lines.is_dir():
        for sentence in told(sounds_in(options.lines)[1]):
            print(f"ecoface: {sentence}", file=sys.stderr)
    whole = batch_lines.read(options.lines, _defaults(options))
    rows = batch_lines.shard(whole, options.shard) if options.shard else whole
    settings = engine_settings(bpy.context)
    if options.model:
        settings = replace(settings, model=str(options.model.resolve()))
    given = {name: getattr(options, name) for name in ("keys", "target", "jaw_bone", "animation_only")}
    order = Order(
        out=options.out.resolve(),
        part=options.shard,
        workers=options.workers,
        fps=options.fps,
        options=export.Options(**{name: value for name, value in given.items() if value}),
    )
    batch = Batch(rows, order, settings, _say, whole)
    batch.run()
    for result in batch.failed:
        print(f"ecoface: {result.line}: {result.sentence}", file=sys.stderr)
    before = f", {len(batch.already)} of them before" if batch.already else ""
    done = len(batch.done) + len(batch.already)
    _say(f"{done} of {len(rows)} lines done{before}, {len(batch.failed)} failed: {batch.table}")
    return SOME_FAILED if batch.failed else 0


def _defaults(options: argparse.Namespace) -> dict[str, str]:
    """What lines have whose cells are empty; paths go on from where the command is run."""
    given = {column: getattr(options, column) for column in batch_lines.FOR_ALL}
    for column in ("reference", "open"):
        given[column] = given[column] and os.path.abspath(os.path.expanduser(given[column]))
    if not given["open"] and bpy.data.filepath:  # blender -b file.blend --python ...
        given["open"] = bpy.data.filepath
    given["outputs"] = given["outputs"] or "fbx"
    return {column: value for column, value in given.items() if value}


def _say(text: str) -> None:
    print(text, flush=True)
