"""Lips that pout round: the skin around the mouth goes with them, and the lips curl outwards.

hm08's puckered lips come forward as a block, and the skin above and below them stays or creeps under them: in
profile they stand out like a shelf. Here the units keep what they do where the lips meet and inside the
mouth; from there outwards their displacement runs out evenly over lips, philtrum and chin, as a harmonic
function does. And its funnel draws the lower lip down in its middle alone, to a V; here to an arc.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse as sparse
from scipy.interpolate import RBFInterpolator
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import splu

from training.head.skin import Skin
from training.head.source import Bools, Floats, Ints, SourceMesh
from training.head.surface import edges_of, smoothstep

POUTING = (
    "mouthFunnel",
    "mouthPucker",
    "makehuman-mouth-eversion.target.gz",
    "makehuman-mouth-protusion.target.gz",
    "makehuman-mouth-pursing.target.gz",
)
MEETING = (-0.0286, 0.1002, 0.0016)  # m: height and depth of the line where lips meet, and its thickness
HALF_MOUTH, BENT = 0.0225, 0.0065  # m: the line's half length, and how far back it ends
KEPT = (0.003, 0.009)  # m of surface from that line: up to here the units stay, from there they run out
AROUND = (0.034, 0.0225, 0.034)
MIDDLE = -0.031  # m, the mouth's height
RIM = (0.75, 1.0)
FORWARD = 0.6  # of hm08's, which carries the lips' inner rim 8.5 mm forward in a pucker: people's 4 to 6
STIFF = 2e3  # 1/m: how firmly what stays is held
LOWERING, RAISING = (
    tuple(f"{name}{side}" for side in ("Left", "Right")) for name in ("mouthLowerDown", "mouthUpperUp")
)
ARC = 0.017  # m from the midline up to which the lower lip's height is that of a place nearer to it
NEARER = 0.35  # of its distance where that is small
LENGTHWAYS = 3.0  # how much further apart vertices are along the lips than across them


def rounded_pouts(mesh: SourceMesh, skin: Skin, fields: Mapping[str, Floats]) -> dict[str, Floats]:
    """The fields (N, 3), of which those in POUTING run out evenly around the mouth."""
    chosen = [name for name in POUTING if name in fields]
    faces = mesh.faces[(mesh.part == "body") & _near_mouth(mesh.vertices)[mesh.faces].all(axis=1)]
    held = _held(mesh.vertices, faces, _cavity(len(mesh.vertices), skin))
    used = np.unique(faces)
    stiff = sparse.diags(STIFF * held[used] / np.maximum(1.001 - held[used], 1e-6))
    solver = splu((_laplacian(mesh.vertices, faces)[used][:, used] + stiff).tocsc())
    out = dict(fields)
    for name in chosen:
        out[name] = fields[name].copy()
        out[name][used] = solver.solve(stiff @ (fields[name][used] * [1, 1, FORWARD]))
    lower = _lower_lip(mesh.vertices, used, fields)
    _arch(mesh.vertices[lower], lower, [out[name] for name in chosen])
    return out


def _lower_lip(at: Floats, used: Ints, fields: Mapping[str, Floats]) -> Ints:
    """Vertices of the lower lip, inside and outside, and of the skin below it."""
    lowered, raised = (
        np.abs(np.sum([fields[name][used, 1] for name in names], axis=0)) for names in (LOWERING, RAISING)
    )
    found: Ints = used[(lowered > raised) & (np.abs(at[used, 0]) < 1.5 * ARC)]
    return found


def _arch(at: Floats, vertices: Ints, moved: Sequence[Floats]) -> None:
    """Give these vertices (n,) at (n, 3) the height to which a field takes places nearer to the midline."""
    x, y, z = at.T
    z = z + BENT * (x / HALF_MOUTH) ** 2  # rows of vertices run straight
    nearer = x * (NEARER + (1 - NEARER) * np.minimum(np.abs(x) / ARC, 1) ** 2)
    found, wanted = (np.stack([across / LENGTHWAYS, y, z], axis=1) for across in (x, nearer))
    heights = np.stack([field[vertices, 1] for field in moved], axis=1)
    for field, height in zip(moved, RBFInterpolator(found, heights, kernel="linear")(wanted).T, strict=True):
        field[vertices, 1] = height


def _near_mouth(at: Floats) -> Bools:
    out: Bools = (np.abs(at - [0, -0.03, 0.09]) < [0.06, 0.05, 0.05]).all(axis=1)
    return out


def _cavity(n: int, skin: Skin) -> Floats:
    """How much each of hm08's vertices (n,) belongs to the mouth's cavity, 0..1."""
    out = np.zeros(n)
    out[np.asarray(skin.part.mix.argmax(axis=1)).ravel()] = skin.inside
    return out


def _held(at: Floats, faces: Ints, inside: Floats) -> Floats:
    """How firmly each vertex (N,) keeps what a unit does to it, 0..1."""
    x, y, z = at.T
    bent = MEETING[1] - BENT * (x / HALF_MOUTH) ** 2
    used = np.isin(np.arange(len(at)), faces)
    line = used & (np.abs(x) < HALF_MOUTH) & (np.hypot(y - MEETING[0], z - bent) < MEETING[2])
    edges = edges_of(faces)
    length = np.linalg.norm(at[edges[:, 0]] - at[edges[:, 1]], axis=1)
    graph = sparse.coo_matrix((length, (edges[:, 0], edges[:, 1])), (len(at), len(at))).tocsr()
    away = dijkstra(graph, directed=False, indices=np.flatnonzero(line), min_only=True)
    off = np.hypot(x / AROUND[0], (y - MIDDLE) / np.where(y > MIDDLE, AROUND[1], AROUND[2]))
    near = 1 - smoothstep(away, *KEPT)
    out: Floats = np.maximum.reduce([near, smoothstep(off, *RIM), (inside > 0.3).astype(float)])
    return out


def _laplacian(at: Floats, faces: Ints) -> sparse.csr_matrix:
    """(N, N), 1/m: each edge pulls with one over its length."""
    edges = edges_of(faces)
    pull = 1 / np.linalg.norm(at[edges[:, 0]] - at[edges[:, 1]], axis=1)
    both = np.r_[edges[:, 0], edges[:, 1]], np.r_[edges[:, 1], edges[:, 0]]
    off = sparse.coo_matrix((np.r_[pull, pull], both), (len(at), len(at))).tocsr()
    return sparse.diags(np.asarray(off.sum(axis=1)).ravel()) - off
