"""The skull under the hair as a height over directions, and where hair grows on it.

All places are those of the head's file, in FLAME's axes and metres; pure numpy.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..core.hairline import inside_hairline

CENTRE = np.array([0.0, 0.060, -0.008])
"""Of the skull: directions are seen from here."""
SKIN, _HAIR = np.array([0.745, 0.440, 0.314]), np.array([0.042, 0.024, 0.016])
"""Linear colours that the head's file has for bare skin, and the scalp under hair."""
_OFF = 0.012  # from the line between both: it is another colour
_ROWS, _COLUMNS = 48, 96
_SHARPNESS = 500.0  # of the weights by which a direction asks the vertices around it: some 3 degrees


def hair_share(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(V,) how much of each vertex is scalp under hair, seen in the file's colours."""
    colours = arrays["vertex_colors"].astype(np.float64)
    towards = _HAIR - SKIN
    share = ((colours - SKIN) @ towards / (towards @ towards)).clip(0, 1)
    red = np.linalg.norm(colours - SKIN - share[:, None] * towards, axis=1) > _OFF  # ears, cheeks
    share[red & (share < 0.6)] = 0.0
    names = [str(name) for name in arrays["material_names"]]
    outside = np.isin(arrays["material"], [names.index("skin"), names.index("hair")])
    member = np.zeros(len(share), dtype=bool)
    member[arrays["faces"][outside].ravel()] = True
    at = arrays["v_template"]
    face = (at[:, 2] > 0.07) & (at[:, 1] < 0.07)  # nostrils are dark, too
    return np.where(member & ~face, share, 0.0)


@dataclass(frozen=True)
class Skull:
    """How far the scalp is from CENTRE in every direction."""

    radii: np.ndarray
    """(_ROWS, _COLUMNS): latitudes from the right ear to the left one, longitudes around that axis."""

    @classmethod
    def of(cls, at: np.ndarray, share: np.ndarray) -> "Skull":
        """That of vertices (V, 3) of which `share` (V,) is under hair, and the skin beside it."""
        away = at[(share > 0.02) | ((at[:, 1] > 0.09) & (at[:, 2] > 0))] - CENTRE
        radius = np.linalg.norm(away, axis=1)
        latitude = np.linspace(-np.pi / 2, np.pi / 2, _ROWS)[:, None]
        longitude = np.linspace(-np.pi, np.pi, _COLUMNS)[None]
        asked = np.stack(
            np.broadcast_arrays(
                np.sin(latitude), np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude)
            ),
            axis=-1,
        ).reshape(-1, 3)
        known = (away / radius[:, None]).astype(np.float32)
        near = asked.astype(np.float32) @ known.T  # (rows x columns, n) cosines
        weights = np.exp(_SHARPNESS * (near - near.max(axis=1, keepdims=True)))
        return cls((weights @ radius / weights.sum(axis=1)).reshape(_ROWS, _COLUMNS))

    def radius(self, directions: np.ndarray) -> np.ndarray:
        """(..., ) metres in unit directions (..., 3)."""
        x, y, z = np.moveaxis(directions, -1, 0)
        row = (np.arcsin(x.clip(-1, 1)) / np.pi + 0.5) * (_ROWS - 1)
        column = (np.arctan2(z, y) / (2 * np.pi) + 0.5) * (_COLUMNS - 1)
        i, j = np.minimum(row.astype(int), _ROWS - 2), np.minimum(column.astype(int), _COLUMNS - 2)
        u, v, r = row - i, column - j, self.radii
        below = r[i, j] * (1 - v) + r[i, j + 1] * v
        above = r[i + 1, j] * (1 - v) + r[i + 1, j + 1] * v
        out: np.ndarray = below * (1 - u) + above * u
        return out

    def place(self, directions: np.ndarray, height: np.ndarray) -> np.ndarray:
        """(..., 3) points in unit directions, `height` (...,) metres above the scalp."""
        out: np.ndarray = CENTRE + directions * (self.radius(directions) + height)[..., None]
        return out


def roots(
    arrays: Mapping[str, np.ndarray], rest: np.ndarray, count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 3) of at most `count` hairs on a head with vertices `rest` (V, 3), and their depth inside.

    `arrays` are the file's. Evenly over the scalp, thinner within a few millimetres of the hairline.
    """
    at, share = arrays["v_template"].astype(np.float64), hair_share(arrays)
    faces = arrays["faces"][share[arrays["faces"]].max(axis=1) > 0.05]
    corners = at[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = random.choice(len(faces), count, p=area / area.sum())
    a, b = random.random((2, count))
    a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
    weights = np.stack([1 - a - b, a, b], axis=1)
    cover = (weights * share[faces[chosen]]).sum(axis=1)
    deep = np.minimum(inside_hairline(np.einsum("nk,nkx->nx", weights, corners[chosen])), 0.05 * cover)
    ragged = 0.0016 * random.standard_normal(count)
    kept = random.random(count) < np.clip((deep + ragged) / 0.009, 0, 1) ** 0.8
    root = np.einsum("nk,nkx->nx", weights, rest[faces[chosen]])
    return root[kept], deep[kept]
