"""The upper face, settled: lids blink or do not, and brows do not tremble.

The generator sums small motions of the lids: a blink may stop half way, one eye's before the other's, or take
the upper lid past the lower. Here each eye's opening is measured on the head itself, against what it is
without dips as short as blinks, and eyeBlink is corrected frame by frame: a dip that is deep enough shuts
both eyes along their lids, one that is not goes, and of two that follow each other within a second the first
is left: people blink twice at times, but a face that does looks as if it had a tic.
Only blinks are fast in an upper face; what else trembles there is smoothed.
After that, upper lids that hang for longer than a blink are raised (`awake`): a face whose lids cover the
irises for a second is asleep on its feet, whatever it says. Lower lids are left: cheeks raise them in smiles.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.blink import left_shut
from ecoface_model.core.constants import EXPRESSION_DIM, FRAME_RATE, LOWER_LIDS, MOTION_DIM, UPPER_LIDS
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.head_mesh import HeadLandmarks
from ecoface_model.postprocess.face_regions import upper_projection

SHUT = -0.6  # mm between the lids' landmarks of a shut eye: from 15 degrees below it is still shut
NO_BLINK, DONE = 0.28, 0.34
"""Of the way to shut: dips that go no deeper are none, and from there on they are whole blinks."""
LEAST_OPEN = 2.0  # mm; an eye that is usually open less squints: it is only kept from more than shut
_WIDER = 0.3  # of what eyes are wider than at rest, by which they are shut further: for the ends of the lids
_EASE = 0.2  # mm around that over which the one gives way to the other, so that no frame jumps
_AROUND = FRAME_RATE  # frames to either side over which an eye's usual opening is the median
_LONGEST = 15  # frames of a blink and its way back; lids that are lower for longer are lowered,
_LOWERED = (
    0.8  # but for less than a second to no less than so much of their usual opening: else it is a blink
)
HANG, MOST_HANG = 0.25, 0.65
"""mm that upper lids may hang below their rest for longer than a blink, and what they come near to, however
far they hung: an eleventh of the opening, of which a sixth looks drowsy."""
_CLOSES = (2.5, 4.5)  # mm of hanging, between which eyes are no more heavy but shut on purpose, and stay
_NEAR = 4  # frames to either side of a blink's peak that belong to it
_HELD = 0.85  # of its depth, from which on a blink is shut: it stays so for a frame or two
_SHUT_FOR, _OPENS = 3, 5  # frames for which a blink is shut at most, and over which it opens again then
_STAYS, _SINKS = 6, 20  # frames for which eyes are then as wide as before, and over which lids may be lower
_BEFORE = (8, 2)  # frames before a blink is shut, between which that width is the mean
_APART = FRAME_RATE  # frames from a blink's beginning in which no other one begins
_BEGUN = 0.5  # of the way to shut, from which on it is one
_CLEAR = 0.15  # of it, below which it is over
REACH = _AROUND + 1 + _LONGEST + _NEAR  # frames to either side that a frame of the eyes depends on
_AFTER = _SHUT_FOR + _OPENS + _STAYS + _SINKS  # frames from a blink's being shut that it changes
REACH_BEFORE = REACH + _LONGEST + _AFTER + _APART  # before it: when its blink began, and one that forbids it
_TOGETHER = (0.3, 0.6)
"""Depth of the shallower of two eyes' dips against the deeper one's: a wink below, above it both blink."""
_CALM = (0.25, 0.5, 0.25)  # a filter over three frames: half at 6 Hz, a tenth at 10 Hz
_PROBE = 0.5  # weight of eyeBlink, to measure what it does


class EyelidContact:
    """The lids of one head, ready to be finished."""

    def __init__(self, file: FlameFile) -> None:
        """`file` has landmarks and ARKit's units."""
        self._landmarks = HeadLandmarks(file, UPPER_LIDS + LOWER_LIDS)
        self._upper = upper_projection(file)  # (50, 50)
        units = [file.arkit_names.index(f"eyeBlink{side}") for side in ("Right", "Left")]
        self._blink = file.arkit_coefficients[units].astype(np.float32)  # (2, 53)
        still = np.zeros((1, MOTION_DIM), np.float32)
        rest, self._upper_rest = self.openings(still)[0], self._heights(still)[0][0]
        shut = self.openings(np.float32(_PROBE) * self._blink).diagonal()
        self._rest = rest
        self.slope: NDArray[np.float32] = (shut - rest) / np.float32(_PROBE)
        """(2,) mm that 1 of eyeBlink opens the right eye and the left: below 0."""

    def openings(
        self, motion: Float32[NDArray[np.float32], "frames 53"]
    ) -> Float32[NDArray[np.float32], "frames 2"]:
        """mm between the lids' landmarks of the right eye and the left."""
        upper, lower = self._heights(motion)
        openings: NDArray[np.float32] = upper - lower
        return openings

    def _heights(
        self, motion: Float32[NDArray[np.float32], "frames 53"]
    ) -> tuple[Float32[NDArray[np.float32], "frames 2"], Float32[NDArray[np.float32], "frames 2"]]:
        """mm of the upper lids' landmarks and of the lower ones', of the right eye and the left."""
        heights = 1000 * self._landmarks.of(motion)[..., 1]  # (T, 8)
        upper, lower = heights.reshape(-1, 2, 2, 2).mean(axis=3).swapaxes(0, 1)  # (T, 2) each
        return upper, lower

    def opened_share(
        self, motion: Float32[NDArray[np.float32], "frames 53"]
    ) -> Float32[NDArray[np.float32], "frames 2"]:
        """The openings of the right eye and the left, of what they are at rest."""
        share: NDArray[np.float32] = self.openings(motion) / self._rest
        return share

    def shut(self, usual: Float[NDArray[Any], "frames 2"]) -> Float[NDArray[Any], "frames 2"]:
        """mm between the lids' landmarks of shut eyes, by what they usually are.

        Of wide ones the ends would stay open.
        """
        shut: NDArray[Any] = SHUT - _WIDER * np.maximum(usual - self._rest, 0)
        return shut

    def settle(
        self, motion: Float32[NDArray[np.float32], "frames 53"]
    ) -> Float32[NDArray[np.float32], "frames 53"]:
        """The motion with blinks that shut the eyes, and no further, in a face that does not tremble."""
        motion = self._calmed(motion)
        opening = self.openings(motion)  # (T, 2)
        lasting = np.maximum(_without_dips(opening), _LOWERED * self.usual(opening))
        shut = self.shut(lasting)
        whole = np.maximum(lasting - shut, LEAST_OPEN)
        way = (lasting - opening) / whole  # 0 open, 1 shut
        squints_not = np.clip((lasting - LEAST_OPEN) / _EASE + 0.5, 0, 1)
        blinked = _blinked(way)
        reopened = _reopened(lasting, blinked) - lasting  # mm
        stays = way * whole - blinked * (whole + reopened) + reopened
        change = np.maximum(squints_not * stays, shut - opening)  # mm
        return self.opened(motion, change)

    def awake(
        self,
        settled: Float32[NDArray[np.float32], "frames 53"],
        motion: Float32[NDArray[np.float32], "frames 53"],
    ) -> Float32[NDArray[np.float32], "frames 53"]:
        """The settled motion with lids opened that hang in `motion`, as it was before, blinks as shut."""
        upper, lower = self._heights(motion)
        hang = self._upper_rest - _without_dips(upper)  # (T, 2) mm
        over, room = np.maximum(hang - HANG, 0), MOST_HANG - HANG
        heavy = 1 - _step((hang - _CLOSES[0]) / (_CLOSES[1] - _CLOSES[0]))
        raised = heavy * (over - room * np.tanh(over / room))  # mm
        if not raised.any():
            return settled
        lasting = np.maximum(_without_dips(upper - lower), LEAST_OPEN)  # mm
        is_open = np.clip((self.openings(settled) - SHUT) / (lasting - SHUT), 0, 1)
        return self.opened(settled, is_open * raised)

    def without_blinks(
        self, motion: Float32[NDArray[np.float32], "frames 53"], begin: Sequence[float]
    ) -> Float32[NDArray[np.float32], "frames 53"]:
        """The motion without its blinks that begin at these seconds: the eyes as open as around them."""
        opening = self.openings(motion)
        gone = np.zeros((len(motion), 1), np.float32)
        for time in begin:
            first = max(0, round(time * FRAME_RATE) - _BEFORE[1])
            gone[first : first + _LONGEST + _NEAR] = 1
        return self.opened(motion, gone * (_without_dips(opening) - opening))

    def opened(
        self,
        motion: Float32[NDArray[np.float32], "frames 53"],
        change: Float[NDArray[np.floating[Any]], "frames 2"],
    ) -> Float32[NDArray[np.float32], "frames 53"]:
        """The motion with the right eye and the left opened so many mm further, by eyeBlink."""
        opened: NDArray[np.float32] = (motion + (change / self.slope) @ self._blink).astype(np.float32)
        return opened

    def usual(
        self, openings: Float32[NDArray[np.float32], "frames 2"]
    ) -> Float32[NDArray[np.float32], "frames 2"]:
        """What the eyes' openings are around each frame, blinks aside."""
        return _running_median(openings)

    def _calmed(
        self, motion: Float32[NDArray[np.float32], "frames 53"]
    ) -> Float32[NDArray[np.float32], "frames 53"]:
        """All of the upper face but its blinks through the filter."""
        opening = self.openings(motion)
        blinks = ((opening - _running_median(opening)) / self.slope) @ self._blink
        upper = (motion - blinks)[:, :EXPRESSION_DIM] @ self._upper  # (T, 50)
        around = np.pad(upper, ((1, 1), (0, 0)), mode="edge")  # (T + 2, 50)
        smooth = sum(np.float32(weight) * around[k : len(upper) + k] for k, weight in enumerate(_CALM))
        calmed = motion.copy()
        calmed[:, :EXPRESSION_DIM] += smooth - upper
        return calmed


