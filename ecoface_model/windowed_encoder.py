"""What the networks hear of a clip, window by window; and how a performance looks."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.audio import n_frames
from ecoface_model.backends.protocol import Backend, Measured, Sound
from ecoface_model.core.constants import FEATURE_RATE, FEATURES_PER_FRAME, SAMPLES_PER_FRAME
from ecoface_model.core.emotion_label import TRACK_RATE
from ecoface_model.core.errors import SoundError
from ecoface_model.level import usual_gain, without_silences
from ecoface_model.noise import normal_noise
from ecoface_model.postprocess.voice_activity import speaking
from ecoface_model.reference_emotion.sources import STEPS_PER_POINT, to_track
from ecoface_model.reference_emotion.speech_emotion import WITHOUT_BASELINE, SpeechEmotion
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from ecoface_model.renderer.pictures import GreyPictures
from ecoface_model.windows import WindowPlan

Progress = Callable[[str, int, int], None]
"""Called with a stage, what is done of it, and its whole; it may raise to give up."""
WAITING = 3  # windows that a thread of the pool is asked for: the caller has work of its own, too
ROOM = 1.5e-4  # -76 dB of full scale, as in the quietest clips of the training
Listened = tuple[
    range, Float32[NDArray[np.float32], "steps content"], Float32[NDArray[np.float32], "steps evidence"]
]
"""A window, its content features, and the classifier's evidence."""
Item = TypeVar("Item")
Result = TypeVar("Result")


