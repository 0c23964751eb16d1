"""What evaluations write: tables as Markdown, numbers as JSON, matrices as pictures; whole or not at all."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ecoface_model.core.atomic_write import atomic_write

SYNTHETIC = "Synthetic voices and performances: these numbers say nothing about people."


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]], digits: int = 3) -> str:
    """A table; numbers with so many significant digits, a dash where there is none."""
    lines = [list(header), ["---"] * len(header), *([_cell(value, digits) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object, digits: int) -> str:
    if not isinstance(value, float | np.floating):
        return str(value)
    number = float(value)
    if not math.isfinite(number):
        return "-"
    before = math.floor(math.log10(abs(number))) if number else 0
    return f"{number:.{max(0, digits - 1 - before)}f}"


def matrix_table(
    corner: str, names: Sequence[str], columns: Sequence[str], values: Float[NDArray[Any], "rows columns"]
) -> str:
    """A matrix with its names, two digits after the point."""
    rows = [
        [name, *(f"{v:.2f}" if np.isfinite(v) else "-" for v in row)]
        for name, row in zip(names, values, strict=True)
    ]
    return markdown_table([corner, *columns], rows)


def write_report(folder: Path, name: str, text: str, values: Mapping[str, Any]) -> None:
    """Write `name`.md and `name`.json into a folder, which is made.

    Raises:
        RequestError: if they cannot be written there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / f"{name}.md") as path:
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
    with atomic_write(folder / f"{name}.json") as path:
        path.write_text(json.dumps(_plain(values), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """Arrays as lists, and null for what is no number."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value


def draw_matrices(
    path: Path,
    matrices: Mapping[str, Float[NDArray[Any], "rows columns"]],
    rows: Sequence[str],
    columns: Sequence[str],
) -> None:
    """Matrices 0..1 side by side, every cell with its number."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    n_columns = min(3, len(matrices))
    n_rows = math.ceil(len(matrices) / n_columns)
    figure = Figure((4.9 * n_columns, 4.9 * n_rows), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for axis in axes.flat[len(matrices) :]:
        axis.set_axis_off()
    for axis, (title, values) in zip(axes.flat, matrices.items(), strict=False):
        axis.imshow(values, vmin=0, vmax=1, cmap="Blues")
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                colour = "white" if value > 0.6 else "black"
                axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
        axis.set_xticks(range(len(columns)), columns, rotation=45, ha="right", fontsize=8)
        axis.set_yticks(range(len(rows)), rows, fontsize=8)
        axis.set_title(title, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")
