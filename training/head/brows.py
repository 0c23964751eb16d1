"""Eyebrows: two soft ribbons that lie on the skin and take every motion from the skin under them."""

import numpy as np
import scipy.sparse as sparse

from training.head.parts import Part, grid_faces, vertex_normals
from training.head.source import Floats
from training.head.surface import Surface

N_ALONG, N_ACROSS = 52, 8
INNER, OUTER = 0.0118, 0.0520  # m from the midline
HEIGHT = 0.0008  # m above the skin in the middle of the ribbon
SUNK = -0.0006  # m at its rim, so that it fades into the skin
SLANT = 0.0035  # m that the upper rim leans outwards: hairs grow up and out
SHARE_ACROSS = np.array([0.05, 0.6, 0.9, 1.0, 1.0, 0.9, 0.6, 0.05])  # of hair, from below


def brow_curve(u: Floats, eye_height: float) -> tuple[Floats, Floats, Floats]:
    """Middle line and half width of the left brow at u = 0 (inner end) .. 1 (tail): x, y, half width."""
    x = INNER + (OUTER - INNER) * u
    y = eye_height + 0.0165 + 0.0072 * np.sin(np.pi * np.clip(u * 0.78 + 0.02, 0, 1)) - 0.0035 * u
    half = 0.0052 * (0.72 + 0.28 * np.clip(u / 0.2, 0, 1)) * np.clip(1.02 - u, 0, 1) ** 0.62
    return x, y, half


def brow_part(skin: Part, surface: Surface, eye_height: float, side: int) -> tuple[Part, Floats]:
    """One brow and its share of hair (V,); `side` is 1 for the subject's left (+x), -1 for the right."""
    random = np.random.default_rng(7)
    along, across = np.meshgrid(np.linspace(0, 1, N_ALONG), np.linspace(-1, 1, N_ACROSS), indexing="ij")
    ragged = 1 + 0.16 * random.uniform(-1, 1, (N_ALONG, 2))  # every column ends where a tuft of hair ends
    reach = np.where(across < 0, ragged[:, :1], ragged[:, 1:])
    x, y, half = brow_curve(along, eye_height)
    x, y = x + SLANT * across * np.clip(1.2 - along, 0, 1), y + half * across * reach
    points = [surface.front(side * float(a), float(b)) for a, b in zip(x.ravel(), y.ravel(), strict=True)]
    shares = sparse.lil_matrix((len(points), len(surface.vertices)))
    for row, point in enumerate(points):
        shares[row, surface.faces[point.face]] = point.barycentric
    on_skin = shares.tocsr()
    normals = on_skin @ vertex_normals(surface.vertices, surface.faces)
    edge = np.maximum(np.abs(across), np.abs(2 * along - 1) ** 16).ravel()
    lift = HEIGHT + (SUNK - HEIGHT) * edge**3
    faces = grid_faces(N_ALONG, N_ACROSS)
    if side < 0:
        faces = faces[:, ::-1]
    uv = np.c_[along.ravel(), across.ravel() / 2 + 0.5]
    part = Part("brow", (on_skin @ skin.mix).tocsr(), normals * lift[:, None], faces, uv, faces)
    return part, _hair(along, random).ravel()


def _hair(along: Floats, random: np.random.Generator) -> Floats:
    """Share of hair (N_ALONG, N_ACROSS): tufts of different darkness, thin at both ends."""
    tufts = 1 - 0.4 * random.random((N_ALONG, 1)) ** 2 - 0.12 * random.random((N_ALONG, N_ACROSS))
    begin: Floats = np.minimum(along / 0.14 + 0.25, 1.0)
    end: Floats = np.minimum((1 - along) / 0.12 + 0.15, 1.0)
    out: Floats = SHARE_ACROSS * tufts * begin * end
    return out
