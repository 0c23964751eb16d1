"""How loud a clip is; its speech brought to one level, so that this says nothing. numpy only."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME

USUAL = -20.0  # dB of full scale: the loudest parts of speech at a usual level
NOBODY = -65.0  # dB of full scale: a steady sound that is quieter is a room's
FAINT = -67.0  # dB of full scale: a usual recording 45 dB down is louder
FAINTEST = -80.0  # dB of full scale: what is quieter holds no speech, however it rises and falls
LIVELY = 5.0  # dB from quiet to loud parts, bass aside: 1 or 2 in steady noise, 9 or more in speech
STEADY = 3.0  # dB from quiet to loud parts, bass aside, under which there is nothing but noise
AROUND = (
    FRAME_RATE  # frames around what is loud that are counted with it, 1 s: usual pauses are part of speech
)
LOUDEST = 10  # frames that tell at first how loud a clip is
DEEPEST = 60.0  # dB under those; what is quieter counts as that
APART = 10.0  # dB from a clip's quiet parts to its loudest, under which no silence is told from the rest
SILENCE = -120.0  # dB of full scale, of digital silence
PIECE = 30 * FRAME_RATE  # frames
AT_ONCE = 1500  # frames, 1 min: so that an hour needs no second hour's room


def frame_levels(
    waveform: Float32[NDArray[np.float32], " samples"], of_differences: bool = False
) -> Float32[NDArray[np.float32], " frames"]:
    """The level of each frame, or of the differences from sample to sample in it, in dB of full scale."""
    n_frames = round(FRAME_RATE * (len(waveform) / SAMPLE_RATE))  # as motion counts them, halves alike
    missing = n_frames * SAMPLES_PER_FRAME - len(waveform)
    whole = np.pad(waveform, (0, missing)) if missing > 0 else waveform[: n_frames * SAMPLES_PER_FRAME]
    levels = np.empty(n_frames, np.float32)
    for first in range(0, n_frames, AT_ONCE):
        here = slice(first, first + AT_ONCE)
        frames = whole.reshape(n_frames, SAMPLES_PER_FRAME)[here]
        if of_differences:
            frames = np.diff(frames, axis=1)
        power = np.einsum("ts,ts->t", frames, frames) / SAMPLES_PER_FRAME
        levels[here] = 10 * np.log10(power + 10 ** (SILENCE / 10))
    return levels


def loud_and_quiet(levels: Float32[NDArray[np.float32], " frames"]) -> tuple[float, float]:
    """The level of a clip's loudest parts and of its quietest, a click or a gap aside.

    However long the silence around a line, it is as loud as alone.
    """
    return float(np.percentile(levels[near_sound(levels)], 95)), float(np.percentile(levels, 5))


def near_sound(levels: Float32[NDArray[np.float32], " frames"]) -> Bool[NDArray[np.bool_], " frames"]:
    """Frames that are not in a long silence; all of them where none is told from the rest."""
    n_loudest = max(1, min(LOUDEST, len(levels) // 20))
    loudest = float(np.partition(levels, -n_loudest)[-n_loudest])
    quietest = max(float(np.percentile(levels, 5)), loudest - DEEPEST)
    if loudest - quietest < APART:
        return np.ones(len(levels), np.bool_)
    loud = np.concatenate([[0], np.cumsum(levels > (loudest + quietest) / 2)])
    place = np.arange(len(levels))
    first, last = np.maximum(place - AROUND, 0), np.minimum(place + AROUND + 1, len(levels))
    near: NDArray[np.bool_] = loud[last] > loud[first]
    return near


def without_silences(
    waveform: Float32[NDArray[np.float32], " samples"], gain: np.float32 | None = None
) -> Iterator[Float32[NDArray[np.float32], " some"]]:
    """What is near sound of a clip, times a gain, in pieces of half a minute, none of them a shred.

    All of it at once would be as much memory as the clip.
    """
    gain = np.float32(1) if gain is None else gain
    near = near_sound(frame_levels(waveform))
    frames = np.flatnonzero(near)
    for first in range(0, len(frames), PIECE):
        chosen = frames[first : first + PIECE]
        if first and len(chosen) < FRAME_RATE:
            return
        runs = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1)
        yield (
            np.concatenate([_samples_of(waveform, int(run[0]), int(run[-1]), len(near)) for run in runs])
            * gain
        )


def _samples_of(
    waveform: Float32[NDArray[np.float32], " samples"], first: int, last: int, n_frames: int
) -> Float32[NDArray[np.float32], " some"]:
    """Those of frames first to last, of the clip's last one with what is left behind it."""
    end = None if last == n_frames - 1 else (last + 1) * SAMPLES_PER_FRAME
    return waveform[first * SAMPLES_PER_FRAME : end]


def is_lively(waveform: Float32[NDArray[np.float32], " samples"], least: float = LIVELY) -> bool:
    """Whether a sound rises and falls as speech does, by `least` dB, and is no steady noise of any colour.

    Told from its differences: the level of a rumble, which has much bass, wanders by itself.
    """
    loud, quiet = loud_and_quiet(frame_levels(waveform, of_differences=True))
    return loud - quiet >= least


def nobody_speaks(waveform: Float32[NDArray[np.float32], " samples"]) -> bool:
    """Whether a clip is silence, or no more than a room."""
    loud, _ = loud_and_quiet(frame_levels(waveform))
    return loud < FAINTEST or (loud < NOBODY and not is_lively(waveform))


def remarks(waveform: Float32[NDArray[np.float32], " samples"]) -> list[str]:
    """What should be known of a clip's level, in sentences without a full stop."""
    loud, _ = loud_and_quiet(frame_levels(waveform))
    if nobody_speaks(waveform) or not is_lively(waveform):
        return ["nobody speaks in this sound, so the face rests"]
    if loud < FAINT:
        return [f"the voice is very faint ({-loud:.0f} dB below full scale); record it louder"]
    return []


def usual_gain(waveform: Float32[NDArray[np.float32], " samples"]) -> np.float32 | None:
    """What brings speech to the usual level; None of silence and steady noise."""
    loud, _ = loud_and_quiet(frame_levels(waveform))
    if loud < FAINTEST or not is_lively(waveform):
        return None
    return np.float32(10 ** ((USUAL - loud) / 20))
