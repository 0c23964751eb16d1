"""Which channels of a recording are heard: the voice, wherever it lies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import SAMPLE_RATE
from ecoface_model.core.errors import RequestError
from ecoface_model.level import FAINTEST, frame_levels, loud_and_quiet, nobody_speaks

Block = Float32[NDArray[np.float32], "samples channels"]

KNOWN_AFTER = 120 * SAMPLE_RATE  # samples of sound, after which what was heard is enough to choose
AT_MOST = 600 * SAMPLE_RATE  # samples that wait for the choice, be they silent
DEAD = 30.0  # dB under the loudest channel: nobody is meant to hear that
CANCELLED = 10.0  # dB that a mean of channels lies under the loudest of them, if they are in antiphase
FAR_CENTRE = 20.0  # dB that the centre may lie under the loudest channel and still be where the voice is
DIFFERENT = 0.02  # of the peak: what codecs make of equal channels differs by less
SURROUND = ("FL", "FR", "FC", "LFE")
"""How the channels of a surround file are ordered where it does not name them."""


@dataclass(frozen=True)
class Choice:
    """What each channel counts, and why in a few words; empty where there is nothing to say."""

    weights: Float32[NDArray[np.float32], " channels"]
    note: str = ""


class Mixer:
    """Blocks of several channels -> mono, by one choice for all of them.

    They wait until enough was heard to choose, so that the channels of an hour are never held at once.
    """

    def __init__(self, names: Sequence[str], channel: int | None) -> None:
        """`names` of the channels, such as FL and FC; `channel`, from 1 on, was chosen beforehand.

        Raises:
            RequestError: if there is no such channel.
        """
        self._names = names
        self._waiting: list[Block] = []
        self._samples = self._sounding = 0
        self.differ = False
        """Whether the channels are not all the same."""
        self.choice: Choice | None = None
        if channel is not None:
            if not 1 <= channel <= len(names):
                raise RequestError(
                    f"expected a channel from 1 to {len(names)}, found {channel}; choose one of these"
                )
            self.choice = only(channel - 1, len(names))
        elif len(names) == 1:
            self.choice = Choice(np.ones(1, np.float32))

    def add(self, block: Block) -> list[NDArray[np.float32]]:
        """The mono blocks that are known from now on."""
        if block.shape[1] > 1 and not self.differ:
            peak = np.abs(block).max(initial=10 ** (FAINTEST / 20))
            self.differ = bool(np.abs(block - block[:, :1]).max(initial=0) > DIFFERENT * peak)
        if self.choice:
            return [_mixed(block, self.choice)]
        peak = np.abs(block).max(initial=0)
        self._waiting.append(block if peak else np.broadcast_to(np.float32(0), block.shape))
        self._samples += len(block)
        self._sounding += len(block) if peak > 10 ** (FAINTEST / 20) else 0
        return self.end() if self._sounding >= KNOWN_AFTER or self._samples >= AT_MOST else []

    def end(self) -> list[NDArray[np.float32]]:
        """All that has waited."""
        if self.choice is None:
            self.choice = choose(self._waiting, self._names)
        choice = self.choice
        mixed = [_mixed(block, choice) for block in self._waiting]
        self._waiting = []
        return mixed


def choose(blocks: Sequence[NDArray[np.float32]], names: Sequence[str]) -> Choice:
    """Where the voice is: in the centre, in all that sounds, or in the loudest where all together cancel."""
    n = len(names)
    if not blocks:
        return Choice(np.full(n, 1 / n, np.float32))
    channels = [np.concatenate([block[:, k] for block in blocks]) for k in range(n)]
    loud = np.array([_loud(channel) for channel in channels])
    loudest = int(loud.argmax())
    if loud[loudest] < FAINTEST:
        return Choice(np.full(n, 1 / n, np.float32))
    centre = next((k for k, name in enumerate(_named(names)) if name == "FC"), None)
    near = n > 2 and centre is not None and loud[centre] > loud[loudest] - FAR_CENTRE
    if near and centre is not None and not nobody_speaks(channels[centre]):
        return only(centre, n, f"the voice was taken from the centre, channel {centre + 1} of {n}")
    bass = {k for k, name in enumerate(_named(names)) if name == "LFE"} if n > 2 else set()
    alive = [k for k in range(n) if loud[k] > loud[loudest] - DEAD and k not in bass] or [loudest]
    if len(alive) == 1:
        return only(alive[0], n, f"channel {alive[0] + 1} of {n} was heard, as {_others(n)} silent beside it")
    weights = np.zeros(n, np.float32)
    weights[alive] = 1 / len(alive)
    together = sum(channels[k] * weights[k] for k in alive)
    assert isinstance(together, np.ndarray)
    if _loud(together) < loud[alive].max() - CANCELLED:
        return only(loudest, n, f"channel {loudest + 1} of {n} was heard, as all together cancel out")
    return Choice(weights)


def only(channel: int, n: int, note: str = "") -> Choice:
    """One channel of n alone."""
    weights = np.zeros(n, np.float32)
    weights[channel] = 1
    return Choice(weights, note)


def _named(names: Sequence[str]) -> Sequence[str]:
    """The names, or the usual ones of a surround file that has none."""
    return names if "FC" in names or len(names) < 5 else [*SURROUND, *names[len(SURROUND) :]][: len(names)]


def _others(n: int) -> str:
    return "the other is" if n == 2 else "the others are"


def _loud(channel: Float32[NDArray[np.float32], " samples"]) -> float:
    levels = frame_levels(channel)
    return loud_and_quiet(levels)[0] if len(levels) else -np.inf


def _mixed(block: Block, choice: Choice) -> Float32[NDArray[np.float32], " samples"]:
    if block.shape[1] == 1:
        return block[:, 0]
    mixed: NDArray[np.float32] = block @ choice.weights
    return mixed
