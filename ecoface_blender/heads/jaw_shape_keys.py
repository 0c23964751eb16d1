"""The jaw's rotation as shape keys: a few directions that follow exact skinning within half a millimetre.

Skinning is linear in the N_TERMS products of `core.jaw_skinning`. So a fixed matrix gives, for every pose,
the values of keys that are (1) the plain turns an artist would look for and (2) the principal directions of
all that remains over plausible poses.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..core.constants import EXPRESSION_DIM
from ..core.jaw_skinning import JAW, N_TERMS, N_TURN, expression_directions, neutral_offsets, rotations, terms

PLAIN_KEYS = {"Jaw Open": (0, 20.0), "Jaw Left": (1, 5.0), "Jaw Roll": (2, 5.0)}
"""Axis and degrees that each shows at value 1, exactly so on the neutral face."""
MOST_FIT_KEYS = 16
TOLERANCE = 0.0004
"""Metres; keys are added until 99.9 % of the moving vertices in plausible poses lie within it."""
READ = ("v_template", "shapedirs", "n_shape", "J_regressor", "weights", "posedirs", "arkit_coefficients")
"""All arrays of a head that its keys depend on."""
MOST_KEPT = 4  # heads; megabytes each
_kept: OrderedDict[bytes, "JawKeys"] = OrderedDict()

_UNSEEN = 1e-8  # of the most that poses vary: what varies less moves nothing by a micrometre


@dataclass(frozen=True)
class JawKeys:
    """Shape keys of the jaw, in FLAME's axes."""

    names: tuple[str, ...]
    offsets: np.ndarray
    """(keys, V, 3) metres at value 1."""
    weights: np.ndarray
    """(N_TERMS, keys): terms of a pose to values of the keys."""
    error: float
    """Metres to exact skinning, 99.9th percentile over moving vertices of plausible poses."""


def skinned(head: Mapping[str, np.ndarray], motion: np.ndarray) -> np.ndarray:
    """Exact vertices (T, V, 3) of a motion (T, 53) by Eq. (2): what the keys are judged by."""
    template, w = head["v_template"].astype(np.float64), head["weights"][:, JAW, None].astype(np.float64)
    correctives = head["posedirs"][:, :, (JAW - 1) * N_TURN : JAW * N_TURN].astype(np.float64)
    expressions = expression_directions(head).astype(np.float64)
    joint = head["J_regressor"][JAW] @ template
    vertices = np.empty((len(motion), *template.shape))
    for frame, turn in enumerate(rotations(motion[:, EXPRESSION_DIM:])):
        expressive = template + expressions @ motion[frame, :EXPRESSION_DIM]
        posed = expressive + correctives @ (turn - np.eye(3)).ravel()
        vertices[frame] = (1 - w) * posed + w * ((posed - joint) @ turn.T + joint)
    return vertices


def plausible_motion(head: Mapping[str, np.ndarray], n_frames: int, seed: int) -> np.ndarray:
    """Random poses (T, 53): expressions of one s.d. or ARKit units, jaw open to 20 degrees, askew to 3."""
    rng = np.random.default_rng(seed)
    expression = rng.standard_normal((n_frames, EXPRESSION_DIM))
    units = head.get("arkit_coefficients")
    if units is not None and len(units):
        half = n_frames // 2
        active = rng.random((half, len(units))) < 0.2
        expression[:half] = (active * rng.random((half, len(units)))) @ units[:, :EXPRESSION_DIM]
    lateral = rng.uniform(-3, 3, (n_frames, 2))
    jaw = np.radians(np.column_stack([rng.uniform(0, 20, n_frames), lateral]))
    return np.hstack([expression, jaw])


def make_jaw_keys(head: Mapping[str, np.ndarray]) -> JawKeys:
    """The jaw's keys of a head: the plain ones, and as many fits as its exact skinning needs.

    A second's work, so that those of the last few heads are kept: Blender adds a head anew whenever a setting
    of Add Head is changed. Not to be written into.
    """
    state = hashlib.blake2b()
    for name in READ:
        array = np.ascontiguousarray(head.get(name, ()))
        state.update(repr((name, array.shape, array.dtype)).encode())
        state.update(array.data)
    digest = state.digest()
    if digest not in _kept:
        _kept[digest] = _made_jaw_keys(head)
    _kept.move_to_end(digest)
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return _kept[digest]


def _made_jaw_keys(head: Mapping[str, np.ndarray]) -> JawKeys:
    moving = (head["weights"][:, JAW] != 0) | (head["posedirs"] != 0).any(axis=(1, 2))
    offsets = _TermOffsets.of(head, moving)
    plain_weights, plain = _plain_keys(offsets)
    rest = offsets.less(plain_weights, plain)
    samples = terms(*np.split(plausible_motion(head, 2000, seed=0), [EXPRESSION_DIM], axis=1))
    fit_weights, fits = _principal_keys(rest, samples)
    count, error = _fits_needed(rest, samples[::12], fit_weights, fits)
    keys = np.zeros((len(plain) + count, len(moving), 3), dtype=np.float32)
    keys[:, moving] = np.vstack([plain, fits[:count]]).reshape(len(keys), -1, 3)
    made = JawKeys(key_names(len(keys)), keys, np.hstack([plain_weights, fit_weights[:, :count]]), error)
    made.offsets.flags.writeable = made.weights.flags.writeable = False
    return made


