"""Lips that meet do not go through one another: each frame is moved by as little as keeps them apart.

The lips are cut into columns from one corner of the mouth to the other. In each the deepest point of either
lip behind the other's surface is found on the head itself; what is deeper than a soft contact is pushed back,
by the change of coefficients that moves the rest of the face least. Every frame is treated by itself and by a
smooth function of its depth, so that a smooth motion stays smooth and long clips may come in parts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model.core.constants import EXPRESSION_DIM, LOWER_INNER, MOTION_DIM, UPPER_INNER
from ecoface_model.core.errors import HeadError
from ecoface_model.core.head_file import FlameFile
from ecoface_model.flame import FlameHead
from ecoface_model.postprocess.face_regions import upper_projection

FREE_DEPTH = 0.15  # mm that lips may press into one another before they feel it
GIVE = 0.2  # mm more that they give in at most, however hard they press
SHUT_DEPTH = 0.1  # mm, of lips that a closure brings together
PULLED_FROM = (1.5, 3.0)  # mm; lips closer than the first are pulled shut fully, further than the second not
PULLED_IN_SILENCE = (20.0, 30.0)  # the same amid a long pause, or where nobody speaks at all
SURE = (0.5, 0.8)  # probabilities of a closure between which its pull grows from nothing to all
N_COLUMNS = 11
ITERATIONS = 6
_WIDTH = 0.019  # m to either side of the middle; further out the lips are one fold
_CORNER = 0.004  # m of surface from where the lips join
_SURROUNDINGS = 0.02  # m
_NEAR = 0.001  # m between lips that just touch, for points that may meet
_CANDIDATES = 16  # places of the other lip that a point may meet; with fewer, those of pursed lips are missed
_ASIDE = 1.5  # mm from the nearest place, along its face; points further off are past the lip's rim
_STEP = 0.4  # mm at most at once
_PARTED = 0.5  # mm of the inner lips' landmarks that a long pause leaves, to be shut as others are
_IDLE = 1e6  # mm^2; how little a column that needs nothing is held in place
_ELASTIC = 5.0  # mm^2
_STIFFNESS = 0.02  # mm of root mean square motion that one unit of a coefficient counts besides
_LIPS, _UPPER_FACE = 4.0, 50.0
_OPEN = 1.0  # mm between the inner lips' landmarks; lips further apart cross nowhere
_TOUCHING = 0.05  # weight of mouthClose at which the reference head's lips touch
_UPPER_MIDDLE, _LOWER_MIDDLE = (51, 62), (57, 66)  # iBUG: outer and inner edge of each lip
_PLACES = (
    torch.tensor(
        [[2, 2, 2], [4, 1, 1], [1, 4, 1], [1, 1, 4], [2.8, 2.8, 0.4], [2.8, 0.4, 2.8], [0.4, 2.8, 2.8]]
    )
    / 6
)  # (S, 3) of a triangle


@dataclass(frozen=True)
class _Meeting:
    """Points of one lip, faces of the other, and which places of those each point may meet."""

    corners: Int[Tensor, "points 3"]
    shares: Float[Tensor, "points 3"]
    faces: Int[Tensor, "faces 3"]
    candidates: Int[Tensor, "points candidates"]
    """Numbers of places: those of the first face, of the second, ..."""

    def closest(
        self, vertices: Float[Tensor, "n vertices 3"]
    ) -> tuple[Float[Tensor, "n points"], Float[Tensor, "n points 3"], Int[Tensor, "n points"]]:
        """Height of each point over the face nearest to it, that face's normal, and the place's number."""
        points = torch.einsum("pk,npkx->npx", self.shares, vertices[:, self.corners])
        faces = vertices[:, self.faces]  # (n, F, 3, 3)
        places = torch.einsum("sk,nfkx->nfsx", _PLACES, faces).flatten(1, 2)  # (n, F S, 3)
        off = points[:, :, None] - places[:, self.candidates]  # (n, P, M, 3)
        number = off.square().sum(dim=-1).argmin(dim=2)  # (n, P)
        off = off.gather(2, number[..., None, None].expand(-1, -1, 1, 3))[:, :, 0]
        place = self.candidates[torch.arange(len(self.candidates)), number]  # (n, P)
        sides = faces[:, :, 1:] - faces[:, :, :1]  # (n, F, 2, 3)
        normals = torch.nn.functional.normalize(torch.linalg.cross(sides[:, :, 0], sides[:, :, 1]), dim=-1)
        normal = normals.gather(1, (place // len(_PLACES))[..., None].expand(-1, -1, 3))  # (n, P, 3)
        height = (off * normal).sum(dim=-1)
        distance = off.norm(dim=-1)
        aside = (distance.square() - height.square()).clamp(min=0).sqrt()  # mm along that face
        gap: Tensor = torch.where(aside < _ASIDE, height, distance)
        return gap, normal, place


class LipContact:
    """The lips of one head, ready to be kept out of one another."""

    def __init__(self, file: FlameFile) -> None:
        """Find the lips' columns.

        Raises:
            HeadError: if the head has no landmarks, no mask of lips or no unit mouthClose.
        """
        if not file.has_landmarks or not len(file.masks["lips"]) or "mouthClose" not in file.arkit_names:
            raise HeadError(
                f"expected landmarks, lips and mouthClose with the head '{file.name}', found none; "
                "use the reference head"
            )
        upper, lower = lip_sides(file)
        lips = np.isin(np.arange(len(file.v_template)), file.masks["lips"])
        corner = _corner(file, upper, lower)
        skin = np.flatnonzero((upper | lower)[file.faces].all(axis=1) & lips[file.faces].any(axis=1))
        head = FlameHead.from_file(file)
        self._whole, self._head = head, head.restricted_to(torch.from_numpy(skin))
        close = _TOUCHING * torch.from_numpy(file.arkit_coefficients[file.arkit_names.index("mouthClose")])
        touching = self._head.vertices(close.float()[None])[0]  # (K, 3)
        faces = self._head.faces  # (F, 3)
        side = [torch.from_numpy(s[file.faces[skin]].all(axis=1)) for s in (upper, lower)]
        free = torch.from_numpy((lips & ~corner)[file.faces[skin]].all(axis=1))
        self._meetings = [_meeting(touching, faces[side[own] & free], faces[side[1 - own]]) for own in (1, 0)]
        self._columns = _columns(touching, self._meetings)  # (C, most points of one)
        moves = _moves(self._head)  # (K, 3, 53) mm per unit
        self._point_moves = torch.cat(
            [torch.einsum("pk,pkxm->pxm", m.shares, moves[m.corners]) for m in self._meetings]
        )
        self._place_moves = torch.cat(
            [torch.einsum("sk,fkxm->fsxm", _PLACES, moves[m.faces]).flatten(0, 1) for m in self._meetings]
        )
        counts = torch.tensor([len(m.corners) for m in self._meetings])
        self._first_place = torch.tensor([0, len(_PLACES) * len(self._meetings[0].faces)]).repeat_interleave(
            counts
        )
        self._soft = _softness(file)  # (53, 53)
        self._upper = torch.from_numpy(upper_projection(file))  # (50, 50)

    def settle(
        self,
        motion: Float[Tensor, "frames 53"],
        closure: Float[Tensor, " frames"] | None = None,
        pause: Float[Tensor, " frames"] | None = None,
    ) -> Float[Tensor, "frames 53"]:
        """The motion with lips that touch instead of crossing.

        `closure` is the probability that a sound shuts the lips; where it is sure and they are nearly shut
        already, they are brought together in every column. Amid a long `pause`, from 0 to 1, they are
        however far apart they were.
        """
        closure = motion.new_zeros(len(motion)) if closure is None else closure
        pause = motion.new_zeros(len(motion)) if pause is None else pause
        motion = self._relaxed(motion, pause)
        pulled_from = torch.lerp(
            motion.new_tensor(PULLED_FROM), motion.new_tensor(PULLED_IN_SILENCE), pause[:, None]
        )  # (T, 2)
        near = self._nearly_shut(motion, closure, pulled_from[:, 1])  # (n,)
        gaps = self.gaps(motion[near])  # (n, C) mm
        goal = _goal(gaps, closure[near], pulled_from[near])
        asked = goal != gaps
        some = asked.any(dim=1)
        chosen, goal, asked = near[some], goal[some], asked[some]
        frames = motion[chosen]
        for _ in range(ITERATIONS):
            frames = frames + self._step(frames, goal, asked)
        out = motion.clone()
        out[chosen] = frames
        return out

    def gaps(self, motion: Float[Tensor, "frames 53"]) -> Float[Tensor, "frames columns"]:
        """mm between the lips in each column, from the subject's right to the left; below 0 they cross."""
        return self._gaps(motion)[0]

    def _relaxed(
        self, motion: Float[Tensor, "frames 53"], pause: Float[Tensor, " frames"]
    ) -> Float[Tensor, "frames 53"]:
        """The lower face nearer to the head's own, amid a long pause, until the lips are hardly parted.

        A mouth that smiles or frowns with shut lips goes on doing so.
        """
        parted = self._parted(motion).amax(dim=1)  # (T,)
        own = self._parted(motion.new_zeros(1, MOTION_DIM)).amax()
        kept = ((_PARTED - own) / (parted - own).clamp(min=1e-3)).clamp(0, 1)
        less = (pause * torch.where(parted > _PARTED, 1 - kept, torch.zeros_like(kept)))[:, None]
        expression, jaw = motion.split((EXPRESSION_DIM, MOTION_DIM - EXPRESSION_DIM), dim=1)  # type: ignore[no-untyped-call]
        return torch.cat([torch.lerp(expression, expression @ self._upper, less), (1 - less) * jaw], dim=1)

    def _parted(self, motion: Float[Tensor, "frames 53"]) -> Float[Tensor, "frames 3"]:
        """mm between the inner lips' landmarks."""
        height = 1000 * self._whole.landmarks(motion)[..., 1]  # (T, 68)
        return height[:, UPPER_INNER] - height[:, LOWER_INNER]

    def _nearly_shut(
        self,
        motion: Float[Tensor, "frames 53"],
        closure: Float[Tensor, " frames"],
        furthest: Float[Tensor, " frames"],
    ) -> Int[Tensor, " n"]:
        """Numbers of the frames whose lips may cross, or may have to be shut."""
        gap = self._parted(motion).amin(dim=1)  # (T,)
        pulled = (closure > SURE[0]) & (gap < furthest)
        return ((gap < _OPEN) | pulled).nonzero()[:, 0]

    def _step(
        self,
        frames: Float[Tensor, "n 53"],
        goal: Float[Tensor, "n columns"],
        asked: Bool[Tensor, "n columns"],
    ) -> Float[Tensor, "n 53"]:
        """Least change that brings the columns to their goals: S A' (A S A' + E)^-1 r, S soft, E elastic."""
        gaps, slopes = self._gaps(frames)  # (n, C), (n, C, 53)
        bound = torch.full_like(gaps, -FREE_DEPTH)
        missing = torch.where(asked, goal - gaps, (bound - gaps).clamp(min=0))
        held = torch.where(asked | (missing > 0), _ELASTIC, _IDLE)
        soft = slopes @ self._soft  # (n, C, 53)
        system = soft @ slopes.mT + torch.diag_embed(held)  # (n, C, C)
        forces = torch.linalg.solve(system, missing.clamp(-_STEP, _STEP)[..., None])  # (n, C, 1)
        change: Tensor = (soft.mT @ forces)[..., 0]
        return change

    def _gaps(
        self, motion: Float[Tensor, "n 53"]
    ) -> tuple[Float[Tensor, "n columns"], Float[Tensor, "n columns 53"]]:
        """Gap of each column at its closest point, and what each coefficient adds to it."""
        vertices = 1000 * self._head.vertices(motion)  # (n, K, 3)
        gap, normal, place = (
            torch.cat(f, dim=1) for f in zip(*(m.closest(vertices) for m in self._meetings), strict=True)
        )
        padded = torch.cat([gap, gap.new_full((len(gap), 1), torch.inf)], dim=1)
        least, nth = padded[:, self._columns].min(dim=2)  # (n, C)
        point = self._columns[torch.arange(len(self._columns)), nth]  # (n, C)
        axis = normal.gather(1, point[..., None].expand(-1, -1, 3))  # (n, C, 3)
        moves = (
            self._point_moves[point] - self._place_moves[place.gather(1, point) + self._first_place[point]]
        )
        slopes: Tensor = torch.einsum("ncxm,ncx->ncm", moves, axis)
        return least, slopes


