"""What the pipeline and training ask of encoders of speech (Secs. 3.1, 3.2), whatever they are made of.

An encoder looks at a clip through windows of up to 30 s. What must be known of the whole clip, so that all
its windows agree, is measured once: `measure(waveform)` gives a few numbers, and `forward(window, measured)`
takes them.
"""

from abc import ABC, abstractmethod

from jaxtyping import Float, Int
from torch import Tensor, nn

FRONT = "front"
"""How the names of the frozen front's tensors begin."""


class SpeechEncoder(nn.Module, ABC):
    """What the pipeline asks of an encoder of speech, be it of content or of emotion."""

    @abstractmethod
    def measure(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch numbers"]:
        """What all windows of a clip must know of it."""

    @abstractmethod
    def forward(
        self, waveform: Float[Tensor, "batch samples"], measured: Float[Tensor, "batch numbers"] | None = None
    ) -> Float[Tensor, "batch steps feature"]:
        """Features at 50 Hz, (B, 2T, F) of 640 T samples; `measured` defaults to this waveform's own."""


class EmotionEncoder(SpeechEncoder):
    """What training asks of an encoder of emotion: a frozen front, and what is trained on it."""

    row_dim: int
    """R, the width of a row."""

    @abstractmethod
    def front_rows(
        self, waveform: Float[Tensor, "batch samples"], measured: Float[Tensor, "batch numbers"] | None = None
    ) -> Float[Tensor, "batch frames row"]:
        """What the frozen front gives, one row a frame: (B, T, R) of 640 T samples."""

    @abstractmethod
    def of_front(
        self,
        rows: Float[Tensor, "batch frames row"],
        baseline: Float[Tensor, "batch row"] | None = None,
        kind: Int[Tensor, " batch"] | None = None,
        trust: Float[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch steps feature"]:
        """Features at 50 Hz, (B, 2T, F).

        Args:
            baseline: the usual row of each voice, where its `kind` says that it is known.
            kind: NO_BASELINE, or 1 + a place in `voice_baseline.KINDS`.
            trust: how far each baseline is trusted, 0 to 1 (`voice_baseline.trust`); 1 if not given.
        """

    def relative(
        self,
        rows: Float[Tensor, "batch frames row"],
        baseline: Float[Tensor, "batch row"] | None = None,
        kind: Int[Tensor, " batch"] | None = None,
        trust: Float[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch frames row"]:
        """Rows as a linear layer can take them, relative to the voice baseline: here as they are."""
        return rows

    def forward(
        self, waveform: Float[Tensor, "batch samples"], measured: Float[Tensor, "batch numbers"] | None = None
    ) -> Float[Tensor, "batch steps feature"]:
        """Features without a voice baseline: (B, 2T, F) of 640 T samples."""
        return self.of_front(self.front_rows(waveform, measured))

    def own_state(self) -> dict[str, Tensor]:
        """The state dict of what is trained, without the front."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith(FRONT)}

    def load_own_state(self, state: dict[str, Tensor]) -> None:
        """Raises:
        RuntimeError: if these are not the tensors of `own_state`.
        """
        front = {name: value for name, value in self.state_dict().items() if name.startswith(FRONT)}
        self.load_state_dict(front | state)
