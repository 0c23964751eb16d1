"""What an animator asks for at a frame, close the lips, smile, raise the brows, as keys above the take.

What a handle changes is the difference between the take's curves as they are and as they would be with it, so
that jaw, bones and other heads' keys get what is theirs: on heads with ARKit's units by the reference head's
motion, on heads of visemes and emotion keys by what is said and felt.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ..animation import actions, adjust, layer_keys, layers
from ..channels import Channel
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds, lip_closing, own_head, source_curves
from ..heads.feelings import EMOTIONS
from ..heads.rig import FLAME, OWN, Rig
from ..heads.speech import Speech
from . import curves, stored, takes
from . import speech as spoken

CLOSE, SMILE, BROWS_UP, BROWS_DOWN = "CLOSE", "SMILE", "BROWS_UP", "BROWS_DOWN"
LABELS = {
    CLOSE: "Close Lips Here",
    SMILE: "More Smile",
    BROWS_UP: "Brows Up",
    BROWS_DOWN: "Brows Down",
}
"""What there is, as buttons say it."""
_UNITS = {
    SMILE: ("mouthSmileLeft", "mouthSmileRight"),
    BROWS_UP: ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    BROWS_DOWN: ("browDownLeft", "browDownRight"),
}
_FELT = {SMILE: ("happy", "upper"), BROWS_UP: ("surprised", "mouth"), BROWS_DOWN: ("angry", "mouth")}
"""The feeling whose keys show it, and the part of the face that shows none of it."""
_STRONG = 2.0  # of a feeling, that a whole handle is
_NOTHING = 1e-5  # of a curve, that is no change


@dataclass(frozen=True)
class _Moment:
    """What a take shows in one frame."""

    motion: np.ndarray
    """(1, 53)"""
    said: Speech | None
    """Of one frame; None on heads that are moved by the motion's shape alone."""


def add(
    speaker: bpy.types.Object, frame: float, shape: str, amount: float, ease: float
) -> tuple[bpy.types.Action, int]:
    """Key a handle in the layer above the speaker's take, which is put on if there is none.

    Gives the layer and how many curves got keys.

    Args:
        amount: 1 is all of it; of a smile and of brows it may be negative.
        ease: frames before and after, in which it comes and goes.

    Raises:
        EcoFaceBlenderError: if the head plays no take there, or has nothing that would show it.
    """
    take, rig = takes.playing(speaker), face_kinds.known_rig(speaker)
    if reason := _why_not(rig):
        raise EcoFaceBlenderError(reason)
    changes = _changes(rig, _moment(take, rig, frame), shape, amount)
    if not changes:
        raise EcoFaceBlenderError(
            f"'{speaker.name}' has no key for '{LABELS[shape]}', or shows it already in frame {frame:g}."
        )
    owner = takes.edited(speaker)
    layer = owner.animation_data.action if owner else layers.add(take)
    done = 0
    for change in changes:
        if actions.plays(change.id_data, layer):
            layer_keys.add_at(layer, change, frame, ease)
            done += 1
    layer.update_tag()  # seen at once
    for each in rig.owners:
        each.update_tag(refresh={"TIME"})
    return layer, done


def _why_not(rig: Rig) -> str | None:
    """Why nobody knows what a smile is on this head, in one sentence; None if it is known."""
    by_numbers = rig.kind == FLAME or (
        rig.kind == OWN and own_head.head_name(rig.speaker) != source_curves.reference_name()
    )
    if not by_numbers:
        return None
    return (
        f"'{rig.speaker.name}' is a FLAME head, whose expressions have numbers and no meaning of their own; "
        "press Add Edit Layer and key them by hand."
    )


