"""Other faces of a head: its identity directions, held so that lips, lids and teeth meet as they did.

A motion is made to close the lips of the head as it is. Identity directions move upper and lower lip unalike,
by a millimetre and more, which would leave an M ajar. So here the seam of the lips moves as one at each place
along it, teeth, tongue and the skin that passes them as the seam before them, and each eye with its lids as
one piece; around them what the directions say comes in smoothly. Pure numpy.
"""

from collections.abc import Mapping

import numpy as np

from ..core.jaw_skinning import JAW
from ..core.within_mouth import within_mouth
from .contact_pairs import Pairs, find_lids, find_lips
from .looks import looks, of_face
from .shape import SIDES, HeadShape

FACES = (0, 7, 12, 4, 2, 11, 1, 5, 13)
"""Seeds of the faces that are offered, the head's own first: chosen by eye, so that neighbours differ. Those
of our looks have the looks' own coefficients."""
BUILD, SPREAD = 0.2, 0.45
"""Standard deviations of a drawn face's coefficients: of the first, which are the skull's, and of others."""
_N_BUILD = 12
_NECK = (-0.113, -0.06)
"""Metres of height between which the neck goes over into the face: below it stays as it is."""
_SEAM, _SEAM_FADE = 0.2, 0.9
"""Half widths of the mouth from its seam within which the lips move as one, and where they are free."""
_WITHIN_FADE = 0.5, 1.0
"""Likewise of the skin within the mouth: where it passes teeth, and where it is free."""
_EYE, _EYE_FADE = 0.35, 1.1
"""Half widths of an eye from its lids' margins, likewise."""
_COLUMNS = 24  # places along the seam


def n_directions(head: Mapping[str, np.ndarray]) -> int:
    """How many identity directions a head has; 0 for one that is always the same."""
    return int(head["n_shape"]) if len(head.get("arkit_units", ())) else 0


def drawn(head: Mapping[str, np.ndarray], number: int, amount: float = 1.0) -> np.ndarray:
    """Coefficients (n_shape,) of face `number` of FACES; 0 is the head as it is.

    `amount` says how far the others are from it.
    """
    n = n_directions(head)
    if number == 0 or n == 0:
        return np.zeros(n)
    own = looks()[of_face(number)].identity if number < len(looks()) else np.zeros(0)
    if len(own) == n:
        return amount * own
    spread = np.where(np.arange(n) < _N_BUILD, BUILD, SPREAD)
    return amount * spread * np.random.default_rng(FACES[number]).standard_normal(n).clip(-2, 2)


