"""Silence filled: while a head says nothing it listens, in strips of the NLA between and around its takes."""

from collections.abc import Sequence

import bpy
import numpy as np

from ..animation import actions, adjust, layers
from ..channels import Channel
from ..core.constants import MOTION_DIM
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds, finding, source_curves
from ..heads.head_turn import HeadTurn
from ..heads.rig import Rig
from ..sound import sequencer
from . import curves, partner, stored, turns
from .idle_motion import EYE_ANGLE, idle

TRACK = "EcoFace Listening"
SHORTEST = 1  # frame of a silence that is filled: left alone, the face would be at rest in it
FADE = 0.6  # seconds over which a face comes from its line, and goes to the next
TURNS_OVER = 1.1  # seconds over which its head does
SHUT = 0.71  # of eyeBlink, at which our lids touch
LIPS_SHUT = 0.008  # of mouthClose: lips that just touch on one face would show a line of teeth on another
TURNS_TO = 0.35  # seconds in which a head turns to another speaker

Span = tuple[float, float]


def fill(context: bpy.types.Context, speaker: bpy.types.Object, seed: int = 0) -> int:
    """Let a head listen wherever it says nothing within the scene's range; gives the number of silences.

    What was filled before is made anew. It looks at its target, else at the head that speaks.

    Raises:
        EcoFaceBlenderError: if this is no face, there is no silence, or it cannot be animated now.
    """
    rig, scene = face_kinds.known_rig(speaker), context.scene
    for owner in rig.owners:
        if reason := actions.why_not_animatable(owner):
            raise EcoFaceBlenderError(reason)
    clear(rig)
    gaps = _gaps(spoken_by(speaker), (scene.frame_start, scene.frame_end))
    if not gaps:
        raise EcoFaceBlenderError(
            f"Expected silence within the scene's range, found '{speaker.name}' speaking all the time; "
            "give the scene more frames."
        )
    frames = np.arange(scene.frame_start, scene.frame_end + 1, dtype=np.float64)
    channels = _channels(scene, rig, frames, seed, gaps)
    for owner in rig.owners:
        _end_takes(owner)
    leads = _lead_ins(speaker)
    taken = _values_at_edges(context, channels, gaps)
    met = {frame: values for frame, values in taken.items() if frame not in leads}
    _meet(channels, frames, gaps, met, _fades(rig, channels) * sequencer.scene_rate(scene))
    action = bpy.data.actions.new(f"{speaker.name} Listening")
    actions.write_metadata(action, {})
    action[layers.IDLE] = True
    slots = actions.add_curves(action, channels, frames)
    for owner, slot in slots:
        _place(owner, action, slot, gaps, leads)
    return len(gaps)


def clear(rig: Rig) -> None:
    """Take what fills a speaker's silences away."""
    for owner in rig.owners:
        animation = owner.animation_data
        for track in list(animation.nla_tracks) if animation else ():
            strips = [strip.action for strip in track.strips]
            if track.name.startswith(TRACK) and all(layers.is_idle(action) for action in strips):
                animation.nla_tracks.remove(track)
                for action in {action for action in strips if action is not None and not action.users}:
                    bpy.data.actions.remove(action)


def spoken_by(speaker: bpy.types.Object) -> list[Span]:
    """First and last frames of the takes that a speaker plays, itself or in strips, in order."""
    return sorted({(one.first, one.last) for one in partner.plays(speaker)})


def _lead_ins(speaker: bpy.types.Object) -> dict[float, float]:
    """By the first frame of a strip's take: over how many frames the face comes out of its silence into it.

    Out of rest, as a take does by itself, a face that has felt what it says would forget it for a moment.
    """
    return {one.first: one.lead_in for one in partner.plays(speaker) if one.in_strip and one.lead_in >= 1}


def _gaps(spoken: Sequence[Span], whole: Span) -> list[Span]:
    """What of a range nothing is spoken in."""
    gaps, start = [], float(whole[0])
    for first, last in spoken:
        gaps.append((start, min(first, whole[1])))
        start = max(start, last)
    gaps.append((start, float(whole[1])))
    return [(first, last) for first, last in gaps if last - first >= SHORTEST]


def _channels(
    scene: bpy.types.Scene, rig: Rig, frames: np.ndarray, seed: int, gaps: Sequence[Span]
) -> list[Channel]:
    """The curves of a face that listens all the time, and draws a breath where lines of its own begin.

    Head and eyes move as much as the controls of its first take say.
    """
    rate = sequencer.scene_rate(scene)
    speaks = [(last - frames[0]) / rate for _, last in gaps if last < frames[-1]]
    spoke = [(first - frames[0]) / rate for first, _ in gaps if first > frames[0]]
    aim = _aim(scene, rig, frames, rate)
    near = turns.eye_angle(rig, aim[0]) if aim else EYE_ANGLE
    said = partner.heard(scene, _others(rig), frames, rate)
    own = partner.heard(scene, [rig.speaker], frames, rate)
    shown = idle(len(frames), rate, seed, speaks, spoke, said, near, own.feelings if own else None)
    turn, amounts = HeadTurn.of(shown.head, shown.gaze, len(frames)), _amounts(rig.speaker)
    turn = turn.with_amounts(amounts.head_motion, amounts.gaze)
    if aim is not None:
        turn = turns.towards(rig, turn, *aim, min(amounts.head_motion, 1.0))
    motion = np.zeros((len(frames), MOTION_DIM))
    if rig.has_reference_lids:
        motion = source_curves.with_units(lips_shut(motion), shown.stirred)
        motion = source_curves.with_lids(motion, -turn.gaze[:, 1])
        motion = source_curves.with_blinks(motion, SHUT * shown.blink)
        turn = turn.under_lids(source_curves.opened_lids(motion))
    return rig.channels(motion, None, turn)


