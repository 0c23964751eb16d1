"""A head made ready to be drawn: refined so that outlines are round, with the colours its materials give.

FLAME-like heads are coarse at the skull; long edges are split here and the new vertices bulge with the
normals, so a portrait shows no corners. Everything that does not move is worked out once.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ecoface_model.arrays import NDArray
from ecoface_model.core.head_file import FlameFile
from ecoface_model.renderer.raster import vertex_normals

IRIS_RADIUS = 0.0058  # metres, a human iris
LONGEST_EDGE = 0.010  # metres; longer ones are split
SKIN, LIPS, TEETH, TONGUE, MOUTH, EYE, BROW, HAIR = range(8)
"""What the shading tells apart."""

_KIND = {
    "lips": LIPS, "teeth": TEETH, "lower teeth": TEETH, "tongue": TONGUE, "mouth": MOUTH,
    "sclera": EYE, "iris": EYE, "pupil": EYE, "brow": BROW, "hair": HAIR,
}  # fmt: skip
LASHES = (0.0016, 0.55)
"""Metres from an eyeball within which the upper lid's edge is drawn, and how dark: lashes from afar."""


Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


class Split(NamedTuple):
    """One round of refinement: the faces before it, and the two ends of each edge that gets a new vertex."""

    faces: Tensor
    ends: Tensor


@dataclass(frozen=True)
class Surface:
    """The refined mesh and what is painted on it; vertices of the head come first, then the new ones."""

    splits: tuple[Split, ...]
    faces: Tensor
    """(F, 3)"""
    kind: Tensor
    """(F,) of SKIN ... EYE."""
    colour: Tensor
    """(V, 3) linear."""
    lips: Tensor
    """(V,) 0..1, how much lip the vertex is."""
    gaze: Tensor
    """(V, 3) from the eyeball's centre in its radii, zero off the eyeballs."""
    strokes: Tensor
    """(V, 2) along and across the brow, zero off the brows."""
    rest: Tensor
    """(V, 3) in metres."""
    iris_angle: float
    """Radians between an eye's axis and its iris's rim."""

    def vertices_of(self, kind: int) -> Int[Tensor, "some"]:
        """Indices of the vertices that a kind of face shares with no skin or lips."""
        member = torch.zeros(len(self.colour), dtype=torch.bool, device=self.colour.device)
        member[self.faces[self.kind == kind].flatten()] = True
        for other in (SKIN, LIPS):
            member[self.faces[self.kind == other].flatten()] = False
        return member.nonzero()[:, 0]

    def refine(self, vertices: Float[Tensor, "batch coarse 3"]) -> Float[Tensor, "batch fine 3"]:
        """Vertices of the head -> vertices of the refined mesh."""
        for split in self.splits:
            normals = vertex_normals(vertices, split.faces)
            a, b = (vertices.index_select(1, end) for end in split.ends)
            normal_a, normal_b = (normals.index_select(1, end) for end in split.ends)
            edge = b - a
            lift = (edge * normal_a).sum(-1, keepdim=True) * normal_a
            lift = lift - (edge * normal_b).sum(-1, keepdim=True) * normal_b
            vertices = torch.cat([vertices, (a + b) / 2 - lift / 8], dim=1)  # middle of a PN curve
        return vertices


def surface_of(head: FlameFile, device: torch.device) -> Surface:
    """Everything about a head's looks that does not move."""
    faces, splits, kinds = head.faces.astype(np.int64), [], _face_kinds(head)
    vertices = head.v_template
    for _ in range(2):
        fine, ends, parents = _split_long_edges(vertices, faces)
        if not len(ends):
            break
        splits.append(Split(torch.from_numpy(faces).to(device), torch.from_numpy(ends.T.copy()).to(device)))
        vertices = np.concatenate([vertices, vertices[ends].mean(1)])
        faces, kinds = fine, kinds[parents]
    gaze, radius = _gaze(head)
    painted = [
        _colours(head, gaze, radius),
        _mask(head, "lips")[:, None],
        gaze,
        _strokes(head),
        head.v_template,
    ]
    spreading = torch.from_numpy(np.concatenate(painted, axis=1).astype(np.float32)).to(device)
    colour, lips, directions, strokes, rest = torch.split(spread(spreading, splits), [3, 1, 3, 2, 3], dim=1)
    return Surface(
        splits=tuple(splits),
        faces=torch.from_numpy(faces).to(device),
        kind=torch.from_numpy(kinds).to(device),
        colour=colour.contiguous(),
        lips=lips[:, 0].contiguous(),
        gaze=directions.contiguous(),
        strokes=strokes.contiguous(),
        rest=rest.contiguous(),
        iris_angle=float(np.arcsin(min(IRIS_RADIUS / radius, 0.9))),
    )


