"""What a batch is asked for: the lines of a CSV or of a folder of sounds, and what each cell means."""

import csv
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from ..errors import EcoFaceBlenderError
from ..export.export import KINDS
from .folder import printable, sounds_in

AUDIO, NAME = "audio", "name"
NUMBERS = dict.fromkeys(("strength", "upper", "mouth", "temperature", "head_motion", "gaze"), 1.0)
NUMBERS["idle"] = 0.0
"""Columns of numbers, and what an empty cell is."""
TEXTS = ("style", "emotion", "reference", "head", "open", "speaker")
CHOICES = ("track", "channel")
FOR_ALL = (*TEXTS, *NUMBERS, *CHOICES, "seed", "outputs")
"""Columns that are also options of the command, for the lines that leave their cell empty."""
COLUMNS = (AUDIO, NAME, *FOR_ALL)
OUTPUTS = ("blend", "npz", *(kind.suffix[1:] for kind in KINDS.values()))
LARGEST = 1 << 27
"""Bytes of a table: about a million lines."""
TABLE = "results"
"""Stem of the result tables, which lie beside the outputs."""


@dataclass(frozen=True)
class Row:
    """One line as it is asked for, not yet understood."""

    number: int
    """In the CSV, as a spreadsheet counts (the header is 1), or in the folder."""
    name: str
    """Of its outputs, without a suffix, from the output folder on."""
    cells: Mapping[str, str]
    """By column; empty where nothing is said."""
    folder: Path
    """From which its paths go on."""
    voice: str = ""
    """Who is heard, so that lines of one voice are known: the speaker, else the head of the table."""


@dataclass(frozen=True, kw_only=True)
class BatchItem:
    """One line, understood."""

    audio: Path
    track: int | None
    """Which soundtrack of it is heard, from 1 on; None is the one that speaks. So for the channel."""
    channel: int | None
    style: str | None
    emotion: str | None
    reference: Path | None
    head: str | None
    open: Path | None
    """A Blender file to begin with."""
    strength: float
    upper: float
    mouth: float
    temperature: float
    idle: float = 0.0
    head_motion: float = 1.0
    gaze: float = 1.0
    seed: int
    outputs: tuple[str, ...]
    """Suffixes among OUTPUTS, without the dot."""


def read(source: Path, defaults: Mapping[str, str]) -> list[Row]:
    """The lines of a CSV or of a folder; `defaults` fill their empty cells.

    Raises:
        EcoFaceBlenderError: if there is nothing to read, or the table itself is wrong.
    """
    rows = _read_folder(source) if source.is_dir() else _read_csv(source)
    if not rows:
        raise EcoFaceBlenderError(f"Expected lines in '{source}', found none; add some.")
    _check_names(rows)
    heads = [row.cells.get("head") or "" for row in rows]  # not the default one: many voices may share it
    rows = [replace(row, cells=_filled(row.cells, defaults)) for row in rows]
    return [
        replace(row, voice=row.cells.get("speaker") or head) for row, head in zip(rows, heads, strict=True)
    ]


