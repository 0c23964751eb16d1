"""How head and eyes turn in a take: of its motion, by its controls, towards the target it looks at."""

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..animation import actions, adjust
from ..heads import face_kinds, head_bones, jaw_bone, shape_keys
from ..heads.head_bones import HeadBones
from ..heads.head_turn import HeadTurn
from ..heads.rig import Rig

LOOK_AT = "ecoface_look_at"
"""Pointer of a speaker to the object that it looks at."""


EYE_ANGLES = np.radians([0.5, 4.5])
"""The least and the most of `eye_angle`."""
_PERSONS_EYES = np.array([[0.032, 0.04, 0.075], [-0.032, 0.04, 0.075]])
"""Metres from the head's joint."""


def shown(
    rig: Rig,
    head: np.ndarray | None,
    gaze: np.ndarray | None,
    aim: np.ndarray | None,
    n_frames: int,
    rate: float,
    settings: adjust.Settings,
) -> HeadTurn | None:
    """As the controls have it, (T,) at the motion's rate; None where nothing tells of head and eyes."""
    if head is None and gaze is None and aim is None:
        return None
    if head is not None:
        head = adjust.smoothed(head.astype(np.float64), rate, settings.smoothing)
    turn = HeadTurn.of(head, gaze, n_frames).with_amounts(settings.head_motion, settings.gaze)
    if aim is None:
        return turn
    turns_head = min(settings.head_motion, 1.0) if rig.bones and rig.bones.head else 0.0
    return turn.looking_at(aim.astype(np.float64), _eyes(rig, rig.bones), turns_head)


def towards(
    rig: Rig, turn: HeadTurn, points: np.ndarray, for_head: np.ndarray, amount: float = 1.0
) -> HeadTurn:
    """A performance towards what is at `points` (T, 3), which the head follows as `for_head` (T, 3).

    Args:
        amount: how much of its share of the way the head takes, 0 to 1.
    """
    head = amount if rig.bones and rig.bones.head else 0.0
    return turn.looking_at(points, _eyes(rig, rig.bones), head, for_head)


def eye_angle(rig: Rig, points: np.ndarray) -> float:
    """Radians from between the eyes to one of them, of a head like the rig's own that is at `points` (T, 3).

    No less than of somebody across a room and no more than of somebody who is very near.
    """
    eyes = _eyes(rig, rig.bones)
    apart = np.linalg.norm(eyes[0] - eyes[1]) / 2
    away = float(np.median(np.linalg.norm(points - eyes.mean(axis=0), axis=1)))
    return float(np.clip(np.arctan2(apart, away), *EYE_ANGLES))


def lowered(turn: HeadTurn | None, gaze: np.ndarray | None) -> np.ndarray | None:
    """(T,) radians by which the eyes look further down than the motion's, with which its lids go."""
    if turn is None:
        return None
    made = 0.0 if gaze is None else gaze[:, 1]
    return np.asarray(made - turn.gaze[:, 1])


def _eyes(rig: Rig | None, bones: HeadBones | None) -> np.ndarray:
    """(2, 3) the eyes in a resting head's frame: by bones, else by what blinks, else of a person."""
    centres = bones.eye_centres() if bones else None
    if centres is not None:
        return centres
    found = [rig and _what_blinks(rig, f"eyeBlink{side}") for side in ("Left", "Right")]
    if bones is None and all(each is not None for each in found):
        return np.array(found)
    return _PERSONS_EYES


def _what_blinks(rig: Rig, source: str) -> np.ndarray | None:
    """(3,) the middle of what a key of the speaker's moves, in FLAME's axes; None without such a key."""
    for part, row in rig.rows:
        if part == rig.speaker and row.kind == "KEY" and row.source == source:
            keys = part.data.shape_keys
            far = np.linalg.norm(shape_keys.offsets(keys.key_blocks[row.target]), axis=1)
            if far.sum() > 0:
                x, y, z = far @ shape_keys.coordinates(keys.reference_key) / far.sum()
                return np.array([x, z, -y])
    return None


