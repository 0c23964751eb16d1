"""FLAME's pickles, read by an unpickler that builds arrays and refuses everything else. numpy only."""

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


def _encode_latin1(text: str, encoding: str = "latin1") -> bytes:
    """_codecs.encode as array pickles use it: bytes written as text."""
    if encoding not in ("latin1", "latin-1"):
        raise HeadError(f"expected bytes written as latin1 in a FLAME file, found {encoding!r}")
    return text.encode("latin1")


def _numpy_names() -> dict[tuple[str, str], Any]:
    """What pickled arrays call for, under the module names of numpy 1 and 2."""
    array = np.zeros(0).__reduce__()[0]  # numpy's _reconstruct
    scalar = np.float64(0).__reduce__()[0]
    out: dict[tuple[str, str], Any] = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype}
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        out |= {(module, "_reconstruct"): array, (module, "scalar"): scalar}
    return out


ALLOWED: dict[tuple[str, str], Any] = _numpy_names() | {
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _encode_latin1,
    ("copy_reg", "_reconstructor"): _reconstruct_kept,
    ("copyreg", "_reconstructor"): _reconstruct_kept,
    ("__builtin__", "object"): object,
    ("builtins", "object"): object,
}


class ArrayUnpickler(pickle.Unpickler):
    """Builds numpy arrays, and stand-ins for sparse matrices and chumpy objects; refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        """The few names that FLAME's files need."""
        if (module, name) in ALLOWED:
            return ALLOWED[module, name]
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
        HeadError: if the file is damaged or asks for anything but arrays.
    """
    try:
        with path.open("rb") as file:
            return ArrayUnpickler(file, encoding="latin1").load()
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
    return value


def _dense_matrix(value: _Kept, name: str, path: Path) -> NDArray[Any]:
    """A compressed sparse matrix, written out."""
    try:
        data, indices, starts = (np.asarray(value.state[k]) for k in ("data", "indices", "indptr"))
        rows, columns = (int(n) for n in value.state["_shape"])
        n_lines = columns if isinstance(value, _ByColumn) else rows
        lines = np.repeat(np.arange(n_lines), np.diff(starts))
        out = np.zeros((rows, columns))
        np.add.at(out, (indices, lines) if isinstance(value, _ByColumn) else (lines, indices), data)
    except (KeyError, IndexError, TypeError, ValueError, MemoryError) as error:
        raise HeadError(
            f"expected a sparse matrix as '{name}' in '{path.name}', found a broken one"
        ) from error
    return out
