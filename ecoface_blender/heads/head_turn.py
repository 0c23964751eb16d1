"""How head and eyes turn over time, with amounts and perhaps a target to look at. No bpy.

Axes are the head's: x to the face's left, y up, z out of the face; the head turns about its joint.
"""

from dataclasses import dataclass

import numpy as np

from ..core.constants import GAZE_DIM, HEAD_DIM
from ..core.head_pose import direction, eye_angles, gaze_along, towards, under_lids
from ..core.jaw_skinning import rotations

HEAD_SHARE = np.array([0.97, 0.6])
"""Of the way to a target to the side and up that the head turns at least; the eyes do the rest (after Stahl
1999, by whom heads of most people go half to all of the way to what they look at for long). Who talks to
somebody faces them: else eyes stand in their corners as soon as the head turns for its own reasons, too."""
EYES_AT_EASE = np.radians([7.0, 9.0])
"""Yaw and pitch that eyes hold for long: of a target further aside the head takes what is left (ibid.)."""
MOST_HEAD = np.radians([60.0, 35.0])
"""Yaw and pitch, beyond which no head turns to a target."""
LOOKS_ASIDE = np.radians(15.0)
"""Yaw of an eye, to which looks away from a target are held where the target itself is not further aside."""
MEETS, PARALLEL = np.radians([3.0, 8.0])
"""Beside a target, between which eyes go from meeting on it to parallel: who looks away looks at nothing as
near, and eyes that still converged would squint."""
SETS_OFF = np.radians(2.0)
"""About each axis, that a head is away at most where it sets off to how it moves as a line begins."""
MOST_ASIDE, MOST_UP, MOST_DOWN = np.radians([36.0, 18.0, 28.0])
"""Angles of an eye in its socket: further up the iris would go behind the lid."""
N_COLUMNS = HEAD_DIM + 2 * GAZE_DIM


@dataclass(frozen=True)
class HeadTurn:
    """Of every frame of a motion."""

    head: np.ndarray
    """(T, 3) axis-angle in radians."""
    left: np.ndarray
    """(T, 2) the left eye's yaw to the face's left and pitch up, in radians, relative to the head."""
    right: np.ndarray
    """(T, 2) the right eye's."""

    @classmethod
    def of(cls, head: np.ndarray | None, gaze: np.ndarray | None, n_frames: int) -> "HeadTurn":
        """As a motion has them; what it has not rests."""
        still = np.zeros((n_frames, HEAD_DIM)) if head is None else np.asarray(head, np.float64)
        eyes = np.zeros((n_frames, 2, GAZE_DIM)) if gaze is None else eye_angles(gaze)
        return cls(still, eyes[:, 0], eyes[:, 1])

    @property
    def eyes(self) -> np.ndarray:
        """(T, 2, 2) left and right, as `head_pose.eye_angles`."""
        return np.stack([self.left, self.right], axis=1)

    @property
    def gaze(self) -> np.ndarray:
        """(T, 2) where both look, between them."""
        return (self.left + self.right) / 2

    @property
    def columns(self) -> np.ndarray:
        """(T, N_COLUMNS), to be resampled with the motion."""
        return np.hstack([self.head, self.left, self.right])

    @classmethod
    def from_columns(cls, columns: np.ndarray) -> "HeadTurn":
        """The inverse of `columns`."""
        return cls(*np.split(columns, [HEAD_DIM, HEAD_DIM + GAZE_DIM], axis=1))

    def with_amounts(self, head: float, gaze: float) -> "HeadTurn":
        """How much of it is shown: of the head's turns, and of where the eyes look away from straight ahead.

        What the gaze does to make up for a turn of the head goes with the turn.
        """
        if head == gaze == 1:
            return self
        turned, shown = rotations(self.head), rotations(head * self.head)
        eyes = [gaze * gaze_along(_apply(turned, direction(eye))) for eye in (self.left, self.right)]
        back = [gaze_along(_apply(shown.transpose(0, 2, 1), direction(eye))) for eye in eyes]
        return HeadTurn(head * self.head, *back)

    def before(self, n: int) -> "HeadTurn":
        """The n frames before these: the head sets off from rest towards how it moves at the beginning.

        The eyes stay on what they look at then.
        """
        earlier = np.arange(n, 0, -1.0)  # frames before the first
        there = earlier * (1 - earlier / (2 * n))  # ever slower backwards
        frames = np.arange(float(len(self.head)))
        mirrored = [np.interp(there, frames, column) for column in self.head.T]
        away = self.head[0] - np.column_stack(mirrored)
        head = self.head[0] + SETS_OFF * np.tanh(away / SETS_OFF)
        looks = [rotations(self.head[:1])[0] @ direction(eye[:1])[0] for eye in (self.left, self.right)]
        back = rotations(head).transpose(0, 2, 1)
        return HeadTurn(head, *(gaze_along(back @ look) for look in looks))

    def under_lids(self, opened: np.ndarray) -> "HeadTurn":
        """With eyes that go down with lids that are `opened` (T, 2), the left and the right, 1 at rest."""
        return HeadTurn(self.head, under_lids(self.left, opened[:, 0]), under_lids(self.right, opened[:, 1]))

    def looking_at(
        self, points: np.ndarray, eyes: np.ndarray, head: float = 1.0, for_head: np.ndarray | None = None
    ) -> "HeadTurn":
        """The same performance towards a target instead of straight ahead.

        The head takes its share of the way and keeps its nods about the new direction; each eye takes the
        rest, so that both meet on the target where the gaze was straight ahead.

        Args:
            points: (T, 3) the target, seen from the joint of a head at rest.
            eyes: (2, 3) middles of the left and the right eye, likewise.
            head: how much of its share the head takes, 0 to 1.
            for_head: (T, 3) the target as the head follows it, more slowly than the eyes; `points` without.
        """
        followed = points if for_head is None else for_head
        share = head * _of_the_way(gaze_along(followed - eyes.mean(axis=0)))
        aimed = towards(share)  # (T, 3, 3)
        own = rotations(self.head)
        turned = aimed @ own
        looks = []
        for eye in eyes:
            goal = gaze_along(points - _apply(turned, np.broadcast_to(eye, points.shape)))
            seen = _apply(towards(goal) @ own, direction(self.gaze))  # own: what the gaze makes up for
            both = seen, direction(goal)
            looks.append([gaze_along(_apply(turned.transpose(0, 2, 1), each)) for each in both])
        in_head, at_target = np.moveaxis(np.array(looks), 1, 0)  # each (2 eyes, T, 2)
        away = np.linalg.norm(gaze_along(_apply(own, direction(self.gaze))), axis=1)
        eyes = _in_sight(_meeting(in_head, away), at_target.mean(axis=0))
        return HeadTurn(rotation_vectors(turned), *eyes)


