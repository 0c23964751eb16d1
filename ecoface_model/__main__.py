"""The command line: `ecoface generate`, `live`, `listen`, `export`, `preview`, `info`.

What a command needs is imported when it runs, so that a mistake is answered at once.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, NoReturn

from ecoface_model import __version__
from ecoface_model.cli_listen import add_baseline_options, add_listen_options, read_baseline, run_listen
from ecoface_model.cli_live import add_live_options, run_live
from ecoface_model.cli_results import (
    add_sound_options,
    read_chosen,
    remark,
    results,
    sentence,
    terminal_progress,
)
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.errors import EcoFaceError, RequestError
from ecoface_model.core.processors import keep_arrays_on_one_core
from ecoface_model.device import ENGINES, expect_packages

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ecoface_model.core.motion_file import FlameMotion


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, or 2 after a sentence on stderr, or 130 when interrupted."""
    options = build_parser().parse_args(arguments)
    keep_arrays_on_one_core()
    try:
        complaints = options.run(options)
    except KeyboardInterrupt:
        return 130
    except (EcoFaceError, OSError) as error:
        complaints = [error]
    for complaint in complaints:
        print(sentence(complaint), file=sys.stderr)
    return 2 if complaints else 0


class Parser(argparse.ArgumentParser):
    """Answers a wrong command line with one sentence."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read on, exit code 2."""
        self.exit(2, f"ecoface: {message}; see `{self.prog} --help`.\n")


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = Parser(
        prog="ecoface", description="A recorded voice becomes the motion of an emotional, speaking face."
    )
    parser.add_argument("--version", action="version", version=f"ecoface {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], list[Exception]]) -> argparse.ArgumentParser:
        summary = (run.__doc__ or "").splitlines()[0]
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        return added

    generate, listen = command("generate", run_generate), command("listen", run_listen)
    live = command("live", run_live)
    export, preview = command("export", run_export), command("preview", run_preview)
    add_generate_options(generate)
    add_live_options(live)
    add_voice_options(live, live)
    add_listen_options(listen)
    add_export_options(export)
    add_preview_options(preview)
    for with_head in (export, preview):
        with_head.add_argument(
            "--head", type=Path, metavar="FILE", help="head file, if not the reference head"
        )
    for with_model in (generate, live, listen, command("info", run_info)):
        with_model.add_argument(
            "--model", type=Path, metavar="FILE", help="model file, if not the default one"
        )
        with_model.add_argument("--device", metavar="D", help="cuda, mps or cpu, if not what suits best")
        with_model.add_argument(
            "--engine", choices=ENGINES, help="PyTorch or ONNX Runtime, which give the same motion"
        )
    return parser


def add_generate_options(generate: argparse.ArgumentParser) -> None:
    """What is spoken, how, and with which emotion."""
    generate.add_argument("speech", nargs="+", type=Path, metavar="SPEECH", help="sound or video files")
    generate.add_argument("-o", dest="out", type=Path, required=True, metavar="OUT", help=".npz, or a folder")
    emotion = generate.add_mutually_exclusive_group()
    add_voice_options(generate, emotion)
    emotion.add_argument(
        "--emotion-from",
        type=Path,
        metavar="CLIP",
        help="take the emotion of another clip: a sound, or a performance as .npz of generate",
    )
    for amount, meaning in (
        ("strength", "of the emotion"),
        ("upper", "of it above the nose"),
        ("mouth", "below"),
    ):
        generate.add_argument(
            f"--{amount}", type=float, default=1.0, metavar="X", help=f"amount {meaning}, 0 to 2 (1)"
        )
    generate.add_argument(
        "--idle",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="silence after the speech, in which the face comes to rest and goes on breathing (0)",
    )
    add_sound_options(generate, "SPEECH")
    add_baseline_options(generate, "SPEECH, or in CLIP of --emotion-from")


def add_voice_options(parser: argparse.ArgumentParser, emotion: "argparse._ActionsContainer") -> None:
    """How somebody speaks, whatever the sound comes from; the emotion's options are a group of their own."""
    parser.add_argument(
        "--style", metavar="NAME", help="speaker style (`ecoface info` lists them), or average"
    )
    emotion.add_argument(
        "--emotion",
        metavar="LABEL[:INTENSITY]",
        help=f"{', '.join(EMOTIONS)}; intensity 0 to 2; several as LABEL@SECONDS follow each other",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, another take (0)")
    parser.add_argument("--temperature", type=float, default=1.0, metavar="X", help="liveliness (1)")
    parser.add_argument(
        "--head-motion", type=float, default=1.0, metavar="X", help="how much the head turns, 0 to 2 (1)"
    )
    parser.add_argument(
        "--gaze", type=float, default=1.0, metavar="X", help="how far the eyes look about, 0 to 2 (1)"
    )


def add_export_options(export: argparse.ArgumentParser) -> None:
    """Which motions become what."""
    export.add_argument("motion", nargs="+", type=Path, metavar="MOTION", help=".npz files of generate")
    export.add_argument(
        "-o",
        dest="out",
        type=Path,
        required=True,
        metavar="FILE",
        help=".csv (ARKit-52), .json, .npz, or a folder",
    )
    what = export.add_mutually_exclusive_group()
    what.add_argument("--vertices", action="store_true", help="positions of all vertices, into .npz")
    what.add_argument("--landmarks", action="store_true", help="positions of 68 landmarks, into .npz")
    export.add_argument("--fps", type=float, metavar="RATE", help="resample to this frame rate")
    export.add_argument("--format", choices=("csv", "json"), default="csv", help="of files in a folder (csv)")


def add_preview_options(preview: argparse.ArgumentParser) -> None:
    """Which motion becomes which picture."""
    preview.add_argument("motion", type=Path, metavar="MOTION", help=".npz of generate")
    preview.add_argument("--sound", type=Path, metavar="SPEECH", help="sound that goes with it")
    preview.add_argument("-o", dest="out", type=Path, required=True, metavar="FILE", help=".mp4 or .png")


def run_generate(options: argparse.Namespace) -> list[Exception]:
    """Make the motion of one or more recorded voices."""
    places = results(options.speech, options.out, ".npz")
    from ecoface_model.core.motion_file import FlameMotion
    from ecoface_model.pipeline import EcoFace
    from ecoface_model.reference_emotion.strength import EmotionStrength

    amounts = EmotionStrength(strength=options.strength, upper=options.upper, mouth=options.mouth)
    first = (
        read_chosen(options.speech[0], options) if len(options.speech) == 1 else None
    )  # answer at once if it is no sound
    reference = None if options.emotion_from is None else read_reference(options.emotion_from)
    if options.baseline and (options.emotion or isinstance(reference, FlameMotion)):
        raise RequestError(
            "expected a voice whose emotion is heard beside --baseline, found a label or a performance; "
            "leave one of them out"
        )
    ecoface = EcoFace.load(options.model, options.device, options.engine)
    ecoface.check(
        style=options.style,
        emotion=options.emotion,
        seed=options.seed,
        temperature=options.temperature,
        amounts=amounts,
        head_motion=options.head_motion,
        gaze=options.gaze,
        idle=options.idle,
    )
    baseline = read_baseline(ecoface, options)
    complaints: list[Exception] = []
    for speech, place in places.items():
        try:
            started = monotonic()
            sound = read_chosen(speech, options) if first is None else first
            motion = ecoface.generate(
                sound.waveform,
                style=options.style,
                emotion=options.emotion,
                emotion_from=reference,
                amounts=amounts,
                seed=options.seed,
                temperature=options.temperature,
                baseline=baseline if reference is None else None,
                reference_baseline=None if reference is None else baseline,
                head_motion=options.head_motion,
                gaze=options.gaze,
                idle=options.idle,
                progress=terminal_progress(speech.name),
            )
            known = {"source": speech.name}
            if options.emotion_from is not None:
                known["emotion"] = f"from {options.emotion_from.name}"
            metadata = sound.describe(motion.metadata | known)
            replace(motion, metadata=metadata).write(place)
            took = monotonic() - started
            said = f"{place}: {motion.n_frames} frames, {motion.seconds:.1f} s of speech in {took:.1f} s"
            heard = motion.metadata.get("heard")
            print(said + (f"; heard {heard['text']}" if heard else ""))
            remark(speech, (*metadata.get("warnings", ()), *metadata.get("notes", ())))
        except EcoFaceError as error:  # the other files may still be good
            complaints.append(error)
    return complaints


def read_reference(path: Path) -> "NDArray[np.float32] | FlameMotion":
    """A clip whose emotion is heard, or a performance in which it is seen."""
    from ecoface_model.core.motion_file import FlameMotion
    from ecoface_model.sound.reader import read

    if path.suffix.lower() == ".npz":
        return FlameMotion.read(path)
    sound = read(path)
    remark(path, (*sound.warnings, *sound.notes))
    return sound.waveform


def run_export(options: argparse.Namespace) -> list[Exception]:
    """Write motion for other programs: ARKit curves, vertices, landmarks."""
    suffix = ".npz" if options.vertices or options.landmarks else f".{options.format}"
    from ecoface_model.core.motion_file import FlameMotion
    from ecoface_model.export import KINDS, write_export

    complaints: list[Exception] = []
    for source, place in results(options.motion, options.out, suffix, KINDS).items():
        try:
            write_export(
                FlameMotion.read(source),
                place,
                vertices=options.vertices,
                landmarks=options.landmarks,
                fps=options.fps,
                head=options.head,
            )
            print(place)
        except EcoFaceError as error:
            complaints.append(error)
    return complaints


def run_preview(options: argparse.Namespace) -> list[Exception]:
    """Draw the speaking face: a video, or a sheet of pictures."""
    expect_packages("a preview", "preview", "torch", "matplotlib")
    from ecoface_model.core.motion_file import FlameMotion
    from ecoface_model.preview.video import KINDS, write_preview

    for source, place in results([options.motion], options.out, ".mp4", KINDS).items():
        progress = terminal_progress(place.name)
        write_preview(
            FlameMotion.read(source), place, sound=options.sound, head=options.head, progress=progress
        )
        print(place)
    return []


def run_info(options: argparse.Namespace) -> list[Exception]:
    """Say what a model knows, where it runs and under which licences."""
    from ecoface_model.pipeline import EcoFace

    ecoface = EcoFace.load(options.model, options.device, options.engine)
    info = ecoface.model.info
    print(f"model: {info['name']} (sha256 {ecoface.model.hash})")
    print(f"styles: average, {', '.join(ecoface.styles)}")
    print(f"emotions: {', '.join(EMOTIONS)}")
    print(f"head: {info['head']}")
    print(f"engine: {ecoface.backend.engine}")
    print(f"device: {ecoface.device}")
    if "training" in info:
        print(f"training: {info['training']}")
    for licence in info["licences"]:
        print(f"licence: {licence}")
    return []


if __name__ == "__main__":
    sys.exit(main())
