"""Curves as text: Live Link Face's .csv with ARKit's units, and a plain .json."""

import json
from contextlib import suppress
from typing import Any

import numpy as np

from ..channels import Channel
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds
from ..heads.arkit_fit import ArkitUnits
from ..sound import sequencer
from ..takes import evaluated
from .shape_keys import check_arrays, named_keys

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


def write_csv(context, speaker, path, frames, _options, arrays) -> None:
    """ARKit's curves as Live Link Face writes them, at the scene's rate; the first row is at time 0."""
    curves = arkit_curves(speaker, evaluated.see(context, speaker, frames), arrays)
    by_name = {name.lower(): curve for name, curve in curves.items()}
    values = np.zeros((len(frames), len(LIVE_LINK_UNITS) + len(LIVE_LINK_ROTATIONS)))
    for column, name in enumerate(LIVE_LINK_UNITS):
        values[:, column] = by_name.get(name.lower(), 0)  # not every head puts its tongue out
    rate, count = sequencer.scene_rate(context.scene), str(values.shape[1])
    lines = [",".join(("Timecode", "BlendShapeCount", *LIVE_LINK_UNITS, *LIVE_LINK_ROTATIONS))]
    for frame, row in enumerate(values):
        lines.append(",".join([timecode(frame, rate), count, *(f"{value:.6f}" for value in row)]))
    _write(path, "\n".join(lines) + "\n")


def arkit_curves(speaker, shown: evaluated.Seen, arrays) -> dict[str, np.ndarray]:
    """ARKit's curves (frames,) in 0..1: fitted to EcoFace's own head, read off another's keys by their names.

    Raises:
        EcoFaceBlenderError: if the head has no units, or no keys of their names.
    """
    if face_kinds.face_of(speaker).kind == face_kinds.OWN:
        head = arrays()
        check_arrays(speaker, head)
        units = ArkitUnits.of(head)
        return dict(zip(units.names, units.curves(_motion(shown)).T, strict=True))
    curves: dict[str, np.ndarray] = {}
    for part in shown.parts:
        for morph in named_keys(part.keys, part.values):
            curves.setdefault(morph.name, morph.values)
    if not curves:
        raise EcoFaceBlenderError(
            f"Expected keys of ARKit's names on '{speaker.name}', found none; write a JSON instead."
        )
    return curves


def timecode(frame: int, rate: float) -> str:
    """HH:MM:SS:FF.fff of a frame at its time, from zero; .fff is a fraction of a frame."""
    second, rest = divmod(round(frame * 1000 / rate * 1000), 1_000_000)  # microseconds, so that 1 s is 1 s
    thousandths = round(rest * rate / 1000)
    if thousandths >= round(rate * 1000):  # rounded up to the next second
        second, thousandths = second + 1, 0
    minutes, seconds = divmod(second, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"


def write_json(context, speaker, path, frames, _options, arrays) -> None:
    """The curves of every kind, as docs/export.md describes, as far as the speaker has them."""
    shown, rate = evaluated.see(context, speaker, frames), sequencer.scene_rate(context.scene)
    prefixed = len(shown.parts) > 1
    names = [
        f"{part.item.name}/{block.name}" if prefixed else block.name
        for part in shown.parts
        for block in part.keys.key_blocks[1:]
    ]
    content = {
        "format": "ecoface-motion-1",
        "fps": rate,
        "first_frame": int(frames[0]),
        "seconds": len(frames) / rate,
        "metadata": evaluated.story_of(speaker),
        "shape_keys": _table(names, np.hstack([part.values for part in shown.parts])),
    }
    if shown.others:
        curves = np.column_stack([channel.values for channel in shown.others])
        content["bones"] = _table([_name(channel) for channel in shown.others], curves)
    if face_kinds.face_of(speaker).kind == face_kinds.OWN:
        motion = _motion(shown)
        numbers = [*(f"expression_{k}" for k in range(motion.shape[1] - 3)), "jaw_x", "jaw_y", "jaw_z"]
        content["flame"] = _table(numbers, motion)
    with suppress(EcoFaceBlenderError):  # a head without units has its other curves all the same
        curves = arkit_curves(speaker, shown, arrays)
        content["arkit"] = _table(list(curves), np.column_stack(list(curves.values())))
    _write(path, json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")


def _motion(shown: evaluated.Seen) -> np.ndarray:
    """The motion (frames, 53) of EcoFace's own head."""
    (part,) = shown.parts
    return evaluated.motion_of(part.item, part.values)


def _name(channel: Channel) -> str:
    """Of a bone's curve."""
    index = "" if channel.index < 0 else f"[{channel.index}]"
    return f"{channel.id_data.name}/{channel.path}{index}"


def _table(names: list[str], values: np.ndarray) -> dict[str, Any]:
    return {"names": names, "frames": _rounded(values)}


def _rounded(values: np.ndarray) -> list[list[float]]:
    rounded: list[list[float]] = np.round(values.astype(np.float64), 6).tolist()
    return rounded


def _write(path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