def _running_median(
    curves: Float32[NDArray[np.float32], "frames n"],
) -> Float32[NDArray[np.float32], "frames n"]:
    """Over a second to either side; beyond its ends stand the first and the last frame."""
    padded = np.pad(curves, ((_AROUND, _AROUND), (0, 0)), mode="edge")  # (T + 2 around, n)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1, axis=0)
    median: NDArray[np.float32] = np.partition(windows, _AROUND, axis=2)[..., _AROUND]
    return median


def _blinked(
    way: Float32[NDArray[np.float32], "frames 2"],
) -> Float32[NDArray[np.float32], "frames 2"]:
    """How far eyes are to be shut, 0 to 1, of how far they are: whole blinks or none, of both together."""
    deep = _slide(way, _NEAR, np.max)
    apart = deep.min(axis=1) / np.maximum(deep.max(axis=1), np.float32(1e-6))  # 1 where both blink alike
    both = _step((apart - _TOGETHER[0]) / (_TOGETHER[1] - _TOGETHER[0]))[:, None]
    way = (1 - both) * way + both * way.max(axis=1, keepdims=True)
    deep = (1 - both) * deep + both * deep.max(axis=1, keepdims=True)
    shut = _step(way / np.maximum(_HELD * deep, np.float32(1e-6)))
    blinked = shut * _step((deep - NO_BLINK) / (DONE - NO_BLINK))
    return _apart(np.stack([_not_for_long(eye) for eye in blinked.T], axis=1))


