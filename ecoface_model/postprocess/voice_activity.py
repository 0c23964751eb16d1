"""Where nobody speaks: pauses heard by level alone, so that lips may rest there."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.level import STEADY, frame_levels, is_lively, loud_and_quiet, nobody_speaks

QUIETEST = 60.0  # dB under speech; what is quieter counts as that
CLEAR = 25.0  # dB of speech over the room's noise, under which pauses are not told from it
SHARE = 0.25  # of the way from the room's level up to speech's: below it nobody speaks
SHORTEST = round(0.16 * FRAME_RATE)  # frames; stops close for less
AFTER = round(0.08 * FRAME_RATE)  # frames from the last sound to rest
BENEATH = 0.4  # how much a frame near the noise counts as speech, where the level tells no pauses
NOISY = 8.0  # dB of speech over noise, above which long pauses in noise are told from speech
NOISY_SHARE = 0.4  # of the way up from the noise to speech: below it nobody speaks, if that lasts
LIKELY = 0.25  # share of silence among the phones over LONG: below it somebody speaks
MARGIN = round(0.16 * FRAME_RATE)  # frames at either end in which faint consonants may lie beneath the noise
LONG = round(0.6 * FRAME_RATE)  # frames of a pause in which lips shut however far they were
EASE = round(0.2 * FRAME_RATE)  # frames at either end of it over which they do
BEFORE = round(0.12 * FRAME_RATE)  # frames by which lips part ahead of the next sound


def speaking(
    waveform: Float32[NDArray[np.float32], " samples"], n_points: int, rate: int
) -> Float32[NDArray[np.float32], " points"]:
    """Whether somebody speaks, 0 to 1, at the middle of each of n_points points, `rate` a second.

    In steady noise, however loud, nobody does: no mood is told from it. Where speech stands little over the
    noise, what does not stand out of it counts less.
    """
    if not is_lively(waveform, STEADY):
        return np.zeros(n_points, np.float32)
    spoken = (1 - resting(waveform)) * _over_noise(frame_levels(waveform))
    moments = (np.arange(n_points) + 0.5) / rate * FRAME_RATE - 0.5  # frames
    return np.interp(moments, np.arange(len(spoken)), spoken).astype(np.float32)


def _over_noise(
    level: Float32[NDArray[np.float32], " frames"],
) -> Float32[NDArray[np.float32], " frames"]:
    """1, or BENEATH of what is near the noise, where pauses are not told from it."""
    speech, room = loud_and_quiet(level)
    beneath = (speech - room < CLEAR) & (level < room + SHARE * (speech - room))
    return np.where(beneath, np.float32(BENEATH), np.float32(1))


def predicted_pauses(
    silence: Float32[NDArray[np.float32], " frames"],
) -> Float32[NDArray[np.float32], " frames"]:
    """How surely a pause of three frames or more is around each frame, 0 to 1, from the phones' silence.

    In noise the level tells no pauses; what is said does.
    """
    padded = np.pad(silence, 1, mode="edge")
    least: NDArray[np.float32] = np.minimum(np.minimum(padded[:-2], padded[2:]), silence)
    return least


@dataclass(frozen=True)
class LevelGates:
    """What the level of a clip tells by itself of where nobody speaks."""

    resting: Float32[NDArray[np.float32], " frames"]
    """How far a mouth may rest in each frame, 0 to 1."""
    quiet: Bool[NDArray[np.bool_], " frames"] | None
    """Frames as quiet as the noise, where the level alone tells too little; None where it tells all."""

    @classmethod
    def of(cls, waveform: Float32[NDArray[np.float32], " samples"]) -> "LevelGates":
        """Of a whole clip."""
        level = frame_levels(waveform)
        speech, room = loud_and_quiet(level)
        quiet: NDArray[np.bool_] | None = None
        if not is_lively(waveform):
            quiet = np.ones(len(level), np.bool_)
        elif NOISY <= speech - room < CLEAR:
            quiet = _mean_around(level, SHORTEST) < room + NOISY_SHARE * (speech - room)
        return cls(resting(waveform), quiet)

    def part(self, start: int, stop: int) -> "LevelGates":
        """Of frames start..stop - 1."""
        return LevelGates(self.resting[start:stop], None if self.quiet is None else self.quiet[start:stop])

    def rest(
        self, silence: Float32[NDArray[np.float32], " frames"] | None
    ) -> Float32[NDArray[np.float32], " frames"]:
        """Where nobody speaks, 0 to 1: told by the level, and by silence's share in the phones, if known."""
        if silence is None:
            return self.resting
        told = np.maximum(self.resting, predicted_pauses(silence))
        return told if self.quiet is None else np.maximum(told, pauses_in_noise(self.quiet, silence))


