"""Where on our own head skin is red, shaded or oily: shares for each vertex, by places at rest."""

from collections.abc import Mapping

import numpy as np

NAMES = tuple(f"ecoface_{name}" for name in ("rest", "blood", "shade", "oil", "beard", "scalp", "lips"))
REST, BLOOD, SHADE, OIL, BEARD, SCALP, LIPS = NAMES
"""Attributes of the mesh that its materials read: places at rest in metres, and shares 0..1."""

_BLOOD = (
    ((0.047, 0.006, 0.080), 0.024, 0.75),  # cheeks
    ((0.000, 0.004, 0.114), 0.013, 0.85),  # tip of the nose
    ((0.015, -0.002, 0.103), 0.008, 0.80),  # its wings
    ((0.020, 0.034, 0.086), 0.006, 0.55),  # inner corners of the eyes
    ((0.030, 0.045, 0.088), 0.010, 0.30),  # upper lids
    ((0.030, 0.028, 0.088), 0.010, 0.35),  # lower lids
    ((0.000, -0.068, 0.098), 0.015, 0.45),  # chin
    ((0.000, -0.018, 0.105), 0.014, 0.25),  # under the nose
    ((0.080, 0.020, 0.000), 0.030, 0.90),  # ears
)
_SHADE = (
    ((0.025, 0.026, 0.090), 0.010, 0.65),  # under the eyes
    ((0.017, 0.036, 0.086), 0.006, 0.60),
    ((0.040, 0.030, 0.082), 0.007, 0.30),
    ((0.0090, -0.0006, 0.1038), 0.0034, 1.0),  # nostrils
    ((0.0224, -0.0295, 0.0935), 0.0026, 0.65),  # corners of the mouth
)
_OIL = (
    ((0.000, 0.005, 0.115), 0.016, 0.9),
    ((0.000, 0.030, 0.100), 0.014, 0.6),
    ((0.000, 0.080, 0.095), 0.032, 0.6),
    ((0.000, -0.066, 0.100), 0.016, 0.5),
    ((0.040, 0.012, 0.088), 0.014, 0.35),
)
_SKIN, _HAIR = np.array([0.745, 0.440, 0.314]), np.array([0.042, 0.024, 0.016])
_OFF = 0.012  # from the line between both: it is another colour
_LIPS = np.array([0.515, 0.150, 0.133])
"""Linear colours that the head's file has for bare skin, the scalp under hair, and lips."""


def regions(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By attribute: (V,) shares 0..1, and (V, 3) metres at rest."""
    at = arrays["v_template"].astype(np.float64)
    scalp = hair_share(arrays)
    return {
        REST: at,
        BLOOD: _spots(at, _BLOOD),
        SHADE: _spots(at, _SHADE),
        OIL: _spots(at, _OIL),
        BEARD: _beard(at),
        SCALP: scalp,
        LIPS: _lips(arrays),
    }


def hair_share(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(V,) how much of each vertex is scalp under hair, seen in the file's colours."""
    colours = arrays["vertex_colors"].astype(np.float64)
    towards = _HAIR - _SKIN
    share = ((colours - _SKIN) @ towards / (towards @ towards)).clip(0, 1)
    red = np.linalg.norm(colours - _SKIN - share[:, None] * towards, axis=1) > _OFF  # ears, cheeks
    share[red & (share < 0.6)] = 0.0
    names = [str(name) for name in arrays["material_names"]]
    outside = np.isin(arrays["material"], [names.index("skin"), names.index("hair")])
    member = np.zeros(len(share), dtype=bool)
    member[arrays["faces"][outside].ravel()] = True
    at = arrays["v_template"]
    face = (at[:, 2] > 0.07) & (at[:, 1] < 0.07)  # nostrils are dark, too
    return np.where(member & ~face, share, 0.0)


def _lips(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(V,) how much of each vertex is lip; what lies behind the lips counts as lip."""
    towards = _LIPS - _SKIN
    share = ((arrays["vertex_colors"] - _SKIN) @ towards / (towards @ towards)).clip(0, 1)
    member = np.zeros(len(share), dtype=bool)
    names = [str(name) for name in arrays["material_names"]]
    member[arrays["faces"][arrays["material"] == names.index("lips")].ravel()] = True
    mouth = np.zeros(len(share), dtype=bool)
    mouth[arrays["faces"][arrays["material"] == names.index("mouth")].ravel()] = True
    corners = _spots(arrays["v_template"], (((0.0218, -0.0294, 0.0930), 0.0018, 1.0),))
    return np.maximum(np.where(mouth, 1.0, np.where(member, share, 0.0)), corners)


def _spots(at: np.ndarray, spots: tuple) -> np.ndarray:
    """Smooth spots and their mirror images; the strongest counts."""
    mirrored = np.column_stack([np.abs(at[:, 0]), at[:, 1:]])
    out = np.zeros(len(at))
    for centre, radius, strength in spots:
        distance = np.square(mirrored - centre).sum(axis=1) / radius**2
        out = np.maximum(out, strength * np.exp(-distance))
    return out


def _beard(at: np.ndarray) -> np.ndarray:
    """Upper lip, chin and jaws."""
    x, y, z = np.abs(at[:, 0]), at[:, 1], at[:, 2]
    line = np.interp(x, [0.0, 0.012, 0.030, 0.050, 0.066], [-0.012, -0.013, -0.026, -0.012, 0.010])
    below = 1 / (1 + np.exp(-(line - y) / 0.0035))
    front = 1 / (1 + np.exp(-(z - 0.012) / 0.008))
    throat = 1 / (1 + np.exp(-(y + 0.115) / 0.010))
    return below * front * throat
