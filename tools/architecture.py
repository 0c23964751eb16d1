"""Write docs/architecture.md, every module by its docstring's first line: `python tools/architecture.py`."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("ecoface_model", "ecoface_blender", "training")
HEAD = """# Architecture

Written by `python tools/architecture.py` from the modules' own docstrings: change those, then run it again.
"""


def first_line(module: Path) -> str:
    """What a module says it is.

    Raises:
        ValueError: if it does not.
    """
    said = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    if not said:
        raise ValueError(f"expected a docstring in {module}, found none; say what the module is the place of")
    return said.splitlines()[0]


def folders(package: Path) -> Iterator[Path]:
    """The folder of a package and those below it that hold modules, in the order of their paths."""
    yield from sorted({module.parent for module in package.rglob("*.py")})


def section(folder: Path, root: Path) -> str:
    """One folder: what its `__init__.py` says, and a table of its modules."""
    place = folder.relative_to(root)
    lines = [f"{'#' * min(len(place.parts) + 1, 4)} {place.as_posix()}", ""]
    if (folder / "__init__.py").exists():
        lines += [first_line(folder / "__init__.py"), ""]
    modules = [module for module in sorted(folder.glob("*.py")) if module.name != "__init__.py"]
    if modules:
        lines += ["| module | what it is |", "|---|---|"]
        lines += [
            f"| `{module.name}` | {first_line(module).replace('|', chr(92) + '|')} |" for module in modules
        ]
        lines += [""]
    return "\n".join(lines)


def page(root: Path = ROOT) -> str:
    """The whole page."""
    sections = [section(folder, root) for package in PACKAGES for folder in folders(root / package)]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
