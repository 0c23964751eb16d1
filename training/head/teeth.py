"""Teeth of our own: two dental arches with gums, in place of hm08's plain strips."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from training.head.colours import GUM, MATERIALS, TEETH
from training.head.parts import Part, Piece, following, grid_faces
from training.head.source import Floats, Ints, SourceMesh

DROP = np.array(
    [[0, 0], [5, 0.5], [9, 1.7], [14, 4.5], [18, 8.4], [22, 13.6], [26, 21], [29, 31], [31.5, 39], [32, 46]]
)
"""The arch from above, in mm: half width, and how far it falls back from the incisors."""
ACROSS = np.array([0.0, 0.12, 0.5, 0.88])  # columns over a tooth's width, beginning between two teeth
SHAPE = np.array([0.0, 0.8, 1.0, 0.8])  # bulge at each: grooves are narrow, so that crowns are told apart
GROOVE = 2.0  # mm from the middle of a crown's front to where it meets its neighbour
FRONT = 0.845  # bulge at which a crown lies on the arch
DARK_FROM, DARK_OVER = 0.005, 0.026
"""m behind the incisors from where on, and m over which, teeth fade into the dark."""
IN_SHADE = 0.8  # of the upper teeth's light that reaches the lower ones, behind the lip


@dataclass(frozen=True)
class Arch:
    """One row of teeth; heights in mm from the edge, towards the gum."""

    group: str
    material: str
    widths: tuple[float, ...]  # mm, from the middle outwards
    edge: tuple[float, float]  # (y, z) of the incisors' edge, m
    gum_side: int  # 1 where the gum is above the teeth, -1 below
    narrower: float  # mm off the arch on every side
    crown: tuple[float, ...]  # mm, height of each tooth
    shorter: tuple[float, ...]  # mm by which the edge of each ends before the plane of the bite
    rounded: tuple[float, ...]  # mm by which each is shorter where it meets its neighbour
    level: float  # mm behind the incisors up to where the edges do not climb
    rise: float  # of them towards the back from there on: the row climbs with the plane of the bite


UPPER = Arch(
    "helper-upper-teeth", "teeth", (8.6, 6.8, 7.6, 7.0, 7.0, 11.0), (-0.0294, 0.0957), 1, 0.0,
    (10.0, 9.2, 9.8, 8.4, 7.6, 7.0), (0.0, 0.4, 0.0, 0.4, 0.6, 0.8), (0.4, 0.5, 0.8, 0.7, 0.7, 0.7),
    0.0, 0.10,
)  # fmt: skip
LOWER = Arch(
    "helper-lower-teeth", "lower teeth", (5.4, 6.0, 7.0, 7.2, 7.4, 11.5), (-0.0330, 0.0932), -1, 1.95,
    (7.8, 8.0, 8.4, 7.6, 7.0, 7.0), (0.0, 0.5, 2.0, 3.4, 3.8, 4.0), (0.4, 0.4, 0.8, 0.8, 0.8, 0.8),
    14.0, 0.10,
)  # fmt: skip
ROWS = np.array(
    [1.45, 1.0, 0.8, 0.45, 0.12, 0.0, 0.12, 0.7]
)  # crown heights from gum to edge to the tongue's side
OUTWARDS = np.array([0.6, 0.5, 0.3, 0.4, 0.0, -0.7, -1.7, -4.0])  # mm, of each row


def arch_piece(mesh: SourceMesh, arch: Arch) -> Piece:
    """One arch; it follows hm08's own teeth."""
    columns, tooth, bulge = _columns(arch)
    middle, outward = _curve(columns, arch)  # (C, 2) x and z in m, unit normals
    crown = np.array(arch.crown)[tooth] * 1e-3
    ends = (np.array(arch.shorter)[tooth] + np.array(arch.rounded)[tooth] * (1 - bulge) ** 1.5) * 1e-3
    rows = []
    for height, out in zip(ROWS, OUTWARDS, strict=True):
        on_gum, on_crown = height >= 1, height <= 1
        up = crown * height * (1 - 0.16 * (1 - bulge) * on_gum)  # gums reach further down between teeth
        up = up + ends * max(0.0, 1 - height) * (height < 1)  # teeth end unalike, and round
        plane = middle + outward * ((out + GROOVE * (bulge - FRONT) * on_crown) * 1e-3)[:, None]
        y = bite_plane(arch, middle[:, 1]) + arch.gum_side * up
        rows.append(np.c_[plane[:, 0], y, plane[:, 1]])
    vertices = np.stack(rows)  # (R, C, 3)
    return _piece(mesh, arch, vertices, _colours(vertices, bulge, arch))