def _aim(
    scene: bpy.types.Scene, rig: Rig, frames: np.ndarray, rate: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Where what is looked at is (T, 3), for the eyes and more slowly for the head; None if nothing is."""
    target = turns.target_of(rig.speaker)
    if target is not None:
        points = turns.aim_at(scene, rig, target, frames)
        return points, points
    spoken = [(span, other) for other in _others(rig) for span in spoken_by(other)]
    if not spoken:
        return None
    seen = {other.name: turns.aim_at(scene, rig, other, frames) for _, other in spoken}
    spoken.sort(key=lambda each: each[0])
    points = seen[spoken[0][1].name].copy()
    for (first, _), other in spoken:  # whoever began last is looked at, a moment later, until the next
        later = frames >= first + 0.2 * rate
        points[later] = seen[other.name][later]
    return points, _slowly(points, TURNS_TO * rate)


def lips_shut(motion: np.ndarray) -> np.ndarray:
    """A motion (T, 53) whose lips, which touch at rest, press one another a little."""
    return source_curves.with_units(motion, {"mouthClose": np.full(len(motion), LIPS_SHUT)})


def _others(rig: Rig) -> list[bpy.types.Object]:
    """The other heads of the scene."""
    return [item for item in finding.find_faces(bpy.context) if item not in rig.parts]


def _amounts(speaker: bpy.types.Object) -> adjust.Settings:
    """The controls of the first take that a head plays; as usual where it plays none."""
    first = next(iter(partner.plays(speaker)), None)
    return curves.settings_of(first.take) if first else adjust.Settings()


def _slowly(points: np.ndarray, width: float) -> np.ndarray:
    reach = int(np.ceil(3 * width))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(width, 1e-3)) ** 2)
    padded = np.pad(points, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(each, weights / weights.sum(), "valid") for each in padded.T], axis=1)


def _end_takes(owner: bpy.types.ID) -> None:
    """Let takes show in their own frames alone: one that is held would hide other takes below it."""
    animation = owner.animation_data_create()
    for track in animation.nla_tracks:
        for strip in track.strips:
            if stored.is_take(strip.action):
                strip.extrapolation = "NOTHING"
    if stored.is_take(animation.action):
        animation.action_extrapolation = "NOTHING"


def _values_at_edges(
    context: bpy.types.Context, channels: Sequence[Channel], gaps: Sequence[Span]
) -> dict[float, np.ndarray]:
    """By frame: what the channels' properties are where a take ends or begins."""
    scene, out = context.scene, {}
    current, subframe = scene.frame_current, scene.frame_subframe
    try:
        for frame in {edge for gap in gaps for edge in gap}:
            scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1))
            out[frame] = np.array([_value(channel) for channel in channels])
    finally:
        scene.frame_set(current, subframe=subframe)
    return out


def _value(channel: Channel) -> float:
    found = channel.id_data.path_resolve(channel.path)
    return float(found if channel.index < 0 else found[channel.index])


def _fades(rig: Rig, channels: Sequence[Channel]) -> np.ndarray:
    """(channels,) seconds over which each comes from a line, and goes to the next."""
    bones = rig.bones
    turning = tuple(bones.armature.pose.bones[name].path_from_id() for name in bones.moved) if bones else ()
    return np.array([TURNS_OVER if each.path.startswith(turning) else FADE for each in channels])


def _meet(
    channels: Sequence[Channel],
    frames: np.ndarray,
    gaps: Sequence[Span],
    edges: dict[float, np.ndarray],
    fades: np.ndarray,
) -> None:
    """Bend the curves so that each silence begins and ends where the line beside it does.

    Args:
        edges: by frame, the channels' values (channels,) there; what is not in it is not met.
        fades: (channels,) frames over which. Where a silence is shorter, what comes from one line goes to the
            other; at the scene's ends, where nobody speaks, nothing is met.
    """
    first, last = frames[0], frames[-1]
    for gap in gaps:
        inside = (frames >= np.floor(gap[0])) & (frames <= np.ceil(gap[1]))
        between = gap[0] != first and gap[1] != last
        widths = np.maximum(np.minimum(fades, gap[1] - gap[0]) if between else fades, 1.0)
        for edge in gap:
            if edge in (first, last) or edge not in edges:
                continue
            for channel, value, width in zip(channels, edges[edge], widths, strict=True):
                share = (1 - np.abs(frames - edge) / width).clip(0, 1)
                share = inside * share * share * (3 - 2 * share)
                channel.values[:] += share * (value - np.interp(edge, frames, channel.values))


def _place(
    owner: bpy.types.ID,
    action: bpy.types.Action,
    slot: bpy.types.ActionSlot,
    gaps: Sequence[Span],
    leads: dict[float, float],
) -> None:
    """Strips of the action in the silences, which give way to lines that lead in."""
    track = owner.animation_data.nla_tracks.new()
    track.name = TRACK
    body = isinstance(owner, bpy.types.Object) and layers.has_other_strips(owner)
    for first, last in gaps:
        strip = track.strips.new(action.name, int(np.floor(first)), action)
        strip.action_slot = slot
        lead = leads.get(last, 0.0)
        actions.set_span(strip, first, last + lead)
        strip.blend_out = lead
        strip.extrapolation = "NOTHING"
        strip.blend_type = "COMBINE" if body else "REPLACE"
    owner.update_tag()
