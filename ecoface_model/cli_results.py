"""Where the command line's results go, and what a terminal shows meanwhile."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecoface_model.core.errors import RequestError

if TYPE_CHECKING:
    from ecoface_model.sound.reader import Sound


def results(
    sources: Sequence[Path], out: Path, suffix: str, suffixes: tuple[str, ...] = ()
) -> dict[Path, Path]:
    """Where the result of each source goes: one file, or files named after the sources in a folder.

    Raises:
        RequestError: if a place cannot be written, or two results would have the same.
    """
    allowed = suffixes or (suffix,)
    if len(sources) == 1 and not out.is_dir():
        expect_a_place(out, allowed)
        return {sources[0]: out}
    if (out.exists() and not out.is_dir()) or out.suffix.lower() in allowed:
        raise RequestError(
            f"expected a folder for the results of several files, found {str(out)!r}; name a folder"
        )
    places = {source: out / f"{source.stem}{suffix}" for source in sources}
    if len(set(places.values())) < len(sources):
        raise RequestError("expected files of different names, found two of the same; write them one by one")
    out.mkdir(parents=True, exist_ok=True)
    return places


def expect_a_place(out: Path, suffixes: tuple[str, ...]) -> None:
    """Raises:
    RequestError: if one file of such a suffix cannot be written there.
    """
    if out.suffix.lower() not in suffixes:
        raise RequestError(
            f"expected a result ending in {' or '.join(suffixes)}, found {out.name!r}; rename it"
        )
    if not out.parent.is_dir():
        raise RequestError(
            f"expected a folder {out.parent} to write {out.name} into, found none; make it first"
        )


def add_sound_options(parser: argparse.ArgumentParser, whose: str) -> None:
    """Which part of a recording is heard."""
    parser.add_argument(
        "--track", type=int, metavar="N", help=f"soundtrack of {whose}, from 1 on (the one that speaks)"
    )
    parser.add_argument(
        "--channel", type=int, metavar="N", help=f"channel of {whose}, from 1 on (where the voice is)"
    )


def read_chosen(path: Path, options: argparse.Namespace) -> "Sound":
    """The sound of a file, by the options above.

    Raises:
        SoundError, RequestError: if it is no sound, or has no such track or channel.
    """
    from ecoface_model.sound.reader import read

    return read(path, options.track, options.channel)


def sentence(error: Exception | str) -> str:
    """An error or a remark as one line for a terminal."""
    return f"ecoface: {' '.join(str(error).split()).rstrip('.')}."


def remark(file: Path, sentences: Iterable[str]) -> None:
    """Say on stderr what should be known of a file, though it was read."""
    for each in sentences:
        print(sentence(f"{file.name}: {each}"), file=sys.stderr)


def terminal_progress(name: str) -> Callable[[str, int, int], None] | None:
    """A line on stderr that is written over and gone in the end; nothing where no one watches."""
    if not sys.stderr.isatty():
        return None

    def show(stage: str, done: int, total: int) -> None:
        text = f"{name}: {stage} {100 * done // total} %" if done < total else ""
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    return show