def _goal(
    gaps: Float[Tensor, "n columns"], closure: Float[Tensor, " n"], pulled_from: Float[Tensor, "n 2"]
) -> Float[Tensor, "n columns"]:
    """mm that each column's gap is to be; the same number where it is right."""
    over = (-FREE_DEPTH - gaps).clamp(min=0)
    goal = torch.where(over > 0, -FREE_DEPTH - GIVE * torch.tanh(over / GIVE), gaps)
    sure = ((closure - SURE[0]) / (SURE[1] - SURE[0])).clamp(0, 1)
    first, last = pulled_from.unbind(dim=1)
    reached = ((last - gaps.amax(dim=1)) / (last - first)).clamp(0, 1)
    pull = (sure * reached)[:, None] * (gaps + SHUT_DEPTH).clamp(min=0)
    return goal - pull


def lip_sides(file: FlameFile) -> tuple[Bool[NDArray[Any], " vertices"], Bool[NDArray[Any], " vertices"]]:
    """Vertices nearer to the upper lip's middle than to the lower's along the surface, and the others."""
    corners = file.faces[file.landmark_faces]
    upper, lower = (_distance(file, corners[list(m)].ravel()) for m in (_UPPER_MIDDLE, _LOWER_MIDDLE))
    reached = np.isfinite(upper) & np.isfinite(lower)
    return reached & (upper < lower), reached & (upper >= lower)


