"""The tongue: hm08's, laid within the lower teeth, with its edges below theirs.

As hm08 has it, its sides stand through the front teeth: they hide the near half of the lower row, of which a
tooth or two on the far side is all that is seen, and fill a mouth that is hardly open.
"""

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from training.head import colours
from training.head.parts import Part, Piece, cut_out
from training.head.source import Floats, SourceMesh
from training.head.surface import smoothstep
from training.head.teeth import LOWER, bite_plane, front_side

TONGUE = "helper-tongue"
MOVED = np.array([0.0, -0.0025, 0.003])  # m: down, so that it is dark above it, and to the teeth
WIDER = 0.12  # of its width, so that it lies along the teeth
BEHIND = 0.0030  # m that its edge stays behind the front side of the lower teeth: teeth and half a mm
YIELDS = 0.0040  # m before that place over which it gives way, so that it stays round
LOW = 0.0012  # m that its edge lies below those of the teeth beside it
HIGH = 0.0036  # m that it rises over that at most: an open mouth is not filled by it but dark above it
BACK, FALLS = 0.068, 0.25  # m of depth from where on its back sinks, and by how much of a metre a metre
RISES = 0.016  # m from the edge inwards over which it rises to its full height


def tongue_piece(mesh: SourceMesh) -> Piece:
    """The tongue; it follows hm08's own."""
    part = cut_out(mesh, mesh.part == TONGUE, TONGUE)
    moved = MOVED + part.positions(mesh) * [WIDER, 0, 0]
    part = replace(part, offset=part.offset + moved)
    part = replace(part, offset=part.offset + _within_teeth(part, mesh))
    material = np.full(len(part.faces), colours.MATERIALS.index("tongue"))
    return Piece(part, colours.tongue_colours(part.positions(mesh)), material)


def _within_teeth(part: Part, mesh: SourceMesh) -> Floats:
    """Offsets (V, 3), m, that bring it behind the lower teeth, and its edges below theirs."""
    at = part.positions(mesh)
    points, normals = front_side(LOWER)
    nearest = cKDTree(points).query(at[:, [0, 2]])[1]
    normal = normals[nearest]
    before = ((at[:, [0, 2]] - points[nearest]) * normal).sum(axis=1) + BEHIND  # m past its place
    over = np.maximum(before + YIELDS, 0)
    back = over - YIELDS * np.tanh(over / YIELDS)
    out = np.zeros_like(at)
    out[:, 0], out[:, 2] = -(back[:, None] * normal).T
    inwards = np.clip((back - before) / RISES, 0, 1)  # 0 beside the teeth
    edge = bite_plane(LOWER, at[:, 2].clip(BACK)) - FALLS * (BACK - at[:, 2]).clip(0) - LOW
    rise = HIGH * np.tanh((at[:, 1] - edge).clip(0) / HIGH)
    highest = edge + rise * smoothstep(inwards, 0.0, 1.0)
    out[:, 1] = np.minimum(highest - at[:, 1], 0)
    return out
