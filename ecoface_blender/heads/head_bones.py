"""The bones that turn a character's head and eyes: found by their names, turned about the head's own axes."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..channels import Channel
from ..core.head_pose import eye_rotations
from ..core.jaw_skinning import rotations
from . import jaw_bone
from .head_turn import HeadTurn

SIDES = ("left", "right")
_SIDE_WORDS = {"l": "left", "left": "left", "r": "right", "right": "right"}
_HEADS = ("head", "頭")
_NECKS = ("neck", "neckupper", "necktwist", "necklower", "首")
"""What turns the head where there is no bone of that name: FLAME's heads have their neck alone."""
_EYES = ("eye", "faceeye", "eyeball", "eyes", "目")
"""CC_Base_L_Eye, mixamorig:LeftEye, lEye, LeftEye, J_Adj_L_FaceEye, FACIAL_L_Eye, left_eye_smplhf."""
_JAPANESE = ("頭", "首", "目")
_DECORATION = {"jnt", "joint", "bone", "ctrl", "control", "con", "fk", "smplhf", "m", "x", "c", "b", "bn"}
"""Words that some rigs put behind or before what a bone is."""
_NOT_TURNED = {
    "mch", "org", "end", "nub", "tip", "target", "ik", "helper", "top", "offset", "parallel", "lid", "socket",
    "def", "scale", "twist", "look", "aim", "tweak", "master", "hair", "accessory",
}  # fmt: skip
_MOVING = {
    "COPY_ROTATION", "COPY_TRANSFORMS", "DAMPED_TRACK", "TRACK_TO", "LOCKED_TRACK", "IK", "ARMATURE",
    "ACTION", "TRANSFORM", "SPLINE_IK",
}  # fmt: skip
"""Constraints that turn a bone themselves, and so leave its keys unseen."""
_AIMING = {"DAMPED_TRACK", "TRACK_TO", "LOCKED_TRACK"}


@dataclass(frozen=True)
class HeadBones:
    """Of one armature."""

    armature: bpy.types.Object
    head: str | None
    eyes: tuple[str, str] | None
    """Left and right."""
    targets: tuple[str, ...] = ()
    """Controls that the eyes are aimed at by constraints, and which are moved instead of them."""

    @property
    def names(self) -> list[str]:
        """Of all that turn."""
        return [*([self.head] if self.head else []), *(self.eyes or ())]

    @property
    def moved(self) -> list[str]:
        """Of all that have curves: targets instead of eyes that are aimed at them."""
        return [*self.names, *self.targets]

    @property
    def axes(self) -> np.ndarray:
        """FLAME's axes (left, up, forward) as columns (3, 3), in the armature's space at rest."""
        bones = self.armature.data.bones
        up = _up(self.armature, bones[self.names[0]])
        if self.eyes is None:
            upright = jaw_bone.UPRIGHT if abs(up.z) > 0.5 else Matrix.Identity(3)
            return np.array(upright)
        left = jaw_bone.along_an_axis(bones[self.eyes[0]].head_local - bones[self.eyes[1]].head_local)
        return np.array(Matrix((left, up, left.cross(up))).transposed())

    def eye_centres(self) -> np.ndarray | None:
        """(2, 3) the eyes' joints seen from the head's, along `axes`, in the armature's units."""
        if self.eyes is None:
            return None
        bones = self.armature.data.bones
        joint = bones[self.names[0]].head_local
        return np.array([bones[name].head_local - joint for name in self.eyes]) @ self.axes

    def channels(self, turn: HeadTurn, eyes: bool = True) -> list[Channel]:
        """The curves of the bones; of the head alone where others turn the eyes."""
        out = []
        if self.head:
            out += self._turned(self.head, rotations(turn.head))
        if self.eyes and eyes:
            looks = list(eye_rotations(turn.eyes))
            if self.targets:
                out += self._aimed(looks)
            else:
                for name, turns in zip(self.eyes, looks, strict=True):
                    out += self._turned(name, turns)
        return out

    def rest(self) -> None:
        """Take the bones back to where nothing turns them."""
        for name in self.moved:
            bone = self.armature.pose.bones[name]
            bone.rotation_euler, bone.rotation_quaternion = (0, 0, 0), (1, 0, 0, 0)
            bone.rotation_axis_angle = (0, 0, 1, 0)
            if name in self.targets:
                bone.location = (0, 0, 0)

    def _aimed(self, looks: list[np.ndarray]) -> list[Channel]:
        """Where the targets go for the eyes to be turned so (T, 3, 3); one for both is seen from between."""
        bones, axes = self.armature.data.bones, self.axes
        joints = [np.array(bones[name].head_local) for name in self.eyes or ()]
        if len(self.targets) == 1:
            joints, looks = [(joints[0] + joints[1]) / 2], [looks[0]]
        out = []
        for name, joint, turns in zip(self.targets, joints, looks, strict=True):
            arm = (np.array(bones[name].head_local) - joint) @ axes
            away = (turns @ arm - arm) @ axes.T  # (T, 3) in the armature's space
            values = away @ np.array(bones[name].matrix_local)[:3, :3]
            path = self.armature.pose.bones[name].path_from_id("location")
            out += [Channel(self.armature, path, index, values[:, index]) for index in range(3)]
        return out

    def _turned(self, name: str, turns: np.ndarray) -> list[Channel]:
        bone = self.armature.pose.bones[name]
        to_bone = np.array(bone.bone.matrix_local.to_3x3().inverted()) @ self.axes
        return jaw_bone.turn_channels(bone, to_bone @ turns @ to_bone.T)

    def seen(self, posed: bpy.types.Object) -> list[np.ndarray]:
        """Rotations (3, 3) of head, left and right eye along `axes` as posed, each against what it hangs on.

        `posed` is the armature, evaluated; constraints and edits by hand are in it.
        """
        axes, out = self.axes, []
        for name in (self.head, *(self.eyes or (None, None))):
            if name is None:
                out.append(np.eye(3))
                continue
            bone = posed.pose.bones[name]
            rest, here = np.array(bone.bone.matrix_local)[:3, :3], _rotation(bone.matrix)
            if bone.parent:
                above = _rotation(bone.parent.matrix)
                rest = np.array(bone.bone.parent.matrix_local)[:3, :3].T @ rest
                here = above.T @ here
                to_parent = np.array(bone.bone.parent.matrix_local)[:3, :3].T @ axes
            else:
                to_parent = axes
            out.append(to_parent.T @ here @ rest.T @ to_parent)
        return out


