"""THE reader of .npz and .npy: arrays or one error, however the file is damaged; pickles are never opened."""

import json
import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .errors import ArraysError

Arrays = dict[str, NDArray[Any]]

UNREADABLE = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError,
    TypeError, ValueError, lzma.LZMAError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy and the standard library raise of bytes that are not what they should be: encrypted, of a method
that is not supported, cut off, of a header that is no header or asks for all memory."""


def read_npz(file: Path | BinaryIO, wanted: Iterable[str] = (), but: Iterable[str] = ()) -> Arrays:
    """All arrays of an .npz, those named in `but` left out.

    Raises:
        ArraysError: if it cannot be read, holds pickled objects, or lacks one of `wanted`.
    """
    name = file.name if isinstance(file, Path) else "this file"
    left_out = set(but)
    try:
        with np.load(file, allow_pickle=False) as found:
            arrays = {each: np.asarray(found[each]) for each in found.files if each not in left_out}
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


def read_npy(path: Path) -> NDArray[Any]:
    """The one array of an .npy.

    Raises:
        ArraysError: if it cannot be read, or holds pickled objects.
    """
    try:
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
