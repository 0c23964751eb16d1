"""A head as its shape keys make it, in the face's own axes: x to its left, y up, z to where it looks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

SIDES = ("Left", "Right")
_WIDE = np.radians(24.4)  # what jawOpen at 1 turns the reference's jaw by
_SNAP = np.cos(np.radians(30))  # a face that stands along the axes of its object, roughly, does so exactly


@dataclass(frozen=True)
class JawBone:
    """A bone that turns part of a head about its joint."""

    weights: np.ndarray
    """(V,) share of the turn that each vertex takes."""
    joint: np.ndarray
    """(3,) in the face's axes."""

    def moved(self, points: np.ndarray, weights: np.ndarray, turns: np.ndarray) -> np.ndarray:
        """(T, P, 3) how far rotations (T, 3, 3) take points (P, 3) or (T, P, 3) of these weights (P,)."""
        arms = points - self.joint
        return weights[:, None] * (arms @ turns.transpose(0, 2, 1) - arms)


@dataclass(frozen=True)
class HeadShape:
    """A mesh at rest and what each of ARKit's units adds to it."""

    rest: np.ndarray
    """(V, 3) with all keys at 0 that a motion moves, in the face's axes, in units of the mesh."""
    names: tuple[str, ...]
    """Of the units, as Apple spells them."""
    offsets: np.ndarray
    """(K, V, 3) at value 1."""
    bone: JawBone | None = None
    """What opens the mouth where no key does."""

    def offset(self, unit: str) -> np.ndarray | None:
        """(V, 3) of a unit, of both its sides together if it has sides; None if this head lacks it."""
        sided = [unit, *(f"{unit}{side}" for side in SIDES)]
        found = [self.offsets[self.names.index(name)] for name in sided if name in self.names]
        return sum(found[1:], found[0]) if found else None

    def opened(self) -> np.ndarray | None:
        """(V, 3) that the jaw moves when it opens wide; None if nothing opens it."""
        if self.bone is None:
            return self.offset("jawOpen")
        cosine, sine = np.cos(_WIDE), np.sin(_WIDE)
        turn = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
        return self.bone.moved(self.rest, self.bone.weights, turn[None])[0]


def face_axes(rest: np.ndarray, offsets: Mapping[str, np.ndarray]) -> np.ndarray:
    """Rows (3, 3): left, up and forward of a face, seen in where its units (V, 3) move it.

    Left is from what the right sides move to what the left ones do, up from the mouth to the eyes. Where the
    names do not tell, a face looks along -y and stands along z, as Blender's characters do.
    """
    places = {name: _middle(rest, offset) for name, offset in offsets.items() if np.any(offset)}
    pairs = [(name, name.replace("Left", "Right")) for name in places if name.endswith("Left")]
    across = [places[a] - places[b] for a, b in pairs if b in places]
    above = [place for name, place in places.items() if name.startswith(("eye", "brow"))]
    below = [place for name, place in places.items() if name.startswith(("mouth", "jaw"))]
    left = _snapped(np.sum(across, axis=0)) if across else np.array([1.0, 0, 0])
    if not above or not below:
        return np.stack([left, [0, 0, 1.0], np.cross(left, [0, 0, 1.0])])
    up = np.mean(above, axis=0) - np.mean(below, axis=0)
    up = _snapped(up - (up @ left) * left)
    return np.stack([left, up, np.cross(left, up)])


def _middle(rest: np.ndarray, offset: np.ndarray) -> np.ndarray:
    share = np.square(offset).sum(axis=1)
    return share @ rest / share.sum()


def _snapped(direction: np.ndarray) -> np.ndarray:
    direction = direction / max(np.linalg.norm(direction), 1e-12)
    along = np.abs(direction).argmax()
    if abs(direction[along]) < _SNAP:
        return direction
    return np.eye(3)[along] * np.sign(direction[along])
