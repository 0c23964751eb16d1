"""Speech in, motion out: the whole of EcoFace at work (Fig. 1a). Read this first."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model import __version__
from ecoface_model.checkpoint import Model, read_model
from ecoface_model.core.constants import FEATURES_PER_FRAME, MOTION_DIM
from ecoface_model.core.emotion_label import EmotionTrack
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_file import read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.core.phones import PHONES, SILENCE
from ecoface_model.device import choose_device, full_precision, inference_on
from ecoface_model.flow_prior import draw_noise
from ecoface_model.level import remarks
from ecoface_model.postprocess.eyelids import EyelidContact
from ecoface_model.postprocess.face_regions import upper_projection
from ecoface_model.postprocess.lip_contact import LipContact
from ecoface_model.postprocess.voice_activity import long_pauses, pauses_in_noise, predicted_pauses, resting
from ecoface_model.reference_emotion.inputs import EmotionInputs, describe
from ecoface_model.reference_emotion.measure_voice import measure_voice
from ecoface_model.reference_emotion.sources import EmotionSource
from ecoface_model.reference_emotion.speech_emotion import SpeechEmotion
from ecoface_model.reference_emotion.speech_source import Heard, SpeechSource
from ecoface_model.reference_emotion.strength import AS_IT_IS, EmotionStrength
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from ecoface_model.windowed_encoder import Progress, WindowedEncoder, frames_of
from ecoface_model.windows import WindowPlan, join

POSTPROCESSED_AT_ONCE = 500  # frames whose lips are looked at together: memory
AVERAGE = "average"  # style: nobody's, learned by leaving the speaker out in training


class EcoFace:
    """A loaded model: turns waveforms into motion."""

    def __init__(self, model: Model, device: torch.device, plan: WindowPlan | None = None) -> None:
        self.model = model
        self.networks = model.networks.to(device)
        self.device = device
        self.plan = plan or WindowPlan()
        stride = self.networks.config.generator.stride
        assert self.plan.window % stride == 0 and self.plan.context % stride == 0, (
            "windows hold whole strides"
        )
        self.encoder = WindowedEncoder(self.networks, device, self.plan)
        head = read_head()
        self._head = head if model.info["head"] == head.name else None
        self.inputs = EmotionInputs(model, self.encoder, self._head)
        self._contacts = (LipContact(head), EyelidContact(head)) if self._head else None

    @classmethod
    def load(cls, path: Path | str | None = None, device: str | None = None) -> "EcoFace":
        """Read a model file for a device; without names, the default model for the fastest device.

        Raises:
            ModelFileError, RequestError: if there is no such file or device.
        """
        return cls(read_model(path), choose_device(device))

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
    ) -> None:
        """Refuse at once what `generate` would refuse.

        Raises:
            RequestError: if style, emotion, seed or temperature do not exist, or amounts need another model.
        """
        self._style_weights(style)
        self._noise(1, seed, temperature)
        if emotion is not None:
            self.inputs.named(emotion)
        if amounts.apart:
            self._upper()

    @torch.inference_mode()
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

        Raises:
            RequestError: if style, emotion, seed or temperature do not exist, a voice baseline is another
                model's, or the model's head is not ours and has to be seen.
            SoundError: if a waveform is shorter than a frame.
        """
        frames = frames_of(waveform)
        weights = self._style_weights(style)
        noise = self._noise(frames, seed, temperature)
        with inference_on(self.device):
            given, heard = self.inputs.source(emotion, emotion_from, reference_baseline, frames, progress)
            source = given or SpeechSource(self.encoder, self.inputs.prototypes, waveform, baseline)
            joined = self._run_windows(waveform, weights, noise, source, progress, amounts)[:frames]
        rest = resting(waveform)
        if joined.shape[1] > MOTION_DIM + 1:
            silence = joined[:, MOTION_DIM + 1 + PHONES.index(SILENCE)].numpy()
            rest = np.maximum(rest, predicted_pauses(silence))
            rest = np.maximum(rest, pauses_in_noise(waveform, silence))
        motion = self._postprocessed(joined, torch.from_numpy(rest), torch.from_numpy(long_pauses(rest)))
        if isinstance(source, SpeechSource):
            heard = source.heard()
        metadata: dict[str, Any] = {
            "head": self.model.info["head"],
            "style": style or self.model.info.get("default_style", AVERAGE),
            "emotion": describe(emotion, emotion_from),
            "amounts": amounts.as_dict(),
            "seed": seed,
            "temperature": temperature,
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
        return FlameMotion(motion.contiguous().numpy(), metadata=metadata, phones=phones)

    @torch.inference_mode()
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

    @torch.inference_mode()
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

    def _postprocessed(
        self,
        joined: Float[Tensor, "frames channels"],
        rest: Float[Tensor, " frames"],
        pause: Float[Tensor, " frames"],
    ) -> Float[Tensor, "frames 53"]:
        """The motion with lips that touch instead of crossing, and blinks that shut, on a head that we know.

        Nearly shut lips shut where a sound closes them, and in pauses; in long ones all do.
        """
        motion, closure = joined[:, :MOTION_DIM], joined[:, MOTION_DIM].maximum(rest)
        if self._contacts is None:
            return motion
        lips, lids = self._contacts
        pieces = (each.split(POSTPROCESSED_AT_ONCE) for each in (motion, closure, pause))  # type: ignore[no-untyped-call]
        with full_precision(motion.device):
            return lids.settle(torch.cat([lips.settle(*part) for part in zip(*pieces, strict=True)]))

    def _run_windows(
        self,
        waveform: NDArray[np.float32],
        style: Float[Tensor, "1 styles"],
        noise: Float[Tensor, "1 steps latent"],
        source: EmotionSource | SpeechSource,
        progress: Progress | None,
        amounts: EmotionStrength = AS_IT_IS,
    ) -> Float[Tensor, "frames channels"]:
        """Motion, closure and phones of all windows, joined, on the CPU, up to a multiple of the stride.

        Nothing else grows with the length, but for emotion features at 10 Hz.
        """
        stride, generator = self.networks.config.generator.stride, self.networks.generator
        neutral = self.inputs.prototypes[0, 0]  # (F,)
        upper = self._upper() if amounts.apart else None
        motion, previous = None, None
        for window, content, emotion in self._heard(waveform, source, progress):
            if amounts.strength != 1:
                emotion = torch.lerp(neutral, emotion, amounts.strength)
            window_noise = noise[:, window.start // stride : window.stop // stride]
            part = generator.sample(content, emotion, style, window_noise).channels()[0].float().cpu()
            if upper is not None:
                without = generator.sample(content, neutral.expand_as(emotion), style, window_noise)
                part = amounts.apply(part, without.channels()[0].float().cpu(), upper)
            if motion is None:
                motion = torch.zeros(noise.shape[1] * stride, part.shape[1])
            join(motion, part, window, previous)
            previous = window
        assert motion is not None, "a plan has windows"
        return motion

    def _heard(
        self,
        waveform: NDArray[np.float32],
        source: EmotionSource | SpeechSource,
        progress: Progress | None,
    ) -> Iterator[Heard]:
        """Each window's content features, and its emotion's."""
        stage = "Animating"
        if isinstance(source, SpeechSource):
            yield from source.windows(stage, progress)
            return
        for window, sound, measured in self.encoder.windows(waveform, stage, progress):
            emotion = source.steps(FEATURES_PER_FRAME * window.start, FEATURES_PER_FRAME * window.stop)
            yield window, self.networks.content(sound, measured), emotion

    def features_of(self, heard: SpeechEmotion) -> Float[Tensor, "points feature"]:
        """Features of the labels that a voice's emotion is like, mixed, at 10 Hz."""
        return self.inputs.of_speech(heard)

    @torch.inference_mode()
    def from_motion(
        self, performance: FlameMotion, progress: Progress | None = None
    ) -> Float[Tensor, "points feature"]:
        """What the visual encoder sees of a performance, at 10 Hz, as its mood is heard in speech."""
        return self.inputs.of_motion(performance, progress)

    def _upper(self) -> Float[Tensor, "50 50"]:
        """Which part of an expression is the upper face's."""
        if self._head is None:
            raise RequestError(
                f"expected amounts of 1 for upper face and mouth, since the head '{self.model.info['head']}' "
                "is not in reach to tell them apart, found others; use the strength of the emotion instead"
            )
        return torch.from_numpy(upper_projection(self._head))

    def _noise(self, frames: int, seed: int, temperature: float) -> Float[Tensor, "1 steps latent"]:
        """The prior's noise of the whole clip, so that windows cannot be told: the same on every device."""
        if not 0 <= temperature < float("inf"):
            raise RequestError(f"expected a temperature of 0 or more, found {temperature}; 1 is usual")
        if not 0 <= seed < 2**63:
            raise RequestError(
                f"expected a seed of 0 or more, below 2^63, found {seed}; any such whole number will do"
            )
        config = self.networks.config.generator
        steps = -(-frames // config.stride)
        noise = draw_noise(config, steps, torch.Generator().manual_seed(seed), temperature)
        return noise.to(self.device)

    def _style_weights(self, style: str | None) -> Float[Tensor, "1 styles"]:
        """One style, or none."""
        style = style or self.model.info.get("default_style", AVERAGE)
        weights = torch.zeros(len(self.styles))
        if style in self.styles:
            weights[self.styles.index(style)] = 1
        elif style != AVERAGE:
            raise RequestError(
                f"expected a style among {', '.join((AVERAGE, *self.styles))}, found {style!r};"
                " choose one of them"
            )
        return weights[None].to(self.device)


def _in_bytes(shares: Float[Tensor, "frames phones"]) -> NDArray[np.uint8] | None:
    """Phones as a motion carries them, 0 to 255; none where the model does not tell them."""
    return (255 * shares).round().to(torch.uint8).numpy() if shares.shape[1] else None