class Track:
    """Features at 50 Hz of overlapping windows, as one track at 10 Hz; each window gives its middle."""

    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps
        self.points: NDArray[np.float32] | None = None
        """(points, F) of the whole clip; of what was not heard yet, 0."""
        self.known = 0
        """Points from the beginning that were heard, the last of them without all that follows."""
        self._covered = 0  # frames

    def add(self, window: range, features: Float32[NDArray[np.float32], "steps feature"]) -> None:
        """The next window's; what lies behind the clip's end is left out."""
        middle = (window.start + self._covered) // STEPS_PER_POINT  # points: of the overlap, in whole ones
        first = FEATURES_PER_FRAME * window.start  # steps
        points = to_track(features[STEPS_PER_POINT * middle - first : self.n_steps - first])
        if self.points is None:
            self.points = np.zeros((-(-self.n_steps // STEPS_PER_POINT), points.shape[1]), np.float32)
        self.known = middle + len(points)
        self.points[middle : self.known] = points
        self._covered = window.stop

    def whole(self) -> Float32[NDArray[np.float32], "points feature"]:
        """All of it, once every window was added."""
        assert self.points is not None and self.known == len(self.points), "every window was added"
        return self.points


@dataclass(frozen=True)
class WindowedEncoder:
    """Networks that hear and see clips of any length, a window at a time, several of them side by side."""

    backend: Backend
    plan: WindowPlan

    def windows(
        self, waveform: NDArray[np.float32], stage: str, progress: Progress | None
    ) -> Iterator[tuple[range, Sound, Measured]]:
        """The clip's windows, of whole strides, and what was measured of all of it.

        Its speech comes at the usual level, with silence after its end and a room's noise under all.
        """
        stride = self.backend.facts.config.generator.stride
        windows = self.plan.windows(-(-frames_of(waveform) // stride) * stride)
        waveform = np.ascontiguousarray(waveform, np.float32)
        gain = usual_gain(waveform)
        measured = self.backend.measure(without_silences(waveform, gain))
        for window in counted(windows, stage, progress):
            heard = waveform[window.start * SAMPLES_PER_FRAME : window.stop * SAMPLES_PER_FRAME]
            heard = heard if gain is None else heard * gain
            yield window, self.in_a_room(heard, len(window)), measured

    def in_a_room(self, heard: NDArray[np.float32], n_frames: int) -> Sound:
        """A window of so many frames: what is heard, silence after it, a room's noise under all."""
        sound = _room(max(n_frames, self.plan.window))[: n_frames * SAMPLES_PER_FRAME].copy()
        sound[: len(heard)] += heard
        return sound

    def listened(
        self,
        waveform: NDArray[np.float32],
        baseline: VoiceBaseline | None,
        stage: str,
        progress: Progress | None,
        pool: Executor | None,
    ) -> Iterator[Listened]:
        """Each window's content and evidence, in order."""

        def hear(window: tuple[range, Sound, Measured]) -> Listened:
            return window[0], *self.backend.hear(window[1], window[2], baseline)

        return self.side_by_side(hear, self.windows(waveform, stage, progress), pool)

    def side_by_side(
        self, function: Callable[[Item], Result], items: Iterable[Item], pool: Executor | None
    ) -> Iterator[Result]:
        """A function of each item, in order, as many of them asked for as keep the pool at work meanwhile."""
        return in_order(function, items, pool, WAITING * self.backend.n_parallel)

    @contextmanager
    def pool(self) -> Iterator[Executor | None]:
        """Threads for windows side by side; None where the backend takes one after another."""
        if self.backend.n_parallel == 1:
            yield None
            return
        pool = ThreadPoolExecutor(self.backend.n_parallel)
        try:
            yield pool
        finally:  # who gives up waits for no window that was not begun
            pool.shutdown(cancel_futures=True)

    def listen(
        self, waveform: NDArray[np.float32], baseline: VoiceBaseline | None, progress: Progress | None
    ) -> SpeechEmotion:
        """Which emotion a voice speaks with, over time."""
        points = self.from_audio(waveform, baseline, progress)
        speech = speech_of(waveform)
        return speech_emotion(*self.backend.calibration.shares(points, speech), speech, baseline)

    def from_audio(
        self, waveform: NDArray[np.float32], baseline: VoiceBaseline | None, progress: Progress | None
    ) -> Float32[NDArray[np.float32], "points evidence"]:
        """The classifier's evidence of a clip's speech at 10 Hz."""
        track = Track(FEATURES_PER_FRAME * frames_of(waveform))

        def listen(window: tuple[range, Sound, Measured]) -> tuple[range, NDArray[np.float32]]:
            return window[0], self.backend.listen(window[1], window[2], baseline)

        with self.pool() as pool:
            windows = self.windows(waveform, "Listening", progress)
            for window, evidence in self.side_by_side(listen, windows, pool):
                track.add(window, evidence)
        return track.whole()

    def states_of_speech(
        self, waveform: NDArray[np.float32], progress: Progress | None
    ) -> tuple[Float32[NDArray[np.float32], "states width"], float]:
        """Sum of the front's states over a clip's speech, and how many steps of speech that is."""
        n_steps = FEATURES_PER_FRAME * frames_of(waveform)
        spoken = speaking(waveform, n_steps, FEATURE_RATE)
        covered, parts = 0, []
        for window, sound, measured in self.windows(waveform, "Listening", progress):
            new = spoken[FEATURES_PER_FRAME * covered : FEATURES_PER_FRAME * window.stop]
            speech = np.zeros(FEATURES_PER_FRAME * len(window), np.float32)
            told_before = FEATURES_PER_FRAME * (covered - window.start)
            speech[told_before : told_before + len(new)] = new
            parts.append(self.backend.sum_of_states(sound, measured, speech))
            covered = window.stop
        return np.sum(parts, axis=0), float(spoken.sum(dtype=np.float64))

    def from_motion(
        self,
        pictures: GreyPictures,
        motion: Float32[NDArray[np.float32], "frames 53"],
        progress: Progress | None,
    ) -> Float32[NDArray[np.float32], "points feature"]:
        """Emotion features of a performance at 10 Hz, rendered and seen by the visual encoder (Sec. 3.2)."""
        track = Track(FEATURES_PER_FRAME * len(motion))

        def see(window: range) -> tuple[range, NDArray[np.float32]]:
            return window, self.backend.see(pictures.draw(motion[window.start : window.stop]))

        with self.pool() as pool:
            windows = counted(self.plan.windows(len(motion)), "Looking", progress)
            for window, features in self.side_by_side(see, windows, pool):
                track.add(window, features)
        return track.whole()


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], pool: Executor | None, n_at_once: int
) -> Iterator[Result]:
    """A function of each item, in their order, by a pool's threads, which know of at most n_at_once."""
    if pool is None:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) == n_at_once:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def speech_of(waveform: NDArray[np.float32]) -> Float32[NDArray[np.float32], " points"]:
    """Whether somebody speaks, at 10 Hz: 0 to 1 at each of a clip's points."""
    return speaking(waveform, -(-FEATURES_PER_FRAME * frames_of(waveform) // STEPS_PER_POINT), TRACK_RATE)


def speech_emotion(
    shares: Float32[NDArray[np.float32], "points emotions"],
    intensity: Float32[NDArray[np.float32], " points"],
    speech: Float32[NDArray[np.float32], " points"],
    baseline: VoiceBaseline | None,
) -> SpeechEmotion:
    """What was heard."""
    return SpeechEmotion(shares, intensity, speech, WITHOUT_BASELINE if baseline is None else baseline.kind)


def counted(windows: list[range], stage: str, progress: Progress | None) -> Iterator[range]:
    """The windows, one after another, each told before and all of them after."""
    for number, window in enumerate(windows):
        if progress:
            progress(stage, number, len(windows))
        yield window
    if progress:
        progress(stage, len(windows), len(windows))


def frames_of(waveform: NDArray[np.float32]) -> int:
    """T of a waveform, at least one.

    Raises:
        SoundError: if it is shorter than a frame, or not mono.
    """
    if waveform.ndim != 1 or n_frames(len(waveform)) == 0:
        raise SoundError(
            f"expected mono sound of at least 0.04 s at 16 kHz, found samples of shape {waveform.shape};"
            " choose a longer part"
        )
    return n_frames(len(waveform))


@lru_cache(maxsize=2)
def _room(n_frames: int) -> Sound:
    """The least noise of a recording, the same in every window: the networks never heard digital silence."""
    return np.float32(ROOM) * normal_noise(n_frames * SAMPLES_PER_FRAME, seed=0)