def _corner(file: FlameFile, upper: NDArray[Any], lower: NDArray[Any]) -> NDArray[Any]:
    """Vertices (V,) close to where the lips join."""
    joining = file.faces[upper[file.faces].any(axis=1) & lower[file.faces].any(axis=1)]
    near: NDArray[Any] = _distance(file, np.unique(joining)) <= _CORNER
    return near


def _distance(file: FlameFile, of: NDArray[Any]) -> NDArray[np.float64]:
    """Metres (V,) along edges from the nearest of some vertices; infinite off the lips' surroundings."""
    lips = file.v_template[file.masks["lips"]]
    low, high = lips.min(axis=0) - _SURROUNDINGS, lips.max(axis=0) + _SURROUNDINGS
    around = ((file.v_template >= low) & (file.v_template <= high)).all(axis=1)
    faces = file.faces[around[file.faces].all(axis=1)]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    length = np.linalg.norm(file.v_template[edges[:, 0]] - file.v_template[edges[:, 1]], axis=1)
    out = np.full(len(file.v_template), np.inf)
    out[of] = 0
    while True:
        shorter = out.copy()
        np.minimum.at(shorter, edges[:, 1], out[edges[:, 0]] + length)
        if np.array_equal(shorter, out):
            return out
        out = shorter