def _moment(take: bpy.types.Action, rig: Rig, frame: float) -> _Moment:
    """The take at a frame, as its controls show it.

    Raises:
        EcoFaceBlenderError: if the frame lies outside, or the take is damaged.
    """
    found, upper = stored.motion_of(take), stored.upper_of(take)
    if found is None or upper is None:
        raise EcoFaceBlenderError(f"The motion in '{take.name}' is damaged; generate a new take.")
    motion, rate = found
    story, settings = actions.read_metadata(take), curves.settings_of(take)
    at = ((frame - story["first_frame"]) / story["scene_rate"] - settings.offset) * rate
    if not -0.5 <= at <= len(motion):
        first, last = take.curve_frame_range
        raise EcoFaceBlenderError(
            f"Expected a frame of '{take.name}', {first:.0f} to {last:.0f}, found {frame:g}; go to one."
        )
    shown = adjust.adjusted(motion, rate, upper, settings)
    if not rig.speaks:
        return _Moment(_between(shown, at), None)
    track = take.get(stored.TRACK)
    said = spoken.speech_of(story, motion, rate, stored.phones_of(take), track, settings)
    return _Moment(_between(shown, at), said.with_columns(_between(said.columns, at)))


def _between(values: np.ndarray, at: float) -> np.ndarray:
    """One row (1, n) of values (T, n) at a place that need not be whole."""
    at = float(np.clip(at, 0, len(values) - 1))
    before = int(at)
    after = min(before + 1, len(values) - 1)
    row: np.ndarray = (1 - at + before) * values[before] + (at - before) * values[after]
    return row[None]


def _changes(rig: Rig, moment: _Moment, shape: str, amount: float) -> list[Channel]:
    """What a handle adds to each curve that it changes; quaternions as the turn that is put on top."""
    before, after = moment, replace(moment, motion=_with_units(moment.motion, shape, amount))
    if moment.said is not None:
        before = replace(before, said=_without(moment.said, shape))
        after = replace(after, said=_without(_saying(moment.said, shape, amount), shape))
    old, new = (rig.channels(each.motion, each.said) for each in (before, after))
    return [change for each in _by_property(old, new) for change in _difference(*each)]


def _with_units(motion: np.ndarray, shape: str, amount: float) -> np.ndarray:
    """The motion (1, 53) with a handle."""
    names = (str(name) for name in source_curves.reference_arrays()["arkit_names"])
    rows = source_curves.reference_arrays()["arkit_coefficients"].astype(np.float64)
    units = dict(zip(names, rows, strict=True))
    if shape == CLOSE:
        closed = lip_closing.close(source_curves.reference_mouth(), units, motion[0])
        mixed: np.ndarray = (1 - amount) * motion + amount * closed
        return mixed
    added: np.ndarray = motion + amount * sum(units[name] for name in _UNITS[shape])
    return added


def _saying(said: Speech, shape: str, amount: float) -> Speech:
    """What is said and felt in a frame, with a handle."""
    if shape == CLOSE:
        lips = said.said
        shut = replace(
            lips,
            weights=(1 - amount) * lips.weights,
            closed=np.maximum(lips.closed, amount),
            shut=np.maximum(lips.shut, amount),
        )
        return replace(said, said=shut, closed_slowly=np.maximum(said.closed_slowly, amount))
    feelings = said.feelings.copy()
    feelings[:, EMOTIONS.index(_FELT[shape][0])] += _STRONG * amount
    return replace(said, feelings=feelings.clip(0, _STRONG))


def _without(said: Speech, shape: str) -> Speech:
    """Without the part of the face that a handle is not for."""
    if shape == CLOSE:
        return said
    return replace(said, upper=0.0) if _FELT[shape][1] == "upper" else replace(said, mouth=0.0)


def _by_property(old: Sequence[Channel], new: Sequence[Channel]) -> list[tuple[list[Channel], list[Channel]]]:
    """The curves of each property together, before and after: a quaternion's four belong together."""
    found: dict[tuple[int, str], tuple[list[Channel], list[Channel]]] = {}
    for before, after in zip(old, new, strict=True):
        pair = found.setdefault((before.id_data.as_pointer(), before.path), ([], []))
        pair[0].append(before)
        pair[1].append(after)
    return list(found.values())


def _difference(old: Sequence[Channel], new: Sequence[Channel]) -> list[Channel]:
    """What has to be put on top of the old values of one property to have the new ones; empty if nothing."""
    was, becomes = (np.array([each.values[0] for each in part], dtype=np.float64) for part in (old, new))
    if np.abs(becomes - was).max() < _NOTHING:
        return []
    change = becomes - was
    if old[0].path.endswith("rotation_quaternion"):
        change = layer_keys.turn_between(was, becomes)
    return [replace(each, values=np.array([value])) for each, value in zip(new, change, strict=True)]