def _filled(cells: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    said = {column: cell for column, cell in cells.items() if cell}
    if "emotion" in said or "reference" in said:  # of which there is one, so neither is left to the defaults
        defaults = {
            column: cell for column, cell in defaults.items() if column not in ("emotion", "reference")
        }
    return {**defaults, **said}


def _read_folder(folder: Path) -> list[Row]:
    names = [path.relative_to(folder) for path in sounds_in(folder)[0]]
    return [
        Row(number, printable(name.with_suffix("").as_posix()), {AUDIO: str(name)}, folder)
        for number, name in enumerate(names, 1)
    ]


def _read_csv(path: Path) -> list[Row]:
    try:
        if path.is_file() and path.stat().st_size > LARGEST:
            raise EcoFaceBlenderError(
                f"Expected a table of at most {LARGEST >> 20} MB, found a larger file in '{path.name}'; "
                "choose another, or make it in parts."
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EcoFaceBlenderError(
            f"Expected a CSV or a folder at '{path}', found none ({error.strerror}); correct the path."
        ) from error
    except UnicodeDecodeError as error:
        raise EcoFaceBlenderError(
            f"Expected text in UTF-8 in '{path.name}', found other bytes; save it again as CSV UTF-8."
        ) from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)  # spreadsheets of many countries write semicolons
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        _check_header(header, path)
        return [_row(cells, number, header, path) for number, cells in enumerate(reader, 2) if any(cells)]
    except csv.Error as error:
        raise EcoFaceBlenderError(f"'{path.name}' cannot be read as a CSV; correct it: {error}.") from error


def _check_header(header: Sequence[str], path: Path) -> None:
    if AUDIO not in header:
        found = ", ".join(header) or "nothing"
        raise EcoFaceBlenderError(f"Expected a column '{AUDIO}' in '{path.name}', found {found}; add it.")
    if unknown := [name for name in header if name not in COLUMNS]:
        raise EcoFaceBlenderError(
            f"Expected columns among {', '.join(COLUMNS)} in '{path.name}', found '{unknown[0]}'; "
            "rename or delete it."
        )
    if twice := [name for name in header if header.count(name) > 1]:
        raise EcoFaceBlenderError(f"The column '{twice[0]}' is twice in '{path.name}'; delete one.")


def _row(cells: Sequence[str], number: int, header: Sequence[str], path: Path) -> Row:
    if len(cells) > len(header):
        raise EcoFaceBlenderError(
            f"Expected {len(header)} cells in row {number} of '{path.name}', found {len(cells)}; "
            "put cells that hold a comma in quotes."
        )
    by_column = dict(zip(header, (cell.strip() for cell in cells), strict=False))
    audio = by_column.get(AUDIO, "")
    name = by_column.pop(NAME, "") or Path(audio.replace("\\", "/")).stem or f"row {number}"
    return Row(number, name.replace("\\", "/"), by_column, path.parent)


def _check_names(rows: Sequence[Row]) -> None:
    """Each line writes files of its own, inside the output folder, on any system's file names."""
    seen: dict[str, Row] = {}
    for row in rows:
        if not _is_inside(row.name):
            raise EcoFaceBlenderError(
                f"Expected a name inside the output folder in row {row.number}, found '{row.name}'; "
                "change it."
            )
        if row.name.casefold().startswith(TABLE) and "/" not in row.name:
            raise EcoFaceBlenderError(
                f"Row {row.number} would write '{row.name}', a name kept for the result table; "
                "give it another in the column 'name'."
            )
        if other := seen.get(row.name.casefold()):
            raise EcoFaceBlenderError(
                f"Rows {other.number} and {row.number} would both write '{row.name}'; "
                "give them different names in the column 'name'."
            )
        seen[row.name.casefold()] = row


def _is_inside(name: str) -> bool:
    """Whether a name without a suffix leads to a file in a folder or below it, on any system."""
    parts = name.split("/")
    return all(part.strip(". ") and not set(part) & set(":\0") for part in parts)


def understand(row: Row) -> BatchItem:
    """What the cells of a line mean.

    Raises:
        EcoFaceBlenderError: if a cell cannot be meant so, or a file is missing.
    """
    cells = row.cells
    if (audio := file_of(row, AUDIO)) is None:
        raise EcoFaceBlenderError(f"Expected a sound file in the column '{AUDIO}', found nothing; name one.")
    if cells.get("emotion") and cells.get("reference"):
        raise EcoFaceBlenderError("Expected an emotion or a reference, found both; leave one out.")
    seed = cells.get("seed") or "0"
    if not (seed.isascii() and seed.isdigit() and len(seed) < 19):  # of 64 bits
        raise EcoFaceBlenderError(f"Expected a whole number from 0 on as seed, found '{seed}'; correct it.")
    return BatchItem(
        audio=audio,
        **chosen_of(row),
        reference=file_of(row, "reference"),
        open=file_of(row, "open"),
        strength=_number(cells, "strength"),
        upper=_number(cells, "upper"),
        mouth=_number(cells, "mouth"),
        temperature=_number(cells, "temperature"),
        head_motion=_number(cells, "head_motion"),
        gaze=_number(cells, "gaze"),
        idle=_number(cells, "idle"),
        style=cells.get("style") or None,
        emotion=cells.get("emotion") or None,
        head=cells.get("head") or None,
        seed=int(seed),
        outputs=_outputs(cells.get("outputs", "")),
    )


def file_of(row: Row, column: str) -> Path | None:
    """The file that a cell names; None where it names none.

    Raises:
        EcoFaceBlenderError: if it is missing.
    """
    if not (cell := row.cells.get(column)):
        return None
    if printable(cell) != cell:
        raise EcoFaceBlenderError(
            f"Expected a file name in UTF-8 ({column}), found '{printable(cell)}'; rename the file."
        )
    path = row.folder / Path(cell.replace("\\", "/")).expanduser()
    if not path.is_file():
        raise EcoFaceBlenderError(f"Expected a file at '{path}' ({column}), found none; correct the path.")
    return path.resolve()


def chosen_of(row: Row) -> dict[str, int | None]:
    """Which track and channel of its sound a line asks for; None is the one with the voice.

    Raises:
        EcoFaceBlenderError: if a cell is no number from 1 on.
    """
    out: dict[str, int | None] = {}
    for column in CHOICES:
        cell = row.cells.get(column) or ""
        if cell and not (cell.isascii() and cell.isdigit() and len(cell) < 4 and int(cell)):
            raise EcoFaceBlenderError(
                f"Expected a whole number from 1 on as {column}, found '{cell}'; correct it."
            )
        out[column] = int(cell) if cell else None
    return out


def _number(cells: Mapping[str, str], column: str) -> float:
    cell = cells.get(column) or str(NUMBERS[column])
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise EcoFaceBlenderError(f"Expected a number from 0 on as {column}, found '{cell}'; correct it.")
    return value


def _outputs(cell: str) -> tuple[str, ...]:
    kinds = cell.replace(",", " ").replace(";", " ").replace(".", " ").lower().split()
    if wrong := [kind for kind in kinds if kind not in OUTPUTS]:
        raise EcoFaceBlenderError(
            f"Expected outputs among {', '.join(OUTPUTS)}, found '{wrong[0]}'; correct it."
        )
    if not kinds:
        raise EcoFaceBlenderError(f"Expected outputs among {', '.join(OUTPUTS)}, found none; name some.")
    return tuple(dict.fromkeys(kinds))


def fingerprint(item: BatchItem, run: Sequence[object]) -> str:
    """What a line is made of, its files by their content; `run` is what all lines of the run share."""
    parts = []
    for value in (*vars(item).values(), *run):
        path = value if isinstance(value, Path) else None
        parts.append(f"file {content(path)}" if path else repr(value))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def content(path: Path) -> str:
    """A hash of what is in a file."""
    stat = path.stat()
    return _content(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4096)
def _content(path: Path, _changed: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shard(rows: Sequence[Row], text: str) -> list[Row]:
    """The part I/N of the lines, such as 2/8: every N-th from the I-th on.

    Raises:
        EcoFaceBlenderError: if it is no such part.
    """
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise EcoFaceBlenderError(f"Expected a part such as 1/8 to 8/8, found '{text}'; correct --shard.")
    return list(rows[int(part) - 1 :: int(parts)])
