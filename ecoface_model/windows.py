"""Long clips in windows: where they lie, and how their motion is joined without a seam."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE


@dataclass(frozen=True, kw_only=True)
class WindowPlan:
    """Lengths in frames, all multiples of the generator's stride."""

    window: int = 200
    """What is looked at at once, 8 s: Whisper's features change with the place in its window, and training
    clips are about that long."""
    context: int = 48
    """Looked at on either side of what is kept, about 2 s."""

    def windows(self, frames: int) -> list[range]:
        """Overlapping stretches of at most `window` frames that cover 0..frames - 1."""
        if frames <= self.window:
            return [range(frames)]
        hop = self.window - 2 * self.context
        starts = [*range(0, frames - self.window, hop), frames - self.window]
        return [range(start, start + self.window) for start in starts]


FADE = FRAME_RATE  # frames over which one window's motion gives way to the next's, 1 s


def join(
    motion: Float32[NDArray[np.float32], "frames channels"],
    part: Float32[NDArray[np.float32], "window channels"],
    window: range,
    previous: range | None,
) -> None:
    """Put a window's motion in its place, fading over from the previous one amid their overlap."""
    start = 0
    if previous is not None:
        overlap = previous.stop - window.start
        fade = min(FADE, overlap)
        start = (overlap - fade) // 2
        share = (np.arange(fade, dtype=np.float32) + np.float32(0.5))[:, None] / np.float32(fade)
        share = share * share * (3 - 2 * share)  # smoothstep: no kink where the fade begins and ends
        shared = motion[window.start + start : window.start + start + fade]
        shared += share * (part[start : start + fade] - shared)
        start += fade
    motion[window.start + start : window.stop] = part[start:]