def pauses_in_noise(
    quiet: Bool[NDArray[np.bool_], " frames"], silence: Float32[NDArray[np.float32], " frames"]
) -> Float32[NDArray[np.float32], " frames"]:
    """How far a mouth may rest in each frame, 0 to 1: in long pauses, in which `silence` has some share."""
    frames = len(silence)
    gate = np.zeros(frames, np.float32)
    for start, stop in _stretches(quiet & (_mean_around(silence, LONG) > LIKELY)):
        if stop - start >= LONG:
            start, stop = start + MARGIN * (start > 0), stop - MARGIN * (stop < frames)
            gate[start:stop] = _eased(start, stop, frames, AFTER, BEFORE)
    return gate


def long_pauses(rest: Float32[NDArray[np.float32], " frames"]) -> Float32[NDArray[np.float32], " frames"]:
    """How far each frame is amid a long pause, 0 to 1, of how far a mouth may rest in it."""
    amid = np.zeros(len(rest), np.float32)
    for start, stop in _stretches(rest > 0.5):
        if stop - start >= LONG or stop - start == len(rest):
            amid[start:stop] = _eased(start, stop, len(rest), EASE, EASE)
    return amid


def resting(waveform: Float32[NDArray[np.float32], " samples"]) -> Float32[NDArray[np.float32], " frames"]:
    """How far a mouth may rest in each frame, 0 to 1: 1 amid pauses, eased towards the speech around them."""
    level = frame_levels(waveform)
    n_frames = len(level)
    if nobody_speaks(waveform):
        return np.ones(n_frames, np.float32)
    speech, _ = loud_and_quiet(level)
    level = np.maximum(level, speech - QUIETEST)
    _, room = loud_and_quiet(level)
    gate = np.zeros(n_frames, np.float32)
    if speech - room < CLEAR:
        return gate
    quiet = level < room + SHARE * (speech - room)
    for start, stop in _stretches(quiet):
        if stop - start >= SHORTEST:
            gate[start:stop] = _eased(start, stop, n_frames, AFTER, BEFORE)
    return gate


def _mean_around(
    curve: Float32[NDArray[np.float32], " frames"], width: int
) -> Float32[NDArray[np.float32], " frames"]:
    """Means over so many frames around each, of those that there are."""
    total = np.concatenate([[0], np.cumsum(curve, dtype=np.float64)])
    place = np.arange(len(curve))
    first, last = np.maximum(place - width // 2, 0), np.minimum(place + width // 2 + 1, len(curve))
    means: NDArray[np.float32] = ((total[last] - total[first]) / (last - first)).astype(np.float32)
    return means


def _stretches(true: Bool[NDArray[np.bool_], " frames"]) -> list[tuple[int, int]]:
    """First frame of each stretch that is true, and the one after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]]).astype(int)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _eased(start: int, stop: int, n_frames: int, rise: int, fall: int) -> NDArray[np.float64]:
    """From 0 before a stretch up to 1 and back to 0 after it; the clip's own ends need no ease."""
    place = np.arange(start, stop)
    up = (place - start + 1) / rise if start > 0 else np.ones(stop - start)
    down = (stop - place) / fall if stop < n_frames else np.ones(stop - start)
    return np.minimum(np.minimum(up, down), 1)