def _apart(
    blinked: Float32[NDArray[np.float32], "frames 2"],
) -> Float32[NDArray[np.float32], "frames 2"]:
    """Blinks without those that begin within `_APART` of another's beginning, be that left or not.

    So that what comes before tells of each: a stream knows no more.
    """
    both = blinked.max(axis=1)
    begun = np.concatenate([[False], both > _BEGUN, [False]])
    runs = np.flatnonzero(begun[1:] != begun[:-1]).reshape(-1, 2)
    apart = blinked.copy()
    for k in 1 + np.flatnonzero(np.diff(runs[:, 0]) < _APART):
        (_, before), (start, stop) = runs[k - 1], runs[k]
        after = runs[k + 1, 0] if k + 1 < len(runs) else len(both)
        first = start - int(both[before:start][::-1].argmin())  # from where the eyes are open before it
        last = stop + int(both[stop:after].argmin()) if stop < after else stop
        apart[first:last] = 0
    return apart


def _not_for_long(
    blinked: Float32[NDArray[np.float32], " frames"],
) -> Float32[NDArray[np.float32], " frames"]:
    """One eye's blinks, each of them open again soon after it was shut: nothing of them stays half way."""
    most = np.ones_like(blinked)
    opening = left_shut(np.arange(1, _OPENS + 1, dtype=np.float32) / _OPENS)
    is_open = np.flatnonzero(np.append(blinked < _CLEAR, True))
    for start in _starts(blinked > _HELD):
        end = is_open[np.searchsorted(is_open, start)]  # exclusive
        shut_for = min(_SHUT_FOR, int((blinked[start:end] > _HELD).argmin()) or _SHUT_FOR)
        cap = np.concatenate([np.ones(shut_for, np.float32), opening])[: end - start]
        most[start : start + len(cap)] = np.minimum(most[start : start + len(cap)], cap)
        most[start + len(cap) : end] = 0
    return np.minimum(blinked, most)


