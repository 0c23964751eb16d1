"""How far a job is and how long it will take: from its progress, and how long those before it took."""

import time
from collections.abc import Callable

from .translations import sentence

MOMENT = 1.5  # s, below which counting makes no sense
LAST_PERCENT = 0.99  # the keys are written after the engine is done


class Pace:
    """How fast this machine's engine is: first a guess, then what was measured last."""

    def __init__(self) -> None:
        self.loading = 8.0
        """Seconds from the engine's start until its model is loaded."""
        self.window = 1.0
        """Seconds for one window of sound; a window is what the model hears at once."""


pace = Pace()


class Eta:
    """Percentage and time left of one line."""

    def __init__(self, *, cold: bool, clock: Callable[[], float] = time.monotonic):
        """`cold`: the model has to be loaded first."""
        self._clock = clock
        self._cold = cold
        self._started = clock()
        self._loaded: float | None = None
        self._done, self._windows, self._last = 0, 1, self._started
        self._fraction = 0.0

    def loaded(self) -> None:
        """The model is there; from here on the sound is worked on."""
        self._loaded = self._last = self._clock()
        if self._cold:
            pace.loading = self._loaded - self._started

    def windows(self, done: int, total: int) -> None:
        """So many windows of the sound are done."""
        if done != self._done or done == 0:
            self._last = self._clock()
        self._done, self._windows = done, max(1, total)

    def finished(self) -> None:
        """The motion is there."""
        if self._loaded is not None:
            pace.window = (self._clock() - self._loaded) / self._windows

    @property
    def seconds_left(self) -> float | None:
        """None where it takes longer than it ever took: better no number than a wrong one."""
        now = self._clock()
        if self._loaded is None:
            left = (pace.loading if self._cold else 0.0) - (now - self._started)
            return left + pace.window if left > 0 or not self._cold else None
        per_window = (self._last - self._loaded) / self._done if self._done else pace.window
        left = per_window * (self._windows - self._done) - (now - self._last)
        return left if left >= 0 else None

    @property
    def fraction(self) -> float:
        """Of the whole time, 0..1; never falls."""
        passed = self._clock() - self._started
        left = self.seconds_left
        part = passed / (passed + left) if left and passed + left > 0 else self._fraction
        self._fraction = min(LAST_PERCENT, max(self._fraction, part))
        return self._fraction


def time_left(seconds: float | None) -> str:
    """For people: "12 s left", "2 min left", nothing where it is not known."""
    if seconds is None:
        return ""
    if seconds < MOMENT:
        return sentence("a moment left")
    if seconds < 100:
        return sentence("{seconds:.0f} s left", seconds=seconds)
    return sentence("{minutes:.0f} min left", minutes=seconds / 60)
