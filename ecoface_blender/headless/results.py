"""The result table of a batch: what was done and how it went, so that a killed run is resumed."""

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from ..core.atomic_write import atomic_write
from ..errors import EcoFaceBlenderError, refusals_of_core
from .table import TABLE

DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    line: str
    """The name of its outputs."""
    state: str
    """DONE or FAILED."""
    sentence: str
    """What was done, or why not."""
    seconds: str
    """From its beginning in the engine to its files, its wait for Blender included."""
    outputs: str
    """File names, apart by spaces: the line's name with these suffixes."""
    inputs: str
    """`table.fingerprint`; empty where the line was not understood."""
    ended: str
    """When, as UTC in ISO's form: of what several tables say of a line, the latest counts."""
    heard: str = ""
    """The emotions that were heard, where the line shows these: "angry 0.7, sad 0.2"."""
    heard_emotion: str = ""
    """The first of them."""
    heard_intensity: str = ""


HEADER = tuple(field.name for field in fields(Result))
WIDTHS = (HEADER.index("heard"), len(HEADER))
"""Cells of a line: tables that were written before anything was heard are read, too."""


class ResultTable:
    """A CSV in the output folder: a line of a run is added when its outputs are there, or have failed.

    What is added is on the disk before `add` returns. A line that was cut by a kill is not taken for one.
    """

    def __init__(self, folder: Path, part: str = ""):
        """`part` such as 2/8 has a table of its own, since others write theirs meanwhile.

        Raises:
            EcoFaceBlenderError: if it cannot be written there.
        """
        self.folder = folder
        self.path = folder / (f"{TABLE}-{part.replace('/', '-of-')}.csv" if part else f"{TABLE}.csv")
        mine = _read(self.path)
        others = [_read(path) for path in sorted(folder.glob(f"{TABLE}*.csv")) if path != self.path]
        self.known = {result.line: result for result in mine}
        """What this table says; it is kept, whether or not it is asked for again."""
        said = sorted((*mine, *(result for table in others for result in table)), key=lambda one: one.ended)
        self._latest = {result.line: result for result in said}
        self.write(self.known.values())

    def finished(self, line: str, inputs: str, outputs: Sequence[str]) -> Result | None:
        """What was said of a line that was made of the same before and whose files are all there."""
        result = self._latest.get(line)
        paths = (self.folder / f"{line}.{suffix}" for suffix in outputs)
        if not all(path.is_file() and path.stat().st_size for path in paths):
            return None
        same = result is not None and (result.state, result.inputs) == (DONE, inputs)
        return result if same else None

    def add(self, result: Result) -> None:
        """Add a line at the end.

        Raises:
            EcoFaceBlenderError: if the disk is full.
        """
        self.known[result.line] = result
        try:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow(astuple(result))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise EcoFaceBlenderError(
                f"'{self.path}' cannot be written; make room, or choose another folder: {error.strerror}."
            ) from error

    def write(self, results: Iterable[Result]) -> None:
        """Write the whole table anew, whole or not at all."""
        with (
            refusals_of_core(),
            atomic_write(self.path) as beside,
            beside.open("w", encoding="utf-8", newline="") as file,
        ):
            csv.writer(file, lineterminator="\n").writerows([HEADER, *map(astuple, results)])
            file.flush()
            os.fsync(file.fileno())

    def close(self, order: Sequence[str]) -> None:
        """Put the lines into the order of what was asked for; others that were known follow."""
        place = {name: number for number, name in enumerate(order)}
        self.write(sorted(self.known.values(), key=lambda result: place.get(result.line, len(place))))


def heard_cells(heard: Mapping[str, Any] | None) -> dict[str, str]:
    """The cells of what was heard, as a motion's metadata tells it."""
    if not heard:
        return {}
    return {
        "heard": str(heard["text"]),
        "heard_emotion": str(heard["emotion"]),
        "heard_intensity": f"{heard['intensity']:.2f}",
    }


def _read(path: Path) -> list[Result]:
    """The whole lines of a table; a later one of the same name is what counts."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EcoFaceBlenderError(f"'{path}' cannot be read: {error.strerror}.") from error
    whole = text[: text.rfind("\n") + 1]
    rows = [row for row in csv.reader(whole.splitlines(keepends=True)) if len(row) in WIDTHS]
    return list({row[0]: Result(*row) for row in rows if tuple(row) != HEADER[: len(row)]}.values())
