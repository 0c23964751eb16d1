"""Where the command line's results go, and what a terminal shows meanwhile."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ecoface_model.core.errors import RequestError


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


def terminal_progress(name: str) -> Callable[[str, int, int], None] | None:
    """A line on stderr that is written over and gone in the end; nothing where no one watches."""
    if not sys.stderr.isatty():
        return None

    def show(stage: str, done: int, total: int) -> None:
        text = f"{name}: {stage} {100 * done // total} %" if done < total else ""
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    return show
