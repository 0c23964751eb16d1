"""Hair on our own head: cuts as strands that lie along the skull, points in numpy.

A strand leaves its root along a great circle around the skull's centre, towards where it is combed, at a
height above the scalp that the cut says; neighbours gather into locks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .scalp import CENTRE, Skull, hair_share, roots

POINTS = 10  # of a strand
ROOT, TIP = 0.000085, 0.00003  # metres, radius
SUNK = 0.0004  # metres that roots are below the skin
CROWN = np.array([0.012, 0.135, -0.045])  # FLAME's axes: where a crop turns about
PART = 0.030  # metres to the left, where a crop is parted
KNOT = np.array([0.0, 0.139, -0.066])
"""Where tied hair meets."""
_N_CROP, _N_TIED, _N_BUN = 17_000, 12_000, 3_200
_LOCKS = 420
_BUN = 0.027  # metres, radius


@dataclass(frozen=True)
class Hair:
    """Strands from root to tip; FLAME's axes."""

    points: np.ndarray
    """(S, POINTS, 3) metres."""
    carriers: tuple[int, int, int]
    """Vertices of the scalp, far apart, that carry it all."""


def grown(arrays: Mapping[str, np.ndarray], rest: np.ndarray, cut: str) -> Hair:
    """Hair of a cut of CUTS on a head of the file `arrays` with vertices `rest` (V, 3)."""
    random = np.random.default_rng(11)
    share = hair_share(arrays)
    rest = rest.astype(np.float64)
    lines = CUTS[cut](Skull.of(rest, share), arrays, rest, random)
    scalp = np.flatnonzero(share > 0.9)
    right, left, back = (
        int(scalp[np.argmax(rest[scalp] @ way)]) for way in ((1, 0.5, 0), (-1, 0.5, 0), (0, 0.5, -1))
    )
    return Hair(lines, (right, left, back))


