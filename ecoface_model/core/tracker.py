"""THE place that knows what face trackers write: EMOCA's and DECA's codes, FLAME poses, plain .npz.

Three forms are read. A folder per clip with one folder (or .npz) per frame, `000001_000/exp.npy` and
`pose.npy` (EMOCA with --save_codes; the second number counts faces). A folder with `exp.npy` and `pose.npy`
of all frames. One `.npz` per clip: exp and pose, or expression and jaw, or motion (ours), with fps if it
differs from the video's. Pickles are never opened: they can run code.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .constants import EXPRESSION_DIM, JAW_DIM, MOTION_DIM
from .errors import ArraysError, TrackerError
from .npz import Arrays, read_npy, read_npz

Array = NDArray[Any]

JAW_IN_POSE = {6: slice(3, 6), 15: slice(6, 9)}
"""Where the jaw lies: EMOCA's and DECA's global + jaw; FLAME's global + neck + jaw + eyes."""
FRAME_NAME = re.compile(r"\D*(?P<frame>\d+)(?:_(?P<face>\d+))?")


@dataclass(frozen=True)
class TrackerOutput:
    """What a tracker saw of one clip."""

    frame: Array
    """(n,) frame numbers from 0, ascending; a missing one had no face."""
    expression: Array
    """(n, 50)"""
    jaw: Array
    """(n, 3) axis-angle in radians."""
    fps: float | None
    """Frames per second, where the file says so; otherwise the video's."""


def find_output(trackers: Path, names: Sequence[str]) -> Path:
    """The folder or .npz of a clip, under the first of its names that exists.

    Raises:
        TrackerError: if there is none, or one of several models.
    """
    for name in names:
        runs = sorted(trackers.glob(f"processed_*/{name}"))  # as EMOCA's video demo names its folders
        for place in (trackers / name, *runs):
            if place.is_dir():
                return _of_one_model(place)
            if (file := place.with_name(f"{place.name}.npz")).is_file():
                return file
    raise TrackerError(
        f"expected tracker output for this clip in {trackers / names[0]} or as .npz, found none; track it"
    )


def _of_one_model(folder: Path) -> Path:
    """EMOCA's demo puts its codes into results/<model>."""
    models = sorted(path for path in (folder / "results").glob("*") if path.is_dir())
    if len(models) > 1:
        found = ", ".join(path.name for path in models)
        raise TrackerError(f"expected codes of one model in {folder / 'results'}, found {found}; keep one")
    return models[0] if models else folder


def read_output(path: Path) -> TrackerOutput:
    """The coefficients of one clip.

    Raises:
        TrackerError: if it cannot be read, has another form, or holds numbers that are not finite.
    """
    if path.is_file():
        return sequence_of(_load_npz(path), path)
    if (path / "exp.npy").is_file():
        return sequence_of(_load_folder(path), path)
    return _from_frames(path)


def sequence_of(arrays: Mapping[str, Array], path: Path, *, cut: bool = False) -> TrackerOutput:
    """All frames from one set of arrays, which were read from `path`.

    `cut` leaves out further expressions than ours, which only a motion to look at can do without.

    Raises:
        TrackerError: if they have another form, or hold numbers that are not finite.
    """
    if "motion" in arrays:
        motion = _rows(arrays["motion"], MOTION_DIM, "motion", path)
        expression, jaw = motion[:, :EXPRESSION_DIM], motion[:, EXPRESSION_DIM:]
    else:
        expression, jaw = _codes(arrays, path, cut)
    if len(expression) != len(jaw):
        raise TrackerError(
            f"expected as many jaws as expressions in {path}, found {len(jaw)} and {len(expression)};"
            " run the tracker again"
        )
    fps = float(arrays["fps"].item()) if "fps" in arrays and arrays["fps"].size == 1 else None
    if fps is not None and not 1 <= fps <= 1000:
        raise TrackerError(f"expected frames per second in {path}, found fps = {fps:g}; correct the file")
    return _finite(TrackerOutput(np.arange(len(expression)), expression, jaw, fps), path)


