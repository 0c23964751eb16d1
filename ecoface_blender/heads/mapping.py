"""Mappings: which curve of a motion moves which shape key or bone, how much, and within which bounds."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.atomic_write import atomic_write
from ..core.npz import json_object
from ..errors import EcoFaceBlenderError, refusals_of_core

VERSION = 1
SUFFIX = ".json"
KINDS = ("KEY", "BONE")
AXES = ("X", "Y", "Z")


LARGEST = 1 << 22
"""Bytes of a preset; one of all rows that it may have is smaller."""
MOST_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a mapping: value = min(max(gain * source + offset, minimum), maximum)."""

    source: str
    """A curve of `source_curves.NAMES`."""
    target: str
    """Name of a shape key, or of a bone."""
    kind: str = "KEY"
    axis: str = "X"
    """About which of its own axes a bone turns, in radians."""
    gain: float = 1.0
    offset: float = 0.0
    minimum: float = -10.0
    maximum: float = 10.0

    def values(self, curve: np.ndarray) -> np.ndarray:
        """What the target gets of its source's curve (T,)."""
        return np.clip(self.gain * curve + self.offset, self.minimum, self.maximum)


def write_preset(path: str | Path, rows: Sequence[Row]) -> None:
    """Save rows as a preset that other heads and machines can load; whole, or not at all.

    Raises:
        EcoFaceBlenderError: if it cannot be written.
    """
    text = json.dumps({"ecoface_mapping": VERSION, "rows": [asdict(row) for row in rows]}, indent=1)
    with refusals_of_core(), atomic_write(Path(path)) as beside:
        beside.write_text(text + "\n", encoding="utf-8")


def read_preset(path: str | Path) -> list[Row]:
    """The rows of a preset.

    Raises:
        EcoFaceBlenderError: if the file is not a preset, or its rows are not as they should be.
    """
    try:
        if Path(path).stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST >> 20} MB")
        content = json_object(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EcoFaceBlenderError(f"Expected a mapping preset in '{path}', found none: {error}.") from error
    if content.get("ecoface_mapping") != VERSION or not isinstance(content.get("rows"), list):
        raise EcoFaceBlenderError(
            f"Expected a mapping preset of version {VERSION} in '{path}', found something else; "
            "choose another."
        )
    if len(content["rows"]) > MOST_ROWS:
        raise EcoFaceBlenderError(
            f"Expected at most {MOST_ROWS} rows in the mapping preset '{path}', found "
            f"{len(content['rows'])}; choose another."
        )
    return [_row(number, item, path) for number, item in enumerate(content["rows"], start=1)]


def _row(number: int, item: Any, path: str | Path) -> Row:
    try:
        row = Row(**item)
        texts = (row.source, row.target, row.kind, row.axis)
        numbers = (row.gain, row.offset, row.minimum, row.maximum)
        good = all(isinstance(text, str) and text for text in texts)
        good = good and row.kind in KINDS and row.axis in AXES
        good = good and all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)
    except TypeError:
        good = False
    if not good:
        raise EcoFaceBlenderError(
            f"Row {number} of the mapping preset '{path}' is not one; correct or remove it, "
            "then load it again."
        )
    return row
