"""What the networks hear of a clip, window by window; and how a performance looks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from ecoface_model.audio import n_frames
from ecoface_model.core.constants import FEATURE_RATE, FEATURES_PER_FRAME, SAMPLES_PER_FRAME
from ecoface_model.core.emotion_label import TRACK_RATE
from ecoface_model.core.errors import SoundError
from ecoface_model.device import full_precision, inference_on
from ecoface_model.level import at_usual_level, without_silences
from ecoface_model.networks import Measured, Networks
from ecoface_model.postprocess.voice_activity import speaking
from ecoface_model.reference_emotion.sources import STEPS_PER_POINT, to_track
from ecoface_model.reference_emotion.speech_emotion import WITHOUT_BASELINE, SpeechEmotion
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from ecoface_model.renderer.grey import GreyFaces
from ecoface_model.windows import WindowPlan

Progress = Callable[[str, int, int], None]
"""Called with a stage, what is done of it, and its whole; it may raise to give up."""
ROOM = 1.5e-4  # -76 dB of full scale, as in the quietest clips of the training


class Track:
    """Features at 50 Hz of overlapping windows, as one track at 10 Hz; each window gives its middle."""

    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps
        self.points: Tensor | None = None
        """(points, F) of the whole clip; of what was not heard yet, 0."""
        self.known = 0
        """Points from the beginning that were heard, the last of them without all that follows."""
        self._covered = 0  # frames

    def add(self, window: range, features: Float[Tensor, "steps feature"]) -> None:
        """The next window's; what lies behind the clip's end is left out."""
        middle = (window.start + self._covered) // STEPS_PER_POINT  # points: of the overlap, in whole ones
        first = FEATURES_PER_FRAME * window.start  # steps
        points = to_track(features.float()[STEPS_PER_POINT * middle - first : self.n_steps - first])
        if self.points is None:
            self.points = points.new_zeros(-(-self.n_steps // STEPS_PER_POINT), points.shape[1])
        self.known = middle + len(points)
        self.points[middle : self.known] = points
        self._covered = window.stop

    def whole(self) -> Float[Tensor, "points feature"]:
        """All of it, once every window was added."""
        assert self.points is not None and self.known == len(self.points), "every window was added"
        return self.points


@dataclass(frozen=True)
class WindowedEncoder:
    """Networks that hear and see clips of any length, a window at a time."""

    networks: Networks
    device: torch.device
    plan: WindowPlan

    def windows(
        self, waveform: NDArray[np.float32], stage: str, progress: Progress | None
    ) -> Iterator[tuple[range, Float[Tensor, "1 samples"], Measured]]:
        """The clip's windows on the device, of whole strides, and what was measured of all of it.

        Its speech comes at the usual level, with silence after its end and a room's noise under all.
        """
        stride = self.networks.config.generator.stride
        windows = self.plan.windows(-(-frames_of(waveform) // stride) * stride)
        levelled = at_usual_level(np.ascontiguousarray(waveform, np.float32))
        whole = torch.from_numpy(levelled)[None].to(self.device)
        measured = self.networks.measure(torch.from_numpy(without_silences(levelled))[None].to(self.device))
        room = _room(max(len(window) for window in windows)).to(self.device)
        for window in counted(windows, stage, progress):
            sound = whole[:, window.start * SAMPLES_PER_FRAME : window.stop * SAMPLES_PER_FRAME]
            silence = len(window) * SAMPLES_PER_FRAME - sound.shape[1]
            yield window, pad(sound, (0, silence)) + room[:, : len(window) * SAMPLES_PER_FRAME], measured

    def listen(
        self, waveform: NDArray[np.float32], baseline: VoiceBaseline | None, progress: Progress | None
    ) -> SpeechEmotion:
        """Which emotion a voice speaks with, over time."""
        with inference_on(self.device):
            points = self.from_audio(waveform, baseline, progress)
        shares, intensity = self.classified(points, speech_of(waveform, self.device))
        return speech_emotion(shares, intensity, speech_of(waveform, torch.device("cpu")), baseline)

    def from_audio(
        self, waveform: NDArray[np.float32], baseline: VoiceBaseline | None, progress: Progress | None
    ) -> Float[Tensor, "points 15"]:
        """The classifier's logits of a clip's speech at 10 Hz, not yet calibrated."""
        track = Track(FEATURES_PER_FRAME * frames_of(waveform))
        for window, sound, measured in self.windows(waveform, "Listening", progress):
            track.add(window, self.networks.hear(sound, measured, baseline)[1][0])
        return track.whole()

    def classified(
        self, points: Float[Tensor, "points 15"], speech: Float[Tensor, " points"]
    ) -> tuple[Float[Tensor, "points emotions"], Float[Tensor, " points"]]:
        """Shares of the emotions and intensity at 10 Hz, of logits, and of whether somebody speaks."""
        with full_precision(self.device):
            return self.networks.classifier.shares(points, speech)

    def states_of_speech(
        self, waveform: NDArray[np.float32], progress: Progress | None
    ) -> tuple[Float[Tensor, "states width"], float]:
        """Sum of the front's states over a clip's speech, and how many steps of speech that is."""
        n_steps = FEATURES_PER_FRAME * frames_of(waveform)
        spoken = torch.from_numpy(speaking(waveform, n_steps, FEATURE_RATE)).to(self.device)
        total, covered, parts = 0.0, 0, []
        for window, sound, measured in self.windows(waveform, "Listening", progress):
            new = spoken[FEATURES_PER_FRAME * covered : FEATURES_PER_FRAME * window.stop]
            told_before = FEATURES_PER_FRAME * (covered - window.start)
            behind_the_end = FEATURES_PER_FRAME * len(window) - told_before - len(new)
            speech = pad(new, (told_before, behind_the_end))
            parts.append(self.networks.sum_of_states(sound, measured, speech))
            total += float(new.sum())
            covered = window.stop
        return torch.stack(parts).sum(dim=0), total

    def from_motion(
        self, faces: GreyFaces, motion: Float[Tensor, "frames 53"], progress: Progress | None
    ) -> Float[Tensor, "points feature"]:
        """Emotion features of a performance at 10 Hz, rendered and seen by the visual encoder (Sec. 3.2)."""
        track = Track(FEATURES_PER_FRAME * len(motion))
        for window in counted(self.plan.windows(len(motion)), "Looking", progress):
            track.add(window, self.networks.visual(faces(motion[None, window.start : window.stop]))[0])
        return track.whole()


def speech_of(waveform: NDArray[np.float32], device: torch.device) -> Float[Tensor, " points"]:
    """Whether somebody speaks, at 10 Hz: 0 to 1 at each of a clip's points."""
    n_points = -(-FEATURES_PER_FRAME * frames_of(waveform) // STEPS_PER_POINT)
    return torch.from_numpy(speaking(waveform, n_points, TRACK_RATE)).to(device)


def speech_emotion(
    shares: Float[Tensor, "points emotions"],
    intensity: Float[Tensor, " points"],
    speech: Float[Tensor, " points"],
    baseline: VoiceBaseline | None,
) -> SpeechEmotion:
    """What was heard, as plain values."""
    kind = WITHOUT_BASELINE if baseline is None else baseline.kind
    return SpeechEmotion(shares.cpu().numpy(), intensity.cpu().numpy(), speech.cpu().numpy(), kind)


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


def _room(n_frames: int) -> Float[Tensor, "1 samples"]:
    """The least noise of a recording, the same in every window: the networks never heard digital silence."""
    noise = torch.randn(1, n_frames * SAMPLES_PER_FRAME, generator=torch.Generator().manual_seed(0))
    return ROOM * noise
