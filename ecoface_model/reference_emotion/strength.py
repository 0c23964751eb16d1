"""How much of an emotion is shown: all over, in the upper face, around the mouth."""

from dataclasses import asdict, dataclass, fields

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import EXPRESSION_DIM, MOTION_DIM
from ecoface_model.core.errors import RequestError

MOST = 2.0


@dataclass(frozen=True, kw_only=True)
class EmotionStrength:
    """0 is the neutral face, 1 the emotion as it is, above 1 it is extrapolated from neutral."""

    strength: float = 1.0
    """Of the emotion's features, before the generator: a stronger emotion, as far as it knows one."""
    upper: float = 1.0
    """Of what the emotion adds to the neutral motion above the nose's wings."""
    mouth: float = 1.0
    """Of what it adds to cheeks, lips and jaw."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= MOST:
                raise RequestError(
                    f"expected an amount from 0 to {MOST:g} as {field.name}, found {value:g}; 1 is usual"
                )

    @property
    def apart(self) -> bool:
        """Whether upper face or mouth differ from the whole."""
        return (self.upper, self.mouth) != (1.0, 1.0)

    def as_dict(self) -> dict[str, float]:
        """For the metadata of a motion."""
        return asdict(self)

    def apply(
        self,
        emotional: Float32[NDArray[np.float32], "frames channels"],
        neutral: Float32[NDArray[np.float32], "frames channels"],
        upper: Float32[NDArray[np.float32], "50 50"],
    ) -> Float32[NDArray[np.float32], "frames channels"]:
        """The neutral motion, closure and phones with these amounts of what the emotion adds.

        `upper` is of `face_regions.upper_projection`.
        """
        added = emotional - neutral
        expression = added[:, :EXPRESSION_DIM]
        above = expression @ upper
        shown = self.upper * above + self.mouth * (expression - above)
        jaw = self.mouth * added[:, EXPRESSION_DIM:MOTION_DIM]
        closure = min(self.mouth, 1.0) * added[:, MOTION_DIM:]  # and phones: shares, which do not stretch
        shown_all: NDArray[np.float32] = neutral + np.concatenate([shown, jaw, closure], axis=1)
        return shown_all


AS_IT_IS = EmotionStrength()
