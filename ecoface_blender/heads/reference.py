"""What the reference head's lips and lids do in a motion, relative to its own sizes, by exact skinning."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..core.constants import EXPRESSION_DIM
from ..core.jaw_skinning import JAW, N_TURN, expression_directions, rotations
from .contact_pairs import Pairs, find_lids, find_lips
from .shape import SIDES, HeadShape

CHUNK = 2048  # frames whose vertices are in memory together


@dataclass(frozen=True)
class Measured:
    """A motion's mouth in half widths of the mouth, and its eyes."""

    gaps: np.ndarray
    """(T, P) between the lips beyond where they touch, from the right to the left."""
    places: np.ndarray
    """(P,) of the gaps, -1 at the right corner, 1 at the left."""
    parted: np.ndarray
    """(P,) what the gaps are by jawOpen at 1."""
    corners: np.ndarray
    """(T, 2, 3) how far the right corner and the left are from rest; to the left, up, forward."""
    forward: np.ndarray
    """(T,) how far the lips are pushed out."""
    lids: dict[str, np.ndarray]
    """(T,) of each side: 1 as open as at rest, 0 shut."""


@dataclass(frozen=True)
class ReferenceMouth:
    """The reference head's lips and lids, ready for many motions."""

    lips: Pairs
    lids: dict[str, Pairs]
    points: np.ndarray
    """Numbers of the vertices that are looked at."""
    template: np.ndarray
    """(N, 3) of these at rest."""
    expressions: np.ndarray
    """(N, 3, 50)"""
    correctives: np.ndarray
    """(N, 3, 9)"""
    weights: np.ndarray
    """(N,) of the jaw."""
    joint: np.ndarray
    """(3,)"""

    @classmethod
    def of(cls, head: Mapping[str, np.ndarray]) -> "ReferenceMouth":
        """Those of a head's arrays, which have ARKit's units."""
        names = tuple(str(name) for name in head["arkit_names"])
        shape = HeadShape(head["v_template"], names, head["arkit_units"].astype(np.float32))
        lips, lids = find_lips(shape), {s: pairs for s in SIDES if (pairs := find_lids(shape, s)) is not None}
        assert lips is not None and len(lids) == len(SIDES), "the reference head has lips and lids"
        points = np.unique(np.concatenate([pairs.vertices for pairs in (lips, *lids.values())]))
        return cls(
            lips,
            lids,
            points,
            head["v_template"][points].astype(np.float64),
            expression_directions(head)[points].astype(np.float64),
            head["posedirs"][points, :, (JAW - 1) * N_TURN : JAW * N_TURN].astype(np.float64),
            head["weights"][points, JAW].astype(np.float64),
            head["J_regressor"][JAW].astype(np.float64) @ head["v_template"],
        )

    def measure(self, motion: np.ndarray) -> Measured:
        """What a motion (T, 53) does."""
        parts = [motion[first : first + CHUNK] for first in range(0, len(motion), CHUNK)]
        vertices = np.concatenate([self._skinned(part) for part in parts])  # (T, N, 3)
        lips, size = self.lips, self.lips.half_width
        upper, lower, corners = map(self._at, (lips.upper, lips.lower, lips.corners))
        gaps = vertices[:, upper, 1] - vertices[:, lower, 1] - lips.shut
        moved = vertices - self.template
        both = np.concatenate([upper, lower])
        lids = {}
        for side, pairs in self.lids.items():
            over, under = self._at(pairs.upper), self._at(pairs.lower)
            open_now = vertices[:, over, 1] - vertices[:, under, 1] - pairs.shut
            at_rest = self.template[over, 1] - self.template[under, 1] - pairs.shut
            lids[side] = (open_now / at_rest).mean(axis=1)
        return Measured(
            gaps / size,
            lips.places,
            lips.parted / size,
            moved[:, corners].mean(axis=2) / size,
            moved[:, both, 2].mean(axis=1) / size,
            lids,
        )

    def _at(self, vertices: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.points, vertices)

    def _skinned(self, motion: np.ndarray) -> np.ndarray:
        """(T, N, 3) by Eq. (2)."""
        expression, jaw = motion[:, :EXPRESSION_DIM].astype(np.float64), motion[:, EXPRESSION_DIM:]
        turns = rotations(jaw)
        n = len(self.points)
        posed = self.template + (expression @ self.expressions.reshape(3 * n, -1).T).reshape(-1, n, 3)
        d = (turns - np.eye(3)).reshape(-1, N_TURN)
        posed += (d @ self.correctives.reshape(3 * n, -1).T).reshape(-1, n, 3)
        arms = posed - self.joint
        return posed + self.weights[:, None] * (np.einsum("txy,tny->tnx", turns, arms) - arms)
