"""The motion of a voice that goes on: sound in chunks in, frames out as soon as their future is heard.

The windows are those of a whole clip (`windows.WindowPlan`), the last of them as far as it was heard, so that
every frame has the place in its window, the past and the noise that it has there; of its future it hears
`LEAST_AHEAD` or more. What a whole clip tells (its level, its pauses) is told by the last half minute.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from ecoface_model.arrays import NDArray
from ecoface_model.audio import n_frames
from ecoface_model.core.constants import FEATURES_PER_FRAME, FRAME_RATE, MOTION_DIM, SAMPLES_PER_FRAME
from ecoface_model.core.errors import SoundError
from ecoface_model.core.phones import in_bytes
from ecoface_model.noise import LatentNoise
from ecoface_model.postprocess.settling import CONTEXT_BEFORE, Settling, rest_in
from ecoface_model.reference_emotion.inputs import EmotionInputs
from ecoface_model.reference_emotion.sources import EmotionSource
from ecoface_model.reference_emotion.speech_source import Heard
from ecoface_model.streaming.sound_so_far import GRID, SoundSoFar
from ecoface_model.streaming.streamed_emotion import StreamedEmotion
from ecoface_model.streaming.streamed_performance import FELT, MELODY, HeardSoFar, StreamedPerformance
from ecoface_model.window_animator import WindowAnimator
from ecoface_model.windowed_encoder import WindowedEncoder
from ecoface_model.windows import join, made_steps, smoothstep

LEAST_AHEAD = 20  # frames of future that each frame hears at least, 0.8 s
HOP = 8  # frames that are made at once at least, 0.32 s
LATENCY = (LEAST_AHEAD + HOP) / FRAME_RATE  # seconds of future after which each frame is given, 1.12
AT_ONCE = 100  # frames that are taken in at once at most, 4 s
FADE = 8  # frames over which one step's motion gives way to the next one's


@dataclass(frozen=True)
class StreamedFrames:
    """Frames that are ready, perhaps none."""

    first: int
    """The number of their first one; frame i stands at i / 25 s."""
    motion: Float32[NDArray[np.float32], "frames 53"]
    phones: UInt8[NDArray[np.uint8], "frames phones"] | None
    """As in `FlameMotion`."""
    head: Float32[NDArray[np.float32], "frames 3"] | None = None
    """Likewise; None if the head does not turn."""
    gaze: Float32[NDArray[np.float32], "frames 2"] | None = None
    """Likewise; None if the eyes do not."""


class SpeechStream:
    """One voice that goes on; made by `EcoFace.stream`. Its memory does not grow with its length."""

    def __init__(
        self,
        encoder: WindowedEncoder,
        inputs: EmotionInputs,
        settling: Settling,
        animator: WindowAnimator,
        source: EmotionSource | StreamedEmotion,
        noise: LatentNoise,
        temperature: float,
        metadata: dict[str, Any],
        performance: StreamedPerformance,
    ) -> None:
        self._encoder, self._inputs, self._settling, self._animator = encoder, inputs, settling, animator
        self._source, self._noise, self._temperature = source, noise, temperature
        self.metadata = metadata
        """Of a `FlameMotion` of its frames."""
        self._plan, self._stride = encoder.plan, encoder.backend.facts.config.generator.stride
        self._fade_start, self._fade = self._plan.takeover
        self._sound, self._performance = SoundSoFar(encoder.backend), performance
        self._window = 0  # number of the window that gives the next frame
        self._given = 0  # frames
        self._latents = np.empty((0, noise.latent_dim), np.float32)  # from that window's first frame on
        self._channels: NDArray[np.float32] | None = None  # (frames, C) from `_first` on, as far as heard
        self._first = 0
        self._ended = False

    def feed(self, samples: NDArray[np.float32]) -> StreamedFrames:
        """Sound that goes on, mono 16 kHz, as much as there is -> the frames that are ready now.

        Raises:
            SoundError: if it is not mono or not finite, or the stream was finished.
        """
        self._expect(samples)
        parts, step = [], AT_ONCE * SAMPLES_PER_FRAME
        for begin in range(0, len(samples), step):
            self._sound.add(np.asarray(samples[begin : begin + step], np.float32))
            known = self._sound.n_samples // SAMPLES_PER_FRAME // self._stride * self._stride
            if known - LEAST_AHEAD - self._given >= HOP:
                parts.append(self._advance(known, known - LEAST_AHEAD))
        return together(parts, self._given)

    def finish(self) -> StreamedFrames:
        """No more sound will come -> all frames that are left, so that there are round(25 s) of them.

        Raises:
            SoundError: if the stream was finished before.
        """
        self._expect(np.empty(0, np.float32))
        self._ended = True
        frames = n_frames(self._sound.n_samples)
        if frames <= self._given:
            return together([], self._given)
        return self._advance(-(-frames // self._stride) * self._stride, frames)

    def _expect(self, samples: NDArray[np.float32]) -> None:
        if self._ended:
            raise SoundError("expected a stream that goes on, found one that was finished; begin another")
        if samples.ndim != 1 or not np.isfinite(samples).all():
            found = f"shape {samples.shape}" if samples.ndim != 1 else "NaN or infinity"
            raise SoundError(
                f"expected mono sound of finite samples, found {found}; mix it down, or leave that chunk out"
            )

    def _advance(self, known: int, until: int) -> StreamedFrames:
        """Frames up to `until`, not with it, of a sound that is known up to a whole stride."""
        given, base = self._given, self._window * self._plan.hop
        missing = (known - base) // self._stride - len(self._latents)
        latents = np.float32(self._temperature) * self._noise.next(missing)
        self._latents = np.concatenate([self._latents, latents])
        new = self._joined(known, until)[given - base :]
        before = self._channels
        if before is not None:
            told = before[given - self._first :][:FADE]  # the step before's, with less of their future
            new[: len(told)] = told + smoothstep(FADE)[: len(told)] * (new[: len(told)] - told)
            new = np.concatenate([before[: given - self._first], new])
        gates = self._sound.gates()
        gates = gates.part(self._first - self._sound.first, len(gates.resting))
        there = new[: len(gates.resting)]
        frames = range(given - self._first, until - self._first)
        more = range(frames.start, min(frames.stop + LEAST_AHEAD, len(there)))
        motion = self._settling.settle_part(gates, there, more)
        heard = self._told(rest_in(gates.part(0, len(there)), there)[frames.start :])
        made = self._performance.add(range(given, until), heard, motion)
        phones = in_bytes(new[frames.start : frames.stop, MOTION_DIM + 1 :])
        self._channels, self._given = new, until
        self._forget()
        return StreamedFrames(given, made.motion, phones, made.head, made.gaze)

    def _told(self, rest: Float32[NDArray[np.float32], " frames"]) -> HeardSoFar:
        """What head and gaze follow, of the sound as far as `rest` tells of it from the next frame on."""
        sound, source, known = self._sound, self._source, self._given + len(rest)
        first = max(sound.first, min(known - MELODY, self._given))
        samples = sound.samples[(first - sound.first) * SAMPLES_PER_FRAME :]
        missing = max(0, (known - first) * SAMPLES_PER_FRAME - len(samples))
        samples = np.pad(samples, (0, missing))[: (known - first) * SAMPLES_PER_FRAME]
        felt_from = max(sound.first, self._given - FELT) // GRID * GRID
        window = range(felt_from, known)
        if isinstance(source, StreamedEmotion):
            features = source.steps(window, sound.speech())
        else:
            features = source.steps(FEATURES_PER_FRAME * window.start, FEATURES_PER_FRAME * window.stop)
        felt = self._inputs.amounts_in(features) * np.float32(self.metadata["amounts"]["strength"])
        return HeardSoFar(samples, known, rest, felt, felt_from)

    def _joined(self, known: int, until: int) -> Float32[NDArray[np.float32], "frames channels"]:
        """Channels from the current window's first frame on, as far as it is known: of all windows needed."""
        base, hop = self._window * self._plan.hop, self._plan.hop
        begun = self._given - self._fade_start
        behind = until - self._fade_start if not self._ended else max(begun, known - 2 * self._plan.context)
        starts = [base, *range(base + hop, behind, hop)]
        windows = [range(start, min(start + self._plan.window, known)) for start in starts]
        joined, previous = None, None
        for window, content, emotion in self._heard(windows):
            whole = range(window.start, window.start + self._plan.window)
            planned = self._plan.made(whole, is_last=window == windows[-1])
            made = range(planned.start, min(planned.stop, window.stop))
            steps = made_steps(window, made)
            latents = self._latents[(made.start - base) // self._stride :][: len(made) // self._stride]
            part = self._animator.animate(content[steps], emotion[steps], latents)
            if joined is None:
                joined = np.zeros((known - base, part.shape[1]), np.float32)
            planned = range(planned.start - base, planned.stop - base)
            join(joined, part, planned, previous)
            previous = planned
        assert joined is not None, "there is a window"
        return joined

    def _heard(self, windows: list[range]) -> Iterator[Heard]:
        """Each window's content features, and its emotion's."""
        backend, source = self._encoder.backend, self._source
        measured = self._sound.measure()
        sounds = [
            self._encoder.in_a_room(
                self._sound.heard(window.start - self._sound.first, window.stop - self._sound.first),
                len(window),
            )
            for window in windows
        ]
        if not isinstance(source, StreamedEmotion):
            for window, sound in zip(windows, sounds, strict=True):
                steps = FEATURES_PER_FRAME * window.start, FEATURES_PER_FRAME * window.stop
                yield window, backend.content(sound, measured), source.steps(*steps)
            return
        contents = []
        for window, sound in zip(windows, sounds, strict=True):
            content, evidence = backend.hear(sound, measured, source.baseline)
            contents.append(content)
            told_from = window.start + (self._plan.context if window.start else 0)
            source.add(window, evidence, max(self._given, told_from))
        speech = self._sound.speech()
        for window, content in zip(windows, contents, strict=True):
            yield window, content, source.steps(window, speech)

    def _forget(self) -> None:
        """Whatever no frame to come depends on."""
        while self._given >= (self._window + 1) * self._plan.hop + self._fade_start + self._fade:
            self._window += 1
            self._latents = self._latents[self._plan.hop // self._stride :]
        first = max(self._first, self._given - CONTEXT_BEFORE)
        assert self._channels is not None and first >= self._sound.first
        self._channels, self._first = self._channels[first - self._first :].copy(), first
        if isinstance(self._source, StreamedEmotion):
            self._source.forget(self._sound.first)


def together(parts: list[StreamedFrames], given: int = 0) -> StreamedFrames:
    """Parts that follow each other as one; of none, no frames from the given number on."""
    if not parts:
        return StreamedFrames(given, np.empty((0, MOTION_DIM), np.float32), None)

    def joined(name: str) -> Any:
        found = [getattr(part, name) for part in parts if getattr(part, name) is not None]
        return np.concatenate(found) if found else None

    return StreamedFrames(parts[0].first, *(joined(name) for name in ("motion", "phones", "head", "gaze")))
