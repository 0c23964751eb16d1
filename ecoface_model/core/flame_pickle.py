"""FLAME's pickles, read by an unpickler that builds arrays and refuses everything else. numpy only."""

import io
import math
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import HeadError

SPARSE = {"csc_matrix": True, "csc_array": True, "csr_matrix": False, "csr_array": False}
"""scipy's classes that a FLAME file may hold, and whether they go by column."""


class _Kept:
    """Stands for a chumpy object or a sparse matrix: keeps the pickled state and computes nothing."""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


class _ByColumn(_Kept):
    """scipy.sparse's csc classes."""


class _ByRow(_Kept):
    """scipy.sparse's csr classes."""


def _reconstruct_kept(kind: Any, _base: Any, _state: Any) -> _Kept:
    """copyreg._reconstructor of the old protocols, for our stand-ins alone."""
    if kind not in (_Kept, _ByColumn, _ByRow):
        raise HeadError("expected a FLAME file that holds nothing but arrays, found another kind of object")
    out: _Kept = kind()
    return out


class _Room:
    """How many bytes the arrays of one file may take: it is unpacked once, and little of it is copied.

    A pickle of some hundred bytes could otherwise ask for the same text or array a thousand times.
    """

    def __init__(self, size: int) -> None:
        self._left = COPIES * size + SPARE

    def take(self, size: int) -> None:
        """Raises:
        HeadError: if there is no room for so many bytes.
        """
        self._left -= size
        if self._left < 0:
            raise HeadError(
                "expected a FLAME file that unpacks to about its own size, found one that asks for far more "
                "memory; do not use this file"
            )

    def encode(self, text: str, encoding: str = "latin1") -> bytes:
        """_codecs.encode as array pickles use it: bytes written as text."""
        if encoding not in ("latin1", "latin-1"):
            raise HeadError(f"expected bytes written as latin1 in a FLAME file, found {encoding!r}")
        self.take(len(text))
        return text.encode("latin1")

    def reconstruct(self, _kind: Any, shape: Any, _dtype: Any) -> "_PickledArray":
        """numpy's _reconstruct, which would make room for any shape; honest files begin with none."""
        if shape not in ((0,), 0):
            raise HeadError(
                f"expected an empty array to begin with in a FLAME file, found one of {str(shape)[:60]}; "
                "do not use this file"
            )
        array = np.zeros(0).view(_PickledArray)
        array.room = self
        return array


class _PickledArray(np.ndarray):  # type: ignore[type-arg]
    """An array that is filled only if there is room for it."""

    room: _Room | None = None

    def __setstate__(self, state: Any) -> None:
        _version, shape, dtype, _order, data = state
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if isinstance(data, bytes | str) and size != len(data):
            raise ValueError("bytes that are not of the array's shape")
        assert self.room
        self.room.take(size)
        super().__setstate__(state)


def _numpy_names() -> dict[tuple[str, str], Any]:
    """What pickled arrays call for, under the module names of numpy 1 and 2."""
    scalar = np.float64(0).__reduce__()[0]
    out: dict[tuple[str, str], Any] = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype}
    return out | {(module, "scalar"): scalar for module in MULTIARRAY}


MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
COPIES, SPARE = 2, 1 << 20
"""Text becomes bytes, and bytes an array: all that is in a file may be copied twice, beside small change."""
MOST_BYTES = 1 << 29  # of a FLAME file, and of a matrix that it holds as a sparse one
ALLOWED: dict[tuple[str, str], Any] = _numpy_names() | {
    ("collections", "OrderedDict"): OrderedDict,
    ("copy_reg", "_reconstructor"): _reconstruct_kept,
    ("copyreg", "_reconstructor"): _reconstruct_kept,
    ("__builtin__", "object"): object,
    ("builtins", "object"): object,
}


class ArrayUnpickler(pickle._Unpickler):
    """Builds numpy arrays, and stand-ins for sparse matrices and chumpy objects; refuses every other name.

    It is the one written in Python: the other makes room for as many remembered objects as a file says.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")
        self._room = _Room(len(data))

    def find_class(self, module: str, name: str) -> Any:
        """The few names that FLAME's files need."""
        if (module, name) in ALLOWED:
            return ALLOWED[module, name]
        if (module, name) == ("_codecs", "encode"):
            return self._room.encode
        if module in MULTIARRAY and name == "_reconstruct":
            return self._room.reconstruct
        if module.startswith("scipy.sparse") and name in SPARSE:
            return _ByColumn if SPARSE[name] else _ByRow
        if module == "chumpy" or module.startswith("chumpy."):
            return _Kept
        raise HeadError(
            f"expected a FLAME file that holds nothing but arrays, found '{module}.{name}', which could run "
            "code; do not use this file"
        )


def read_pickle(path: Path) -> Any:
    """The content of a FLAME pickle, with stand-ins that `dense` turns into arrays.

    Raises:
        HeadError: if the file is damaged, too large, or asks for anything but arrays.
    """
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise HeadError(
                f"expected a FLAME file of at most {MOST_BYTES >> 20} MB, found {size >> 20} MB in "
                f"'{path.name}'; choose another"
            )
        return ArrayUnpickler(path.read_bytes()).load()
    except HeadError:
        raise
    except (
        pickle.UnpicklingError, ArithmeticError, AttributeError, EOFError, ImportError, LookupError,
        MemoryError, OSError, RecursionError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise HeadError(
            f"expected a pickle of FLAME in '{path.name}', found a damaged or different file; fetch it again"
        ) from error


def dense(value: Any, name: str, path: Path) -> NDArray[Any]:
    """An array, whatever it was kept as."""
    if isinstance(value, _ByColumn | _ByRow):
        return _dense_matrix(value, name, path)
    if isinstance(value, _Kept):
        value = value.state.get("x")
    if isinstance(value, list | tuple | int | float):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        raise HeadError(f"expected an array of numbers as '{name}' in '{path.name}', found something else")
    return np.asarray(value)


def _dense_matrix(value: _Kept, name: str, path: Path) -> NDArray[Any]:
    """A compressed sparse matrix, written out."""
    try:
        data, indices, starts = (np.asarray(value.state[k]) for k in ("data", "indices", "indptr"))
        starts = starts.astype(np.int64)
        rows, columns = (int(n) for n in value.state["_shape"])
        n_lines = columns if isinstance(value, _ByColumn) else rows
        if rows * columns * 8 > MOST_BYTES or starts.shape != (n_lines + 1,) or starts[-1] != len(data):
            raise ValueError("a matrix that is not of its own size")
        lines = np.repeat(np.arange(n_lines), np.diff(starts))
        out = np.zeros((rows, columns))
        np.add.at(out, (indices, lines) if isinstance(value, _ByColumn) else (lines, indices), data)
    except (KeyError, IndexError, TypeError, ValueError, MemoryError) as error:
        raise HeadError(
            f"expected a sparse matrix as '{name}' in '{path.name}', found a broken one"
        ) from error
    return out