def spread(
    attributes: Float[Tensor, "coarse channels"], splits: list[Split]
) -> Float[Tensor, "fine channels"]:
    """Attributes of a head's vertices -> of the refined mesh's; new values are means."""
    for split in splits:
        attributes = torch.cat([attributes, attributes[split.ends].mean(0)])
    return attributes


def _split_long_edges(vertices: Floats, faces: Ints) -> tuple[Ints, Ints, Ints]:
    """Faces with their long edges halved, the ends (n, 2) of those edges, and each new face's old one.

    An edge is split for both its faces or for neither, so no gaps appear.
    """
    edges = np.sort(np.stack([faces, np.roll(faces, -1, 1)], -1).reshape(-1, 2), 1)  # 01, 12, 20 of each face
    unique, of_face = np.unique(edges, axis=0, return_inverse=True)
    long = np.linalg.norm(vertices[unique[:, 0]] - vertices[unique[:, 1]], axis=1) > LONGEST_EDGE
    new = np.where(long, len(vertices) + np.cumsum(long) - 1, -1)[of_face.reshape(-1, 3)]  # (F, 3)
    n_long = (new >= 0).sum(1)
    parts, parents = [faces[n_long == 0]], [np.flatnonzero(n_long == 0)]
    for count, first in ((1, lambda m: m >= 0), (2, lambda m: np.roll(m, 1, 1) < 0), (3, lambda m: m >= 0)):
        index = np.flatnonzero(n_long == count)
        turn = (first(new[index]).argmax(1)[:, None] + np.arange(3)) % 3
        corner = np.take_along_axis(faces[index], turn, 1).T
        middle = np.take_along_axis(new[index], turn, 1).T
        pieces = _pieces(count, corner, middle)
        parts += pieces
        parents += [index] * len(pieces)
    return np.concatenate(parts), unique[long], np.concatenate(parents)


def _pieces(n_long: int, corner: Ints, middle: Ints) -> list[Ints]:
    """Triangles that take the place of ones with 1 (edge 01), 2 (01 and 12) or 3 split edges."""
    (a, b, c), (ab, bc, ca) = corner, middle
    if n_long == 1:
        triangles = [(a, ab, c), (ab, b, c)]
    elif n_long == 2:
        triangles = [(ab, b, bc), (a, ab, bc), (a, bc, c)]
    else:
        triangles = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return [np.stack(triangle, 1) for triangle in triangles]


def _mask(head: FlameFile, name: str) -> Floats:
    """A mask as 0 or 1 for every vertex."""
    member = np.zeros(len(head.v_template), np.float32)
    member[np.asarray(head.masks.get(name, ()), int)] = 1.0
    return member


def _face_kinds(head: FlameFile) -> Ints:
    """Kind of every face."""
    return np.array([_KIND.get(name, SKIN) for name in head.material_names], dtype=np.int64)[head.material]


def _colours(head: FlameFile, gaze: Floats, radius: float) -> Floats:
    """The head's own colours, with a line of lashes on the upper lids."""
    reach, dark = LASHES
    skin = np.unique(head.faces[_face_kinds(head) == SKIN])
    colours = head.vertex_colors.copy()
    ball = np.flatnonzero(gaze.any(1))
    centres = head.v_template[ball] - gaze[ball] * radius
    for side in (-1, 1):
        of_side = np.sign(centres[:, 0]) == side
        if of_side.any():
            offset = head.v_template[skin] - centres[of_side].mean(0)
            near = np.linalg.norm(offset, axis=1) - radius
            upper = (offset[:, 2] > 0.3 * radius) & (offset[:, 1] > -0.05 * radius)
            share = np.where(upper, np.clip(1 - near / reach, 0, 1), 0.0)
            colours[skin] *= 1 - dark * share[:, None]
    return colours


def _strokes(head: FlameFile) -> Floats:
    """Along and across each brow, 0..1, for its vertices; zero elsewhere."""
    strokes = np.zeros((len(head.v_template), 2), np.float32)
    brow = _face_kinds(head) == BROW
    if brow.any():
        strokes[head.faces[brow]] = head.uv[head.uv_faces[brow]]
    return strokes


def _gaze(head: FlameFile) -> tuple[Floats, float]:
    """Direction of each eyeball vertex from its eye's centre in radii, and the mean radius in metres."""
    gaze, radii = np.zeros_like(head.v_template), []
    eyeballs = np.asarray(head.masks.get("eyeballs", ()), int)
    for side in (-1, 1):
        ball = eyeballs[np.sign(head.v_template[eyeballs, 0]) == side]
        if len(ball) < 4:
            continue
        points = head.v_template[ball].astype(np.float64)
        # a sphere through the points: |p|^2 = 2 c.p + (r^2 - |c|^2)
        system = np.column_stack([2 * points, np.ones(len(points))])
        centre = np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0][:3]
        radii.append(np.linalg.norm(points - centre, axis=1).mean())
        gaze[ball] = (points - centre) / radii[-1]
    return gaze, float(np.mean(radii)) if radii else 0.012
