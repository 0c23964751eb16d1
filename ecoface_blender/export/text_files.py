"""Curves as text: Live Link Face's .csv with ARKit's units, and a plain .json."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..channels import Channel
from ..core.live_link import (
    GAZE_NAMES,
    HEAD_NAMES,
    JSON_FORMAT,
    MOTION_NAMES,
    frames_table,
    live_link_csv,
)
from ..errors import EcoFaceBlenderError
from ..heads.head_turn import rotation_vectors
from ..heads.rig import OWN, Rig
from ..sound import sequencer
from ..takes import evaluated
from . import shape_keys
from .shape_keys import Fetch


def write_csv(
    context: bpy.types.Context,
    rig: Rig,
    path: Path,
    frames: np.ndarray,
    _options: Any,
    arrays: Fetch,
) -> None:
    """ARKit's curves as Live Link Face writes them, at the scene's rate; the first row is at time 0."""
    shown = evaluated.see(context, rig, frames)
    curves = arkit_curves(rig, shown, arrays)
    head = eyes = None
    if shown.turned is not None:
        head, eyes = rotation_vectors(shown.turned[:, 0]), shape_keys.eyes_of(shown.turned)
    write_curves(path, curves, len(frames), sequencer.scene_rate(context.scene), head, eyes)


def write_curves(
    path: Path,
    curves: dict[str, np.ndarray],
    n_frames: int,
    rate: float,
    head: np.ndarray | None = None,
    eyes: np.ndarray | None = None,
) -> None:
    """ARKit's curves (frames,) as Live Link Face writes them, head and eyes as `live_link_csv` takes them."""
    _write(path, live_link_csv(curves, n_frames, rate, head, eyes))


def arkit_curves(rig: Rig, shown: evaluated.Seen, arrays: Fetch) -> dict[str, np.ndarray]:
    """ARKit's curves (frames,) in 0..1: fitted to EcoFace's own head, read off another's keys by their names.

    Raises:
        EcoFaceBlenderError: if the head has no units, or no keys of their names.
    """
    if rig.kind == OWN:
        return shape_keys.arkit_curves(rig.speaker, _motion(shown), arrays(), shown.turned)
    curves: dict[str, np.ndarray] = {}
    for part in shown.parts:
        for morph in shape_keys.named_keys(part.keys, part.values):
            curves.setdefault(morph.name, morph.values)
    if not curves:
        raise EcoFaceBlenderError(
            f"Expected keys of ARKit's names on '{rig.speaker.name}', found none; write a JSON instead."
        )
    return curves


def write_json(
    context: bpy.types.Context,
    rig: Rig,
    path: Path,
    frames: np.ndarray,
    _options: Any,
    arrays: Fetch,
) -> None:
    """The curves of every kind, as docs/export.md describes, as far as the speaker has them."""
    shown, rate = evaluated.see(context, rig, frames), sequencer.scene_rate(context.scene)
    prefixed = len(shown.parts) > 1
    names = [
        f"{part.item.name}/{block.name}" if prefixed else block.name
        for part in shown.parts
        for block in part.keys.key_blocks[1:]
    ]
    content = {
        "format": JSON_FORMAT,
        "fps": rate,
        "first_frame": int(frames[0]),
        "seconds": len(frames) / rate,
        "metadata": evaluated.provenance(rig),
        "shape_keys": frames_table(names, np.hstack([part.values for part in shown.parts])),
    }
    if shown.others:
        curves = np.column_stack([channel.values for channel in shown.others])
        content["bones"] = frames_table([_name(channel) for channel in shown.others], curves)
    if shown.turned is not None:
        content["head"] = frames_table(HEAD_NAMES, rotation_vectors(shown.turned[:, 0]))
        content["gaze"] = frames_table(GAZE_NAMES, shape_keys.eyes_of(shown.turned).mean(axis=1))
    if rig.kind == OWN:
        content["flame"] = frames_table(MOTION_NAMES, _motion(shown))
    with suppress(EcoFaceBlenderError):  # a head without units has its other curves all the same
        units = arkit_curves(rig, shown, arrays)
        content["arkit"] = frames_table(list(units), np.column_stack(list(units.values())))
    _write(path, json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")


def _motion(shown: evaluated.Seen) -> np.ndarray:
    """The motion (frames, 53) of EcoFace's own head."""
    (part,) = shown.parts
    return evaluated.motion_of(part.item, part.values)


def _name(channel: Channel) -> str:
    """Of a bone's curve."""
    index = "" if channel.index < 0 else f"[{channel.index}]"
    return f"{channel.id_data.name}/{channel.path}{index}"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