def with_face(head: Mapping[str, np.ndarray], coefficients: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of a head with another face, (n_shape,) standard deviations; of the same size and place.

    Expressions, jaw and their names stay: it speaks the same motions.
    """
    out = dict(head)
    if not np.any(coefficients):
        return out
    template = head["v_template"].astype(np.float64)
    moved = _aligned(template, template + head["shapedirs"][:, :, : len(coefficients)] @ coefficients)
    change = _meeting(head, moved - template) * (1 - _fade(template[:, 1:2], *_NECK))
    out["v_template"] = (template + change).astype(np.float32)
    out["J_regressor"] = _with_lever(head, out["v_template"].astype(np.float64)).astype(np.float32)
    return out


def _with_lever(head: Mapping[str, np.ndarray], template: np.ndarray) -> np.ndarray:
    """J_regressor (5, V) by which the jaw turns the lower teeth, and the lips before them, as it did.

    A hinge nearer to the lips would open them less: closures that hold the jaw ajar would miss.
    """
    teeth = head["mask_teeth"]
    teeth = teeth[head["weights"][teeth, JAW] > 0.5]
    regressor = head["J_regressor"].astype(np.float64)
    if not len(teeth):
        return regressor
    before = head["v_template"].astype(np.float64)
    wanted = regressor[JAW] @ before + (template[teeth] - before[teeth]).mean(axis=0)
    known = np.vstack([template.T, np.ones(len(template))])  # (4, V): where, and that a row sums to 1
    missing = np.append(wanted - regressor[JAW] @ template, 0.0)
    regressor[JAW] += known.T @ np.linalg.solve(known @ known.T, missing)
    return regressor


def _aligned(template: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Moved vertices (V, 3) brought to the template's middle and size."""
    at, to = moved.mean(axis=0), template.mean(axis=0)
    scale = np.linalg.norm(template - to) / np.linalg.norm(moved - at)
    return to + scale * (moved - at)


def _meeting(head: Mapping[str, np.ndarray], change: np.ndarray) -> np.ndarray:
    """A change of the face (V, 3) by which lips and lids stay as near to one another as they are."""
    names = tuple(str(name) for name in head["arkit_names"])
    shape = HeadShape(head["v_template"].astype(np.float64), names, head["arkit_units"].astype(np.float32))
    out = change.copy()
    if (lips := find_lips(shape)) is not None:
        out = _lips_as_one(head, shape.rest, lips, out)
    for side in SIDES:
        if (lids := find_lids(shape, side)) is not None:
            out = _eye_as_one(head, shape.rest, lids, out)
    return out


def _lips_as_one(
    head: Mapping[str, np.ndarray], rest: np.ndarray, lips: Pairs, change: np.ndarray
) -> np.ndarray:
    """The seam's own mean change at each place along it, fading into the face's; teeth and tongue's whole."""
    size = lips.half_width
    points = np.concatenate([lips.upper, lips.lower, lips.corners.ravel()])
    seam = (rest[lips.upper] + rest[lips.lower]) / 2
    ends = rest[lips.corners].mean(axis=1)
    line = np.concatenate([ends[:1], seam, ends[1:]])
    line = line[np.argsort(line[:, 0])]
    along = np.linspace(line[0, 0], line[-1, 0], _COLUMNS)
    middle = np.stack([np.interp(along, line[:, 0], column) for column in line.T], axis=1)  # (n, 3)
    near = np.linalg.norm(rest[:, None] - middle[None], axis=2) / size  # (V, n)
    lip = points[np.argsort(rest[points, 0])]
    mean = _smoothed_along(rest[lip, 0], change[lip], along)  # (n, 3)
    own = np.stack([np.interp(rest[:, 0], along, column) for column in mean.T], axis=1)
    away = near.min(axis=1)
    share = _fade(away, _SEAM, _SEAM_FADE)
    within = _skin_within(head)
    share[within] = _fade(away[within], *_WITHIN_FADE)
    share[np.concatenate([head["mask_teeth"], head["mask_tongue"]])] = 1.0
    free = change.copy()
    free[within, 2] = np.minimum(change, own)[within, 2]  # rather back than out of the cheeks
    return (1 - share)[:, None] * free + share[:, None] * own


def _skin_within(head: Mapping[str, np.ndarray]) -> np.ndarray:
    """Vertices of the skin within the mouth; none where no material says which."""
    names = [str(name) for name in head.get("material_names", ())]
    if not names:
        return np.zeros(0, dtype=np.int64)
    return within_mouth(head["faces"], head["material"], names, head["mask_lips"])


def _smoothed_along(at: np.ndarray, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(n, 3) means of values (m, 3) known at `at` (m,), around each place (n,)."""
    width = (places[-1] - places[0]) / 6
    weights = np.exp(-0.5 * np.square((places[:, None] - at[None]) / width))
    mean: np.ndarray = weights @ values / weights.sum(axis=1, keepdims=True)
    return mean


def _eye_as_one(
    head: Mapping[str, np.ndarray], rest: np.ndarray, lids: Pairs, change: np.ndarray
) -> np.ndarray:
    """The eyeball's mean change for eyeball and lids, fading into the face's."""
    margin = rest[lids.vertices]
    balls = head["mask_eyeballs"]
    ball = balls[rest[balls, 0] * margin[:, 0].mean() > 0]
    own = change[ball].mean(axis=0)
    away = np.linalg.norm(rest[:, None] - margin[None], axis=2).min(axis=1) / lids.half_width
    share = _fade(away, _EYE, _EYE_FADE)
    share[ball] = 1.0
    return (1 - share)[:, None] * change + share[:, None] * own


def _fade(away: np.ndarray, whole: float, none: float) -> np.ndarray:
    """1 up to a distance, 0 from another on, smoothly between."""
    t = ((away - whole) / (none - whole)).clip(0, 1)
    faded: np.ndarray = 1 - t * t * (3 - 2 * t)
    return faded
