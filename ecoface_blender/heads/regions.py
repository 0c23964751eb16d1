"""Where on our own head skin is red, shaded or oily: shares for each vertex, by places at rest."""

from collections.abc import Mapping

import numpy as np

from ..core.hairline import inside_hairline
from ..core.within_mouth import within_mouth
from .scalp import SKIN, hair_share
from .strands import EYES, lid_rims

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
_LIPS = np.array([0.515, 0.150, 0.133])
"""Linear colour that the head's file has for lips."""
_RIM = 0.0011  # m around a lid's rim that is pink and wet
_HAIRLINE = 0.014  # m over which hair closes up


def regions(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By attribute: (V,) shares 0..1, and (V, 3) metres at rest."""
    at = arrays["v_template"].astype(np.float64)
    scalp = hair_share(arrays) * (inside_hairline(at) / _HAIRLINE).clip(0, 1)
    rims = _rims(arrays)
    return {
        REST: at,
        BLOOD: np.maximum(_spots(at, _BLOOD), rims),
        SHADE: _spots(at, _SHADE),
        OIL: np.maximum(_spots(at, _OIL), rims),
        BEARD: _beard(at),
        SCALP: scalp,
        LIPS: _lips(arrays),
    }


def _lips(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(V,) how much of each vertex is lip; what lies behind the lips counts as lip."""
    towards = _LIPS - SKIN
    share = ((arrays["vertex_colors"] - SKIN) @ towards / (towards @ towards)).clip(0, 1)
    member = np.zeros(len(share), dtype=bool)
    names = [str(name) for name in arrays["material_names"]]
    member[arrays["faces"][arrays["material"] == names.index("lips")].ravel()] = True
    mouth = np.zeros(len(share), dtype=bool)
    mouth[within_mouth(arrays["faces"], arrays["material"], names, arrays["mask_lips"])] = True
    corners = _spots(arrays["v_template"], (((0.0218, -0.0294, 0.0930), 0.0018, 1.0),))
    return np.maximum(np.where(mouth, 1.0, np.where(member, share, 0.0)), corners)


def _rims(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(V,) how near each vertex of the skin is to the rim of a lid."""
    at = arrays["v_template"].astype(np.float64)
    rims = at[np.concatenate([rim for numbers in EYES for rim in lid_rims(arrays, numbers)])]
    near = np.flatnonzero(np.abs(at - rims.mean(axis=0) * [0, 1, 1]).max(axis=1) < 0.06)
    away = np.square(at[near, None] - rims[None]).sum(axis=2).min(axis=1)
    out = np.zeros(len(at))
    out[near] = 0.9 * np.exp(-away / _RIM**2)
    return out


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
