"""What a take says and feels: its phones and its emotion, from all that is stored with it."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..animation import actions
from ..animation.adjust import Settings, adjusted, smoothed
from ..channels import Channel
from ..core.constants import MOTION_DIM
from ..core.emotion_label import EmotionTrack
from ..core.npz import read_npz
from ..errors import refusals_of_core
from ..heads import source_curves, speech
from ..heads.feelings import EMOTIONS, felt
from ..heads.head_turn import N_COLUMNS, HeadTurn
from ..heads.rig import Rig
from ..heads.speech import Speech

LEAD_IN = "lead_in"
"""Key of a take's metadata: seconds before its sound in which it comes out of rest."""
MOST_LEAD_IN = 0.4  # s


def channels(
    rig: Rig,
    story: Mapping[str, Any],
    motion: np.ndarray,
    rate: float,
    phones: np.ndarray | None,
    upper: np.ndarray,
    track: bytes | None,
    settings: Settings,
    turn: HeadTurn | None = None,
    lowered: np.ndarray | None = None,
) -> tuple[np.ndarray, list[Channel]]:
    """The scene's frames within a motion and its curves there.

    Speech travels beside it where it shows, and so does `turn`, how head and eyes turn, as it is to be seen,
    with eyes that look further down than the motion's by `lowered` (T,) radians.
    """
    shown = adjusted(motion, rate, upper, settings)
    if lowered is not None and rig.has_reference_lids:
        shown = source_curves.with_lids(shown, lowered)
    if turn is not None and rig.has_reference_lids:
        turn = turn.under_lids(source_curves.opened_lids(shown))
    said = speech_of(story, motion, rate, phones, track, settings) if rig.speaks else None
    columns = [shown]
    if turn is not None:
        columns.append(turn.columns)
    if said is not None:
        columns.append(smoothed(said.columns, rate, settings.smoothing))
    together = np.hstack(columns)
    frames, at = actions.resample_to_scene(together, rate, story["scene_rate"], story["first_frame"])
    n_turned = MOTION_DIM + (N_COLUMNS if turn is not None else 0)
    frames, at = _led_in(frames, at, slice(MOTION_DIM, n_turned), story)
    moved, turned, spoken = np.split(at, [MOTION_DIM, n_turned], axis=1)
    return frames, rig.channels(
        moved,
        said.with_columns(spoken) if said is not None else None,
        HeadTurn.from_columns(turned) if turn is not None else None,
    )


def _led_in(
    frames: np.ndarray, columns: np.ndarray, turned: slice, story: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Frames before a line that comes to rest after itself: in them it comes out of rest, which is 0.

    The columns that are `turned`, of head and eyes, set off towards how they move as the line begins. No
    frame is before 1, where scenes usually begin.
    """
    seconds = story.get(LEAD_IN, 0.0)
    seconds = max(0.0, min(MOST_LEAD_IN, seconds)) if isinstance(seconds, int | float) else 0.0
    n = min(round(seconds * story["scene_rate"]), int(frames[0]) - 1)
    if n < 1:
        return frames, columns
    share = (np.arange(n) / n)[:, None]
    before = share * share * (3 - 2 * share) * columns[0]
    if turned.stop > turned.start:
        before[:, turned] = HeadTurn.from_columns(columns[:, turned]).before(n).columns
    return np.concatenate([frames[0] - np.arange(n, 0, -1), frames]), np.concatenate([before, columns])


def speech_of(
    story: Mapping[str, Any],
    motion: np.ndarray,
    rate: float,
    phones: np.ndarray | None,
    track: bytes | None,
    settings: Settings,
) -> Speech:
    """Of every frame of a take's motion (T, 53), before its controls moved it.

    Args:
        story: the take's metadata, of its making and of the ranges that were made anew.
        phones: shares (T, n), 0 to 255, of those that the story names; None of old takes, whose visemes then
            follow how open and round the lips are.
        track: the file of the emotion track that it was made from.
    """
    amounts = story.get("amounts")
    amounts = amounts if isinstance(amounts, Mapping) else {}
    shown: dict[str, Any] = {
        "controls": (settings.jaw, settings.lips, settings.upper),
        "amounts": tuple(float(amounts.get(name, 1.0)) for name in ("upper", "mouth")),
    }
    felt_then = feelings(story, len(motion), rate, track) * float(amounts.get("strength", 1.0))
    if phones is None:
        return source_curves.speech_of_shape(motion, rate, felt_then, **shown)
    jaw = source_curves.jaw_degrees(motion)
    return speech.of_phones(phones / 255, story["phones"], rate, jaw, felt_then, **shown)


def feelings(story: Mapping[str, Any], n_frames: int, rate: float, track: bytes | None) -> np.ndarray:
    """(T, EMOTIONS) from 0 to 2: as asked for or heard, in ranges that were made anew as these were."""
    moments = np.arange(n_frames) / rate
    out = felt(moments, str(story.get("emotion") or ""), story.get("heard"), _track(track))
    frames = story["first_frame"] + moments * story["scene_rate"]
    for part in story.get("parts", []):
        start, end = part["frames"]
        inside = ((frames >= start) & (frames <= end))[:, None]
        out = np.where(inside, felt(moments, str(part.get("emotion") or ""), part.get("heard")), out)
    assert out.shape == (n_frames, len(EMOTIONS))
    return out


def _track(stored: bytes | None) -> dict[str, np.ndarray] | None:
    if not stored:
        return None
    with refusals_of_core():
        track = read_npz(io.BytesIO(stored), ("weights", "intensity", "rate"))
        EmotionTrack(track["weights"], track["intensity"], float(track["rate"]))  # or it is none
    return track
