"""Whether a head shows the poses of a check: lips close, lids shut, the face moves, no two look alike."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np

from ..animation import actions
from ..channels import Channel
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds, face_shape, shape_keys, source_curves
from ..heads import report as face_report
from ..heads.contact_pairs import MET, Pairs, find_lids, find_lips
from ..heads.rig import Rig
from ..heads.shape import SIDES
from ..takes import evaluated
from . import poses as check_poses
from .poses import POSES, TITLES

CLOSED = 0.15  # of how far the lips part for A, or the lids at rest
OPENED = 0.1  # half widths of the mouth by which A parts the lips at least
STILL = 0.005  # of the face's height by which something moves at least


@dataclass(frozen=True)
class Finding:
    """What is wrong with one pose."""

    title: str
    label: str
    """In few words, beside the picture."""
    mend: str
    """In a sentence."""

    def __str__(self) -> str:
        return f"{self.title}: {self.label}; {self.mend}"


@dataclass(frozen=True)
class Checked:
    """A head in the poses, as measured."""

    findings: list[Finding]
    middle: np.ndarray
    """(3,) of the face, in the world."""
    height: float
    """Of what moves, in the world."""
    axes: np.ndarray
    """(3, 3) rows left, up, forward, in the world."""


@dataclass(frozen=True)
class Poses:
    """A speaker whose animation is off for a while."""

    rig: Rig
    curves: list[Channel]
    """(poses,) each."""

    def show(self, number: int) -> None:
        """Take on one of the poses."""
        for each in self.curves:
            evaluated.set_value(each, each.values[number])
            each.id_data.update_tag()


@contextmanager
def posed(context: bpy.types.Context, speaker: bpy.types.Object) -> Iterator[Poses]:
    """The speaker can show the poses of a check; afterwards it plays what it played.

    Raises:
        EcoFaceBlenderError: if it is no face, or cannot be animated now.
    """
    rig = face_kinds.known_rig(speaker)
    arrays = source_curves.reference_arrays()
    names = tuple(str(name) for name in arrays["arkit_names"])
    motion = check_poses.motion(names, arrays["arkit_coefficients"])
    curves = rig.channels(motion, check_poses.speech())
    owners = {each.id_data.as_pointer(): each.id_data for each in curves}.values()
    before = [_Animation.of(owner) for owner in owners]
    with evaluated.time_kept(context.scene, *evaluated.moved_by(rig)):
        for each in before:
            each.clear()
        try:
            yield Poses(rig, curves)
        finally:
            for each in before:
                each.restore()


@dataclass(frozen=True)
class _Animation:
    """What plays on a data-block."""

    owner: bpy.types.ID
    action: bpy.types.Action | None
    slot: bpy.types.ActionSlot | None
    use_nla: bool

    @classmethod
    def of(cls, owner: bpy.types.ID) -> "_Animation":
        if reason := actions.why_not_animatable(owner):
            raise EcoFaceBlenderError(reason)
        animation = owner.animation_data_create()
        return cls(owner, animation.action, animation.action_slot, animation.use_nla)

    def clear(self) -> None:
        """Play nothing."""
        self.owner.animation_data.use_nla, self.owner.animation_data.action = False, None

    def restore(self) -> None:
        """As before."""
        animation = self.owner.animation_data
        animation.action = self.action
        if self.slot is not None:
            animation.action_slot = self.slot
        animation.use_nla = self.use_nla
        self.owner.update_tag()


def check(context: bpy.types.Context, poses: Poses) -> Checked:
    """What the speaker does not show."""
    rig, speaker = poses.rig, poses.rig.speaker
    vertices = _vertices(context, poses)  # (poses, V, 3)
    moved = np.linalg.norm(vertices - vertices[0], axis=2)
    shape, axes = face_shape.shape_of(rig)
    moving = moved.max(axis=0) > 0.1 * max(moved.max(), 1e-9)
    points = vertices[0][moving]
    height = float(np.ptp(points @ axes[1]))
    found: dict[str, str] = {}
    if shape is not None:
        lips = find_lips(shape)
        found |= _lips(lips, vertices @ axes.T) if lips else {}
        lids = {side: pairs for side in SIDES if (pairs := find_lids(shape, side))}
        found |= _lids(lids, vertices @ axes.T)
    lacking = face_report.missing(rig)
    without = {p.title: f"no {name}" for p in reversed(POSES) for name in p.needs if name in lacking}
    found = without | _still(vertices, STILL * height) | found
    if rig.kind == face_kinds.VRM:  # which has no key for it
        found.pop("F", None)
    findings = [
        Finding(title, found[title], _mend(poses, number, lacking))
        for number, title in enumerate(TITLES)
        if title in found
    ]
    place = np.array(speaker.matrix_world)
    world = axes @ place[:3, :3].T
    world /= np.linalg.norm(world, axis=1, keepdims=True)
    in_world = points @ place[:3, :3].T + place[:3, 3]
    middle = (in_world.min(axis=0) + in_world.max(axis=0)) / 2
    return Checked(findings, middle, float(np.ptp(in_world @ world[1])), world)


def _lips(lips: Pairs, vertices: np.ndarray) -> dict[str, str]:
    """What is wrong with lips, of vertices (poses, V, 3) in the face's axes."""
    inner = np.abs(lips.places) < 0.5 if (np.abs(lips.places) < 0.5).any() else lips.places == lips.places
    gaps = vertices[:, lips.upper[inner], 1] - vertices[:, lips.lower[inner], 1]
    gaps = gaps - np.minimum(lips.shut[inner], 0.02 * lips.half_width)
    wide = np.median(gaps[TITLES.index("A")])
    if wide < OPENED * lips.half_width:
        return {"A": "the mouth does not open"}
    share = gaps[TITLES.index("P")].max() / wide
    return {"P": f"the lips stay {share:.0%} open"} if share > CLOSED else {}


