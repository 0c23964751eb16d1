"""The head's surface put together: skin, teeth, tongue, eyeballs, brows; its masks and landmarks."""

import functools
from dataclasses import dataclass

import numpy as np

from training.head import colours
from training.head.brows import brow_part
from training.head.eyes import eye_piece, fit_sphere
from training.head.landmarks import landmark_points
from training.head.parts import Part, Piece, join
from training.head.skin import CUT_ABOVE_NECK, Skin, build_skin, near_head
from training.head.source import AnnyData, Bools, Floats, Ints, SourceMesh
from training.head.surface import Surface, SurfacePoint
from training.head.teeth import LOWER, UPPER, arch_piece
from training.head.tongue import TONGUE, tongue_piece

EYES = ("helper-l-eye", "helper-r-eye")


@dataclass(frozen=True)
class HeadShape:
    """The joined surface; the origin is hm08's head joint."""

    mesh: SourceMesh  # hm08 as it lies under the head
    part: Part
    pieces: tuple[Piece, ...]
    vertices: Floats  # (V, 3) metres
    skin: Skin  # its vertices and faces come first
    source: Ints  # hm08's vertices of this head: they alone decide the principal directions
    neck_base: Floats  # (3,)
    eye_centres: tuple[Floats, Floats]  # left, right

    def block(self, *names: str) -> Ints:
        """Vertex indices of the parts with these names."""
        counts = [p.part.mix.shape[0] for p in self.pieces]
        owner = np.repeat(np.arange(len(counts)), counts)
        return np.flatnonzero(np.isin(owner, [i for i, p in enumerate(self.pieces) if p.part.name in names]))

    @functools.cached_property
    def skin_surface(self) -> Surface:
        """The skin alone; its faces are the head's first faces."""
        return Surface(self.skin.positions, self.skin.part.faces)

    @property
    def eye_height(self) -> float:
        """Height of the eyes' centres, m."""
        return float(np.mean([c[1] for c in self.eye_centres]))

    def landmarks(self) -> list[SurfacePoint]:
        """The 68 landmarks."""
        mix = self.skin.part.mix
        whole = mix.max(axis=1).toarray()[:, 0] == 1.0
        source = np.asarray(mix.argmax(axis=1)).ravel()
        of_source = {int(s): i for i, s in enumerate(source) if whole[i]}
        return landmark_points(self.skin_surface, of_source, self.skin.lips, self.eye_height)

    def masks(self) -> dict[str, Bools]:
        """Vertex masks by name."""
        v, n, skin = self.vertices, len(self.vertices), self.skin
        lips, face = np.zeros(n), np.zeros(n, dtype=bool)
        lips[: len(skin.lips)] = skin.lips
        face[: len(skin.lips)] = skin.inside < 0.5
        face &= v[:, 2] > 0.04
        eye = np.min([np.linalg.norm((v - c)[:, :2], axis=1) for c in self.eye_centres], axis=0)
        above_eyes = v[:, 1] - self.eye_height
        return {
            "lips": face & (lips > 0.5),
            "eye_region": face & (eye < 0.028),
            "forehead": face & (above_eyes > 0.03) & (above_eyes < 0.085),
            "teeth": _chosen(n, self.block(UPPER.group, LOWER.group)),
            "tongue": _chosen(n, self.block(TONGUE)),
            "eyeballs": _chosen(n, self.block(*EYES)),
        }

    def materials(self) -> Ints:
        """Material index (F,) of each face."""
        return np.concatenate([p.material for p in self.pieces])

    def colours(self) -> Floats:
        """Linear RGB (V, 3)."""
        return np.concatenate([p.colours for p in self.pieces])


def _chosen(n: int, indices: Ints) -> Bools:
    out = np.zeros(n, dtype=bool)
    out[indices] = True
    return out


def build_shape(data: AnnyData) -> HeadShape:
    """Cuts, replaces and joins the parts."""
    mesh, origin = _centred(data)
    neck_base = data.joint("joint-neck") - origin
    skin = build_skin(data, mesh, neck_base)
    left, right = (fit_sphere(mesh.vertices[np.unique(mesh.faces[mesh.part == n])])[0] for n in EYES)
    eye_height = float(left[1] + right[1]) / 2
    pieces = (
        skin.piece(),
        arch_piece(mesh, UPPER),
        arch_piece(mesh, LOWER),
        tongue_piece(mesh),
        *(eye_piece(mesh, name) for name in EYES),
        *(_brow(skin, eye_height, side) for side in (1, -1)),
    )
    part = join([p.part for p in pieces])
    source = _source_vertices(mesh, neck_base)
    return HeadShape(mesh, part, pieces, part.positions(mesh), skin, source, neck_base, (left, right))


def _brow(skin: Skin, eye_height: float, side: int) -> Piece:
    """A brow whose colour fades into the skin's."""
    surface = Surface(skin.positions, skin.part.faces)
    part, hair = brow_part(skin.part, surface, eye_height, side)
    below = np.tile(colours.SKIN, (len(hair), 1))
    material = np.full(len(part.faces), colours.MATERIALS.index("brow"))
    return Piece(part, colours.blend(below, colours.BROW, hair), material)


def _centred(data: AnnyData) -> tuple[SourceMesh, Floats]:
    """hm08's average adult with the head joint's height and depth at the origin."""
    mesh = data.mesh
    origin = data.joint("joint-head") * [0, 1, 1]
    return SourceMesh(mesh.vertices - origin, mesh.faces, mesh.uv, mesh.uv_faces, mesh.part), origin


def _source_vertices(mesh: SourceMesh, neck_base: Floats) -> Ints:
    body = np.unique(mesh.faces[near_head(mesh, neck_base)])
    body = body[mesh.vertices[body, 1] > neck_base[1] + CUT_ABOVE_NECK]
    return np.union1d(
        body, np.unique(mesh.faces[np.isin(mesh.part, (UPPER.group, LOWER.group, TONGUE, *EYES))])
    )
