"""All that is done to a motion after the generator, in its order: pauses, lips, lids. Read this first."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import MOTION_DIM
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.phones import PHONES, SILENCE
from ecoface_model.postprocess.eyelids import EyelidContact
from ecoface_model.postprocess.lip_contact import LipContact
from ecoface_model.postprocess.voice_activity import long_pauses, pauses_in_noise, predicted_pauses, resting

AT_ONCE = 500  # frames whose lips are looked at together: memory
InOrder = Callable[[Callable[[int], NDArray[np.float32]], Iterable[int]], Iterator[NDArray[np.float32]]]
"""As `map`, perhaps side by side."""


class Settling:
    """The post-processing for one head."""

    def __init__(self, head: FlameFile | None) -> None:
        """`head` is None where it is not in reach: its motion stays as the generator made it."""
        self._contacts = (LipContact(head), EyelidContact(head)) if head else None

    @property
    def lids(self) -> EyelidContact | None:
        """The eyelids of the head, if it is in reach."""
        return self._contacts[1] if self._contacts else None

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
        motion = np.ascontiguousarray(joined[:, :MOTION_DIM])
        if self._contacts is None:
            return motion
        lips, lids = self._contacts
        rest = rest_in(waveform, joined[:, MOTION_DIM + 1 :])
        closure, pause = np.maximum(joined[:, MOTION_DIM], rest), long_pauses(rest)

        def settle(first: int) -> NDArray[np.float32]:
            part = slice(first, first + AT_ONCE)
            return lips.settle(motion[part], closure[part], pause[part])

        return lids.settle(np.concatenate(list(in_order(settle, range(0, len(motion), AT_ONCE)))))


def rest_in(
    waveform: Float32[NDArray[np.float32], " samples"], phones: Float32[NDArray[np.float32], "frames phones"]
) -> Float32[NDArray[np.float32], " frames"]:
    """Where nobody speaks, 0 to 1: told by the level, and by the phones where the model tells them."""
    rest = resting(waveform)
    if phones.shape[1]:
        silence = phones[:, PHONES.index(SILENCE)]
        rest = np.maximum(np.maximum(rest, predicted_pauses(silence)), pauses_in_noise(waveform, silence))
    return rest