def _reopened(
    lasting: Float32[NDArray[np.float32], "frames 2"], blinked: Float32[NDArray[np.float32], "frames 2"]
) -> Float32[NDArray[np.float32], "frames 2"]:
    """The openings (mm) without blinks, no less after each than before it, and only slowly less again.

    The generator's lids come up from some blinks by half, and rest there.
    """
    reopened = lasting.copy()
    sinking = 1 - _step(np.arange(_SINKS, dtype=np.float32) / _SINKS)
    held = np.concatenate([np.ones(_AFTER - _SINKS, np.float32), sinking])
    for eye, wide in enumerate(lasting.T):
        for start in _starts(blinked[:, eye] > _HELD):
            before = wide[max(start - _BEFORE[0], 0) : max(start - _BEFORE[1], 1)].mean()
            here = slice(start, start + _AFTER)
            least = wide[here] + held[: len(wide) - start] * (before - wide[here])
            reopened[here, eye] = np.maximum(reopened[here, eye], least)
    return reopened


def _starts(chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Where runs of chosen frames begin."""
    return np.flatnonzero(np.diff(np.concatenate([[False], chosen]).astype(np.int8)) == 1)


def _without_dips(
    opening: Float32[NDArray[np.float32], "frames 2"],
) -> Float32[NDArray[np.float32], "frames 2"]:
    """The openings (mm) without dips shorter than a blink: a morphological closing over time."""
    around = _LONGEST // 2
    return _slide(_slide(opening, around, np.max), around, np.min)


def _slide(
    curves: Float32[NDArray[np.float32], "frames n"], around: int, extreme: Callable[..., Any]
) -> Float32[NDArray[np.float32], "frames n"]:
    """The largest or smallest value of so many frames to either side; beyond the ends they hold."""
    padded = np.pad(curves, ((around, around), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * around + 1, axis=0)
    found: NDArray[np.float32] = extreme(windows, axis=2)
    return found


def _step(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """From 0 to 1 without corners."""
    share = np.clip(values, 0, 1)
    stepped: NDArray[np.float32] = share * share * (3 - 2 * share)
    return stepped
