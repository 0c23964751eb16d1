"""Curves as text: Live Link Face's .csv with ARKit's units, and a plain .json."""

import json

import numpy as np

from . import seen, sequencer
from .arkit_curves import ArkitUnits
from .errors import EcoFaceBlenderError
from .export_keys import check_arrays

_SIDES = "EyeBlink EyeLookDown EyeLookIn EyeLookOut EyeLookUp EyeSquint EyeWide"
_MIDDLE = "JawForward JawRight JawLeft JawOpen MouthClose MouthFunnel MouthPucker MouthRight MouthLeft"
_PAIRS = "MouthSmile MouthFrown MouthDimple MouthStretch"
_REST = (
    "MouthRollLower MouthRollUpper MouthShrugLower MouthShrugUpper"
    " MouthPressLeft MouthPressRight MouthLowerDownLeft MouthLowerDownRight"
    " MouthUpperUpLeft MouthUpperUpRight"
    " BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft BrowOuterUpRight"
    " CheekPuff CheekSquintLeft CheekSquintRight NoseSneerLeft NoseSneerRight TongueOut"
)
LIVE_LINK_UNITS = (
    *(f"{unit}{side}" for side in ("Left", "Right") for unit in _SIDES.split()),
    *_MIDDLE.split(),
    *(f"{unit}{side}" for unit in _PAIRS.split() for side in ("Left", "Right")),
    *_REST.split(),
)
"""The 52 units in the order of Live Link Face's files."""
LIVE_LINK_ROTATIONS = tuple(
    f"{part}{turn}" for part in ("Head", "LeftEye", "RightEye") for turn in ("Yaw", "Pitch", "Roll")
)
"""Zero in our files: a motion turns neither head nor eyes."""


def write_csv(context, head, path, frames, _options, arrays) -> None:
    """ARKit's curves as Live Link Face writes them, at the scene's rate; the first row is at time 0."""
    motion = seen.motion_of(head, seen.key_values(context, head, frames))
    units, weights = _arkit(head, arrays(), motion)
    by_name = dict(zip((name.lower() for name in units.names), weights.T, strict=True))
    values = np.zeros((len(frames), len(LIVE_LINK_UNITS) + len(LIVE_LINK_ROTATIONS)))
    for column, name in enumerate(LIVE_LINK_UNITS):
        values[:, column] = by_name.get(name.lower(), 0)  # not every head puts its tongue out
    rate, count = sequencer.scene_rate(context.scene), str(values.shape[1])
    lines = [",".join(("Timecode", "BlendShapeCount", *LIVE_LINK_UNITS, *LIVE_LINK_ROTATIONS))]
    for frame, row in enumerate(values):
        lines.append(",".join([timecode(frame, rate), count, *(f"{value:.6f}" for value in row)]))
    _write(path, "\n".join(lines) + "\n")


def timecode(frame: int, rate: float) -> str:
    """HH:MM:SS:FF.fff of a frame at its time, from zero; .fff is a fraction of a frame."""
    second, rest = divmod(round(frame * 1000 / rate * 1000), 1_000_000)  # microseconds, so that 1 s is 1 s
    thousandths = round(rest * rate / 1000)
    if thousandths >= round(rate * 1000):  # rounded up to the next second
        second, thousandths = second + 1, 0
    minutes, seconds = divmod(second, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"


def write_json(context, head, path, frames, _options, arrays) -> None:
    """The curves of every kind, as docs/export.md describes; ARKit's where the head has units."""
    values = seen.key_values(context, head, frames)
    motion = seen.motion_of(head, values)
    rate = sequencer.scene_rate(context.scene)
    names = [*(f"expression_{k}" for k in range(motion.shape[1] - 3)), "jaw_x", "jaw_y", "jaw_z"]
    content = {
        "format": "ecoface-motion-1",
        "fps": rate,
        "first_frame": int(frames[0]),
        "seconds": len(frames) / rate,
        "metadata": seen.story_of(head),
        "flame": {"names": names, "frames": _rounded(motion)},
        "shape_keys": {
            "names": [block.name for block in head.data.shape_keys.key_blocks[1:]],
            "frames": _rounded(values),
        },
    }
    try:
        units, weights = _arkit(head, arrays(), motion)
    except EcoFaceBlenderError:  # a head without units has its other curves all the same
        pass
    else:
        content["arkit"] = {"names": list(units.names), "frames": _rounded(weights)}
    _write(path, json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")


def _arkit(head, arrays, motion: np.ndarray) -> tuple[ArkitUnits, np.ndarray]:
    check_arrays(head, arrays)
    units = ArkitUnits.of(arrays)
    return units, units.curves(motion)


def _rounded(values: np.ndarray) -> list[list[float]]:
    rounded: list[list[float]] = np.round(values.astype(np.float64), 6).tolist()
    return rounded


def _write(path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