def find(armature: bpy.types.Object | None) -> HeadBones | None:
    """The bones that turn head and eyes of a character; None if it has neither, or they cannot be keyed."""
    if armature is None or not armature.is_editable:  # linked, without an override
        return None
    named = [name for name in armature.data.bones.keys() if _says(name)]  # noqa: SIM118
    bones = [armature.pose.bones[name] for name in named]
    free = [bone.name for bone in bones if not _turned_by_others(bone)]
    head = _best(free, _HEADS) or _best(free, _NECKS)
    if aimed := _aimed_eyes(armature, bones):
        return HeadBones(armature, head, *aimed)
    eyes = tuple(_best(free, _EYES, side) for side in SIDES)
    pair = (str(eyes[0]), str(eyes[1])) if all(eyes) and eyes[0] != eyes[1] else None
    return HeadBones(armature, head, pair) if head or pair else None


@lru_cache(maxsize=10_000)
def _says(name: str) -> bool:
    """Whether a name is worth a look: asked of every bone of a rig at each redraw."""
    words, _ = _words(name)
    return any(word.startswith(("head", "neck", "eye", "face", *_JAPANESE)) for word in words)


def _aimed_eyes(
    armature: bpy.types.Object, bones: Sequence[bpy.types.PoseBone]
) -> tuple[tuple[str, str], tuple[str, ...]] | None:
    """Eyes that constraints aim at bones of their armature, as Rigify's, and what to move instead."""
    found: dict[str, tuple[str, str]] = {}
    for bone in bones:
        words, side = _words(bone.name)
        aims = [each for each in bone.constraints if each.type in _AIMING and each.target == armature]
        aims = [each for each in aims if not each.mute and each.influence > 0 and each.subtarget]
        if side and aims and words and "".join(words[-1:]) in _EYES:
            found.setdefault(side, (bone.name, aims[0].subtarget))
    if len(found) < len(SIDES):
        return None
    eyes, targets = zip(*(found[side] for side in SIDES), strict=True)
    above = [armature.data.bones[name].parent for name in targets]
    if above[0] and above[0] == above[1] and "eye" in above[0].name.lower():
        targets = (above[0].name,)
    return (eyes[0], eyes[1]), tuple(targets)


def _best(names: Iterable[str], known: tuple[str, ...], side: str | None = None) -> str | None:
    """The name that says it most plainly: by the order of `known`, then by few words, then by few letters."""
    found = []
    for name in names:
        words, of_side = _words(name)
        if of_side != side or _NOT_TURNED & set(words):
            continue
        core = [word for word in words if word not in _DECORATION]
        ends = ["".join(core[start:]) for start in range(len(core))]
        ranks = [known.index(end) for end in ends if end in known]
        if ranks:
            found.append((min(ranks), len(words), len(name), name))
    return min(found)[3] if found else None


@lru_cache(maxsize=10_000)
def _words(name: str) -> tuple[tuple[str, ...], str | None]:
    """The lower-case words of a bone's name without its side, wherever that stands; and the side."""
    name = re.sub(r"\.\d{3}$", "", name)
    name = name.replace("左", " left ").replace("右", " right ")
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = [word.lower() for word in re.split(r"[\W_]+", spaced) if word]
    sides = [_SIDE_WORDS[word] for word in words if word in _SIDE_WORDS]
    rest = tuple(word for word in words if word not in _SIDE_WORDS and not word.isdigit())
    return rest, sides[0] if len(set(sides)) == 1 else None


def _turned_by_others(bone: bpy.types.PoseBone) -> bool:
    return any(each.type in _MOVING and not each.mute and each.influence > 0 for each in bone.constraints)


def _up(armature: bpy.types.Object, bone: bpy.types.Bone) -> Vector:
    """The armature's axis that leads to a bone from its lowest ancestor, or from the ground without one."""
    root = bone
    while root.parent is not None and root.parent.head_local != bone.head_local:
        root = root.parent
    way = bone.head_local - root.head_local
    if way.length < 1e-6:
        way = armature.matrix_world.to_3x3().inverted() @ Vector((0, 0, 1))
    return jaw_bone.along_an_axis(way)


def _rotation(matrix: Matrix) -> np.ndarray:
    """(3, 3) of a matrix that may scale, too."""
    return np.array(matrix.to_quaternion().to_matrix())