def target_of(speaker: bpy.types.Object) -> bpy.types.Object | None:
    """What the speaker is to look at; None if nothing, or if it is gone from every scene."""
    target = getattr(speaker, LOOK_AT, None)
    return target if target is not None and target.users_scene else None


def still_aim(scene: bpy.types.Scene, rig: Rig, n_frames: int) -> np.ndarray | None:
    """(T, 3) as `aim_at` where a speaker's target is; None without one, or where one of them may move."""
    target = target_of(rig.speaker)
    if target is None or _moving(rig, target):
        return None
    return aim_at(scene, rig, target, np.arange(float(n_frames)))


def aim_at(scene: bpy.types.Scene, rig: Rig, target: bpy.types.Object, moments: np.ndarray) -> np.ndarray:
    """Where a target is (T, 3) in these frames (T,) of a scene, seen from the joint of the head at rest.

    It is looked up frame by frame where something may move it or the head, and once where nothing does.
    """
    if not _moving(rig, target):
        return np.tile(_seen_from(rig, target), (len(moments), 1))
    whole = np.unique(np.floor(moments)).astype(int)
    current, subframe = scene.frame_current, scene.frame_subframe
    found = np.empty((len(whole), 3))
    try:
        for row, frame in enumerate(whole):
            scene.frame_set(int(frame))
            found[row] = _seen_from(rig, target)
    finally:
        scene.frame_set(current, subframe=subframe)
    return np.column_stack([np.interp(moments, whole, column) for column in found.T])


def _moving(rig: Rig, target: bpy.types.Object) -> bool:
    """Whether a target may move, or the head that looks at it, but for its own turns."""
    items = [target, rig.speaker, *([rig.bones.armature] if rig.bones else [])]
    return any(_may_move(item) for item in items)


def _may_move(item: bpy.types.Object) -> bool:
    """Whether anything but the takes of its own face may move an object, or what it hangs on, over time."""
    while item is not None:
        animation = item.animation_data
        if animation and (animation.drivers or animation.nla_tracks or not _is_ours(animation.action)):
            return True
        others = [each for each in item.constraints if not _follows_its_head(item, each)]
        if others or item.rigid_body is not None:
            return True
        item = item.parent
    return False


def _is_ours(action: bpy.types.Action | None) -> bool:
    return action is None or actions.METADATA in action


def _follows_its_head(item: bpy.types.Object, constraint: bpy.types.Constraint) -> bool:
    return item.type == "ARMATURE" and constraint.type == "COPY_TRANSFORMS"


def _seen_from(rig: Rig, target: bpy.types.Object) -> np.ndarray:
    """(3,) where a target is in a resting head's frame: between its eyes if it is a head, else its origin."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    face = face_kinds.rig_of(target) if target.type == "MESH" else None
    bones = head_bones.find(target) if target.type == "ARMATURE" else (face.bones if face else None)
    if bones or face:
        point = _frame(bones, target, depsgraph) @ Vector(_eyes(face, bones).mean(axis=0))
    else:
        point = target.evaluated_get(depsgraph).matrix_world.translation
    return np.array(_frame(rig.bones, rig.speaker, depsgraph).inverted_safe() @ point)


def _frame(bones: HeadBones | None, item: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Matrix:
    """From a resting head's frame to the world: its joint and axes, or its mesh in FLAME's."""
    if bones is not None:
        return _rest_frame(bones, depsgraph)
    return item.evaluated_get(depsgraph).matrix_world @ jaw_bone.UPRIGHT.to_4x4()


def _rest_frame(bones: HeadBones, depsgraph: bpy.types.Depsgraph) -> Matrix:
    """From a head's joint and axes to the world, as what carries it is posed but itself at rest."""
    posed = bones.armature.evaluated_get(depsgraph)
    bone = posed.pose.bones[bones.names[0]]
    frame = Matrix(bones.axes).to_4x4()
    frame.translation = bone.bone.head_local
    if bone.parent:
        frame = bone.parent.matrix @ bone.bone.parent.matrix_local.inverted() @ frame
    return posed.matrix_world @ frame
