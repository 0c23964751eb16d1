"""Head, gaze and lids of a voice that goes on, beside its motion. Frames that were given never change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import FRAME_RATE, SAMPLES_PER_FRAME
from ecoface_model.core.head_pose import axis_angles
from ecoface_model.head_motion.blinks import blink_curve, blinks_in
from ecoface_model.head_motion.draws import ease
from ecoface_model.head_motion.gaze import Fixation
from ecoface_model.head_motion.head import SMOOTHED, Angles, not_tossed
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import Melody
from ecoface_model.head_motion.performance import (
    Liveliness,
    Performance,
    gaze_in_head,
    kept_in_sight,
    with_lids,
)
from ecoface_model.postprocess.eyelids import EyelidContact
from ecoface_model.streaming.streamed_gaze import StreamedBlinks, StreamedGaze
from ecoface_model.streaming.streamed_phrases import Phrase, StreamedPhrases
from ecoface_model.streaming.streamed_turns import StreamedTurns, with_gaze

MELODY = 12 * FRAME_RATE  # frames whose melody and accents are compared
UNSURE = 5  # frames before the end of what was heard, whose melody is not told yet
FADE = 8  # frames over which what was to come gives way to what it is now
BEFORE = round(SMOOTHED * FRAME_RATE) + 2  # frames of turns that smoothing looks back at
LIDS_BEFORE = FRAME_RATE + 5  # frames of lids that tell how open eyes usually are
FELT = 3 * FRAME_RATE  # frames of an emotion before those that are given


@dataclass(frozen=True)
class HeardSoFar:
    """What a step knows of the sound."""

    samples: Float32[NDArray[np.float32], " samples"]
    """The last ones."""
    known: int
    """Frames that were heard, up to the samples' end."""
    rest: Float32[NDArray[np.float32], " frames"]
    """Where nobody speaks, from the first frame that is given on, as far as it is known."""
    felt: Float32[NDArray[np.float32], "points emotions"]
    """How much of each emotion is felt, at 10 Hz."""
    felt_from: int
    """Their first frame."""


class StreamedPerformance:
    """What `head_motion.performance.perform` gives of a clip, step by step."""

    def __init__(self, lids: EyelidContact | None, seed: int, style: str, amounts: Liveliness) -> None:
        self._lids, self._style, self._amounts = lids, style, amounts
        self._phrases, self._turns = StreamedPhrases(), StreamedTurns(seed)
        self._gaze, self._blinks = StreamedGaze(seed), StreamedBlinks(seed)
        self._raw = np.zeros((0, 3))  # turns before they are smoothed, the last ones given
        self._coming: list[NDArray[np.float64]] = []  # turns that were to come: raw, and smoothed
        self._motion = np.zeros((0, 53), np.float32)  # the last that were given, without what is done here
        self._looked = np.zeros((0, 2), np.float32)

    def add(
        self, frames: range, heard: HeardSoFar, motion: Float32[NDArray[np.float32], "more 53"]
    ) -> Performance:
        """The frames' head and gaze, and their motion, of which more may be known than that."""
        n, now = len(frames), (frames.start / FRAME_RATE, frames.stop / FRAME_RATE)
        known, amounts = heard.known / FRAME_RATE, self._amounts
        if not (amounts.head_motion or amounts.gaze):
            return Performance(None, None, motion[:n])
        phrases = self._phrases.add(heard.rest, n)
        moods = Moods.of(heard.felt, heard.known - heard.felt_from, self._style).later(-heard.felt_from)
        together = np.concatenate([self._motion, motion])
        own = self._own_blinks(together, frames.start - len(self._motion))
        places = self._gaze.add(phrases, moods, now, known, own)
        turns = self._turned(frames, heard, moods, places, phrases)
        gaze = gaze_in_head(places, turns, np.arange(frames.start, frames.stop) / FRAME_RATE, amounts.gaze)
        head = axis_angles(np.radians(turns)).astype(np.float32) if amounts.head_motion else None
        if not amounts.gaze:
            return Performance(head, None, motion[:n])
        if self._lids is None:
            return Performance(head, gaze, motion[:n])
        self._blinks.add(places, phrases, now, own)
        looked = np.concatenate([self._looked, gaze, gaze[-1:].repeat(len(motion) - n, axis=0)])
        start = frames.start - len(self._motion)
        blinks = blink_curve(self._blinks.added, (start + np.arange(len(together))) / FRAME_RATE)
        alive = with_lids(together, self._lids, looked, blinks)[len(self._motion) :][:n]
        self._motion = together[: len(self._motion) + n][-LIDS_BEFORE:]
        self._looked = looked[: len(self._looked) + n][-LIDS_BEFORE:]
        return Performance(head, kept_in_sight(gaze, alive, self._lids), alive)

    def _own_blinks(self, motion: NDArray[np.float32], first: int) -> list[float]:
        """Seconds at which the motion's own blinks begin."""
        if self._lids is None or not len(motion):
            return []
        openings = self._lids.openings(motion)
        return [first / FRAME_RATE + time for time in blinks_in(openings, self._lids.usual(openings))]

    def _turned(
        self,
        frames: range,
        heard: HeardSoFar,
        moods: Moods,
        places: Sequence[Fixation],
        phrases: Sequence[Phrase],
    ) -> Angles:
        """Yaw, pitch and roll of the frames in degrees, 0 if the head is not to turn."""
        if not self._amounts.head_motion:
            return np.zeros((len(frames), 3))
        now = frames.start / FRAME_RATE, frames.stop / FRAME_RATE
        first = heard.known - len(heard.samples) // SAMPLES_PER_FRAME
        n_heard = heard.known - first
        melody = Melody.of(heard.samples, np.zeros(n_heard, np.float32))
        sure = max(heard.known - UNSURE, frames.stop)
        contour = melody.contour[frames.start - first : sure - first]
        accents = [replace(each, time=each.time + first / FRAME_RATE) for each in melody.accents]
        raw = self._turns.add(contour, accents, phrases, moods, now, heard.known / FRAME_RATE)
        raw = with_gaze(raw, self._amounts.gaze, places, moods, frames.start)
        n, before = len(frames), len(self._raw)
        coming = self._coming or [raw[:0], raw[:0]]
        raw = _faded(raw, coming[0])
        calm = _faded(not_tossed(np.concatenate([self._raw, raw]))[before:], coming[1])
        self._coming = [raw[n : n + FADE], calm[n : n + FADE]]
        self._raw = np.concatenate([self._raw, raw[:n]])[-BEFORE:]
        return self._amounts.head_motion * calm[:n]


def _faded(turns: Angles, coming: Float[NDArray[np.float64], "coming 3"]) -> Angles:
    """Turns that begin as they were to come."""
    n = min(len(turns), len(coming))
    faded = turns.copy()
    share = ease(np.arange(1, n + 1) / (n + 1))[:, None]
    faded[:n] = coming[:n] + share * (turns[:n] - coming[:n])
    return faded
