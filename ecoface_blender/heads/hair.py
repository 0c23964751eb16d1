"""Short hair on our own head's scalp: strands combed from the crown, as points in numpy."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .regions import hair_share

COUNT, POINTS = 18_000, 5
LENGTH = 0.017  # metres on top, of a look whose length is 1
ROOT, TIP = 0.00011, 0.00004  # metres, radius
CROWN = np.array([0.012, 0.135, -0.045])  # FLAME's axes: where hair turns about
LIFT = 0.85  # of a strand's direction that leaves the scalp


@dataclass(frozen=True)
class Hair:
    """Strands from root to tip; FLAME's axes."""

    points: np.ndarray
    """(S, POINTS, 3) metres."""
    carriers: tuple[int, int, int]
    """Vertices of the scalp, far apart, that carry it all."""


def short_hair(arrays: Mapping[str, np.ndarray], length: float = 1.0) -> Hair:
    """Cropped hair, denser and longer away from the hairline."""
    random = np.random.default_rng(11)
    at = arrays["v_template"].astype(np.float64)
    share = hair_share(arrays)
    faces = arrays["faces"][share[arrays["faces"]].max(axis=1) > 0.05]
    corners = at[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1) / 2
    chosen = random.choice(len(faces), COUNT, p=area / area.sum())
    a, b = random.random((2, COUNT))
    a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
    weights = np.stack([1 - a - b, a, b], axis=1)
    cover = (weights * share[faces[chosen]]).sum(axis=1)
    ragged = 0.25 * np.einsum(
        "nk,nk->n", weights, _clumps(corners[chosen].reshape(-1, 3))[:, 0].reshape(-1, 3)
    )
    kept = random.random(COUNT) < np.clip(1.2 * cover - 0.05 + ragged * (1 - cover), 0, 1)
    weights, chosen, cover = weights[kept], chosen[kept], cover[kept]
    root = np.einsum("nk,nkx->nx", weights, corners[chosen])
    normal = np.einsum("nk,nkx->nx", weights, _normals(at, arrays["faces"])[faces[chosen]])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    lines = _strands(root, normal, cover, length * LENGTH, random)
    scalp = np.flatnonzero(share > 0.9)
    right, left, back = (
        int(scalp[np.argmax(at[scalp] @ way)]) for way in ((1, 0.5, 0), (-1, 0.5, 0), (0, 0.5, -1))
    )
    return Hair(lines, (right, left, back))


def _strands(
    root: np.ndarray, normal: np.ndarray, cover: np.ndarray, length: float, random: np.random.Generator
) -> np.ndarray:
    """(S, POINTS, 3)."""
    comb = _combed(root, normal)
    comb += 0.25 * random.standard_normal(root.shape) + 0.35 * _clumps(root)
    comb -= (comb * normal).sum(axis=1, keepdims=True) * normal
    comb /= np.maximum(np.linalg.norm(comb, axis=1, keepdims=True), 1e-12)
    size = length * (0.45 + 0.55 * cover) * random.uniform(0.7, 1.1, len(root))
    size *= np.interp(root[:, 1], [-0.02, 0.05, 0.10], [0.25, 0.42, 1.0])  # shorter at the sides and the neck
    t = np.linspace(0, 1, POINTS)[None, :, None]
    leave = normal * LIFT
    curve = comb[:, None] * (0.45 * t + 0.55 * t**2) + leave[:, None] * (t - 0.55 * t**2)
    return root[:, None] - normal[:, None] * 0.0004 + size[:, None, None] * curve


def _combed(root: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Directions along the scalp: away from the crown, turning, a little aside in front."""
    away = root - CROWN
    away -= (away * normal).sum(axis=1, keepdims=True) * normal
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-12)
    turn = np.cross(normal, away)
    front = np.clip((root[:, 2:] - 0.03) / 0.05, 0, 1) * np.clip((root[:, 1:2] - 0.07) / 0.03, 0, 1)
    return away + 0.35 * turn + front * (np.array([0.8, 0.5, -0.1]) - 0.7 * away)


def _clumps(root: np.ndarray) -> np.ndarray:
    """Slow waves over the scalp, by which neighbouring hairs lean alike."""
    waves = [
        np.sin(root @ np.array(k) * 420 + p)
        for k, p in (((1, 0.6, 0.2), 0), ((0.3, 1, 0.7), 2), ((0.8, 0.1, 1), 4))
    ]
    return np.stack(waves, axis=1)


def _normals(at: np.ndarray, faces: np.ndarray) -> np.ndarray:
    corners = at[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out = np.zeros_like(at)
    for number in range(3):
        np.add.at(out, faces[:, number], cross)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
