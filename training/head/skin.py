"""The skin: cut at the neck, split along the hairline, with lips, mouth cavity, hair and colours."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sparse

from training.head import colours, seam
from training.head.parts import Part, Piece, clip_below, cut_out
from training.head.scalp import hair_share, split_along_hairline
from training.head.source import AnnyData, Bools, Floats, Ints, SourceMesh
from training.head.teeth import UPPER, front_side
from training.head.vestibule import drawn_back

CUT_ABOVE_NECK = 0.005  # m
CUT_SLOPE = -0.25  # rise of the cut per metre forwards
CORNERS, CORNER = (0.0222, -0.0296, 0.0935), 0.0015  # m: of the mouth, and how far they are lips all around
WITHIN_CORNER, BEHIND_CORNER = 0.006, 0.0941  # m: from CORNERS, and depth, of the mouth's inside there
SPIKES = 2  # rounds in which the border of the lips is evened
WEB = 0.0022  # m from CORNERS: of the fold between the lips, which is in their shadow
DARK_BEHIND = 0.045  # m behind the lips, where the mouth is dark
CHEEKS, NOSE, NOSTRILS = (0.045, 0.005, 0.075), (0.0, 0.004, 0.113), (0.0090, -0.0006, 0.1038)


@dataclass(frozen=True)
class Skin:
    """The skin and how much of what each vertex (V,) is, 0..1."""

    part: Part
    positions: Floats  # (V, 3) metres
    lips: Floats
    inside: Floats
    """The mouth's cavity, behind the lips."""
    ears: Floats
    hair: Floats

    def piece(self) -> Piece:
        """With its colours and materials."""
        return Piece(self.part, self._colours(), self._materials())

    def _materials(self) -> Ints:
        lips, inside = self.lips[self.part.faces].mean(1), self.inside[self.part.faces].mean(1)
        skin, lip, mouth, hair = (colours.MATERIALS.index(n) for n in ("skin", "lips", "mouth", "hair"))
        at = self.positions[self.part.faces].mean(1)
        at[:, 0] = np.abs(at[:, 0])
        lips = np.where(
            np.linalg.norm(at - CORNERS, axis=1) < CORNER, 1.0, _without_spikes(self.part.faces, lips)
        )
        off = np.linalg.norm(at - CORNERS, axis=1)
        behind = (off < WITHIN_CORNER) & (at[:, 2] < BEHIND_CORNER)
        within = (lips > 0.5) & (behind | (off < WEB))  # where lips join: their inner side, and their fold
        lips, inside = np.where(within, 0.0, lips), np.where(within, 1.0, inside)
        outside = np.where(self.hair[self.part.faces].mean(1) > 0.5, hair, skin)
        return np.where(lips > 0.5, lip, np.where(inside > 0.5, mouth, outside))

    def _colours(self) -> Floats:
        at = self.positions
        out = np.tile(colours.SKIN, (len(at), 1))
        flush = colours.bump(at, CHEEKS, 0.022) + colours.bump(at, NOSE, 0.014) + self.ears
        out = colours.blend(out, colours.FLUSH, 0.3 * flush)
        out = colours.blend(out, colours.NOSTRIL, np.clip(1.6 * colours.bump(at, NOSTRILS, 0.0032), 0, 1))
        out = colours.blend(out, colours.HAIR, 0.93 * self.hair)
        out = colours.blend(out, colours.LIPS, self.lips)
        out = colours.blend(out, colours.LIPS, 0.8 * colours.bump(at, CORNERS, 0.0020))
        depth = np.clip((0.0985 - at[:, 2]) / DARK_BEHIND, 0, 1)
        dark = colours.MOUTH * (1 - 0.95 * depth)[:, None]
        mouth: Floats = out + self.inside[:, None] * (dark - out)
        return mouth


def _without_spikes(faces: Ints, share: Floats) -> Floats:
    """Shares (F,) of lip, of faces that are no spike of the lips' border and no notch in it."""
    ends = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    edge = np.unique(ends, axis=0, return_inverse=True)[1].ravel()
    beside = sparse.csr_matrix((np.ones(len(edge)), (edge, owner)))
    beside = beside.T @ beside  # 1 for faces with a common edge
    for _ in range(SPIKES):
        lip = share > 0.5
        neighbours = beside @ lip.astype(float) - 3 * lip
        share = np.where(neighbours >= 2, 1.0, 0.0)  # of three
    return share


def _lips_shut(part: Part, mesh: SourceMesh) -> Floats:
    """Offsets (V, 3), m, by which the lips touch."""
    upper, lower = (int(part.mix.tocsc()[:, number].nonzero()[0][0]) for number in (seam.UPPER, seam.LOWER))
    return seam.lips_shut(part.positions(mesh), part.faces, upper, lower)


def near_head(mesh: SourceMesh, neck_base: Floats) -> Bools:
    """hm08's faces of the body from somewhat below the neck's base upwards."""
    near = (mesh.vertices[:, 1] > neck_base[1] - 0.05) & (np.abs(mesh.vertices[:, 0]) < 0.12)
    chosen: Bools = (mesh.part == "body") & near[mesh.faces].all(1)
    return chosen


def build_skin(data: AnnyData, mesh: SourceMesh, neck_base: Floats) -> Skin:
    """The body above a sloped plane through the neck."""
    part = cut_out(mesh, near_head(mesh, neck_base), "body")
    above = part.positions(mesh) - neck_base
    part = clip_below(part, above[:, 1] - CUT_ABOVE_NECK - CUT_SLOPE * above[:, 2])
    part = split_along_hairline(part, mesh)
    positions = part.positions(mesh)
    masks = (data.mask(f"mpfb_{name}") for name in ("lips", "inside-mouth", "ears"))
    lips, inside, ears = (colours.vertex_mask(mask, part) for mask in masks)
    part = replace(part, offset=part.offset + drawn_back(positions, inside, lips, front_side(UPPER)))
    round_off = seam.corners_round(part.positions(mesh), part.faces, CORNERS)
    part = replace(part, offset=part.offset + round_off)
    part = replace(part, offset=part.offset + _lips_shut(part, mesh))
    positions = part.positions(mesh)
    return Skin(part, positions, lips, inside, ears, hair_share(positions, ears))
