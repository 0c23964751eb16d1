"""Long clips in windows: where they lie, and how their motion is joined without a seam."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FEATURES_PER_FRAME, FRAME_RATE


@dataclass(frozen=True, kw_only=True)
class WindowPlan:
    """Lengths in frames, all multiples of the generator's stride."""

    window: int = 200
    """What is looked at at once, 8 s: Whisper's features change with the place in its window, and training
    clips are about that long."""
    context: int = 32
    """Looked at on either side of what is kept, 1.3 s: with less, lips part now and then in noise; with 48,
    they move by 0.02 mm (95th percentile), and it takes a third longer."""
    edge: int = 8
    """Of that what the generator does not look at: lips that are kept move by 0.002 mm (95th percentile)."""

    @property
    def hop(self) -> int:
        """From one window's first frame to the next one's."""
        return self.window - 2 * self.context

    @property
    def takeover(self) -> tuple[int, int]:
        """After how many frames of a window it begins to take over from the one before, and over how many."""
        return fade_between(range(self.window), range(self.hop, self.hop + self.window))

    def windows(self, frames: int) -> list[range]:
        """Overlapping stretches of at most `window` frames that cover 0..frames - 1.

        Where they begin does not depend on the end, which a stream does not know.
        """
        starts = range(0, max(1, frames - 2 * self.context), self.hop)
        return [range(start, min(start + self.window, frames)) for start in starts]

    def made(self, window: range, is_last: bool) -> range:
        """The frames of a window of which motion is made."""
        start, stop = window.start, window.stop
        return range(start + self.edge if start else 0, stop if is_last else stop - self.edge)

    def final(self, window: range, frames: int) -> int:
        """Up to which of all frames a motion is final once this window was joined to it."""
        return frames if window.stop >= frames else window.start + self.hop + self.takeover[0]


def made_steps(window: range, made: range) -> slice:
    """The steps of a window's features that belong to the frames that are made."""
    return slice(*(FEATURES_PER_FRAME * (edge - window.start) for edge in (made.start, made.stop)))


FADE = FRAME_RATE  # frames over which one window's motion gives way to the next's, 1 s


def join(
    motion: Float32[NDArray[np.float32], "frames channels"],
    part: Float32[NDArray[np.float32], "window channels"],
    window: range,
    previous: range | None,
) -> None:
    """Put a window's motion in its place, fading over from the previous one amid their overlap.

    Where the motion ends before the window does, `part` ends there, too: of a stream, more is to come.
    """
    start = 0
    if previous is not None:
        start, fade = fade_between(previous, window)
        share = smoothstep(fade)
        shared = motion[window.start + start : window.start + start + fade]
        shared += share[: len(shared)] * (part[start : start + fade] - shared)
        start += fade
    motion[window.start + start : window.stop] = part[start:]


def fade_between(previous: range, window: range) -> tuple[int, int]:
    """After how many frames of a window it begins to take over from the previous one, and over how many."""
    overlap = previous.stop - window.start
    fade = min(FADE, overlap)
    return (overlap - fade) // 2, fade


def smoothstep(n_frames: int) -> Float32[NDArray[np.float32], "frames 1"]:
    """Shares from 0 to 1, without a kink where a fade begins and ends."""
    share = (np.arange(n_frames, dtype=np.float32) + np.float32(0.5))[:, None] / np.float32(n_frames)
    smooth: NDArray[np.float32] = share * share * (3 - 2 * share)
    return smooth