def _lids(lids: Mapping[str, Pairs], vertices: np.ndarray) -> dict[str, str]:
    for side, pairs in lids.items():
        seam = np.minimum(pairs.shut, MET * pairs.half_width)  # of lids that never meet it is less
        opening = (vertices[:, pairs.upper, 1] - vertices[:, pairs.lower, 1] - seam).mean(axis=1)
        share = opening[TITLES.index("blink")] / max(opening[0], 1e-9)
        if share > CLOSED:
            return {"blink": f"the {side.lower()} eye stays {share:.0%} open"}
    return {}


def _still(vertices: np.ndarray, least: float) -> dict[str, str]:
    """Poses that do not move, or look like one before."""
    out = {}
    for number, title in enumerate(TITLES):
        apart = np.linalg.norm(vertices[:number] - vertices[number], axis=2).max(axis=1, initial=0)
        alike = [TITLES[other] for other in np.flatnonzero(apart < least)]
        if alike and title != "P":  # which may look like rest
            out[title] = "nothing moves" if alike[0] in ("rest", "P") else f"looks like {alike[0]}"
    return out


def _mend(poses: Poses, number: int, missing: Sequence[str]) -> str:
    """What would make a pose right."""
    speaker = poses.rig.speaker
    needs = POSES[number].needs
    lacking = [name for name in missing if name in needs]
    if why := needs and face_report.why_cut(speaker, needs):
        return why[0].lower() + why[1:-1]
    if lacking:
        return f"add a key for its {lacking[0]}, or map one in Shape Key Mapping"
    owner = speaker.data.shape_keys
    blocks = {block.path_from_id("value"): block.name for block in owner.key_blocks}
    shares = {blocks[each.path]: each.values[number] for each in poses.curves if each.id_data == owner}
    used = sorted((name for name in shares if shares[name] > 0.05), key=lambda name: -shares[name])
    keys = ", ".join(f"'{name}'" for name in used[:3])
    return f"see what its shape keys {keys} do" if keys else "map a shape key in Shape Key Mapping"


def _vertices(context: bpy.types.Context, poses: Poses) -> np.ndarray:
    """(poses, V, 3) in the object's space, with bones, without what changes the number of vertices."""
    speaker = poses.rig.speaker
    hidden = shape_keys.shaping(speaker)
    for each in hidden:
        each.show_viewport = False
    out = []
    try:
        for number in range(len(POSES)):
            poses.show(number)
            mesh = speaker.evaluated_get(context.evaluated_depsgraph_get()).data
            points = np.empty(3 * len(mesh.vertices), dtype=np.float32)
            mesh.vertices.foreach_get("co", points)
            out.append(points.reshape(-1, 3))
    finally:
        for each in hidden:
            each.show_viewport = True
    return np.array(out, dtype=np.float64)
