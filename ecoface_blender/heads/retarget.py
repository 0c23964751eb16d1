"""ARKit's weights for one head: as the units mean, changed as little as lets its own lips and lids follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .bounded_rows import Rows, least_change
from .contact_pairs import Pairs, find_lids, find_lips
from .reference import Measured
from .shape import SIDES, HeadShape

_FREEDOM = {
    "jawOpen": 0.15, "mouthClose": 0.3, "mouthFunnel": 0.4, "mouthPucker": 0.4, "mouthRollLower": 0.3,
    "mouthRollUpper": 0.3, "mouthShrugLower": 0.3, "mouthShrugUpper": 0.3, "mouthSmile": 0.2,
    "mouthFrown": 0.2, "mouthDimple": 0.2, "mouthStretch": 0.3, "mouthPress": 0.4, "mouthLowerDown": 0.5,
    "mouthUpperUp": 0.5, "noseSneer": 0.25,
}  # fmt: skip
"""Change of a mouth's weight that costs as much as one of another: those that carry emotion have little."""
_LID_FREEDOM = {"eyeBlink": 1.0, "eyeSquint": 0.15, "eyeWide": 0.3}
_SURFACE = 0.05  # half widths: mean change of the lips' surface that costs as much, likewise
_SLOP = 0.015  # half widths; lips of the reference that are no further apart touch, near enough
_PARTED = 3 * _SLOP  # from here on they are apart as far as they are
_CONTACT = 0.006  # half widths by which a gap may differ when lips touch, and what differs then costs 1
_OPEN = 0.06  # share of an open gap by which it may differ
_SEAM = 0.012  # half widths: vertices of lips that touch are no further apart
_CORNERS, _FORWARD = 0.08, 0.1  # half widths
_LID, _LID_OPEN = 0.01, 0.12  # shares of an eye's opening
_SAMPLES = 300  # vertices whose change is counted
_CLOSE_ALONE = 1e3  # price of mouthClose beyond jawOpen: it undoes the opening and nothing else


