"""What is stored with a take: the motion and phones that the model gave, files it was made of, its story."""

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..animation import actions
from ..core.constants import EXPRESSION_DIM, FRAME_RATE, MOTION_DIM
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
MADE = "ecoface_made"
"""Custom property of a take: it is the how-manieth that was made in this file."""
BASELINES = ("baseline", "reference_baseline")
"""Fields of a request that a take keeps in properties of their own: its panel reads the others often."""


def read_motion(
    path: Path,
) -> tuple[np.ndarray, float, np.ndarray, dict[str, Any], np.ndarray | None]:
    """Motion (T, 53), its rate, `upper` (50, 50), metadata and phones from the file that the engine wrote.

    Phones are shares (T, n), 0 to 255, of those that the metadata name; None where the model tells none.

    Raises:
        EcoFaceBlenderError: if it is damaged.
    """
    with refusals_of_core():
        found, upper = FlameMotion.read(path), read_npz(path, ["upper"])["upper"]
    return found.motion, found.fps, upper, found.metadata, found.phones


def heard_in(take: bpy.types.Action) -> dict[str, Any] | None:
    """What the engine heard of the emotion that the take shows, as it told; None if it was not heard."""
    heard = actions.read_metadata(take).get("heard")
    return heard if isinstance(heard, dict) else None


def describe(speaker: bpy.types.Object) -> str | None:
    """What made the keys that the head has now; None if they are not ours."""
    animation = speaker.data.shape_keys.animation_data
    action = animation and animation.action
    made_by = actions.read_metadata(action) if action else {}
    if not {"style", "emotion", "seed"} <= made_by.keys():
        return None
    return f"{action.name}: {take_names.description(made_by)}"


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
