"""All that is done to a motion after the generator, in its order: pauses, lips, lids. Read this first."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE, MOTION_DIM
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.phones import PHONES, SILENCE
from ecoface_model.postprocess.eyelids import REACH, REACH_BEFORE, EyelidContact
from ecoface_model.postprocess.labiodental import LabiodentalContact, labiodental_pull
from ecoface_model.postprocess.lip_contact import LipContact
from ecoface_model.postprocess.protrusion import LipProtrusion
from ecoface_model.postprocess.voice_activity import LevelGates, long_pauses

AT_ONCE = 500  # frames whose lips are looked at together: memory
CONTEXT = REACH + FRAME_RATE  # frames behind a part that tell, besides, whether one is amid a long pause
CONTEXT_BEFORE = REACH_BEFORE + FRAME_RATE  # and before it
SILENCE_COLUMN = PHONES.index(SILENCE)
InOrder = Callable[[Callable[[int], NDArray[np.float32]], Iterable[int]], Iterator[NDArray[np.float32]]]
"""As `map`, perhaps side by side."""


class Settling:
    """The post-processing for one head."""

    def __init__(self, head: FlameFile | None) -> None:
        """`head` is None where it is not in reach: its motion stays as the generator made it."""
        self._steps = (
            (LipProtrusion(head), LabiodentalContact(head), LipContact(head), EyelidContact(head))
            if head
            else None
        )

    @property
    def lids(self) -> EyelidContact | None:
        """The eyelids of the head, if it is in reach."""
        return self._steps[-1] if self._steps else None

    def settle(
        self,
        waveform: Float32[NDArray[np.float32], " samples"],
        joined: Float32[NDArray[np.float32], "frames channels"],
        in_order: InOrder = map,
    ) -> Float32[NDArray[np.float32], "frames 53"]:
        """The motion with lips that touch instead of crossing, and blinks that shut, on a head that we know.

        Nearly shut lips shut where a sound closes them, and in pauses; in long ones all do. `joined` has the
        motion, its closure and its phones, as the generator gives them (`GeneratorSample.channels`).
        """
        return self.settle_part(LevelGates.of(waveform), joined, range(len(joined)), in_order)

    def settle_part(
        self,
        gates: LevelGates,
        joined: Float32[NDArray[np.float32], "frames channels"],
        frames: range,
        in_order: InOrder = map,
    ) -> Float32[NDArray[np.float32], "part 53"]:
        """The same of some of the frames, with `CONTEXT_BEFORE` and `CONTEXT` around as far as there."""
        if self._steps is None:
            return np.ascontiguousarray(joined[frames.start : frames.stop, :MOTION_DIM])
        protrusion, teeth, lips, lids = self._steps
        first, last = max(0, frames.start - CONTEXT_BEFORE), min(len(joined), frames.stop + CONTEXT)
        channels = joined[first:last]
        rest = rest_in(gates.part(first, last), channels)
        motion, closure = channels[:, :MOTION_DIM], np.maximum(channels[:, MOTION_DIM], rest)
        pause, bitten = long_pauses(rest), labiodental_pull(channels)

        def settle(begin: int) -> NDArray[np.float32]:
            part = slice(begin, min(begin + AT_ONCE, end))
            limited = teeth.settle(protrusion.limited(np.ascontiguousarray(motion[part])), bitten[part])
            return lips.settle(limited, closure[part], pause[part])

        start, end = max(0, frames.start - REACH_BEFORE - first), min(frames.stop + REACH, last) - first
        before = np.concatenate(list(in_order(settle, range(start, end, AT_ONCE))))
        settled = lids.awake(lids.settle(before), before)
        return settled[frames.start - first - start :][: len(frames)]


def rest_in(
    gates: LevelGates, channels: Float32[NDArray[np.float32], "frames channels"]
) -> Float32[NDArray[np.float32], " frames"]:
    """Where nobody speaks, 0 to 1: told by the level, and by the phones where the model tells them."""
    told = channels.shape[1] > MOTION_DIM + 1
    return gates.rest(channels[:, MOTION_DIM + 1 + SILENCE_COLUMN] if told else None)
