"""VoiceBaseline: how a voice usually sounds, so that its moods are told from its timbre and microphone.

The mean of the frozen front's hidden states over a few lines of one voice. What remains wrong in naming
single clips is mostly the speaker and the recording, and a production knows both. numpy only.
"""

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import BASELINE_KINDS
from ecoface_model.core.errors import RequestError

KINDS = BASELINE_KINDS
NO_BASELINE = 0
"""Index of "no voice baseline" among the kinds that the emotion encoder knows; then KINDS."""
LINES, NEUTRAL = KINDS
DOUBT = {LINES: 2.0, NEUTRAL: 1.0}
"""Lines of each kind that a voice is expected to differ from its baseline by; see `trust`. Ours, measured."""


def trust(kind: str, n_lines: int) -> float:
    """How far a baseline of so many lines stands for the voice, 0 to 1.

    A few lines say what was said in them, too; the rest of the way it is any voice's.
    """
    return n_lines / (n_lines + DOUBT[kind])


@dataclass(frozen=True)
class VoiceBaseline:
    """The mean states of a voice's speech, and of what lines."""

    states: Float32[NDArray[np.float32], "states width"]
    kind: str
    """One of KINDS."""
    n_lines: int

    def as_inputs(self, n_states: int, width: int) -> tuple[NDArray[np.float32], int, float]:
        """As a model with so many states takes it: they flat, the number of its kind, how far it is trusted.

        Raises:
            RequestError: if it was made by a model of another size.
        """
        if self.states.shape != (n_states, width):
            raise RequestError(
                f"expected a voice baseline of {n_states} x {width} numbers, as this model's are, found "
                f"{' x '.join(map(str, self.states.shape))}; make it again with this model"
            )
        return self.states.ravel(), 1 + KINDS.index(self.kind), trust(self.kind, self.n_lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` is the inverse."""
        packed = base64.b64encode(self.states.astype("<f4").tobytes()).decode("ascii")
        shape = list(self.states.shape)
        return {"kind": self.kind, "n_lines": self.n_lines, "shape": shape, "states": packed}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "VoiceBaseline":
        """Raises:
        RequestError: if these are not the values of `as_dict`.
        """
        try:
            shape = tuple(int(n) for n in values["shape"])
            flat = np.frombuffer(base64.b64decode(values["states"], validate=True), "<f4")
            states = flat.reshape(shape).astype(np.float32)
            kind, n_lines = str(values["kind"]), int(values["n_lines"])
            if kind not in KINDS or n_lines < 1 or len(shape) != 2 or not np.isfinite(states).all():
                raise ValueError
        except (KeyError, TypeError, ValueError) as error:
            raise RequestError(
                "expected a voice baseline of EcoFace, found something else;"
                " make it again from lines of the voice"
            ) from error
        return cls(states, kind, n_lines)
