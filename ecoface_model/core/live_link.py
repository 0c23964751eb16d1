"""Curves as text: Live Link Face's .csv with ARKit's units, and the tables of our .json."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .constants import EXPRESSION_DIM
from .head_pose import eye_angles, head_angles

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
HEAD_NAMES, GAZE_NAMES = ("head_x", "head_y", "head_z"), ("gaze_yaw", "gaze_pitch")
"""Columns of our .json's tables of head and gaze, in radians as a motion has them."""


def live_link_csv(
    curves: Mapping[str, NDArray[Any]],
    n_frames: int,
    fps: float | int,
    head: NDArray[Any] | None = None,
    gaze: NDArray[Any] | None = None,
) -> str:
    """The text of a table as Live Link Face writes them; the first row is at time 0.

    `curves` (n_frames,) in 0..1 go by ARKit's names, in any case; a unit that is missing rests. `head`
    (n_frames, 3) and `gaze` are a motion's, or each eye's, as `eye_angles` takes it; without them the
    rotations are zero.
    """
    by_name = {name.lower(): curve for name, curve in curves.items()}
    values = np.zeros((n_frames, len(LIVE_LINK_UNITS) + len(LIVE_LINK_ROTATIONS)))
    for column, name in enumerate(LIVE_LINK_UNITS):
        values[:, column] = by_name.get(name.lower(), 0)  # not every head puts its tongue out
    values[:, len(LIVE_LINK_UNITS) :] = live_link_rotations(n_frames, head, gaze)
    count = str(values.shape[1])
    lines = [",".join(("Timecode", "BlendShapeCount", *LIVE_LINK_UNITS, *LIVE_LINK_ROTATIONS))]
    for frame, row in enumerate(values):
        lines.append(",".join([timecode(frame, fps), count, *(f"{value:.6f}" for value in row)]))
    return "\n".join(lines) + "\n"


def live_link_rotations(
    n_frames: int, head: NDArray[Any] | None, gaze: NDArray[Any] | None
) -> NDArray[np.float64]:
    """The columns LIVE_LINK_ROTATIONS (n_frames, 9) of a motion's head and gaze.

    In radians. The head: yaw to its left, pitch up, roll to its right shoulder; the eyes in it: yaw to its
    right, pitch down. So a recording of the app itself has the eyes (its EyeLook units beside them tell the
    signs); the head's are what programs that read such files take them for.
    """
    rotations = np.zeros((n_frames, len(LIVE_LINK_ROTATIONS)))
    if head is not None:
        rotations[:, :3] = head_angles(head)
    if gaze is not None:
        eyes = -eye_angles(gaze)  # (T, left and right, yaw and pitch)
        rotations[:, 3:5], rotations[:, 6:8] = eyes[:, 0], eyes[:, 1]
    return rotations


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
