"""Speech in, motion out: the whole of EcoFace at work (Fig. 1a). Read this first."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model import __version__
from ecoface_model.amounts import AS_IT_IS, Amounts
from ecoface_model.checkpoint import Model, read_model
from ecoface_model.config import FEATURE_RATE, FEATURES_PER_FRAME, FRAME_RATE, MOTION_DIM
from ecoface_model.contact import LipContact
from ecoface_model.device import choose_device, full_precision, inference_on
from ecoface_model.emotion_label import TRACK_RATE, EmotionLabel, EmotionTrack
from ecoface_model.emotion_source import (
    EmotionSource,
    MixedEmotion,
    ReferenceEmotion,
    SteadyEmotion,
    StrongerEmotion,
    as_spoken,
    gathered,
    mixed_labels,
)
from ecoface_model.errors import RequestError
from ecoface_model.flame import FlameHead
from ecoface_model.flame_file import read_head
from ecoface_model.generator_blocks import smoothed
from ecoface_model.lids import LidContact
from ecoface_model.listening import Listener, Progress, frames_of
from ecoface_model.motion import FlameMotion
from ecoface_model.motion_generator import draw_noise
from ecoface_model.pauses import resting, speaking
from ecoface_model.regions import upper_projection
from ecoface_model.renderer_grey import GreyFaces
from ecoface_model.windows import WindowPlan, join

SETTLED_AT_ONCE = 500  # frames whose lips are looked at together: memory
OWN_SMOOTHING = FEATURE_RATE // 2  # steps, 0.5 s: the speech's own emotion is a mood, not a syllable
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
        self.listener = Listener(self.networks, device, self.plan)
        head = read_head()
        self._head = head if model.info["head"] == head.name else None
        self._contacts = (LipContact(head), LidContact(head)) if self._head else None

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
        amounts: Amounts = AS_IT_IS,
    ) -> None:
        """Refuse at once what `generate` would refuse.

        Raises:
            RequestError: if style, emotion, seed or temperature do not exist, or amounts need another model.
        """
        self._style_weights(style)
        self._noise(1, seed, temperature)
        if emotion is not None:
            self._named(emotion)
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
        amounts: Amounts = AS_IT_IS,
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
            amounts: how much of the emotion is shown.
            temperature: spread of the prior sample; 0 gives its mean.

        Raises:
            RequestError: if style, emotion, seed or temperature do not exist, or the model's head is not ours
                and has to be seen.
            SoundError: if a waveform is shorter than a frame.
        """
        frames = frames_of(waveform)
        weights = self._style_weights(style)
        noise = self._noise(frames, seed, temperature)
        with inference_on(self.device):
            source = self._emotion_source(emotion, emotion_from, frames, progress)
            joined = self._run_windows(waveform, weights, noise, source, progress, amounts)[:frames]
        motion = self._settled(joined, torch.from_numpy(resting(waveform)))
        metadata: dict[str, Any] = {
            "head": self.model.info["head"],
            "style": style or self.model.info.get("default_style", AVERAGE),
            "emotion": _describe(emotion, emotion_from),
            "amounts": amounts.as_dict(),
            "seed": seed,
            "temperature": temperature,
            "model": {"name": self.model.info["name"], "hash": self.model.hash},
            "source": None,
            "version": __version__,
        }
        return FlameMotion(motion.contiguous().numpy(), metadata=metadata)

    def _settled(
        self, joined: Float[Tensor, "frames 54"], rest: Float[Tensor, " frames"]
    ) -> Float[Tensor, "frames 53"]:
        """The motion with lips that touch instead of crossing, and blinks that shut, on a head that we know.

        Nearly shut lips shut where a sound closes them, and in pauses.
        """
        motion, closure = joined[:, :MOTION_DIM], joined[:, MOTION_DIM].maximum(rest)
        if self._contacts is None:
            return motion
        lips, lids = self._contacts
        parts = zip(motion.split(SETTLED_AT_ONCE), closure.split(SETTLED_AT_ONCE), strict=True)  # type: ignore[no-untyped-call]
        with full_precision(motion.device):
            return lids.settle(torch.cat([lips.settle(*part) for part in parts]))

    def _run_windows(
        self,
        waveform: NDArray[np.float32],
        style: Float[Tensor, "1 styles"],
        noise: Float[Tensor, "1 steps latent"],
        source: EmotionSource | None,
        progress: Progress | None,
        amounts: Amounts = AS_IT_IS,
    ) -> Float[Tensor, "frames 54"]:
        """Motion and closure of all windows, joined, on the CPU; nothing else grows with the length."""
        stride, generator = self.networks.config.generator.stride, self.networks.generator
        motion = torch.zeros(noise.shape[1] * stride, MOTION_DIM + 1)  # T, up to a multiple of q
        neutral = self.model.prototypes[0, 0].to(self.device)  # (F,)
        upper = self._upper() if amounts.apart else None
        if source is not None and amounts.strength != 1:
            source = StrongerEmotion(source, neutral, amounts.strength)
        previous = None
        for window, sound, measured in self.listener.windows(waveform, len(motion), "Animating", progress):
            if source is None:
                content, emotion = self.networks.hear(sound, measured)  # each (1, 2T, F)
                emotion = torch.lerp(neutral, smoothed(emotion, OWN_SMOOTHING).float(), amounts.strength)
            else:
                content = self.networks.content(sound, measured[0])
                emotion = source.steps(FEATURES_PER_FRAME * window.start, FEATURES_PER_FRAME * window.stop)
            window_noise = noise[:, window.start // stride : window.stop // stride]
            part = generator.sample(content, emotion, style, window_noise).with_closure()[0].float().cpu()
            if upper is not None:
                without = generator.sample(content, neutral.expand_as(emotion), style, window_noise)
                part = amounts.apply(part, without.with_closure()[0].float().cpu(), upper)
            join(motion, part, window, previous)
            previous = window
        return motion

    def _emotion_source(
        self,
        emotion: str | EmotionTrack | EmotionSource | None,
        emotion_from: NDArray[np.float32] | FlameMotion | None,
        frames: int,
        progress: Progress | None,
    ) -> EmotionSource | None:
        """What was asked for; None is the speech itself."""
        if emotion is not None and emotion_from is not None:
            raise RequestError("expected an emotion or a clip to take it from, found both; leave one out")
        if isinstance(emotion, str | EmotionTrack):
            return self._named(emotion)
        if isinstance(emotion_from, FlameMotion):
            return ReferenceEmotion(self.seen(emotion_from, progress), FEATURES_PER_FRAME * frames)
        if emotion_from is not None:
            return ReferenceEmotion(self.heard(emotion_from, progress), FEATURES_PER_FRAME * frames)
        return emotion

    def _named(self, emotion: str | EmotionTrack) -> EmotionSource:
        """Of one label, or of labels over time."""
        prototypes = self.model.prototypes.to(self.device)
        if isinstance(emotion, str) and "@" not in emotion:
            return SteadyEmotion(prototypes, EmotionLabel.parse(emotion))
        return MixedEmotion(prototypes, EmotionTrack.parse(emotion) if isinstance(emotion, str) else emotion)

    @torch.inference_mode()
    def heard(
        self, reference: NDArray[np.float32], progress: Progress | None = None
    ) -> Float[Tensor, "points feature"]:
        """Features of the labels that another clip's speech is like, mixed, at 10 Hz."""
        logits = self.listener.heard(reference, progress)
        spoken = torch.from_numpy(speaking(reference, len(logits), TRACK_RATE)).to(self.device)
        return mixed_labels(gathered(logits, spoken), self.model.prototypes.to(self.device))

    @torch.inference_mode()
    def seen(
        self, performance: FlameMotion, progress: Progress | None = None
    ) -> Float[Tensor, "points feature"]:
        """What the visual encoder sees of a performance, at 10 Hz, as its mood is heard in speech."""
        owner = performance.metadata.get("head")
        if self._head is None or owner != self._head.name:
            raise RequestError(
                f"expected a performance of '{self.model.info['head']}', as a head that EcoFace knows, "
                f"found one of '{owner}'; give its sound instead"
            )
        motion = torch.from_numpy(performance.resample(float(FRAME_RATE)).motion).to(self.device)
        with full_precision(self.device):
            seen = self.listener.seen(self._faces, motion, progress)
        model = self.model
        return as_spoken(seen, model.visual_prototypes.to(self.device), model.prototypes.to(self.device))

    @cached_property
    def _faces(self) -> GreyFaces:
        """How a performance is looked at; made when the first one is, as that takes a second."""
        assert self._head is not None
        size = self.networks.config.visual.image_size
        return GreyFaces(FlameHead.from_file(self._head), size).to(self.device)

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


def _describe(
    emotion: str | EmotionTrack | EmotionSource | None,
    emotion_from: NDArray[np.float32] | FlameMotion | None,
) -> str:
    """Where the emotion came from, for the metadata."""
    if isinstance(emotion, str):
        return emotion if "@" in emotion else str(EmotionLabel.parse(emotion))
    if isinstance(emotion, EmotionTrack):
        return "from an emotion track"
    if isinstance(emotion_from, FlameMotion):
        return "from a performance"
    if emotion_from is not None:
        return "from another clip"
    return "from the speech" if emotion is None else "given"
