"""One line from the command line, without a window: `blender --command ecoface --audio A.wav ...`."""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bpy

from . import choices, engine, export, generation, head, targets
from .errors import EcoFaceBlenderError
from .settings import engine_settings
from .worker_client import POLL_SECONDS

USER_ERROR = 2
"""Exit code for what the caller can mend; 1 is our own failure."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as all our errors do."""

    def error(self, message: str):
        """End with the exit code of a user's error."""
        self.exit(USER_ERROR, f"ecoface: {message}; see --help.\n")


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code; one sentence on stderr if it is not 0."""
    try:
        options = parser().parse_args(list(arguments))
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    try:
        make(options)
    except EcoFaceBlenderError as error:
        print(f"ecoface: {error}", file=sys.stderr)
        return USER_ERROR
    except Exception as error:  # outermost: a batch of a thousand lines wants one line for each that failed
        print(f"ecoface: unexpected {type(error).__name__}: {error}; please report this.", file=sys.stderr)
        return 1
    finally:
        engine.close()
    return 0


def parser() -> argparse.ArgumentParser:
    """The arguments, the same for every way in."""
    parser = _Parser(prog="ecoface", description="A recorded voice becomes a speaking head.")
    parser.add_argument("--audio", required=True, type=Path, help="the voice: any sound file")
    parser.add_argument("--style", help="name of a speaker style")
    parser.add_argument("--emotion", metavar="LABEL[:INTENSITY]", help="such as happy or happy:1.5")
    parser.add_argument(
        "--emotion-from", metavar="CLIP", type=Path, help="a recording whose emotion is shown"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, another performance (default: 0)")
    parser.add_argument(
        "--temperature", type=float, default=1.0, help="spread of the performances (default: 1)"
    )
    parser.add_argument("--head", help="name of the head's object; default the only head, or a new one")
    parser.add_argument("--fps", type=float, help="frame rate of the scene (default: as the scene has it)")
    parser.add_argument("--open", metavar="BLEND", type=Path, help="a Blender file to begin with")
    parser.add_argument("--model", type=Path, help="a model file (default: the preferences')")
    parser.add_argument("--fbx", type=Path, help="write the speaking head there")
    parser.add_argument("--blend", type=Path, help="save the Blender file there")
    return parser


def make(options: argparse.Namespace) -> None:
    """Open, animate, write.

    Raises:
        EcoFaceBlenderError: if anything that the caller gave does not do.
    """
    check(options)
    if options.open:
        bpy.ops.wm.open_mainfile(filepath=str(options.open))
    elif not bpy.data.filepath:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    context = bpy.context
    settings = engine_settings(context)
    if options.model:
        settings = replace(settings, model=str(options.model))
    if options.fps:
        context.scene.render.fps, context.scene.render.fps_base = math.ceil(options.fps), 1.0
        context.scene.render.fps_base = context.scene.render.fps / options.fps
    speaker = speaking_head(context, options.head, settings)
    started = time.monotonic()
    result = animate(context, line_from_options(context, options, speaker), settings)
    print(f"{result} in {time.monotonic() - started:.1f} s")
    if options.fbx:
        print(export.write(context, speaker, options.fbx))
    if options.blend:
        save(options.blend)


def check(options: argparse.Namespace) -> None:
    """Refuse at once what would only fail after the work."""
    if not (options.fbx or options.blend):
        raise EcoFaceBlenderError("Expected a file to write, found none; give --fbx or --blend.")
    if options.emotion and options.emotion_from:
        raise EcoFaceBlenderError("Expected --emotion or --emotion-from, found both; leave one out.")
    for path in (options.audio, options.emotion_from, options.open, options.model):
        if path and not path.is_file():
            raise EcoFaceBlenderError(f"Expected a file at '{path}', found none; correct the path.")
    for path in (options.fbx, options.blend):
        if path and not path.resolve().parent.is_dir():
            raise EcoFaceBlenderError(
                f"Expected the folder '{path.resolve().parent}', found none; make it first."
            )
    if options.fps is not None and not 1 <= options.fps <= 1000:
        raise EcoFaceBlenderError(
            f"Expected a frame rate from 1 to 1000, found {options.fps:g}; correct --fps."
        )


def speaking_head(context, name: str | None, settings: engine.EngineSettings) -> bpy.types.Object:
    """The head that was named, else the only one in the scene, else a new one."""
    heads = targets.find_faces(context)
    if name or len(heads) > 1:
        named = [each for each in heads if each.name == name]
        if not named:
            there = ", ".join(each.name for each in heads) or "none"
            raise EcoFaceBlenderError(
                f"Expected --head to name a head of the scene, found {name!r}; it has {there}."
            )
        return named[0]
    if heads:
        return heads[0]
    return head.add_head(context, generation.head_arrays(settings), "Head")


def line_from_options(context, options: argparse.Namespace, speaker: bpy.types.Object) -> choices.Line:
    """The line, from the first frame of the scene, with its sound on the timeline."""
    return choices.Line(
        scene=context.scene.name,
        speaker=speaker.name,
        head=targets.coefficients(speaker, engine_settings(context).flame),
        sound=str(options.audio.resolve()),
        first_frame=float(context.scene.frame_start),
        style=options.style,
        emotion=options.emotion,
        emotion_from=str(options.emotion_from.resolve()) if options.emotion_from else None,
        seed=options.seed,
        temperature=options.temperature,
        add_strip=True,
    )


def animate(context, line: choices.Line, settings: engine.EngineSettings) -> str:
    """Wait for the line, let the scene end with it, and say what was done."""
    job = generation.start(line, settings, generation.job_folder())
    try:
        while not job.step():
            time.sleep(POLL_SECONDS)
        result = generation.finish(context, job)
    finally:
        generation.end(job)
    action = bpy.data.objects[line.speaker].data.shape_keys.animation_data.action
    context.scene.frame_end = math.ceil(action.frame_range[1])
    return result


def save(path: Path) -> None:
    """Save the Blender file.

    Raises:
        EcoFaceBlenderError: if it cannot be written.
    """
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(path.resolve()), check_existing=False, copy=True)
    except RuntimeError as error:
        raise EcoFaceBlenderError(f"'{path}' cannot be written; choose another place: {error}") from error
    print(path)
