"""The curves of a take: what its motion, what is beside that, its controls and its target make of a face."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import bpy
import numpy as np

from ..animation import actions
from ..animation import adjust as controls
from ..channels import Channel
from ..heads.head_turn import HeadTurn
from ..heads.rig import Rig
from . import speech as spoken
from . import stored, turns


def settings_of(take: bpy.types.Action) -> controls.Settings:
    """What the take's controls say."""
    return controls.Settings(
        **{f.name: getattr(take.ecoface_take, f.name) for f in fields(controls.Settings)}
    )


def shown(
    rig: Rig,
    story: Mapping[str, Any],
    motion: np.ndarray,
    rate: float,
    beside: Mapping[str, np.ndarray | None],
    upper: np.ndarray,
    track: bytes | None,
    settings: controls.Settings,
    aim: np.ndarray | None,
    turned: bool = False,
) -> tuple[np.ndarray, list[Channel]]:
    """Frames and curves of a motion (T, 53) with what is `beside` it, by their names in `stored`.

    With `turned` there are curves of head and eyes even where nothing tells of them.
    """
    head, gaze = beside[stored.HEAD], beside[stored.GAZE]
    turn = turns.shown(rig, head, gaze, aim, len(motion), rate, settings)
    if turn is None and turned:
        turn = HeadTurn.of(None, None, len(motion))
    phones, lowered = beside[stored.PHONES], turns.lowered(turn, gaze)
    return spoken.channels(rig, story, motion, rate, phones, upper, track, settings, turn, lowered)


def of_take(
    take: bpy.types.Action,
    rig: Rig,
    motion: np.ndarray,
    rate: float,
    beside: Mapping[str, np.ndarray | None],
    settings: controls.Settings,
    aim: np.ndarray | None,
    story: Mapping[str, Any] | None = None,
    turned: bool = False,
) -> tuple[np.ndarray, list[Channel]]:
    """The frames of a take, offset aside, and what the settings make of its motion and phones there.

    With `turned` there are curves of head and eyes even where nothing tells of them.
    """
    upper = stored.upper_of(take)
    assert upper is not None, "of a whole take"
    story, track = story or actions.read_metadata(take), take.get(stored.TRACK)
    return shown(rig, story, motion, rate, beside, upper, track, settings, aim, turned)


def aim(
    scene: bpy.types.Scene, speaker: bpy.types.Object, rig: Rig, story: Mapping[str, Any], n: int, rate: float
) -> np.ndarray | None:
    """Where the speaker's target is (T, 3) at the times of a take's motion; None if it looks at nothing."""
    target = turns.target_of(speaker)
    if target is None:
        return None
    moments = story["first_frame"] + np.arange(n) / rate * story["scene_rate"]
    return turns.aim_at(scene, rig, target, moments).astype(np.float32)


def beside(take: bpy.types.Action) -> dict[str, np.ndarray | None]:
    """What a take keeps beside its motion."""
    return {
        stored.PHONES: stored.phones_of(take),
        stored.HEAD: stored.head_of(take),
        stored.GAZE: stored.gaze_of(take),
    }
