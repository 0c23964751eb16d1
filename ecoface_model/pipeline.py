"""Speech in, motion out: the whole of EcoFace at work (Fig. 1a). Read this first."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32

from ecoface_model import __version__
from ecoface_model.animate_windows import OnJoined, animate_windows
from ecoface_model.arrays import NDArray
from ecoface_model.backends.opening import open_backend
from ecoface_model.backends.protocol import Backend
from ecoface_model.core.constants import MOTION_DIM
from ecoface_model.core.emotion_label import EmotionTrack
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_file import read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.core.phones import PHONES, in_bytes
from ecoface_model.head_motion.performance import Liveliness
from ecoface_model.idle import shown_while_idle, with_idle
from ecoface_model.level import remarks
from ecoface_model.liveliness import Alive
from ecoface_model.noise import LatentNoise, expect_seed, normal_noise, slowed
from ecoface_model.postprocess.face_regions import upper_projection
from ecoface_model.postprocess.settling import Settling, SettlingAhead
from ecoface_model.postprocess.voice_activity import LevelGates
from ecoface_model.reference_emotion.inputs import EmotionInputs, describe
from ecoface_model.reference_emotion.measure_voice import measure_voice
from ecoface_model.reference_emotion.sources import EmotionSource
from ecoface_model.reference_emotion.speech_emotion import SpeechEmotion
from ecoface_model.reference_emotion.speech_source import SpeechSource
from ecoface_model.reference_emotion.strength import AS_IT_IS, EmotionStrength
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from ecoface_model.streaming.finished_parts import FinishedParts, OnPart
from ecoface_model.streaming.streamed_emotion import StreamedEmotion
from ecoface_model.styles import style_name, style_weights
from ecoface_model.window_animator import WindowAnimator
from ecoface_model.windowed_encoder import Progress, WindowedEncoder, frames_of
from ecoface_model.windows import WindowPlan

if TYPE_CHECKING:
    from ecoface_model.networks import Networks
    from ecoface_model.streaming.speech_stream import SpeechStream


class EcoFace:
    """A loaded model: turns waveforms into motion."""

    def __init__(self, backend: Backend, plan: WindowPlan | None = None) -> None:
        self.backend, self.model = backend, backend.facts
        self.plan = plan or WindowPlan()
        stride = self.model.config.generator.stride
        lengths = (self.plan.window, self.plan.context, self.plan.edge)
        assert not any(length % stride for length in lengths), "windows hold whole strides"
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
        style_weights(self.model, style)
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
        on_part: OnPart | None = None,
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
            on_part: called with the first frame and the motion of what is ready, while more is made; its head
                and gaze are those of the level and of the emotion so far.

        Raises:
            RequestError: if style, emotion, seed or temperature do not exist, an amount is out of range, a
                voice baseline is another model's, or the model's head is not ours and has to be seen.
            SoundError: if a waveform is shorter than a frame.
        """
        liveliness = Liveliness(head_motion=head_motion, gaze=gaze)
        spoken = frames_of(waveform)
        waveform = with_idle(waveform, idle)
        frames = frames_of(waveform)
        animator = self._animator(style, amounts)
        noise = self._noise(frames, seed, temperature)
        given, heard = self.inputs.source(emotion, emotion_from, reference_baseline, frames, progress)
        source = given or SpeechSource(self.encoder, self.inputs.prototypes, waveform, baseline)
        shown = shown_while_idle(spoken, frames) if idle else None
        metadata = self._metadata(style, describe(emotion, emotion_from), amounts, seed, temperature)
        gates = LevelGates.of(waveform)
        ahead = SettlingAhead(self._settling, gates)
        on_joined: list[OnJoined] = [lambda joined, final: ahead.add(joined[: min(final, frames)])]
        with self.encoder.pool() as pool:
            alive = Alive(
                waveform, gates, source, self.inputs, self._settling, metadata, shown, liveliness, pool
            )
            if on_part is not None:
                on_joined.append(FinishedParts(self._settling, gates, on_part, alive.part).add)
            joined = animate_windows(
                self.encoder, waveform, animator, noise, source, shown, progress, on_joined, pool
            )[:frames]
        motion = ahead.whole(joined)
        if isinstance(source, SpeechSource):
            heard = source.heard()
        metadata |= {"head_motion": head_motion, "gaze": gaze, "idle": idle}
        if heard is not None:
            metadata["heard"] = heard.summary()
        if notes := remarks(waveform):
            metadata["notes"] = notes
        phones = in_bytes(joined[:, MOTION_DIM + 1 :])
        if phones is not None:
            metadata["phones"] = list(PHONES)
        made = alive.whole(joined, motion)
        return FlameMotion(made.motion, metadata=metadata, phones=phones, head=made.head, gaze=made.gaze)

    def stream(
        self,
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
    ) -> "SpeechStream":
        """The motion of a voice that goes on: sound in chunks in, frames out, 1.12 s behind at most.

        What is asked for is as in `generate`; the emotion of another clip is played at its own pace, to and
        fro. Head and gaze follow the same rules, but not the same chance.

        Raises:
            RequestError: as `generate`.
        """
        from ecoface_model.streaming.speech_stream import SpeechStream
        from ecoface_model.streaming.streamed_performance import StreamedPerformance

        liveliness = Liveliness(head_motion=head_motion, gaze=gaze)
        self._noise(1, seed, temperature)  # refuses what is none
        config = self.model.config.generator
        given, _ = self.inputs.source(emotion, emotion_from, reference_baseline, None, None)
        metadata = self._metadata(style, describe(emotion, emotion_from), amounts, seed, temperature)
        metadata |= {"head_motion": head_motion, "gaze": gaze}
        return SpeechStream(
            self.encoder,
            self.inputs,
            self._settling,
            self._animator(style, amounts),
            given or StreamedEmotion(self.backend.calibration, self.inputs.prototypes, baseline),
            LatentNoise(seed, config.latent_dim, config.n_slow_channels, config.slow_correlation),
            temperature,
            metadata,
            StreamedPerformance(self._settling.lids, seed, metadata["style"], liveliness),
        )

    def _metadata(
        self, style: str | None, emotion: str, amounts: EmotionStrength, seed: int, temperature: float
    ) -> dict[str, Any]:
        """Where a motion came from (`FlameMotion.metadata`)."""
        return {
            "head": self.model.info["head"],
            "style": style_name(self.model, style),
            "emotion": emotion,
            "amounts": amounts.as_dict(),
            "seed": seed,
            "temperature": temperature,
            "model": {"name": self.model.info["name"], "hash": self.model.hash},
            "source": None,
            "version": __version__,
        }

    def _animator(self, style: str | None, amounts: EmotionStrength) -> WindowAnimator:
        """What all windows of a clip share."""
        neutral = self.inputs.prototypes[0, 0]  # (F,)
        upper = self._upper() if amounts.apart else None
        return WindowAnimator(self.backend, style_weights(self.model, style), neutral, amounts, upper)

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
