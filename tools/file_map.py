"""What each module is, by its own first line: `python tools/file_map.py [FOLDER...]`."""

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

FOLDERS = ("ecoface_model", "ecoface_blender", "training")


def lines(folder: Path) -> Iterator[str]:
    """One line a module, in the order of their paths."""
    for path in sorted(folder.rglob("*.py")):
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        yield f"{path.as_posix():<52} {said.splitlines()[0] if said else ''}"


def main(folders: Sequence[str]) -> None:
    """Print the map."""
    for folder in folders or FOLDERS:
        print("\n".join(lines(Path(folder))), end="\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