@dataclass(frozen=True)
class Retarget:
    """One head's lips and lids, ready for many motions."""

    head: HeadShape
    limits: np.ndarray
    """(K,) the largest weight of each unit."""
    lips: Pairs | None
    lids: dict[str, Pairs]

    @classmethod
    def of(cls, head: HeadShape, limits: np.ndarray) -> "Retarget":
        """Find them."""
        lids = {side: pairs for side in SIDES if (pairs := find_lids(head, side)) is not None}
        return cls(head, limits, find_lips(head), lids)

    def weights(self, nominal: np.ndarray, measured: Measured, turns: np.ndarray | None = None) -> np.ndarray:
        """Weights (T, K) near nominal ones (T, K); `turns` (T, 3, 3) are of the jaw's bone."""
        out = np.clip(nominal, 0, self.limits)
        if self.lips is not None:
            out = self._with_lips(out, measured, turns)
        for side, pairs in self.lids.items():
            out = self._with_lids(out, side, pairs, measured.lids[side])
        return out

    def gaps(self, weights: np.ndarray, turns: np.ndarray | None = None) -> np.ndarray:
        """(T, P) between the lips' pairs beyond where they touch, in half widths of the mouth."""
        heights = self._heights(weights, self._mouth, turns)
        return (heights - self._touch) / self._mouth.half_width

    @property
    def _mouth(self) -> Pairs:
        """The lips, of a head that has some."""
        assert self.lips is not None
        return self.lips

    @property
    def _touch(self) -> np.ndarray:
        """(P,) height of the upper vertices over the lower ones in a closure; lips at rest may be ajar.

        Where they touch in most places, they do in all: rounded rims touch behind where they are seen.
        """
        seam, rest = _SEAM * self._mouth.half_width, self._mouth.shut
        return rest if np.median(rest) <= seam else np.minimum(rest, seam)

    def _with_lips(self, weights: np.ndarray, measured: Measured, turns: np.ndarray | None) -> np.ndarray:
        lips, size = self._mouth, self._mouth.half_width
        solved, freedom = self._solved(_FREEDOM)
        if not len(solved):
            return weights
        offsets = self.head.offsets[solved]
        gap_rows = (offsets[:, lips.upper, 1] - offsets[:, lips.lower, 1]).T / size  # (P, n)
        corner_rows = offsets[:, lips.corners].mean(axis=2)[..., :2].reshape(len(solved), 4).T / size
        both = np.concatenate([lips.upper, lips.lower])
        forward_row = offsets[:, both, 2].mean(axis=1)[None] / size
        goal = self._wanted_gaps(measured)  # (T, P)
        close = self._close_rows(weights, solved)
        directions = np.vstack([gap_rows, corner_rows, forward_row, close.directions])
        metric = self._metric(offsets, freedom)
        nominal = weights[:, solved]
        now, out = weights, weights.copy()
        for _ in range(1 if turns is None else 2):  # a bone's turn is not linear with the keys
            constant = self.gaps(now, turns) - now[:, solved] @ gap_rows.T  # what other keys and the bone do
            tracked = np.hstack([goal - constant, self._corner_goals(measured, weights, solved, turns)])
            low, high = np.hstack([tracked, close.low]), np.hstack([tracked, close.high])
            price = 1 / np.square(_CONTACT + _OPEN * goal)
            soft = np.r_[np.full(4, _CORNERS**-2.0), _FORWARD**-2.0]
            price = np.hstack([price, np.tile(soft, (len(goal), 1)), close.price])
            rows = Rows(directions, low, high, price)
            out[:, solved] = least_change(metric, nominal, self.limits[solved], rows)
            now = out
        return out

    def _wanted_gaps(self, measured: Measured) -> np.ndarray:
        """(T, P) in half widths: as far as the reference's lips part there, for what this jaw does."""
        lips = self._mouth
        own = lips.parted / lips.half_width
        between = _interpolation(measured.places, lips.places)
        scale = own / (between @ measured.parted)
        parted = np.clip(measured.gaps / _PARTED, 0, 1)
        parted = parted**2 * (3 - 2 * parted)
        ajar = (lips.shut - self._touch) / lips.half_width  # at rest: open lips are that much further apart
        return scale * ((np.clip(measured.gaps, 0, None) * parted) @ between.T) + ajar * (parted @ between.T)

    def _corner_goals(
        self, measured: Measured, weights: np.ndarray, solved: np.ndarray, turns: np.ndarray | None
    ) -> np.ndarray:
        """(T, 5): corners' width and height and the lips' protrusion, less what is not solved for."""
        lips, size = self._mouth, self._mouth.half_width
        others = weights.copy()
        others[:, solved] = 0
        vertices = self._moved(others, lips.vertices, turns) / size
        n = len(lips.upper)
        corners = vertices[:, 2 * n :].reshape(len(weights), 2, 2, 3).mean(axis=2)[..., :2]
        forward = vertices[:, : 2 * n, 2].mean(axis=1)
        goal = (measured.corners[..., :2] - corners).reshape(len(weights), 4)
        return np.column_stack([goal, measured.forward - forward])

    def _close_rows(self, weights: np.ndarray, solved: np.ndarray) -> Rows:
        """mouthClose stays at most jawOpen, or what it was beyond it."""
        names = [self.head.names[k] for k in solved]
        frames = len(weights)
        if "mouthClose" not in names or "jawOpen" not in names or self._mouth.open_at_rest:
            return Rows(np.empty((0, len(solved))), *(np.empty((frames, 0)) for _ in range(3)))
        close, jaw = names.index("mouthClose"), names.index("jawOpen")
        row = np.zeros((1, len(solved)))
        row[0, close], row[0, jaw] = 1, -1
        beyond = np.clip((weights[:, solved] @ row.T), 0, None)  # (T, 1)
        return Rows(row, np.full((frames, 1), -np.inf), beyond, np.full((frames, 1), _CLOSE_ALONE))

    def _metric(self, offsets: np.ndarray, freedom: np.ndarray) -> np.ndarray:
        """(n, n) price of a change of the solved weights."""
        lips = self._mouth
        middle = self.head.rest[lips.vertices].mean(axis=0)
        near = np.linalg.norm(self.head.rest - middle, axis=1) < 1.5 * lips.half_width
        chosen = np.flatnonzero(near & np.any(offsets, axis=(0, 2)))
        chosen = chosen[:: max(1, len(chosen) // _SAMPLES)]
        flat = offsets[:, chosen].reshape(len(offsets), -1) / (_SURFACE * lips.half_width)
        return flat @ flat.T / max(1, len(chosen)) + np.diag(1 / np.square(freedom))

    def _with_lids(self, weights: np.ndarray, side: str, pairs: Pairs, opening: np.ndarray) -> np.ndarray:
        """Weights with which this eye is as open as the reference's, for its own opening at rest."""
        solved, freedom = self._solved({f"{unit}{side}": f for unit, f in _LID_FREEDOM.items()})
        rest = self.head.rest[pairs.upper, 1] - self.head.rest[pairs.lower, 1] - pairs.shut
        if not len(solved) or rest.min() <= 0:
            return weights
        offsets = self.head.offsets[solved]
        rows = (offsets[:, pairs.upper, 1] - offsets[:, pairs.lower, 1]).T / rest[:, None]  # (P, n)
        now = (self._heights(weights, pairs, None) - pairs.shut) / rest  # (T, P)
        goal = np.clip(opening, 0, None)[:, None] - (now - weights[:, solved] @ rows.T)
        price = np.tile(1 / np.square(_LID + _LID_OPEN * np.clip(opening, 0, None))[:, None], rows.shape[0])
        out = weights.copy()
        metric = np.diag(1 / np.square(freedom))
        out[:, solved] = least_change(
            metric, weights[:, solved], self.limits[solved], Rows(rows, goal, goal, price)
        )
        return out

    def _solved(self, freedom: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """Numbers (n,) of the units that may change, and how freely (n,) they do."""
        found = []
        for number, name in enumerate(self.head.names):
            unit = name if name in freedom else name.removesuffix("Left").removesuffix("Right")
            if unit in freedom and np.any(self.head.offsets[number]):
                found.append((number, freedom[unit]))
        return np.array([k for k, _ in found], dtype=int), np.array([f for _, f in found])

    def _heights(self, weights: np.ndarray, pairs: Pairs, turns: np.ndarray | None) -> np.ndarray:
        """(T, P) of the upper vertices over the lower ones."""
        vertices = np.concatenate([pairs.upper, pairs.lower])
        y = self.head.rest[vertices, 1] + self._moved(weights, vertices, turns)[..., 1]
        n = len(pairs.upper)
        return y[:, :n] - y[:, n:]

    def _moved(self, weights: np.ndarray, vertices: np.ndarray, turns: np.ndarray | None) -> np.ndarray:
        """(T, N, 3) how far vertices are from rest."""
        flat = self.head.offsets[:, vertices].reshape(len(self.head.names), -1)
        moved = (weights @ flat).reshape(len(weights), -1, 3)
        if turns is None or self.head.bone is None:
            return moved
        bone = self.head.bone
        return moved + bone.moved(self.head.rest[vertices] + moved, bone.weights[vertices], turns)


def follow(
    heads: Sequence[Retarget],
    curves: Mapping[str, np.ndarray],
    measured: Measured,
    turns: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """ARKit's curves (T,) by name with which the meshes of one character follow what was measured.

    All meshes share their units' weights: the first of them that has lips solves for the mouth, the first
    that has lids for the eyes.
    """
    out = dict(curves)
    missing = {"lips", *SIDES}
    for head in heads:
        has = ({"lips"} if head.lips else set()) | set(head.lids)
        if not missing & has:
            continue
        lids = {side: pairs for side, pairs in head.lids.items() if side in missing}
        head = replace(head, lips=head.lips if "lips" in missing else None, lids=lids)
        missing -= has
        nominal = np.stack([out[name] for name in head.head.names], axis=1)
        out |= dict(zip(head.head.names, head.weights(nominal, measured, turns).T, strict=True))
    return out


def _interpolation(at: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(W, P): what is known at rising places (P,), linearly between them; the ends hold."""
    return np.stack([np.interp(wanted, at, unit) for unit in np.eye(len(at))], axis=1)