def _crop(
    skull: Skull, arrays: Mapping[str, np.ndarray], rest: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """A side parting, long on top, short at the sides and the neck."""
    root, deep = roots(arrays, rest, _N_CROP, random)
    x, y, z = root.T
    top, front = _ease(y, 0.072, 0.112), _ease(z, -0.045, 0.015)
    across = np.where(x < PART, 1.0, -1.0)[:, None]
    swept = across * np.array([-1.0, 0.0, 0.0]) + np.array([0.0, 0.1, -0.42])
    fallen = np.array([0.0, -1.0, -0.55])
    comb = top[:, None] * (front[:, None] * swept + (1 - front[:, None]) * _whorl(root))
    comb = comb + (1 - top[:, None]) * fallen + 0.10 * random.standard_normal(root.shape)
    length = np.interp(y, [-0.045, 0.0, 0.05, 0.08, 0.115], [0.003, 0.006, 0.012, 0.024, 0.042])
    length *= np.interp(z, [-0.08, -0.02, 0.03], [0.6, 0.75, 1.0])
    length *= np.where(x < PART, 1.0, 0.75) * np.clip(0.3 + deep / 0.010, 0, 1)
    length *= random.uniform(0.72, 1.08, len(root))
    rise = length * (0.16 + 0.10 * top + 0.10 * top * front * _ease(z, 0.03, 0.075))
    rise *= random.uniform(0.35, 1.15, len(root))
    t = np.linspace(0, 1, POINTS)
    height = rise[:, None] * (2.1 * t - 1.25 * t**2)[None]
    directions = _combed(root, comb, np.sqrt(np.maximum(length**2 - rise**2, 0)), t)
    lines = skull.place(directions, height + _from_root(skull, root, t))
    return _in_locks(lines, root, 0.55, random)


def _tied(
    skull: Skull, arrays: Mapping[str, np.ndarray], rest: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Combed back smoothly into a knot."""
    root, deep = roots(arrays, rest, _N_TIED, random)
    start, knot = _unit(root - CENTRE), _unit(KNOT - CENTRE)
    around = _unit(start - (start @ knot)[:, None] * knot)
    end = _unit(knot + 0.13 * around + 0.02 * random.standard_normal(root.shape))
    t = np.linspace(0, 1, POINTS)
    loose = (deep < 0.007) & (random.random(len(root)) < 0.35)  # short hairs that grow at the hairline
    reach = np.where(loose, random.uniform(0.12, 0.3, len(root)), 1.0)
    share = reach[:, None] * t
    angle = np.arccos((start * end).sum(axis=1).clip(-1, 1))[:, None]
    sine = np.maximum(np.sin(angle), 1e-9)
    directions = (np.sin((1 - share) * angle) / sine)[..., None] * start[:, None]
    directions = _unit(directions + (np.sin(share * angle) / sine)[..., None] * end[:, None])
    layer = random.uniform(0.0006, 0.0042, len(root)) * np.clip(0.25 + deep / 0.02, 0, 1)
    phase = random.uniform(0, 2 * np.pi, (len(root), 1))
    wave = 0.0003 * np.sin(2 * np.pi * 5 * share + phase)
    height = layer[:, None] * np.sqrt(share.clip(0, 1)) + wave * share + 0.010 * share**8
    lines = skull.place(directions, height + _from_root(skull, root, 1 - (1 - share) ** 6))
    lines[~loose] = _in_locks(lines[~loose], root[~loose], 0.5, random)
    return np.concatenate([lines, _bun(skull, knot, random)])


def _bun(skull: Skull, knot: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Strands wound around a ball over the knot, in a few turns that show."""
    middle = skull.place(knot, np.array(0.62 * _BUN))
    side = _unit(np.cross(knot, [1.0, 0.0, 0.0]))
    other = np.cross(knot, side)
    t = np.linspace(0, 1, POINTS)[None]
    low = random.uniform(-0.9, 1.0, (_N_BUN, 1))
    tilt = low + (0.32 + 0.08 * random.standard_normal((_N_BUN, 1))) * t
    turn = random.uniform(0, 2 * np.pi, (_N_BUN, 1)) + 2.6 * t
    tilt = tilt.clip(-1.3, 1.45)
    rope = np.cos(3 * (turn - 2.6 * tilt))
    radius = _BUN * (random.uniform(0.90, 1.0, (_N_BUN, 1)) + 0.045 * rope)
    flat = radius * np.cos(tilt)
    lines = flat[..., None] * (np.cos(turn)[..., None] * side + np.sin(turn)[..., None] * other)
    out: np.ndarray = middle + lines + (0.85 * radius * np.sin(tilt))[..., None] * knot
    return out


CUTS: Mapping[str, Callable[..., np.ndarray]] = {"crop": _crop, "tied": _tied}
"""By the name that a look gives its cut."""


def _combed(root: np.ndarray, comb: np.ndarray, length: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Directions (n, POINTS, 3) along great circles that leave the roots towards `comb` (n, 3)."""
    away = root - CENTRE
    start = _unit(away)
    along = _unit(comb - (comb * start).sum(axis=1, keepdims=True) * start)
    angle = (length / np.linalg.norm(away, axis=1))[:, None, None] * t[None, :, None]
    out: np.ndarray = np.cos(angle) * start[:, None] + np.sin(angle) * along[:, None]
    return out


def _from_root(skull: Skull, root: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Heights (n, POINTS) by which strands leave the skin where it is, a little below it, for the skull's.

    `t` (POINTS,) or (n, POINTS) is how far they have.
    """
    away = root - CENTRE
    off = np.linalg.norm(away, axis=1) - skull.radius(_unit(away)) - SUNK
    out: np.ndarray = off[:, None] * (1 - t)
    return out


def _in_locks(lines: np.ndarray, root: np.ndarray, amount: float, random: np.random.Generator) -> np.ndarray:
    """Strands drawn, more towards their tips, to one that grows near: hair hangs together."""
    guides = random.choice(len(root), min(_LOCKS, len(root)), replace=False)
    here = root.astype(np.float32)
    near = here @ here[guides].T - 0.5 * np.square(here[guides]).sum(axis=1)  # nearest: greatest
    guide = guides[near.argmax(axis=1)]
    drawn = amount * np.linspace(0, 1, POINTS) ** 0.8 * random.uniform(0.4, 1.0, (len(root), 1))
    parallel = lines[guide] + (root - root[guide])[:, None]
    out: np.ndarray = lines + drawn[..., None] * (0.5 * (parallel + lines[guide]) - lines)
    return out


def _whorl(root: np.ndarray) -> np.ndarray:
    """Away from the crown, turning."""
    normal = _unit(root - CENTRE)
    away = root - CROWN
    away = _unit(away - (away * normal).sum(axis=1, keepdims=True) * normal)
    out: np.ndarray = away + 0.45 * np.cross(normal, away)
    return out


def _ease(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = ((values - low) / (high - low)).clip(0, 1)
    out: np.ndarray = t * t * (3 - 2 * t)
    return out


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
