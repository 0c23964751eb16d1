"""Parts of the head: each vertex is a fixed mix of hm08's, so that every target carries over to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse

from training.head.source import Bools, Floats, Ints, SourceMesh


@dataclass(frozen=True)
class Part:
    """Some of the head's faces, and where its vertices come from."""

    name: str
    mix: sparse.csr_matrix  # (V, N): rows sum to 1
    offset: Floats  # (V, 3) metres, added to the mixed positions
    faces: Ints  # (F, 3)
    uv: Floats  # (n_uv, 2)
    uv_faces: Ints  # (F, 3)

    def carry(self, field: Floats) -> Floats:
        """A displacement of hm08 (N, 3), or several (N, 3, n), on this part's vertices (V, ...)."""
        out: Floats = (self.mix @ field.reshape(len(field), -1)).reshape(-1, *field.shape[1:])
        return out

    def positions(self, mesh: SourceMesh) -> Floats:
        """Rest positions (V, 3), metres."""
        return self.carry(mesh.vertices) + self.offset


@dataclass(frozen=True)
class Piece:
    """A part and what it looks like."""

    part: Part
    colours: Floats  # (V, 3) linear RGB
    material: Ints  # (F,) index into MATERIALS


def join(parts: Sequence[Part], name: str = "head") -> Part:
    """All parts as one, in order."""
    first_vertex = np.cumsum([0] + [p.mix.shape[0] for p in parts])
    first_uv = np.cumsum([0] + [len(p.uv) for p in parts])
    return Part(
        name,
        sparse.vstack([p.mix for p in parts]).tocsr(),
        np.concatenate([p.offset for p in parts]),
        np.concatenate([p.faces + n for p, n in zip(parts, first_vertex, strict=False)]),
        np.concatenate([p.uv for p in parts]),
        np.concatenate([p.uv_faces + n for p, n in zip(parts, first_uv, strict=False)]),
    )


def cut_out(mesh: SourceMesh, chosen: Bools, name: str) -> Part:
    """The chosen faces of hm08 with their vertices and UVs, renumbered."""
    vertices, faces = np.unique(mesh.faces[chosen], return_inverse=True)
    uvs, uv_faces = np.unique(mesh.uv_faces[chosen], return_inverse=True)
    rows = np.arange(len(vertices))
    mix = sparse.csr_matrix((np.ones(len(rows)), (rows, vertices)), (len(rows), len(mesh.vertices)))
    shape = (-1, 3)
    return Part(
        name, mix, np.zeros((len(rows), 3)), faces.reshape(shape), mesh.uv[uvs], uv_faces.reshape(shape)
    )


def clip_below(part: Part, height: Floats) -> Part:
    """The part above a surface: `height` (V,) is each vertex's signed distance; crossing edges are split."""
    return _without_unused(_split(part, height, (1,)))


def split_at(part: Part, height: Floats) -> Part:
    """The whole part, with edges split where the signed distance `height` (V,) crosses zero."""
    return _split(part, height, (1, -1))


def _split(part: Part, height: Floats, sides: tuple[int, ...]) -> Part:
    new, uvs = _Splitter(part.mix), list(part.uv)
    faces, uv_faces = [], []
    for face, uv_face in zip(part.faces, part.uv_faces, strict=True):
        for side in sides:
            made = []
            for (a, uv_a), (b, uv_b), share in _clip_triangle(face, uv_face, side * height):
                if share == 0.0:
                    made.append((a, uv_a))
                else:
                    uvs.append(part.uv[uv_a] * (1 - share) + part.uv[uv_b] * share)
                    made.append((new.point(a, b, share), len(uvs) - 1))
            for i in range(1, len(made) - 1):
                faces.append([made[0][0], made[i][0], made[i + 1][0]])
                uv_faces.append([made[0][1], made[i][1], made[i + 1][1]])
    offset = np.zeros((new.n, 3))
    return Part(part.name, new.matrix(), offset, np.array(faces), np.array(uvs), np.array(uv_faces))


class _Splitter:
    """Makes new vertices on edges, one per edge."""

    def __init__(self, mix: sparse.csr_matrix) -> None:
        self._mix, self._made = mix, dict[tuple[int, int], int]()
        self._rows: list[sparse.csr_matrix] = []
        self.n = mix.shape[0]

    def point(self, a: int, b: int, t: float) -> int:
        """Index of the vertex at share t from a to b."""
        if a > b:
            a, b, t = b, a, 1 - t
        if (a, b) not in self._made:
            self._made[a, b] = self.n
            self._rows.append(self._mix[a] * (1 - t) + self._mix[b] * t)
            self.n += 1
        return self._made[a, b]

    def matrix(self) -> sparse.csr_matrix:
        return sparse.vstack([self._mix, *self._rows]).tocsr()


Corner = tuple[int, int]


def _clip_triangle(face: Ints, uv_face: Ints, height: Floats) -> list[tuple[Corner, Corner, float]]:
    """Sutherland-Hodgman on one triangle: corners (from, to, share), share 0 where a corner is kept."""
    out = []
    for i in range(3):
        a, b = (int(face[i]), int(uv_face[i])), (int(face[i - 2]), int(uv_face[i - 2]))
        ha, hb = height[a[0]], height[b[0]]
        if ha >= 0:
            out.append((a, b, 0.0))
        if (ha > 0 > hb) or (ha < 0 < hb):
            out.append((a, b, float(ha / (ha - hb))))
    return out


def _without_unused(part: Part) -> Part:
    """The part without vertices and UVs that no face uses."""
    used, faces = np.unique(part.faces, return_inverse=True)
    used_uv, uv_faces = np.unique(part.uv_faces, return_inverse=True)
    return Part(
        part.name,
        part.mix[used],
        part.offset[used],
        faces.reshape(-1, 3),
        part.uv[used_uv],
        uv_faces.reshape(-1, 3),
    )


def following(mesh: SourceMesh, source: Ints, vertices: Floats) -> sparse.csr_matrix:
    """Mix (V, N) by which new vertices take the affine motion that fits some of hm08's vertices best.

    x' = [x 1] A with A = pinv([P 1]) P' is linear in the moved P'.
    """
    points = mesh.vertices[source]
    shares = np.c_[vertices, np.ones(len(vertices))] @ np.linalg.pinv(np.c_[points, np.ones(len(points))])
    mix = sparse.lil_matrix((len(vertices), len(mesh.vertices)))
    mix[:, source] = shares
    return mix.tocsr()


def grid_faces(n: int, m: int) -> Ints:
    """Triangles (F, 3) of a grid of n x m vertices."""
    index = np.arange(n * m).reshape(n, m)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], 2)
    out: Ints = faces.reshape(-1, 3)
    return out


def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """Unit normals (V, 3), area-weighted."""
    corners = vertices[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out = np.zeros_like(vertices)
    for i in range(3):
        np.add.at(out, faces[:, i], face_normals)
    unit: Floats = out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
    return unit
