"""Motion for other programs: ARKit curves as Live Link Face's .csv, .json, and positions as .npz."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import EXPRESSION_DIM
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.transfer import check_head, to_arkit

KINDS = (".csv", ".json", ".npz")

_SIDES = "EyeBlink EyeLookDown EyeLookIn EyeLookOut EyeLookUp EyeSquint EyeWide"
_MIDDLE = "JawForward JawRight JawLeft JawOpen MouthClose MouthFunnel MouthPucker MouthRight MouthLeft"
_PAIRS = "MouthSmile MouthFrown MouthDimple MouthStretch"
_LIPS = "MouthRollLower MouthRollUpper MouthShrugLower MouthShrugUpper"
_REST = (
    "MouthPressLeft MouthPressRight MouthLowerDownLeft MouthLowerDownRight MouthUpperUpLeft MouthUpperUpRight"
    " BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft BrowOuterUpRight"
    " CheekPuff CheekSquintLeft CheekSquintRight NoseSneerLeft NoseSneerRight TongueOut"
)
LIVE_LINK_UNITS = (
    *(f"{unit}{side}" for side in ("Left", "Right") for unit in _SIDES.split()),
    *_MIDDLE.split(),
    *(f"{unit}{side}" for unit in _PAIRS.split() for side in ("Left", "Right")),
    *_LIPS.split(),
    *_REST.split(),
)
"""The 52 units in the order of Live Link Face's files (its right precedes left where Apple's does not)."""
LIVE_LINK_ROTATIONS = tuple(
    f"{part}{turn}" for part in ("Head", "LeftEye", "RightEye") for turn in ("Yaw", "Pitch", "Roll")
)
"""Zero in our files: a motion turns neither head nor eyes."""


def write_export(
    motion: FlameMotion,
    out: Path | str,
    *,
    vertices: bool = False,
    landmarks: bool = False,
    fps: float | int | None = None,
    head: Path | None = None,
) -> None:
    """Write a motion in the form that the suffix of `out` names.

    .csv: ARKit curves as Live Link Face writes them. .json: the same curves and the motion itself. .npz:
    positions in metres, y up, of all vertices (T, V, 3) or of the landmarks (T, 68, 3).

    Args:
        fps: resample to this rate first.
        head: file of the head that the motion belongs to; the reference head if not given.

    Raises:
        RequestError: if the suffix is none of ours, or does not fit what is asked for, or cannot be written.
        MotionError: if the motion belongs to another head, or the rate is not positive.
        HeadError: if the head cannot be read, or has no landmarks or units that are asked for.
    """
    out = Path(out)
    _check_request(out, vertices, landmarks)
    motion = motion if fps is None else motion.resample(float(fps))
    file = read_head(head)
    check_head(motion, file)
    if out.suffix.lower() == ".npz":
        arrays = _positions(motion, file, landmarks)
        with atomic_write(out) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **arrays)
        return
    text = _live_link(motion, file) if out.suffix.lower() == ".csv" else _json(motion, file)
    with atomic_write(out) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _check_request(out: Path, vertices: bool, landmarks: bool) -> None:
    if out.suffix.lower() not in KINDS:
        raise RequestError(f"expected a name ending in {', '.join(KINDS)} to export to, found '{out.name}'")
    positions = int(vertices) + int(landmarks)
    if out.suffix.lower() != ".npz" and positions:
        raise RequestError(f"expected a name ending in .npz for vertices or landmarks, found '{out.name}'")
    if out.suffix.lower() == ".npz" and positions != 1:
        raise RequestError(
            f"expected either --vertices or --landmarks for '{out.name}', found"
            f" {'both' if positions else 'neither'}; choose one"
        )


def timecode(frame: int, fps: float | int) -> str:
    """HH:MM:SS:FF.fff of a frame at its time, from zero; .fff is a fraction of a frame."""
    second, rest = divmod(round(frame * 1000 / fps * 1000), 1_000_000)  # microseconds, so that 1 s is 1 s
    thousandths = round(rest * fps / 1000)
    if thousandths >= round(fps * 1000):  # rounded up to the next second
        second, thousandths = second + 1, 0
    minutes, seconds = divmod(second, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"


def _live_link(motion: FlameMotion, head: FlameFile) -> str:
    """The text of a Live Link Face .csv."""
    weights = to_arkit(motion, head)
    by_name = {name.lower(): index for index, name in enumerate(head.arkit_names)}
    ordered = weights[:, [by_name[name.lower()] for name in LIVE_LINK_UNITS]]
    values = np.concatenate([ordered, np.zeros((motion.n_frames, len(LIVE_LINK_ROTATIONS)))], axis=1)
    count = str(values.shape[1])
    lines = [",".join(("Timecode", "BlendShapeCount", *LIVE_LINK_UNITS, *LIVE_LINK_ROTATIONS))]
    for frame, row in enumerate(values):
        lines.append(",".join([timecode(frame, motion.fps), count, *(f"{value:.6f}" for value in row)]))
    return "\n".join(lines) + "\n"


def _json(motion: FlameMotion, head: FlameFile) -> str:
    """The text of our .json.

    `fps`; `seconds`; `metadata` as generated; `arkit`: `names` (52, Apple's) and `frames` (T x 52, 0..1),
    left out where the head has no units; `flame`: `names` (53) and `frames` (T x 53), jaw in radians.
    """
    names = [*(f"expression_{k}" for k in range(EXPRESSION_DIM)), "jaw_x", "jaw_y", "jaw_z"]
    content: dict[str, Any] = {
        "format": "ecoface-motion-1",
        "fps": motion.fps,
        "seconds": motion.seconds,
        "metadata": motion.metadata,
        "flame": {"names": names, "frames": _rounded(motion.motion)},
    }
    if head.arkit_names:
        content["arkit"] = {"names": list(head.arkit_names), "frames": _rounded(to_arkit(motion, head))}
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def _rounded(values: NDArray[np.float32]) -> list[list[float]]:
    rounded: list[list[float]] = np.round(values.astype(np.float64), 6).tolist()
    return rounded


def _positions(motion: FlameMotion, file: FlameFile, landmarks: bool) -> dict[str, Any]:
    """Arrays of the .npz."""
    import torch

    from ecoface_model.flame import FlameHead

    head = FlameHead.from_file(file)
    numbers = torch.from_numpy(motion.motion.astype(np.float32))
    with torch.no_grad():
        if landmarks:
            points = head.landmarks(numbers).numpy()
            return {"landmarks": points, "fps": float(motion.fps), "rest": head.rest_lip_gap()}
        return {"vertices": head.vertices(numbers).numpy(), "fps": float(motion.fps)}
