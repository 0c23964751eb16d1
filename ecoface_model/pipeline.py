"""Speech in, motion out: the whole of EcoFace at work (Fig. 1a). Read this first."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from ecoface_model import __version__
from ecoface_model.audio import n_frames
from ecoface_model.checkpoint import Model, read_model
from ecoface_model.config import FEATURE_RATE, FEATURES_PER_FRAME, MOTION_DIM, SAMPLES_PER_FRAME
from ecoface_model.contact import LipContact
from ecoface_model.device import choose_device, full_precision, inference_on
from ecoface_model.emotion_source import (
    STEPS_PER_POINT,
    EmotionLabel,
    EmotionSource,
    ReferenceEmotion,
    SteadyEmotion,
    to_track,
)
from ecoface_model.errors import RequestError, SoundError
from ecoface_model.flame_file import read_head
from ecoface_model.generator_blocks import smoothed
from ecoface_model.lids import LidContact
from ecoface_model.motion import FlameMotion
from ecoface_model.motion_generator import draw_noise
from ecoface_model.networks import Measured
from ecoface_model.pauses import resting
from ecoface_model.windows import WindowPlan, join

Progress = Callable[[str, int, int], None]
"""Called with a stage, what is done of it, and its whole; it may raise to give up."""
SETTLED_AT_ONCE = 500  # frames whose lips are looked at together: memory
ROOM = 1.5e-4  # -76 dB of full scale, as in the quietest clips of the training
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
        head = read_head()
        own_head = model.info["head"] == head.name
        self._contacts = (LipContact(head), LidContact(head)) if own_head else None

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

    def check(self, *, style: str | None, emotion: str | None, seed: int, temperature: float) -> None:
        """Refuse at once what `generate` would refuse.

        Raises:
            RequestError: if style, emotion, seed or temperature do not exist.
        """
        self._style_weights(style)
        self._noise(1, seed, temperature)
        if emotion is not None:
            EmotionLabel.parse(emotion)

    @torch.inference_mode()
    def generate(
        self,
        waveform: NDArray[np.float32],
        *,
        style: str | None = None,
        emotion: str | EmotionSource | None = None,
        emotion_from: NDArray[np.float32] | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        progress: Progress | None = None,
    ) -> FlameMotion:
        """Mono 16 kHz speech -> round(25 s) frames of motion.

        Args:
            style: one of `styles`, or "average"; the model's own default if not given.
            emotion: "LABEL[:INTENSITY]"; the speech's own if neither this nor `emotion_from` is given.
            emotion_from: waveform of another clip, of any length, whose emotion is taken.
            temperature: spread of the prior sample; 0 gives its mean.

        Raises:
            RequestError: if style, emotion, seed or temperature do not exist.
            SoundError: if a waveform is shorter than a frame.
        """
        frames = _frames_of(waveform)
        weights = self._style_weights(style)
        noise = self._noise(frames, seed, temperature)
        with inference_on(self.device):
            source = self._emotion_source(emotion, emotion_from, frames, progress)
            joined = self._run_windows(waveform, weights, noise, source, progress)[:frames]
        motion = self._settled(joined, torch.from_numpy(resting(waveform)))
        metadata: dict[str, Any] = {
            "head": self.model.info["head"],
            "style": style or self.model.info.get("default_style", AVERAGE),
            "emotion": _describe(emotion, emotion_from),
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
    ) -> Float[Tensor, "frames 54"]:
        """Motion and closure of all windows, joined, on the CPU; nothing else grows with the length."""
        stride = self.networks.config.generator.stride
        motion = torch.zeros(noise.shape[1] * stride, MOTION_DIM + 1)  # T, up to a multiple of q
        previous = None
        for window, sound, measured in self._listen(waveform, len(motion), "Animating", progress):
            if source is None:
                content, emotion = self.networks.hear(sound, measured)  # each (1, 2T, F)
                emotion = smoothed(emotion, OWN_SMOOTHING)
            else:
                content = self.networks.content(sound, measured[0])
                emotion = source.steps(FEATURES_PER_FRAME * window.start, FEATURES_PER_FRAME * window.stop)
            window_noise = noise[:, window.start // stride : window.stop // stride]
            sample = self.networks.generator.sample(content, emotion, style, window_noise)
            part = torch.cat([sample.motion, sample.closure[..., None]], dim=-1)[0]
            join(motion, part.float().cpu(), window, previous)
            previous = window
        return motion

    def _listen(
        self, waveform: NDArray[np.float32], frames: int, stage: str, progress: Progress | None
    ) -> Iterator[tuple[range, Float[Tensor, "1 samples"], Measured]]:
        """The clip's windows on the device, silence after its end, and what was measured of all of it."""
        whole = torch.from_numpy(np.ascontiguousarray(waveform, np.float32))[None].to(self.device)
        measured = self.networks.measure(whole)
        windows = self.plan.windows(frames)
        room = _room(max(len(window) for window in windows)).to(self.device)
        for number, window in enumerate(windows):
            if progress:
                progress(stage, number, len(windows))
            sound = whole[:, window.start * SAMPLES_PER_FRAME : window.stop * SAMPLES_PER_FRAME]
            silence = len(window) * SAMPLES_PER_FRAME - sound.shape[1]
            yield window, pad(sound, (0, silence)) + room[:, : len(window) * SAMPLES_PER_FRAME], measured
        if progress:
            progress(stage, len(windows), len(windows))

    def _emotion_source(
        self,
        emotion: str | EmotionSource | None,
        emotion_from: NDArray[np.float32] | None,
        frames: int,
        progress: Progress | None,
    ) -> EmotionSource | None:
        """What was asked for; None is the speech itself."""
        if emotion is not None and emotion_from is not None:
            raise RequestError("expected an emotion or a clip to take it from, found both; leave one out")
        if isinstance(emotion, str):
            return SteadyEmotion(self.model.prototypes.to(self.device), EmotionLabel.parse(emotion))
        if emotion_from is not None:
            track = self._track(emotion_from, progress)
            return ReferenceEmotion(track, FEATURES_PER_FRAME * frames)
        return emotion

    def _track(
        self, reference: NDArray[np.float32], progress: Progress | None
    ) -> Float[Tensor, "points feature"]:
        """Emotion features of a reference clip at 10 Hz; of overlapping windows, each gives its middle."""
        track = torch.zeros(0, self.networks.config.emotion.feature_dim, device=self.device)
        covered = 0  # frames
        for window, sound, measured in self._listen(reference, _frames_of(reference), "Listening", progress):
            features = self.networks.emotion(sound, measured[1])[0].float()  # (steps, F)
            middle = (window.start + covered) // STEPS_PER_POINT  # points: of the overlap, in whole ones
            first_step = middle * STEPS_PER_POINT - FEATURES_PER_FRAME * window.start
            track = torch.cat([track[:middle], to_track(features[first_step:])])
            covered = window.stop
        return track

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


def _room(n_frames: int) -> Float[Tensor, "1 samples"]:
    """The least noise of a recording, the same in every window: the networks never heard digital silence."""
    noise = torch.randn(1, n_frames * SAMPLES_PER_FRAME, generator=torch.Generator().manual_seed(0))
    return ROOM * noise


def _frames_of(waveform: NDArray[np.float32]) -> int:
    """T of a waveform, at least one."""
    if waveform.ndim != 1 or n_frames(len(waveform)) == 0:
        raise SoundError(
            f"expected mono sound of at least 0.04 s at 16 kHz, found samples of shape {waveform.shape};"
            " choose a longer part"
        )
    return n_frames(len(waveform))


def _describe(emotion: str | EmotionSource | None, emotion_from: NDArray[np.float32] | None) -> str:
    """Where the emotion came from, for the metadata."""
    if isinstance(emotion, str):
        return str(EmotionLabel.parse(emotion))
    if emotion_from is not None:
        return "from another clip"
    return "from the speech" if emotion is None else "given"
