"""What the pipeline asks of an engine: the networks of one model, numpy in and numpy out.

All that is not a network (windows, joins, emotions, what follows the generator) is written once, above this.
"""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.model_file import ModelFacts
from ecoface_model.reference_emotion.calibration import Calibration
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline

Sound = Float32[NDArray[np.float32], " samples"]
"""A window of whole strides, mono 16 kHz: 640 T samples."""
Measured = Float32[NDArray[np.float32], " numbers"]
"""What the encoders measured of a whole clip, so that all its windows agree."""


@runtime_checkable
class Backend(Protocol):
    """The networks of one model at work; several threads may ask at once."""

    @property
    def facts(self) -> ModelFacts:
        """What the model's file says."""

    @property
    def engine(self) -> str:
        """Its name and version, as a person reads it."""

    @property
    def device(self) -> str:
        """What it computes on."""

    @property
    def n_parallel(self) -> int:
        """Windows that are best computed side by side."""

    @property
    def calibration(self) -> Calibration:
        """Of the classifier of emotions."""

    def measure(self, pieces: Iterable[Sound]) -> Measured:
        """What the windows of a clip must know of all of it, which comes in pieces."""

    def content(self, sound: Sound, measured: Measured) -> Float32[NDArray[np.float32], "steps content"]:
        """What is said, at 50 Hz."""

    def hear(
        self, sound: Sound, measured: Measured, baseline: VoiceBaseline | None
    ) -> tuple[Float32[NDArray[np.float32], "steps content"], Float32[NDArray[np.float32], "steps evidence"]]:
        """What is said, and the classifier's evidence of how.

        Raises:
            RequestError: if a voice baseline is not one of this model's.
        """

    def listen(
        self, sound: Sound, measured: Measured, baseline: VoiceBaseline | None
    ) -> Float32[NDArray[np.float32], "steps evidence"]:
        """The evidence alone.

        Raises:
            RequestError: as `hear`.
        """

    def sum_of_states(
        self, sound: Sound, measured: Measured, speech: Float32[NDArray[np.float32], " steps"]
    ) -> Float32[NDArray[np.float32], "states width"]:
        """Sum over a window's speech of the front's states, of which a voice baseline is made.

        Raises:
            RequestError: if the model knows no voice baseline.
        """

    def see(
        self, faces: Float32[NDArray[np.float32], "frames size size"]
    ) -> Float32[NDArray[np.float32], "steps feature"]:
        """How grey faces 0..1 look: features at 50 Hz."""

    def animate(
        self,
        content: Float32[NDArray[np.float32], "steps content"],
        emotion: Float32[NDArray[np.float32], "steps feature"],
        style: Float32[NDArray[np.float32], " styles"],
        noise: Float32[NDArray[np.float32], "latent_steps latent"],
    ) -> Float32[NDArray[np.float32], "frames channels"]:
        """A prior sample: motion, closure, phones (`GeneratorSample.channels`)."""
