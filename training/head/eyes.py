"""Eyeballs of our own: spheres with rings exactly at the iris's and the pupil's edge, in place of hm08's."""

import numpy as np

from training.head import colours
from training.head.joints import about_x, about_y
from training.head.parts import Part, Piece, following
from training.head.source import Floats, Ints, SourceMesh

IRIS_RADIUS = 0.0058  # m
PUPIL_RADIUS = 0.0023
N_AROUND = 32


def fit_sphere(points: Floats) -> tuple[Floats, float]:
    """Centre and radius of the sphere closest to the points, in the algebraic sense."""
    a = np.c_[2 * points, np.ones(len(points))]
    solution = np.linalg.lstsq(a, (points**2).sum(1), rcond=None)[0]
    centre = solution[:3]
    return centre, float(np.sqrt(solution[3] + centre @ centre))


def eye_piece(mesh: SourceMesh, group: str) -> Piece:
    """One eyeball; it follows the affine motion that fits hm08's own eye vertices best."""
    source = np.unique(mesh.faces[mesh.part == group])
    centre, radius = fit_sphere(mesh.vertices[source])
    unit, faces = _sphere(radius)
    vertices = centre + radius * _flattened(unit)
    mix = following(mesh, source, vertices)
    uv = 0.5 + 0.45 * unit[:, :2]
    part = Part(group, mix, vertices - mix @ mesh.vertices, faces, uv, faces)
    return Piece(part, _colours(radius), _materials(len(faces)))


def turning_in_place(mesh: SourceMesh, group: str, field: Floats) -> Floats:
    """A displacement (N, 3) with an eyeball's share replaced by a turn about its own centre.

    hm08's gaze targets also shift the eyes by up to 2 mm, through the lids; here the iris goes as far,
    and the eye stays in its socket.
    """
    source = np.unique(mesh.faces[mesh.part == group])
    centre, radius = fit_sphere(mesh.vertices[source])
    points = mesh.vertices[source] - centre
    front = points[:, 2] > 0.85 * radius
    goal = field[source][front].mean(0)  # where the iris goes
    angles = np.arcsin(np.clip(goal[[0, 1]] / radius, -0.9, 0.9))  # sideways, upwards
    turn = about_x(-float(angles[1])) @ about_y(float(angles[0]))
    out = field.copy()
    out[source] = points @ turn.T - points
    return out


def _flattened(unit: Floats) -> Floats:
    """Drawn in a little around the iris, more below and above the lids' opening: tight lids stay whole."""
    white = np.clip((0.92 - unit[:, 2]) / 0.09, 0, 1)
    low, high = np.clip((-unit[:, 1] - 0.30) / 0.20, 0, 1), np.clip((unit[:, 1] - 0.55) / 0.25, 0, 1)
    out: Floats = unit * (1 - 0.02 * white - 0.045 * (low + high) * (unit[:, 2] > 0))[:, None]
    return out


def ring_angles(radius: float) -> Floats:
    """Angles (rings,) from the gaze to each ring of vertices, radians."""
    pupil, iris = np.arcsin(PUPIL_RADIUS / radius), np.arcsin(IRIS_RADIUS / radius)
    inner = [pupil / 2, pupil, 1.06 * pupil, (pupil + iris) / 2, 0.9 * iris, iris]
    outer = np.array([0.012, 0.05, 0.1, 0.2, 0.3, 0.42, 0.55, 0.7, 0.85])
    out: Floats = np.r_[inner, iris + (np.pi - iris) * outer]
    return out


def _sphere(radius: float) -> tuple[Floats, Ints]:
    """Vertices and faces of a unit sphere that looks to +z, with the rings of an eye of this radius."""
    angles, n = ring_angles(radius), N_AROUND
    turn = np.arange(n) * 2 * np.pi / n
    rings = [np.c_[np.sin(a) * np.cos(turn), np.sin(a) * np.sin(turn), np.full(n, np.cos(a))] for a in angles]
    unit = np.concatenate([[[0.0, 0.0, 1.0]], *rings, [[0.0, 0.0, -1.0]]])
    faces = [[0, 1 + i, 1 + (i + 1) % n] for i in range(n)]
    for ring in range(len(angles) - 1):
        for i in range(n):
            a, b = 1 + ring * n + i, 1 + ring * n + (i + 1) % n
            faces += [[a, a + n, b + n], [a, b + n, b]]
    last = 1 + (len(angles) - 1) * n
    faces += [[last + i, len(unit) - 1, last + (i + 1) % n] for i in range(n)]
    return unit, np.array(faces)


def _colours(radius: float) -> Floats:
    """Colours (V, 3), ring by ring."""
    pupil, iris, sclera = colours.PUPIL, colours.IRIS, colours.SCLERA
    rings = [pupil, pupil, iris * 0.7, iris, iris * 1.1, colours.LIMBUS, sclera * 0.85]
    rings += [sclera] * (len(ring_angles(radius)) - len(rings))
    return np.concatenate([[pupil], *(np.tile(c, (N_AROUND, 1)) for c in rings), [sclera]])


def _materials(n_faces: int) -> Ints:
    """The fan and the first ring are pupil, the next four iris, the rest sclera."""
    ring = np.r_[np.zeros(N_AROUND), np.repeat(np.arange(1, n_faces), 2 * N_AROUND)][:n_faces]
    pupil, iris, sclera = (colours.MATERIALS.index(n) for n in ("pupil", "iris", "sclera"))
    return np.where(ring < 2, pupil, np.where(ring < 6, iris, sclera))