def _meeting(touching: Tensor, own: Int[Tensor, "f 3"], other: Int[Tensor, "g 3"]) -> _Meeting:
    """The points of one lip's faces that come near the other's when they touch."""
    vertices = torch.unique(own)
    edges = torch.unique(
        torch.cat([own[:, [0, 1]], own[:, [1, 2]], own[:, [2, 0]]]).sort(dim=1).values, dim=0
    )
    corners = torch.cat([vertices[:, None].expand(-1, 3), edges[:, [0, 1, 1]], own])  # (P, 3)
    kinds = [((1.0, 0.0, 0.0), len(vertices)), ((0.5, 0.5, 0.0), len(edges)), ((1 / 3,) * 3, len(own))]
    shares = torch.cat([torch.tensor([share]).expand(n, -1) for share, n in kinds])
    places = torch.einsum("sk,fkx->fsx", _PLACES, touching[other]).flatten(0, 1)  # (F S, 3)
    points = torch.einsum("pk,pkx->px", shares, touching[corners])
    near, candidates = torch.cdist(points, places).topk(_CANDIDATES, dim=1, largest=False)
    meets = (near[:, 0] < _NEAR) & (points[:, 0].abs() < _WIDTH)
    used, candidates = torch.unique(candidates[meets] // len(_PLACES), return_inverse=True), candidates[meets]
    return _Meeting(
        corners[meets], shares[meets], other[used[0]], used[1] * len(_PLACES) + candidates % len(_PLACES)
    )


def _columns(touching: Tensor, meetings: list[_Meeting]) -> Int[Tensor, "columns points"]:
    """Numbers of the points of each column, one lip's and then the other's, filled up with one too many."""
    rows, first = [], 0
    for meeting in meetings:
        x = torch.einsum("pk,pk->p", meeting.shares, touching[meeting.corners][..., 0])
        of = ((x / _WIDTH + 1) / 2 * N_COLUMNS).long().clamp(0, N_COLUMNS - 1)
        rows += [first + (of == column).nonzero()[:, 0] for column in torch.unique(of)]
        first += len(x)
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=first)


def _moves(head: FlameHead) -> Float[Tensor, "vertices 3 53"]:
    """mm that each coefficient moves each vertex, at rest."""
    expression = head.expression_directions.reshape(EXPRESSION_DIM, -1, 3).permute(1, 2, 0)  # (K, 3, 50)
    arm = head.template - head.jaw_joint()
    axes = torch.eye(3)
    turns = torch.stack([torch.linalg.cross(axis.expand_as(arm), arm) for axis in axes], dim=-1)  # (K, 3, 3)
    moves: Tensor = 1000 * torch.cat([expression, head.jaw_weights[:, None, None] * turns], dim=-1)
    return moves


def _softness(file: FlameFile) -> Float[Tensor, "53 53"]:
    """Inverse of what a change of coefficients costs: how much it moves the face, mean square in mm.

    The eyes' surroundings and the forehead count `_UPPER_FACE` times, lips `_LIPS` times.
    """
    weight = np.zeros(len(file.v_template))
    weight[np.unique(file.faces)] = 1
    weight[file.masks["lips"]] = _LIPS
    weight[np.union1d(file.masks["eye_region"], file.masks["forehead"])] = _UPPER_FACE
    moves = _moves(FlameHead.from_file(file)).double()
    energy = torch.einsum("v,vxm,vxn->mn", torch.from_numpy(weight), moves, moves) / np.count_nonzero(weight)
    stiff = torch.eye(MOTION_DIM, dtype=torch.float64) * _STIFFNESS**2
    stiff[EXPRESSION_DIM:, EXPRESSION_DIM:] /= 0.06**2  # radians that are as much as one unit of expression
    inverse: Tensor = torch.linalg.inv(energy + stiff)
    return inverse.float()