def _finite(output: TrackerOutput, path: Path) -> TrackerOutput:
    """The same, which a motion can be made of."""
    if not (np.isfinite(output.expression).all() and np.isfinite(output.jaw).all()):
        raise TrackerError(f"expected finite coefficients in {path}, found others; run the tracker again")
    return output


def _from_frames(folder: Path) -> TrackerOutput:
    """One folder or .npz per frame, numbered."""
    places: dict[int, Path] = {}
    for place in sorted(folder.iterdir()):
        match = FRAME_NAME.fullmatch(place.stem if place.is_file() else place.name)
        if match is None or not (place.is_dir() or place.suffix == ".npz"):
            continue
        number = int(match["frame"])
        if number in places:
            raise TrackerError(
                f"expected one face per frame in {folder}, found more in frame {number}; delete the others"
            )
        places[number] = place
    if not places:
        pickled = any(folder.rglob("*.pkl"))
        found = "pickles, which can run code; save them as .npy or .npz" if pickled else "none"
        raise TrackerError(f"expected codes of frames (exp.npy, pose.npy) in {folder}, found {found}")
    numbers = sorted(places)
    pairs = [_one_frame(places[number]) for number in numbers]
    frame = from_zero(numbers)
    output = TrackerOutput(frame, np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs]), None)
    return _finite(output, folder)


def _one_frame(place: Path) -> tuple[Array, Array]:
    """(50,), (3,)"""
    expression, jaw = _codes(_load_folder(place) if place.is_dir() else _load_npz(place), place)
    if len(expression) != 1 or len(jaw) != 1:
        raise TrackerError(f"expected codes of one frame in {place}, found {len(expression)}; track it again")
    return expression[0], jaw[0]


def from_zero(numbers: Sequence[int]) -> Array:
    """Numbers of frames as indices: files are counted from 1, or from 0 where there is a 0."""
    return np.array(numbers) - min(1, numbers[0])


def _codes(arrays: Mapping[str, Array], path: Path, cut: bool = False) -> tuple[Array, Array]:
    """Expression (n, 50) and jaw (n, 3) under either of their names."""
    if "expression" in arrays and "jaw" in arrays:
        jaw = _rows(arrays["jaw"], JAW_DIM, "jaw", path)
        return _rows(arrays["expression"], EXPRESSION_DIM, "expression", path, cut), jaw
    if "exp" not in arrays or "pose" not in arrays:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise TrackerError(f"expected exp and pose, or expression and jaw, in {path}, found {found}")
    pose = arrays["pose"]
    width = pose.shape[-1] if pose.ndim else 0
    if width not in JAW_IN_POSE:
        raise TrackerError(
            f"expected poses of 6 numbers (global, jaw) or 15 (all joints) in {path}, found {pose.shape}"
        )
    jaw = _rows(pose, width, "pose", path)[:, JAW_IN_POSE[width]]
    return _rows(arrays["exp"], EXPRESSION_DIM, "exp", path, cut), jaw


def _rows(array: Array, width: int, name: str, path: Path, cut: bool = False) -> Array:
    """(n, width) in float64; one frame may lack its first axis."""
    if cut and array.ndim:
        array = array[..., :width]
    if array.ndim not in (1, 2) or array.shape[-1] != width or array.dtype.kind not in "fiu":
        raise TrackerError(
            f"expected {name} of {width} numbers a frame in {path}, found {array.dtype} of {array.shape}"
        )
    return np.atleast_2d(array).astype(np.float64)


def _load_npz(path: Path) -> Arrays:
    try:
        return read_npz(path, but=["metadata"])
    except ArraysError as error:
        raise TrackerError(f"expected arrays in {path}, found a damaged file or pickled objects") from error


def _load_folder(folder: Path) -> Arrays:
    """exp.npy and pose.npy, whichever are there."""
    paths = {name: folder / f"{name}.npy" for name in ("exp", "pose")}
    try:
        return {name: read_npy(path) for name, path in paths.items() if path.is_file()}
    except ArraysError as error:
        raise TrackerError(f"expected arrays in {folder}, found a damaged file or pickled objects") from error
