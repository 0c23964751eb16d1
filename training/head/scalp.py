"""Close-cropped hair: a hairline round the head, along which the skin is split, and the hair's share."""

import numpy as np

from ecoface_model.core.hairline import inside_hairline
from training.head.parts import Part, split_at
from training.head.source import Floats, SourceMesh

SPLITS = (-0.0010, 0.0010, 0.0032)  # m inside the hairline: the skin gets vertices there


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
