"""THE reader of .npz and .npy: arrays or one error, however the file is damaged; and their writer.

Pickles are never opened.
"""

import io
import json
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from .atomic_write import atomic_write
from .errors import ArraysError

Arrays = dict[str, NDArray[Any]]

UNREADABLE = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError,
    TypeError, ValueError, lzma.LZMAError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy and the standard library raise of bytes that are not what they should be: encrypted, of a method
that is not supported, cut off, of a header that is no header or asks for all memory."""


MOST_BYTES = 1 << 29
"""Of all arrays in one file, unpacked: FLAME's are 50 MB, twelve hours of motion 230."""

HEADER = 1 << 16  # bytes that hold any header that numpy reads


def read_npz(file: Path | BinaryIO, wanted: Iterable[str] = (), but: Iterable[str] = ()) -> Arrays:
    """All arrays of an .npz, those named in `but` left out.

    Raises:
        ArraysError: if it cannot be read, holds pickled objects or more than MOST_BYTES, or lacks one of
            `wanted`.
    """
    name = file.name if isinstance(file, Path) else "this file"
    left_out = set(but)
    try:
        with zipfile.ZipFile(file) as archive:
            _expect_to_fit(archive, name)
        if not isinstance(file, Path):
            file.seek(0)
        with np.load(file, allow_pickle=False) as found:
            arrays = {each: np.asarray(found[each]) for each in found.files if each not in left_out}
    except ArraysError:
        raise
    except UNREADABLE as error:
        raise ArraysError(
            f"expected arrays in {name}, found a damaged file or pickled objects; make it again"
        ) from error
    for each in wanted:
        if each not in arrays:
            raise ArraysError(
                f"expected the array '{each}' in {name}, found {', '.join(sorted(arrays)) or 'none'}; "
                "choose a file that has it"
            )
    return arrays


def _expect_to_fit(archive: zipfile.ZipFile, name: str) -> None:
    """See that an archive unpacks to no more than it says, and its arrays to no more than is in it.

    Raises:
        ArraysError: if it is too much.
        ValueError: if a header asks for more than there is.
    """
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    if unpacked > MOST_BYTES:
        raise ArraysError(
            f"expected at most {MOST_BYTES >> 20} MB of arrays in {name}, found {unpacked >> 20} MB; "
            "choose another file"
        )
    for member in members:
        if member.filename.endswith(".npy"):
            with archive.open(member) as file:
                _expect_whole(file.read(HEADER), member.file_size)


def _expect_whole(start: bytes, size: int) -> None:
    """Hold an array's header to the size of its file: numpy makes room for all that it asks for."""
    file, numpy_format = io.BytesIO(start), cast(Any, np.lib.format)
    first = numpy_format.read_magic(file) == (1, 0)
    read_header = numpy_format.read_array_header_1_0 if first else numpy_format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError("a header that asks for more than the file holds")


def read_npy(path: Path) -> NDArray[Any]:
    """The one array of an .npy.

    Raises:
        ArraysError: if it cannot be read, or holds pickled objects.
    """
    try:
        with path.open("rb") as file:
            _expect_whole(file.read(HEADER), path.stat().st_size)
        array = np.load(path, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError("an archive")
    except UNREADABLE as error:
        raise ArraysError(
            f"expected an array in {path.name}, found a damaged file or pickled objects; make it again"
        ) from error
    return array


def json_object(text: str) -> dict[str, Any]:
    """The object that a JSON text holds.

    Raises:
        ValueError: if it is no JSON, or of another kind, or too deep to be read.
    """
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError("expected plain JSON, found some too deep to be read") from error
    if not isinstance(content, dict):
        raise ValueError(f"expected an object as JSON, found a {type(content).__name__}")
    return content


def write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write an .npz, whole or not at all.

    It is packed in memory first: an interrupt while numpy packs into a file leaves an archive that complains
    of its closed file when it is collected.

    Raises:
        RequestError: if it cannot be written there.
    """
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    with atomic_write(path) as temporary:
        temporary.write_bytes(packed.getbuffer())
