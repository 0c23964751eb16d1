"""Colours (linear RGB, 0..1) per vertex of the skin, lips, mouth, teeth, eyes and brows."""

import numpy as np

from training.head.parts import Part
from training.head.source import Floats

MATERIALS = (
    "skin",
    "lips",
    "teeth",
    "tongue",
    "mouth",
    "sclera",
    "iris",
    "pupil",
    "brow",
    "hair",
    "lower teeth",
)


def linear(r: int, g: int, b: int) -> Floats:
    """Linear RGB of an sRGB colour in 0..255."""
    s = np.array([r, g, b]) / 255
    out: Floats = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    return out


SKIN, LIPS, FLUSH = linear(224, 177, 152), linear(190, 108, 102), linear(214, 138, 118)
MOUTH, TEETH, TONGUE = linear(112, 46, 44), linear(224, 212, 190), linear(182, 92, 92)
SCLERA, IRIS, LIMBUS, PUPIL = linear(226, 222, 216), linear(88, 116, 128), linear(38, 48, 56), linear(6, 6, 7)
BROW, HAIR, GUM = linear(66, 46, 36), linear(58, 42, 34), linear(176, 96, 92)
NOSTRIL = linear(92, 48, 40)


def sample(image: Floats, uv: Floats) -> Floats:
    """A grey image (rows from the top) at UVs (n, 2), bilinear."""
    height, width = image.shape
    x = np.clip(uv[:, 0] * width - 0.5, 0, width - 1.001)
    y = np.clip((1 - uv[:, 1]) * height - 0.5, 0, height - 1.001)
    i, j = y.astype(int), x.astype(int)
    a, b = y - i, x - j
    top = image[i, j] * (1 - b) + image[i, j + 1] * b
    bottom = image[i + 1, j] * (1 - b) + image[i + 1, j + 1] * b
    out: Floats = top * (1 - a) + bottom * a
    return out


def vertex_mask(image: Floats, part: Part) -> Floats:
    """A mask texture on a part's vertices (V,); at UV seams, one of a vertex's several UVs is taken."""
    uv = np.zeros((part.mix.shape[0], 2))
    uv[part.faces.ravel()] = part.uv[part.uv_faces.ravel()]
    return sample(image, uv)


def blend(base: Floats, colour: Floats, share: Floats) -> Floats:
    """Colours (V, 3) drawn towards one colour by share (V,)."""
    return base + share[:, None] * (colour - base)


def bump(vertices: Floats, centre: tuple[float, float, float], radius: float) -> Floats:
    """A smooth spot (V,) around a point and its mirror image."""
    mirrored = np.c_[np.abs(vertices[:, 0]), vertices[:, 1:]]
    out: Floats = np.exp(-(((mirrored - centre) ** 2).sum(1)) / radius**2)
    return out


def tongue_colours(vertices: Floats) -> Floats:
    """The tongue (V, 3), darker towards the throat."""
    depth = np.clip((0.080 - vertices[:, 2]) / 0.036, 0, 1)
    out: Floats = TONGUE * (1 - 0.9 * depth)[:, None]
    return out
