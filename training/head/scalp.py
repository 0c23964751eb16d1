"""Close-cropped hair: a hairline round the head, along which the skin is split, and the hair's share."""

import numpy as np

from training.head.parts import Part, split_at
from training.head.source import Floats, SourceMesh

AXIS_Z = 0.02  # m, depth of the vertical axis that azimuths turn about
RADIUS = 0.085  # m, at which azimuth counts as distance
HAIRLINE = np.array(
    [
        [0, 0.1100], [14, 0.1095], [26, 0.1065], [36, 0.1035], [43, 0.0970], [48, 0.0870], [53, 0.0780],
        [59, 0.0720], [66, 0.0640], [72, 0.0520], [76, 0.0360], [80, 0.0200], [84, 0.0080], [88, 0.0110],
        [89.5, 0.0280], [92, 0.0455], [99, 0.0520], [108, 0.0520], [116, 0.0440], [121, 0.0260],
        [125, 0.0020], [130, -0.0200], [138, -0.0360], [152, -0.0440], [180, -0.0460],
    ]
)  # fmt: skip
"""Azimuth in degrees from the face and height in metres; it dips into the sideburn and round the ear."""
SPLITS = (-0.0010, 0.0010, 0.0032)  # m inside the hairline: the skin gets vertices there


def inside_hairline(vertices: Floats) -> Floats:
    """Distance (V,) in metres into the hair, negative outside it."""
    azimuth = np.abs(np.arctan2(vertices[:, 0], vertices[:, 2] - AXIS_Z))
    points = np.c_[azimuth * RADIUS, vertices[:, 1]]
    line = np.c_[np.radians(HAIRLINE[:, 0]) * RADIUS, HAIRLINE[:, 1]]
    start, step = line[:-1], np.diff(line, axis=0)
    offset = points[:, None] - start  # (V, S, 2)
    share = np.clip((offset * step).sum(-1) / (step**2).sum(-1), 0, 1)
    distance = np.linalg.norm(offset - share[..., None] * step, axis=-1).min(1)
    above = points[:, 1] > np.interp(points[:, 0], line[:, 0], line[:, 1])
    return np.where(above, distance, -distance)


def split_along_hairline(skin: Part, mesh: SourceMesh) -> Part:
    """The skin with extra vertices on both sides of the hairline, so that the hair has a clean, soft edge."""
    for inside in SPLITS:
        skin = split_at(skin, inside_hairline(skin.positions(mesh)) - inside)
    return skin


def hair_share(vertices: Floats, ears: Floats) -> Floats:
    """How much hair (V,) covers the skin, 0..1."""
    t = np.clip((inside_hairline(vertices) - SPLITS[0]) / (SPLITS[-1] + 0.002 - SPLITS[0]), 0, 1)
    out: Floats = t * t * (3 - 2 * t) * (1 - np.clip(2 * ears, 0, 1))
    return out