def _meeting(eyes: np.ndarray, away: np.ndarray) -> np.ndarray:
    """(2, T, 2) eyes (2, T, 2) that meet on a target, parallel where they look by `away` (T,) beside it."""
    share = ((away - MEETS) / (PARALLEL - MEETS)).clip(0, 1)
    middle = eyes.mean(axis=0)
    return middle + (eyes - middle) * (1 - share * share * (3 - 2 * share))[:, None]


def _in_sight(eyes: np.ndarray, at_target: np.ndarray) -> np.ndarray:
    """(2, T, 2) eyes that stay in sight together: an eye that stopped alone would squint.

    Args:
        eyes: (2, T, 2) yaw and pitch of the left eye and the right in the head.
        at_target: (T, 2) of the target, between them.
    """
    middle = eyes.mean(axis=0)
    apart = eyes - middle
    converged = np.abs(apart[0, :, 0])
    aside = np.maximum(np.abs(at_target[:, 0]), LOOKS_ASIDE - converged)
    aside = np.minimum(aside, MOST_ASIDE - converged).clip(0)
    middle[:, 0] = middle[:, 0].clip(-aside, aside)
    middle[:, 1] = middle[:, 1].clip(-MOST_DOWN, MOST_UP)
    return apart + middle


def _of_the_way(goal: np.ndarray) -> np.ndarray:
    """(T, 2) what the head takes of yaw and pitch to a target."""
    taken = np.maximum(HEAD_SHARE * np.abs(goal), np.abs(goal) - EYES_AT_EASE)
    return np.sign(goal) * np.minimum(taken, MOST_HEAD)


def rotation_vectors(turns: np.ndarray) -> np.ndarray:
    """Rotation vectors (T, 3) of rotation matrices (T, 3, 3) of less than half a turn."""
    skew = np.stack([turns[:, 2, 1] - turns[:, 1, 2], turns[:, 0, 2] - turns[:, 2, 0],
                     turns[:, 1, 0] - turns[:, 0, 1]], axis=-1) / 2  # fmt: skip
    sine = np.linalg.norm(skew, axis=1)
    angle = np.arctan2(sine, (np.trace(turns, axis1=1, axis2=2) - 1) / 2)
    return skew * np.divide(angle, sine, out=np.ones_like(sine), where=sine > 1e-9)[:, None]


def _apply(turns: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(T, 3) vectors through matrices (T, 3, 3)."""
    return np.einsum("tij,tj->ti", turns, vectors)
