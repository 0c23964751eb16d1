"""A window's features as motion: in one style, with as much of the emotion as is asked for (Sec. 3.3)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.backends.protocol import Backend
from ecoface_model.core.errors import ModelFileError
from ecoface_model.reference_emotion.strength import EmotionStrength


@dataclass(frozen=True)
class WindowAnimator:
    """What all windows of one clip share."""

    backend: Backend
    style: Float32[NDArray[np.float32], " styles"]
    """One style, or none."""
    neutral: Float32[NDArray[np.float32], " feature"]
    """Features of the neutral label, from which an emotion's strength counts."""
    amounts: EmotionStrength
    upper: Float32[NDArray[np.float32], "50 50"] | None
    """Which part of an expression is the upper face's; None where it is not shown apart."""

    def animate(
        self,
        content: Float32[NDArray[np.float32], "steps content"],
        emotion: Float32[NDArray[np.float32], "steps feature"],
        noise: Float32[NDArray[np.float32], "latent_steps latent"],
    ) -> Float32[NDArray[np.float32], "frames channels"]:
        """Motion, closure and phones of a window (`GeneratorSample.channels`).

        Raises:
            ModelFileError: if they are no numbers, since weights of the model are none.
        """
        if self.amounts.strength != 1:
            emotion = self.neutral + np.float32(self.amounts.strength) * (emotion - self.neutral)
        part = self.backend.animate(content, emotion, self.style, noise)
        if self.upper is not None:
            plain = np.broadcast_to(self.neutral, emotion.shape)
            part = self.amounts.apply(
                part, self.backend.animate(content, plain, self.style, noise), self.upper
            )
        if not np.isfinite(part).all():
            raise ModelFileError(
                "expected numbers of the model, found NaN or infinity: its file is damaged; copy or download "
                "it again"
            )
        return part
