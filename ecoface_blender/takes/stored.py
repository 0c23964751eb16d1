"""What is stored with a take: the motion and phones that the model gave, files it was made of, its story."""

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..animation import actions, layers
from ..core.constants import EXPRESSION_DIM, FRAME_RATE, GAZE_DIM, HEAD_DIM, MOTION_DIM
from ..core.motion_file import FlameMotion
from ..core.npz import read_npz
from ..errors import refusals_of_core
from . import names as take_names

MOTION, PHONES, UPPER, TRACK, PERFORMANCE = (
    "ecoface_motion",
    "ecoface_phones",
    "ecoface_upper",
    "ecoface_emotion_track",
    "ecoface_performance",
)
"""Custom properties of a take: motion (T, 53) and `upper` (50, 50) as float32, phones (T, n) as bytes; files
it was made of."""
HEAD, GAZE, AIM = "ecoface_head_motion", "ecoface_gaze", "ecoface_aim"
"""Custom properties of a take, as float32: head (T, 3) and gaze (T, 2) of the motion, where it has them, and
the target (T, 3) that they are shown towards, where there is one."""
MOST_TURN = np.pi  # radians of a head or an eye
MOST_AWAY = 1e6  # metres of a target
MADE = "ecoface_made"
"""Custom property of a take: it is the how-manieth that was made in this file."""
BASELINES = ("baseline", "reference_baseline")
"""Fields of a request that a take keeps in properties of their own: its panel reads the others often."""


def read_motion(
    path: Path,
) -> tuple[
    np.ndarray,
    float,
    np.ndarray,
    dict[str, Any],
    np.ndarray | None,
    np.ndarray | None,
    np.ndarray | None,
]:
    """Motion (T, 53), its rate, `upper` (50, 50), metadata, phones, head and gaze from the engine's file.

    Phones are shares (T, n), 0 to 255, of those that the metadata name; head (T, 3) and gaze (T, 2) are those
    of `FlameMotion`. Each is None where the model tells none.

    Raises:
        EcoFaceBlenderError: if it is damaged.
    """
    with refusals_of_core():
        found, upper = FlameMotion.read(path), read_npz(path, ["upper"])["upper"]
    return found.motion, found.fps, upper, found.metadata, found.phones, found.head, found.gaze


def heard_in(take: bpy.types.Action) -> dict[str, Any] | None:
    """What the engine heard of the emotion that the take shows, as it told; None if it was not heard."""
    heard = actions.read_metadata(take).get("heard")
    return heard if isinstance(heard, dict) else None


def describe(speaker: bpy.types.Object) -> str | None:
    """What made the keys that the head has now; None if they are not ours."""
    animation = speaker.data.shape_keys.animation_data
    action = animation and animation.action
    if animation and (strip := layers.strip_below(speaker.data.shape_keys)):
        action = strip.action
    made_by = actions.read_metadata(action) if action else {}
    if not {"style", "emotion", "seed"} <= made_by.keys():
        return None
    return take_names.description(action.name, made_by)


def is_take(action: bpy.types.Action | None) -> bool:
    """Whether it carries the motion it was made of."""
    return action is not None and MOTION in action


def motion_of(action: bpy.types.Action) -> tuple[np.ndarray, float] | None:
    """The motion (T, 53) as the model gave it, and its rate; None if this is no whole take of ours."""
    stored, story = action.get(MOTION), actions.read_metadata(action)
    if not isinstance(stored, bytes) or not stored or len(stored) % (4 * MOTION_DIM):
        return None
    motion = np.frombuffer(stored, "<f4").reshape(-1, MOTION_DIM)
    placed = {"first_frame", "scene_rate"} <= story.keys()
    if not placed or upper_of(action) is None or not np.isfinite(motion).all():
        return None
    return motion, float(story.get("motion_rate", FRAME_RATE))


def upper_of(action: bpy.types.Action) -> np.ndarray | None:
    """Which part of an expression moves the upper face, (50, 50); None if it is damaged."""
    stored = action.get(UPPER)
    if not isinstance(stored, bytes) or len(stored) != 4 * EXPRESSION_DIM**2:
        return None
    upper = np.frombuffer(stored, "<f4").reshape(EXPRESSION_DIM, EXPRESSION_DIM)
    return upper if np.isfinite(upper).all() else None


def phones_of(action: bpy.types.Action) -> np.ndarray | None:
    """Shares (T, n) uint8 of the phones that its metadata name; None of takes that were made without."""
    stored, names = action.get(PHONES), actions.read_metadata(action).get("phones")
    if not isinstance(stored, bytes) or not names or len(stored) % len(names):
        return None
    phones = np.frombuffer(stored, np.uint8).reshape(-1, len(names))
    found = motion_of(action)
    return phones if found is not None and len(found[0]) == len(phones) else None


def head_of(action: bpy.types.Action) -> np.ndarray | None:
    """The head's turns (T, 3) of a take's motion; None of takes that were made without."""
    return _beside_motion(action, HEAD, HEAD_DIM, MOST_TURN)


def gaze_of(action: bpy.types.Action) -> np.ndarray | None:
    """Where the eyes look (T, 2) in a take's motion; None of takes that were made without."""
    return _beside_motion(action, GAZE, GAZE_DIM, MOST_TURN)


def aim_of(action: bpy.types.Action) -> np.ndarray | None:
    """The target (T, 3) that a take's keys look at, as `HeadTurn.looking_at` is given it; None without."""
    return _beside_motion(action, AIM, 3, MOST_AWAY)


def _beside_motion(action: bpy.types.Action, key: str, width: int, most: float) -> np.ndarray | None:
    """Curves (T, width) within +-`most` that are stored with a motion; None if they are damaged."""
    stored, found = action.get(key), motion_of(action)
    if not isinstance(stored, bytes) or found is None or len(stored) != 4 * width * len(found[0]):
        return None
    curves = np.frombuffer(stored, "<f4").reshape(-1, width)
    return curves if np.isfinite(curves).all() and np.abs(curves).max() <= most else None


def store_curves(action: bpy.types.Action, key: str, curves: np.ndarray | None) -> None:
    """Curves beside the motion into a property, phones as bytes and others as float32; None deletes."""
    if curves is not None:
        phones = key == PHONES
        store(action, key, (np.round(curves).astype(np.uint8) if phones else curves.astype("<f4")).tobytes())
    elif key in action:
        del action[key]


def number(action: bpy.types.Action) -> None:
    """Let a take be the latest of the file's."""
    action[MADE] = 1 + max((made(other) for other in bpy.data.actions if other != action), default=0)


def made(action: bpy.types.Action) -> int:
    """The how-manieth take it is; 0 of those that were made before takes were numbered."""
    found = action.get(MADE, 0)
    return found if isinstance(found, int) else 0


def store(action: bpy.types.Action, key: str, data: bytes) -> None:
    """Into a new custom property: Blender cuts bytes at their first zero where it replaces others."""
    if key in action:
        del action[key]
    action[key] = data
