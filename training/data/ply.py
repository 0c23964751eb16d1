"""Vertices of PLY files, ascii or binary: the form in which VOCASET's meshes come."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from training.data.clips import CorpusError

TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
BYTE_ORDER = {"binary_little_endian": "<", "binary_big_endian": ">"}
LONGEST_HEADER = 1 << 16  # bytes


def read_ply(path: Path) -> Float[NDArray[np.float64], "vertices 3"]:
    """The vertices of a mesh, in the file's unit.

    Raises:
        CorpusError: if it is no PLY file, or breaks off.
    """
    try:
        content = path.read_bytes()
        form, n_vertices, dtype, start = _header(content)
        if form == "ascii":
            lines = content[start:].decode("ascii").splitlines()[:n_vertices]
            table = np.array([line.split() for line in lines], np.float64)
            names = list(dtype.names or ())
            points = table[:, [names.index(axis) for axis in "xyz"]]
        else:
            vertices = np.frombuffer(content, dtype, n_vertices, start)
            points = np.stack([vertices[axis].astype(np.float64) for axis in "xyz"], axis=1)
        if len(points) != n_vertices or not np.isfinite(points).all():
            raise ValueError("vertices are missing")
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise CorpusError(
            f"expected a whole PLY mesh in {path}, found none that can be read ({error}); copy it again"
        ) from error
    return points


def _header(content: bytes) -> tuple[str, int, np.dtype[np.void], int]:
    """Format, number of vertices, layout of one, and the byte where they begin."""
    end = content.find(b"end_header", 0, LONGEST_HEADER)
    if not content.startswith(b"ply") or end < 0:
        raise ValueError("no PLY header")
    lines = [line.split() for line in content[:end].decode("ascii").splitlines()]
    form = next(line[1] for line in [*lines, ["format", ""]] if line[:1] == ["format"])
    elements = [i for i, line in enumerate(lines) if line[:1] == ["element"]]
    if not elements or lines[elements[0]][1] != "vertex" or form not in ("ascii", *BYTE_ORDER):
        raise ValueError("vertices do not come first")
    stop = elements[1] if len(elements) > 1 else len(lines)
    properties = [line for line in lines[elements[0] : stop] if line[:1] == ["property"]]
    dtype = np.dtype([(line[2], BYTE_ORDER.get(form, "<") + TYPES[line[1]]) for line in properties])
    return form, int(lines[elements[0]][2]), dtype, content.index(b"\n", end) + 1
