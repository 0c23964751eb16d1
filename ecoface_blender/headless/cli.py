"""One line from the command line, without a window: `blender --command ecoface --audio A.wav ...`."""

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from .. import running
from ..engine import engine
from ..engine.client import POLL_SECONDS
from ..engine.job import job_folder
from ..engine.settings import EngineSettings, engine_settings
from ..errors import EcoFaceBlenderError
from ..export import export
from ..generate import gather, generation, sound_choice
from ..heads import dressing, finding, head_arrays, own_head
from ..takes import takes
from .arguments import Parser, answer


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code; one sentence on stderr if it is not 0."""
    try:
        return answer(parser(), make, arguments)
    finally:
        engine.close()


def parser() -> argparse.ArgumentParser:
    """The arguments, the same for every way in."""
    parser = Parser(prog="ecoface", description="A recorded voice becomes a speaking head.")
    parser.add_argument("--audio", required=True, type=Path, help="the voice: any sound file")
    for name in sound_choice.KINDS:
        parser.add_argument(
            f"--{name}",
            type=int,
            metavar="N",
            help=f"which {name} of it is heard, from 1 on (where the voice is)",
        )
    parser.add_argument("--style", help="name of a speaker style")
    parser.add_argument("--emotion", metavar="LABEL[:INTENSITY]", help="such as happy or happy:1.5")
    parser.add_argument(
        "--emotion-from", metavar="CLIP", type=Path, help="a recording whose emotion is shown"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, another performance (default: 0)")
    parser.add_argument(
        "--temperature", type=float, default=1.0, help="spread of the performances (default: 1)"
    )
    parser.add_argument(
        "--idle", type=float, default=0.0, help="seconds after the sound in which the face rests (default: 0)"
    )
    parser.add_argument(
        "--head-motion", type=float, default=1.0, help="how much the head turns, 0 to 2 (default: 1)"
    )
    parser.add_argument(
        "--gaze", type=float, default=1.0, help="how far the eyes look about, 0 to 2 (default: 1)"
    )
    parser.add_argument("--head", help="name of the head's object; default the only head, or a new one")
    parser.add_argument("--fps", type=float, help="frame rate of the scene (default: as the scene has it)")
    parser.add_argument("--open", metavar="BLEND", type=Path, help="a Blender file to begin with")
    parser.add_argument("--model", type=Path, help="a model file (default: the preferences')")
    parser.add_argument("--fbx", type=Path, help="write the speaking head there")
    parser.add_argument("--blend", type=Path, help="save the Blender file there")
    return parser


def open_blend(path: Path, load_ui: bool = True) -> None:
    """Open a Blender file.

    Raises:
        EcoFaceBlenderError: if it is none.
    """
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=load_ui)
    except RuntimeError as error:
        raise EcoFaceBlenderError(f"Expected a Blender file in '{path}', found none: {error}") from error


def make(options: argparse.Namespace) -> int:
    """Open, animate, write; the exit code.

    Raises:
        EcoFaceBlenderError: if anything that the caller gave does not do.
    """
    check(options)
    if options.open:
        open_blend(options.open)
    elif not bpy.data.filepath:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    context = bpy.context
    settings = engine_settings(context)
    if options.model:
        settings = replace(settings, model=str(options.model))
    if options.fps:
        set_rate(context.scene, options.fps)
    added = not finding.find_faces(context)
    speaker = speaking_head(context, options.head, settings)
    started = time.monotonic()
    result = animate(context, settings, given_by(options, speaker))
    print(f"{result} in {time.monotonic() - started:.1f} s")
    if options.fbx:
        print(export.write(context, speaker, options.fbx, settings=settings))
    if options.blend:
        if added:
            dress(speaker, settings)
        save(options.blend)
    return 0


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
    check_rate(options.fps)


def check_rate(fps: float | None) -> None:
    """Raise EcoFaceBlenderError if Blender has no such frame rate; None is the scene's own."""
    if fps is not None and not 1 <= fps <= 1000:
        raise EcoFaceBlenderError(f"Expected a frame rate from 1 to 1000, found {fps:g}; correct --fps.")


def set_rate(scene: bpy.types.Scene, fps: float) -> None:
    """Frames a second, broken ones too."""
    scene.render.fps, scene.render.fps_base = math.ceil(fps), 1.0
    scene.render.fps_base = scene.render.fps / fps


def speaking_head(context: bpy.types.Context, name: str | None, settings: EngineSettings) -> bpy.types.Object:
    """The head that was named, else the only one in the scene, else a new one."""
    heads = finding.find_faces(context)
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
    return own_head.add_head(context, head_arrays.asked_for(settings), "Head")


def dress(added: bpy.types.Object, settings: EngineSettings) -> None:
    """Give a head that was added here its look, where it is our own: for files that people open."""
    if head_arrays.is_own(head_arrays.asked_for(settings)):
        dressing.apply_look(added)


def given_by(options: argparse.Namespace, speaker: bpy.types.Object) -> dict[str, Any]:
    """All that `gather.request` may be given: what an option leaves out is not taken from the panel."""
    return {
        "head": speaker.name,
        "sound": str(options.audio.resolve()),
        "track": options.track,
        "channel": options.channel,
        "style": options.style or "",
        "emotion": options.emotion or "",
        "emotion_from": str(options.emotion_from.resolve()) if options.emotion_from else "",
        "strength": 1.0,
        "upper": 1.0,
        "mouth": 1.0,
        "seed": options.seed,
        "temperature": options.temperature,
        "idle": options.idle,
        "head_motion": options.head_motion,
        "gaze": options.gaze,
        "add_strip": True,
        "as_played": options.blend is not None,  # by Blender, in a strip; others play what is in the file
    }


def animate(context: bpy.types.Context, settings: EngineSettings, given: Mapping[str, Any]) -> str:
    """Wait for the line, let the scene end with it, and say what was done."""
    folder = job_folder()
    try:
        request = gather.request(context, settings, given, folder.name)
    except EcoFaceBlenderError:
        folder.cleanup()
        raise
    job = generation.start(request, settings, folder)
    try:
        while not job.step():
            time.sleep(POLL_SECONDS)
        result = generation.finish(context, job)
    finally:
        running.end(job)
    take = takes.playing(finding.named(context.scene, request.speaker))
    context.scene.frame_end = math.ceil(take.frame_range[1])
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
