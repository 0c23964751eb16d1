"""Speech in, motion out: the whole of EcoFace at work (Fig. 1a). Read this first."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, UInt8

from ecoface_model import __version__
from ecoface_model.arrays import NDArray
from ecoface_model.backends.opening import open_backend
from ecoface_model.backends.protocol import Backend, Measured, Sound
from ecoface_model.core.constants import FEATURES_PER_FRAME, MOTION_DIM
from ecoface_model.core.emotion_label import EmotionTrack
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_file import read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.core.phones import PHONES
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import Melody
from ecoface_model.head_motion.performance import Liveliness, Performance, perform
from ecoface_model.idle import points_of, shown_while_idle, steps_of, with_idle
from ecoface_model.level import remarks
from ecoface_model.noise import expect_seed, normal_noise, slowed
from ecoface_model.postprocess.face_regions import upper_projection
from ecoface_model.postprocess.settling import Settling, rest_in
from ecoface_model.reference_emotion.inputs import EmotionInputs, describe
from ecoface_model.reference_emotion.measure_voice import measure_voice
from ecoface_model.reference_emotion.sources import EmotionSource
from ecoface_model.reference_emotion.speech_emotion import SpeechEmotion
from ecoface_model.reference_emotion.speech_source import Heard, SpeechSource
from ecoface_model.reference_emotion.strength import AS_IT_IS, EmotionStrength
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from ecoface_model.windowed_encoder import Progress, WindowedEncoder, frames_of
from ecoface_model.windows import WindowPlan, join

if TYPE_CHECKING:
    from ecoface_model.networks import Networks

AVERAGE = "average"  # style: nobody's, learned by leaving the speaker out in training


class EcoFace:
    """A loaded model: turns waveforms into motion."""

    def __init__(self, backend: Backend, plan: WindowPlan | None = None) -> None:
        self.backend, self.model = backend, backend.facts
        self.plan = plan or WindowPlan()
        stride = self.model.config.generator.stride
        assert self.plan.window % stride == 0 and self.plan.context % stride == 0, (
            "windows hold whole strides"
        )
        self.encoder = WindowedEncoder(backend, self.plan)
        head = read_head()
        self._head = head if self.model.info["head"] == head.name else None
        self.inputs = EmotionInputs(self.encoder, self._head)
        self._settling = Settling(self._head)

    @classmethod
    def load(
        cls, path: Path | str | None = None, device: str | None = None, engine: str | None = None
    ) -> "EcoFace":
        """Read a model file; without names, the default model, for what suits this machine best.

        Args:
            device: "cuda", "mps" or "cpu".
            engine: "torch" or "onnx"; the same motion comes of both (`device.choose_engine` chooses).

        Raises:
            ModelFileError, RequestError: if there is no such file, device or engine.
        """
        return cls(open_backend(path, device, engine))

    @property
    def device(self) -> str:
        """What the model computes on."""
        return self.backend.device

    @property
    def networks(self) -> "Networks":
        """The networks themselves, for training's evaluations: where PyTorch runs them."""
        from ecoface_model.backends.torch_backend import TorchBackend

        assert isinstance(self.backend, TorchBackend), 'load it with engine="torch"'
        return self.backend.networks

    @property
    def styles(self) -> tuple[str, ...]:
        """Names that `generate` takes as a style, besides "average"."""
        return self.model.styles

    def check(
        self,
        *,
        style: str | None,
        emotion: str | None,
        seed: int,
        temperature: float,
        amounts: EmotionStrength = AS_IT_IS,
        head_motion: float = 1.0,
        gaze: float = 1.0,
        idle: float = 0.0,
    ) -> None:
        """Refuse at once what `generate` would refuse.

        Raises:
            RequestError: if style, emotion, seed or temperature do not exist, an amount is out of range, or
                amounts need another model.
        """
        Liveliness(head_motion=head_motion, gaze=gaze)
        with_idle(np.zeros(0, np.float32), idle)
        self._style_weights(style)
        self._noise(1, seed, temperature)
        if emotion is not None:
            self.inputs.named(emotion)
        if amounts.apart:
            self._upper()

    def generate(
        self,
        waveform: NDArray[np.float32],
        *,
        style: str | None = None,
        emotion: str | EmotionTrack | EmotionSource | None = None,
        emotion_from: NDArray[np.float32] | FlameMotion | None = None,
        baseline: VoiceBaseline | None = None,
        reference_baseline: VoiceBaseline | None = None,
        amounts: EmotionStrength = AS_IT_IS,
        seed: int = 0,
        temperature: float = 1.0,
        head_motion: float = 1.0,
        gaze: float = 1.0,
        idle: float = 0.0,
        progress: Progress | None = None,
    ) -> FlameMotion:
        """Mono 16 kHz speech -> round(25 s) frames of motion.

        Args:
            style: one of `styles`, or "average"; the model's own default if not given.
            emotion: "LABEL[:INTENSITY]", or several as "LABEL[:INTENSITY]@SECONDS ..."; the speech's own if
                neither this nor `emotion_from` is given.
            emotion_from: another clip, of any length, whose emotion is taken: a waveform is heard, a
                performance of the model's head is seen.
            baseline: the usual sound of the voice (`voice_baseline`), for the speech's own emotion.
            reference_baseline: the same of the voice in `emotion_from`.
            amounts: how much of the emotion is shown.
            temperature: spread of the prior sample; 0 gives its mean.
            head_motion: how much the head turns, 0 (then the motion has no `head`) to 2.
            gaze: how far the eyes look about, 0 (no `gaze`, no blinks but the generator's) to 2.
            idle: seconds of silence after the sound, in which the expression fades and the face rests.

        Raises:
            RequestError: if style, emotion, seed or temperature do not exist, an amount is out of range, a
                voice baseline is another model's, or the model's head is not ours and has to be seen.
            SoundError: if a waveform is shorter than a frame.
        """
        liveliness = Liveliness(head_motion=head_motion, gaze=gaze)
        spoken = frames_of(waveform)
        waveform = with_idle(waveform, idle)
        frames = frames_of(waveform)
        weights = self._style_weights(style)
        noise = self._noise(frames, seed, temperature)
        given, heard = self.inputs.source(emotion, emotion_from, reference_baseline, frames, progress)
        source = given or SpeechSource(self.encoder, self.inputs.prototypes, waveform, baseline)
        shown = shown_while_idle(spoken, frames) if idle else None
        joined = self._run_windows(waveform, weights, noise, source, progress, amounts, shown)[:frames]
        with self.encoder.pool() as pool:
            motion = self._settling.settle(waveform, joined, partial(self.encoder.side_by_side, pool=pool))
        if isinstance(source, SpeechSource):
            heard = source.heard()
        metadata: dict[str, Any] = {
            "head": self.model.info["head"],
            "style": style or self.model.info.get("default_style", AVERAGE),
            "emotion": describe(emotion, emotion_from),
            "amounts": amounts.as_dict(),
            "seed": seed,
            "temperature": temperature,
            "head_motion": head_motion,
            "gaze": gaze,
            "idle": idle,
            "model": {"name": self.model.info["name"], "hash": self.model.hash},
            "source": None,
            "version": __version__,
        }
        if heard is not None:
            metadata["heard"] = heard.summary()
        if notes := remarks(waveform):
            metadata["notes"] = notes
        phones = _in_bytes(joined[:, MOTION_DIM + 1 :])
        if phones is not None:
            metadata["phones"] = list(PHONES)
        alive = self._perform(waveform, joined, motion, source, metadata, shown, liveliness)
        return FlameMotion(alive.motion, metadata=metadata, phones=phones, head=alive.head, gaze=alive.gaze)

    def _perform(
        self,
        waveform: NDArray[np.float32],
        joined: Float32[NDArray[np.float32], "frames channels"],
        motion: Float32[NDArray[np.float32], "frames 53"],
        source: EmotionSource | SpeechSource,
        metadata: dict[str, Any],
        shown: Float32[NDArray[np.float32], " frames"] | None,
        liveliness: Liveliness,
    ) -> Performance:
        """Head, gaze and lids beside a settled motion, by the emotion that it shows."""
        if not (liveliness.head_motion or liveliness.gaze):
            return Performance(None, None, motion)
        felt = self.inputs.felt(source, len(motion)) * np.float32(metadata["amounts"]["strength"])
        if shown is not None:
            felt = felt * points_of(shown, len(felt))[:, None]
        melody = Melody.of(waveform, rest_in(waveform, joined[:, MOTION_DIM + 1 :]))
        moods = Moods.of(felt, len(motion), metadata["style"])
        return perform(motion, melody, moods, self._settling.lids, metadata["seed"], liveliness)

    def listen(
        self,
        waveform: NDArray[np.float32],
        *,
        baseline: VoiceBaseline | None = None,
        progress: Progress | None = None,
    ) -> SpeechEmotion:
        """Which emotion a voice speaks with, over time, at 10 Hz.

        Args:
            baseline: the usual sound of the voice, from `voice_baseline`.

        Raises:
            SoundError: if the waveform is shorter than a frame, or not mono.
            RequestError: if the baseline is another model's.
        """
        return self.encoder.listen(waveform, baseline, progress)

    def voice_baseline(
        self,
        waveforms: Sequence[NDArray[np.float32]],
        kind: str | None = None,
        progress: Progress | None = None,
    ) -> VoiceBaseline:
        """The usual sound of a voice, from some of its lines.

        Args:
            waveforms: lines of one voice, mono 16 kHz, from one microphone.
            kind: "neutral", if all of them are spoken without emotion, or "lines", if their moods differ;
                without it, fewer than five are taken for neutral ones.

        Raises:
            RequestError: if there is too little speech in them, or they are too few or too much alike to
                stand for all moods of a voice.
            SoundError: if a waveform is shorter than a frame, or not mono.
        """
        return measure_voice(self.encoder, waveforms, kind, progress)

    def _run_windows(
        self,
        waveform: NDArray[np.float32],
        style: Float32[NDArray[np.float32], " styles"],
        noise: Float32[NDArray[np.float32], "steps latent"],
        source: EmotionSource | SpeechSource,
        progress: Progress | None,
        amounts: EmotionStrength = AS_IT_IS,
        shown: Float32[NDArray[np.float32], " whole_frames"] | None = None,
    ) -> Float32[NDArray[np.float32], "frames channels"]:
        """Motion, closure and phones of all windows, joined, up to a multiple of the stride.

        `shown` is how much of the emotion each frame shows, all if not given. Nothing else grows with the
        length, but for emotion features at 10 Hz.
        """
        stride = self.model.config.generator.stride
        neutral = self.inputs.prototypes[0, 0]  # (F,)
        upper = self._upper() if amounts.apart else None

        def animate(heard: Heard) -> tuple[range, NDArray[np.float32]]:
            window, content, emotion = heard
            if amounts.strength != 1:
                emotion = neutral + np.float32(amounts.strength) * (emotion - neutral)
            if shown is not None:
                emotion = neutral + steps_of(shown, window)[:, None] * (emotion - neutral)
            window_noise = noise[window.start // stride : window.stop // stride]
            part = self.backend.animate(content, emotion, style, window_noise)
            if upper is not None:
                plain = np.broadcast_to(neutral, emotion.shape)
                part = amounts.apply(part, self.backend.animate(content, plain, style, window_noise), upper)
            return window, part

        motion, previous = None, None
        with self.encoder.pool() as pool:
            heard = self._heard(waveform, source, progress, pool)
            for window, part in self.encoder.side_by_side(animate, heard, pool):
                if motion is None:
                    motion = np.zeros((len(noise) * stride, part.shape[1]), np.float32)
                join(motion, part, window, previous)
                previous = window
        assert motion is not None, "a plan has windows"
        return motion

    def _heard(
        self,
        waveform: NDArray[np.float32],
        source: EmotionSource | SpeechSource,
        progress: Progress | None,
        pool: Executor | None,
    ) -> Iterator[Heard]:
        """Each window's content features, and its emotion's."""
        stage = "Animating"
        if isinstance(source, SpeechSource):
            yield from source.windows(stage, progress, pool)
            return
        given = source

        def heard(window: tuple[range, Sound, Measured]) -> Heard:
            steps = FEATURES_PER_FRAME * window[0].start, FEATURES_PER_FRAME * window[0].stop
            return window[0], self.backend.content(window[1], window[2]), given.steps(*steps)

        windows = self.encoder.windows(waveform, stage, progress)
        yield from self.encoder.side_by_side(heard, windows, pool)

    def features_of(self, heard: SpeechEmotion) -> Float32[NDArray[np.float32], "points feature"]:
        """Features of the labels that a voice's emotion is like, mixed, at 10 Hz."""
        return self.inputs.of_speech(heard)

    def from_motion(
        self, performance: FlameMotion, progress: Progress | None = None
    ) -> Float32[NDArray[np.float32], "points feature"]:
        """What the visual encoder sees of a performance, at 10 Hz, as its mood is heard in speech."""
        return self.inputs.of_motion(performance, progress)

    def _upper(self) -> Float32[NDArray[np.float32], "50 50"]:
        """Which part of an expression is the upper face's."""
        if self._head is None:
            raise RequestError(
                f"expected amounts of 1 for upper face and mouth, since the head '{self.model.info['head']}' "
                "is not in reach to tell them apart, found others; use the strength of the emotion instead"
            )
        return upper_projection(self._head)

    def _noise(
        self, frames: int, seed: int, temperature: float
    ) -> Float32[NDArray[np.float32], "steps latent"]:
        """The prior's noise of the whole clip, so that windows cannot be told: the same by every engine."""
        expect_seed(seed, temperature)
        config = self.model.config.generator
        steps = -(-frames // config.stride)
        white = normal_noise(steps * config.latent_dim, seed).reshape(steps, -1)
        return np.float32(temperature) * slowed(white, config.n_slow_channels, config.slow_correlation)

    def _style_weights(self, style: str | None) -> Float32[NDArray[np.float32], " styles"]:
        """One style, or none."""
        style = style or self.model.info.get("default_style", AVERAGE)
        weights = np.zeros(len(self.styles), np.float32)
        if style in self.styles:
            weights[self.styles.index(style)] = 1
        elif style != AVERAGE:
            raise RequestError(
                f"expected a style among {', '.join((AVERAGE, *self.styles))}, found {style!r};"
                " choose one of them"
            )
        return weights


def _in_bytes(
    shares: Float32[NDArray[np.float32], "frames phones"],
) -> UInt8[NDArray[np.uint8], "frames phones"] | None:
    """Phones as a motion carries them, 0 to 255; none where the model does not tell them."""
    shares = np.nan_to_num(shares)  # beside a motion of such numbers, which is refused
    return np.round(255 * shares).astype(np.uint8) if shares.shape[1] else None
