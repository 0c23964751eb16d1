"""What the networks hear of a clip, window by window; and a reference clip's emotion, heard or seen."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from ecoface_model.audio import n_frames
from ecoface_model.config import FEATURES_PER_FRAME, SAMPLES_PER_FRAME
from ecoface_model.emotion_source import STEPS_PER_POINT, to_track
from ecoface_model.errors import SoundError
from ecoface_model.networks import Measured, Networks
from ecoface_model.renderer_grey import GreyFaces
from ecoface_model.windows import WindowPlan

Progress = Callable[[str, int, int], None]
"""Called with a stage, what is done of it, and its whole; it may raise to give up."""
ROOM = 1.5e-4  # -76 dB of full scale, as in the quietest clips of the training


@dataclass(frozen=True)
class Listener:
    """Networks that hear clips of any length, a window at a time."""

    networks: Networks
    device: torch.device
    plan: WindowPlan

    def windows(
        self, waveform: NDArray[np.float32], frames: int, stage: str, progress: Progress | None
    ) -> Iterator[tuple[range, Float[Tensor, "1 samples"], Measured]]:
        """The clip's windows on the device, silence after its end, and what was measured of all of it."""
        whole = torch.from_numpy(np.ascontiguousarray(waveform, np.float32))[None].to(self.device)
        measured = self.networks.measure(whole)
        windows = self.plan.windows(frames)
        room = _room(max(len(window) for window in windows)).to(self.device)
        for window in counted(windows, stage, progress):
            sound = whole[:, window.start * SAMPLES_PER_FRAME : window.stop * SAMPLES_PER_FRAME]
            silence = len(window) * SAMPLES_PER_FRAME - sound.shape[1]
            yield window, pad(sound, (0, silence)) + room[:, : len(window) * SAMPLES_PER_FRAME], measured

    def heard(self, reference: NDArray[np.float32], progress: Progress | None) -> Float[Tensor, "points 15"]:
        """How like each label another clip's speech is, as logits at 10 Hz."""
        windows = self.windows(reference, frames_of(reference), "Listening", progress)
        hearing = self.networks.hearing
        return _track(
            (window, hearing(self.networks.emotion(sound, measured[1]), hearing.measure(sound))[0])
            for window, sound, measured in windows
        )

    def seen(
        self, faces: GreyFaces, motion: Float[Tensor, "frames 53"], progress: Progress | None
    ) -> Float[Tensor, "points feature"]:
        """Emotion features of a performance at 10 Hz, rendered and seen by the visual encoder (Sec. 3.2)."""
        windows = counted(self.plan.windows(len(motion)), "Looking", progress)
        looks = ((window, faces(motion[None, window.start : window.stop])) for window in windows)
        return _track((window, self.networks.visual(pictures)[0]) for window, pictures in looks)


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


def _track(
    windows: Iterable[tuple[range, Float[Tensor, "steps feature"]]],
) -> Float[Tensor, "points feature"]:
    """Features of overlapping windows at 10 Hz; each window gives its middle."""
    track: Tensor | None = None
    covered = 0  # frames
    for window, features in windows:
        middle = (window.start + covered) // STEPS_PER_POINT  # points: of the overlap, in whole ones
        points = to_track(features.float()[STEPS_PER_POINT * middle - FEATURES_PER_FRAME * window.start :])
        track = points if track is None else torch.cat([track[:middle], points])
        covered = window.stop
    assert track is not None, "a plan has windows"
    return track


def _room(n_frames: int) -> Float[Tensor, "1 samples"]:
    """The least noise of a recording, the same in every window: the networks never heard digital silence."""
    noise = torch.randn(1, n_frames * SAMPLES_PER_FRAME, generator=torch.Generator().manual_seed(0))
    return ROOM * noise