@dataclass(frozen=True)
class _TermOffsets:
    """`core.jaw_skinning.term_offsets` (N_TERMS, 3 V) of some vertices, without its zeros; float32.

    A term of d's entry (row, column) and an expression moves coordinate `row` alone, by what the expression
    does to coordinate `column`, weighed: the same numbers for each row.
    """

    neutral: np.ndarray
    """(n, V, 3) of the terms without expression."""
    weighed: np.ndarray
    """(V, 3 EXPRESSION_DIM): column by column."""

    @classmethod
    def of(cls, head: Mapping[str, np.ndarray], chosen: np.ndarray) -> "_TermOffsets":
        weighed = head["weights"][chosen, JAW, None, None] * expression_directions(head)[chosen]
        neutral = neutral_offsets(head)[:, chosen].astype(np.float32)
        return cls(neutral, weighed.astype(np.float32).reshape(len(weighed), -1))

    def less(self, weights: np.ndarray, keys: np.ndarray) -> "_TermOffsets":
        """What remains beside weights (N_TERMS, k), 0 of the terms with expression, of keys (k, 3 V)."""
        n = len(self.neutral)
        taken = weights[:n].astype(np.float32) @ keys
        return _TermOffsets(self.neutral - taken.reshape(self.neutral.shape), self.weighed)

    def blended(self, mixes: np.ndarray) -> np.ndarray:
        """(k, 3 V): mixes (k, N_TERMS) of the terms."""
        n = len(self.neutral)
        mixes = mixes.astype(np.float32)
        out = (mixes[:, :n] @ self.neutral.reshape(n, -1)).reshape(len(mixes), -1, 3)
        for row, mix in enumerate(np.split(mixes[:, n:], 3, axis=1)):
            out[:, :, row] += mix @ self.weighed.T
        return out.reshape(len(mixes), -1)

    def gram(self) -> np.ndarray:
        """(N_TERMS, N_TERMS) products of the terms with one another."""
        n = len(self.neutral)
        flat = self.neutral.reshape(n, -1)
        rows = np.ascontiguousarray(np.moveaxis(self.neutral, 2, 0))  # BLAS wants them dense
        crossed = np.hstack(list(rows @ self.weighed))
        own = np.kron(np.eye(3), self.weighed.T @ self.weighed)
        return np.block([[flat @ flat.T, crossed], [crossed.T, own]]).astype(np.float64)


def key_names(count: int) -> tuple[str, ...]:
    """Names of a head's `count` jaw keys, in order."""
    return (*PLAIN_KEYS, *(f"Jaw Fit {number:02}" for number in range(1, count - len(PLAIN_KEYS) + 1)))


def _plain_keys(offsets: _TermOffsets) -> tuple[np.ndarray, np.ndarray]:
    """Weights (N_TERMS, 3) and offsets (3, 3 V) of PLAIN_KEYS; the value follows the sine of the turn."""
    weights, keys = np.zeros((N_TERMS, len(PLAIN_KEYS))), []
    for number, (axis, degrees) in enumerate(PLAIN_KEYS.values()):
        turn = np.radians(degrees)
        b, c = (axis + 1) % 3, (axis + 2) % 3
        weights[3 * c + b, number], weights[3 * b + c, number] = 0.5 / np.sin(turn), -0.5 / np.sin(turn)
        keys.append(terms(np.zeros((1, EXPRESSION_DIM)), turn * np.eye(3)[[axis]])[0])
    return weights, offsets.blended(np.stack(keys))


def _principal_keys(rest: _TermOffsets, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Principal directions of samples @ rest without forming it; value 1 is the most seen in the samples."""
    scale, axes = np.linalg.eigh(samples.T @ samples / len(samples))
    seen = scale > _UNSEEN * scale.max()
    root = axes[:, seen] * np.sqrt(scale[seen])  # (N_TERMS, n), root @ root.T is the samples' second moment
    gram = rest.gram()
    power, mixes = np.linalg.eigh(root.T @ gram @ root)
    best = np.argsort(power)[::-1][:MOST_FIT_KEYS]
    best = best[power[best] > 1e-12 * max(power.max(), 1e-30)]
    mixes = root @ mixes[:, best] / np.sqrt(power[best])  # (N_TERMS, fits)
    weights = gram @ mixes
    most = np.abs(samples @ weights).max(axis=0)
    return weights / most, rest.blended((mixes * most).T)


def _fits_needed(
    rest: _TermOffsets, samples: np.ndarray, weights: np.ndarray, fits: np.ndarray
) -> tuple[int, float]:
    """How many fits bring the samples within TOLERANCE of exact skinning, and the metres left.

    More of them leave less, so the number is found by halves.
    """
    exact = rest.blended(samples)
    values = (samples @ weights).astype(np.float32)

    def left(count: int) -> float:
        off = exact - values[:, :count] @ fits[:count]
        away = np.einsum("vx,vx->v", off.reshape(-1, 3), off.reshape(-1, 3))
        return float(np.sqrt(np.percentile(away, 99.9)))

    low, high = 0, len(fits)
    while low < high:
        middle = (low + high) // 2
        if left(middle) < TOLERANCE:
            high = middle
        else:
            low = middle + 1
    return low, left(low)