def bite_plane(arch: Arch, depth: Floats) -> Floats:
    """Height (..), m, of the row's edges at a depth (..), m: it climbs towards the back."""
    behind = arch.edge[1] - depth - arch.level * 1e-3
    out: Floats = arch.edge[0] + arch.rise * np.where(arch.level, np.maximum(behind, 0), behind)
    return out


def front_side(arch: Arch) -> tuple[Floats, Floats]:
    """An arch from above: points (C, 2) x and z in metres, and outward unit normals."""
    return _curve(np.linspace(-55, 55, 111), arch)


def _piece(mesh: SourceMesh, arch: Arch, vertices: Floats, colours: Floats) -> Piece:
    n_rows, n_columns = vertices.shape[:2]
    faces = grid_faces(n_rows, n_columns)
    if arch.gum_side < 0:
        faces = faces[:, ::-1]
    across = np.meshgrid(np.linspace(0, 1, n_rows), _in_teeth(arch), indexing="ij")
    flat = vertices.reshape(-1, 3)
    mix = following(mesh, np.unique(mesh.faces[mesh.part == arch.group]), flat)
    uv = np.stack(across, -1).reshape(-1, 2)
    part = Part(arch.group, mix, flat - mix @ mesh.vertices, faces, uv, faces)
    return Piece(part, colours.reshape(-1, 3), np.full(len(faces), MATERIALS.index(arch.material)))


def _columns(arch: Arch) -> tuple[Floats, Ints, Floats]:
    """Distance along the arch (C,) in mm from the middle, the tooth of each column, and its bulge 0..1."""
    starts = np.cumsum([0.0, *arch.widths])
    at = (starts[:-1, None] + np.array(arch.widths)[:, None] * ACROSS).ravel()
    tooth = np.repeat(np.arange(len(arch.widths)), len(ACROSS))
    bulge = np.tile(SHAPE, len(arch.widths))
    right = np.array([*at, starts[-1]])
    tooth, bulge = np.r_[tooth, tooth[-1]], np.r_[bulge, 0.0]
    return np.r_[-right[:0:-1], right], np.r_[tooth[:0:-1], tooth], np.r_[bulge[:0:-1], bulge]


def _in_teeth(arch: Arch) -> Floats:
    """How many teeth each column (C,) is along the arch, as a share of all of them."""
    ends = np.cumsum([0.0, *arch.widths])
    even = np.linspace(0, 1, 2 * len(ends) - 1)
    out: Floats = np.interp(_columns(arch)[0], np.r_[-ends[:0:-1], ends], even)
    return out


def _curve(along: Floats, arch: Arch) -> tuple[Floats, Floats]:
    """Points (C, 2) x, z in metres at distances along the arch in mm, and outward normals."""
    x = np.linspace(0, DROP[-1, 0], 400)
    z = -PchipInterpolator(*DROP.T)(x)
    length = np.r_[0, np.cumsum(np.hypot(np.diff(x), np.diff(z)))]
    side = np.sign(along)
    px, pz = np.interp(np.abs(along), length, x), np.interp(np.abs(along), length, z)
    tangent = np.stack([np.interp(np.abs(along), length, np.gradient(v, length)) for v in (x, z)], -1)
    normal = np.c_[-tangent[:, 1] * side, tangent[:, 0]]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    points = np.c_[side * px, pz] - arch.narrower * normal * (np.abs(along) > 0)[:, None]
    points[:, 1] -= points[:, 1].max()
    return points * 1e-3 + [0, arch.edge[1]], normal


def _colours(vertices: Floats, bulge: Floats, arch: Arch) -> Floats:
    """Gum, teeth with darker gaps; all darker towards the throat."""
    row = np.arange(len(ROWS))[:, None, None]
    enamel = TEETH * (0.45 + 0.55 * bulge**0.6)[None, :, None] * np.where(row == 1, 0.85, 1.0)
    colours = np.where(row == 0, GUM, enamel)
    colours = np.where(row >= 6, colours * 0.6, colours)
    depth = np.clip((arch.edge[1] - DARK_FROM - vertices[..., 2:]) / DARK_OVER, 0, 1)
    out: Floats = colours * (1 - 0.85 * depth) * (1.0 if arch.gum_side > 0 else IN_SHADE)
    return out
