"""All that is done to a motion after the generator, in its order: pauses, lips, lids. Read this first."""

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
PAUSE_REACH = 2 * FRAME_RATE  # frames to either side that tell whether one is amid a long pause, all of it
CONTEXT = REACH + FRAME_RATE  # frames behind a part that tell its lids, and most of that
CONTEXT_BEFORE = REACH_BEFORE + FRAME_RATE  # and before it
SILENCE_COLUMN = PHONES.index(SILENCE)


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

    def settle_part(
        self,
        gates: LevelGates,
        joined: Float32[NDArray[np.float32], "frames channels"],
        frames: range,
    ) -> Float32[NDArray[np.float32], "part 53"]:
        """Some frames with lips that touch instead of crossing, and blinks that shut, on a head that we know.

        Nearly shut lips shut where a sound closes them, and in pauses; in long ones all do. `joined` has the
        motion, its closure and its phones, as the generator gives them (`GeneratorSample.channels`), with
        `CONTEXT_BEFORE` and `CONTEXT` around these frames as far as there.
        """
        start, end = max(0, frames.start - REACH_BEFORE), min(frames.stop + REACH, len(joined))
        lips = self.lips_of(gates, joined, range(start, end))
        return self.blinked(lips)[frames.start - start :][: len(frames)]

    def lips_of(
        self,
        gates: LevelGates,
        joined: Float32[NDArray[np.float32], "frames channels"],
        frames: range,
    ) -> Float32[NDArray[np.float32], "part 53"]:
        """Some frames with settled lips; what is there within `PAUSE_REACH` of them tells of pauses."""
        if self._steps is None:
            return np.ascontiguousarray(joined[frames.start : frames.stop, :MOTION_DIM])
        protrusion, teeth, lips, _ = self._steps
        first, last = max(0, frames.start - PAUSE_REACH), min(len(joined), frames.stop + PAUSE_REACH)
        channels, part = joined[first:last], slice(frames.start - first, frames.stop - first)
        rest = rest_in(gates.part(first, last), channels)
        pause, bitten = long_pauses(rest), labiodental_pull(channels)
        closure = np.maximum(channels[:, MOTION_DIM], rest)
        limited = protrusion.limited(np.ascontiguousarray(channels[part, :MOTION_DIM]))
        return lips.settle(teeth.settle(limited, bitten[part]), closure[part], pause[part])

    def blinked(
        self, motion: Float32[NDArray[np.float32], "frames 53"]
    ) -> Float32[NDArray[np.float32], "frames 53"]:
        """The motion with settled lids."""
        return self.lids.awake(self.lids.settle(motion), motion) if self.lids else motion


class SettlingAhead:
    """A whole clip's settling, whose lips are settled while the clip's last windows are still at work."""

    def __init__(self, settling: Settling, gates: LevelGates) -> None:
        self._settling, self._gates = settling, gates
        self._parts: list[Float32[NDArray[np.float32], "part 53"]] = []
        self._done = 0  # frames

    def add(self, joined: Float32[NDArray[np.float32], "frames channels"]) -> None:
        """All frames so far that are final; who goes on may add more behind them."""
        while self._done + AT_ONCE + PAUSE_REACH <= len(joined):
            self._settle(joined, self._done + AT_ONCE)

    def whole(
        self, joined: Float32[NDArray[np.float32], "frames channels"]
    ) -> Float32[NDArray[np.float32], "frames 53"]:
        """The motion of all frames."""
        while self._done < len(joined):
            self._settle(joined, min(self._done + AT_ONCE, len(joined)))
        return self._settling.blinked(np.concatenate(self._parts))

    def _settle(self, joined: Float32[NDArray[np.float32], "frames channels"], until: int) -> None:
        self._parts.append(self._settling.lips_of(self._gates, joined, range(self._done, until)))
        self._done = until


def rest_in(
    gates: LevelGates, channels: Float32[NDArray[np.float32], "frames channels"]
) -> Float32[NDArray[np.float32], " frames"]:
    """Where nobody speaks, 0 to 1: told by the level, and by the phones where the model tells them."""
    told = channels.shape[1] > MOTION_DIM + 1
    return gates.rest(channels[:, MOTION_DIM + 1 + SILENCE_COLUMN] if told else None)
