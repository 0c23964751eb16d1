"""The skin: cut at the neck, split along the hairline, with lips, mouth cavity, hair and colours."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from training.head import colours, seam
from training.head.borders import within_border
from training.head.parts import Part, Piece, clip_below, cut_out
from training.head.scalp import hair_share, split_along_hairline
from training.head.source import AnnyData, Bools, Floats, Ints, SourceMesh
from training.head.surface import smoothstep
from training.head.teeth import UPPER, front_side
from training.head.vestibule import drawn_back

CUT_ABOVE_NECK = 0.005  # m
CUT_SLOPE = -0.25  # rise of the cut per metre forwards
CORNERS = (0.0222, -0.0296, 0.0935)  # m: of the mouth
CORNER = (0.001, 0.003)  # m from there: up to here all is lips, from there on what the masks say
BEHIND = (0.001, 0.007)  # m behind the lips: up to here their inner side is as they are, from there on dark
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
        """Material index (F,); borders of lips and mouth run along few and short edges."""
        at, faces = self.positions, self.part.faces
        skin, lip, mouth, hair = (colours.MATERIALS.index(n) for n in ("skin", "lips", "mouth", "hair"))
        off = np.linalg.norm(np.c_[np.abs(at[:, 0]), at[:, 1:]] - CORNERS, axis=1)
        corner = 1 - smoothstep(off, *CORNER)
        lips = within_border(at, faces, np.maximum.reduce([self.lips, self.inside, corner]))
        behind = smoothstep(cKDTree(at[self.lips > 0.5]).query(at)[0], *BEHIND)
        inside = within_border(at, faces, np.minimum(self.inside, behind) * (1 - corner))
        outside = np.where(self.hair[faces].mean(1) > 0.5, hair, skin)
        return np.where(inside, mouth, np.where(lips, lip, outside))

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
