"""Curves as text: Live Link Face's .csv with ARKit's units, and the tables of our .json."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .constants import EXPRESSION_DIM

JSON_FORMAT = "ecoface-motion-1"
MOTION_NAMES = (*(f"expression_{k}" for k in range(EXPRESSION_DIM)), "jaw_x", "jaw_y", "jaw_z")

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
"""Radians; what they mean is told by `head_rotation.live_link_rotations`, which gives them."""
HEAD_NAMES, GAZE_NAMES = ("head_x", "head_y", "head_z"), ("gaze_yaw", "gaze_pitch")
"""Columns of our .json's tables of head and gaze, in radians as a motion has them."""
_COLUMNS = (*LIVE_LINK_UNITS, *LIVE_LINK_ROTATIONS)


def live_link_csv(curves: Mapping[str, NDArray[Any]], n_frames: int, fps: float | int) -> str:
    """The text of a table as Live Link Face writes them; the first row is at time 0.

    `curves` (n_frames,) go by the columns' names, in any case: ARKit's units in 0..1, and the rotations. What
    is missing rests.
    """
    by_name = {name.lower(): curve for name, curve in curves.items()}
    values = np.zeros((n_frames, len(_COLUMNS)))
    for column, name in enumerate(_COLUMNS):
        values[:, column] = by_name.get(name.lower(), 0)  # not every head puts its tongue out
    count = str(values.shape[1])
    lines = [",".join(("Timecode", "BlendShapeCount", *_COLUMNS))]
    for frame, row in enumerate(values):
        lines.append(",".join([timecode(frame, fps), count, *(f"{value:.6f}" for value in row)]))
    return "\n".join(lines) + "\n"


def frames_table(names: Sequence[str], values: NDArray[Any]) -> dict[str, Any]:
    """One table of our .json: the columns' names, and their values (T, n) to six digits."""
    frames: list[list[float]] = np.round(values.astype(np.float64), 6).tolist()
    return {"names": list(names), "frames": frames}


def timecode(frame: int, fps: float | int) -> str:
    """HH:MM:SS:FF.fff of a frame at its time, from zero; .fff is a fraction of a frame."""
    second, rest = divmod(round(frame * 1000 / fps * 1000), 1_000_000)  # microseconds, so that 1 s is 1 s
    thousandths = round(rest * fps / 1000)
    if thousandths >= round(fps * 1000):  # rounded up to the next second
        second, thousandths = second + 1, 0
    minutes, seconds = divmod(second, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"
