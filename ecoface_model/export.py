"""Motion for other programs: ARKit curves as Live Link Face's .csv, .json, and positions as .npz."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ecoface_model.core.arkit import to_arkit
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.core.head_mesh import HeadLandmarks, HeadMesh
from ecoface_model.core.live_link import (
    GAZE_NAMES,
    HEAD_NAMES,
    JSON_FORMAT,
    MOTION_NAMES,
    frames_table,
    live_link_csv,
)
from ecoface_model.core.motion_file import FlameMotion, check_head
from ecoface_model.core.npz import write_npz

KINDS = (".csv", ".json", ".npz")


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
    positions in metres, y up, of all vertices (T, V, 3) or of the landmarks (T, 68, 3). All of them have the
    motion's head and gaze in them, if it has such.

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
    check_head(motion, file.name)
    if out.suffix.lower() == ".npz":
        write_npz(out, _positions(motion, file, landmarks))
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


def _live_link(motion: FlameMotion, head: FlameFile) -> str:
    """The text of a Live Link Face .csv."""
    curves = dict(zip(head.arkit_names, to_arkit(motion, head).T, strict=True))
    return live_link_csv(curves, motion.n_frames, motion.fps, motion.head, motion.gaze)


def _json(motion: FlameMotion, head: FlameFile) -> str:
    """The text of our .json.

    `fps`; `seconds`; `metadata` as generated; `arkit`: `names` (52, Apple's) and `frames` (T x 52, 0..1),
    left out where the head has no units; `flame`: `names` (53) and `frames` (T x 53), jaw in radians; `head`
    and `gaze`, in radians as a `FlameMotion` has them, left out where it has none.
    """
    content: dict[str, Any] = {
        "format": JSON_FORMAT,
        "fps": motion.fps,
        "seconds": motion.seconds,
        "metadata": motion.metadata,
        "flame": frames_table(MOTION_NAMES, motion.motion),
    }
    if head.arkit_names:
        content["arkit"] = frames_table(head.arkit_names, to_arkit(motion, head))
    for key, names, curves in (("head", HEAD_NAMES, motion.head), ("gaze", GAZE_NAMES, motion.gaze)):
        if curves is not None:
            content[key] = frames_table(names, curves)
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def _positions(motion: FlameMotion, file: FlameFile, landmarks: bool) -> dict[str, Any]:
    """Arrays of the .npz."""
    numbers = motion.motion.astype(np.float32)
    if landmarks:
        head = HeadLandmarks(file)
        return {
            "landmarks": head.of(numbers, motion.head),
            "fps": float(motion.fps),
            "rest": head.rest_lip_gap(),
        }
    vertices = HeadMesh(file).vertices(numbers, motion.head, motion.gaze)
    return {"vertices": vertices, "fps": float(motion.fps)}
