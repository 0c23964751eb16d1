"""The networks run by PyTorch: on CUDA, MPS or the CPU."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from ecoface_model.arrays import NDArray
from ecoface_model.backends.protocol import Measured, Sound
from ecoface_model.checkpoint import Model
from ecoface_model.device import inference_on
from ecoface_model.reference_emotion.calibration import Calibration
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline


class TorchBackend:
    """A model's networks on one device; see `Backend`."""

    n_parallel = 1  # PyTorch shares out one window's work itself

    def __init__(self, model: Model, device: torch.device) -> None:
        self.facts = model
        self.networks = model.networks.to(device)
        self.engine = f"PyTorch {torch.__version__}"
        self.device = str(device)
        self._device = device

    @property
    def calibration(self) -> Calibration:
        """The classifier's."""
        return self.networks.classifier.calibration()

    def measure(self, pieces: Iterable[Sound]) -> Measured:
        """See `Backend`."""
        with self._running():
            return self._array(self.networks.measure(self._tensor(np.concatenate(list(pieces)))))

    def content(self, sound: Sound, measured: Measured) -> Float32[NDArray[np.float32], "steps content"]:
        """See `Backend`."""
        with self._running():
            return self._array(self.networks.content(self._tensor(sound), self._tensor(measured)))

    def hear(
        self, sound: Sound, measured: Measured, baseline: VoiceBaseline | None
    ) -> tuple[Float32[NDArray[np.float32], "steps content"], Float32[NDArray[np.float32], "steps evidence"]]:
        """See `Backend`."""
        with self._running():
            content, evidence = self.networks.hear(self._tensor(sound), self._tensor(measured), baseline)
            return self._array(content), self._array(evidence)

    def listen(
        self, sound: Sound, measured: Measured, baseline: VoiceBaseline | None
    ) -> Float32[NDArray[np.float32], "steps evidence"]:
        """See `Backend`."""
        with self._running():
            return self._array(self.networks.listen(self._tensor(sound), self._tensor(measured), baseline))

    def sum_of_states(
        self, sound: Sound, measured: Measured, speech: Float32[NDArray[np.float32], " steps"]
    ) -> Float32[NDArray[np.float32], "states width"]:
        """See `Backend`."""
        with self._running():
            spoken = self._tensor(speech)[0]
            total = self.networks.sum_of_states(self._tensor(sound), self._tensor(measured), spoken)
            return self._array(total[None])

    def see(
        self, faces: Float32[NDArray[np.float32], "frames size size"]
    ) -> Float32[NDArray[np.float32], "steps feature"]:
        """See `Backend`."""
        with self._running():
            return self._array(self.networks.visual(self._tensor(faces)[:, :, None]))

    def animate(
        self,
        content: Float32[NDArray[np.float32], "steps content"],
        emotion: Float32[NDArray[np.float32], "steps feature"],
        style: Float32[NDArray[np.float32], " styles"],
        noise: Float32[NDArray[np.float32], "latent_steps latent"],
    ) -> Float32[NDArray[np.float32], "frames channels"]:
        """See `Backend`."""
        with self._running():
            inputs = (self._tensor(each) for each in (content, emotion, style, noise))
            return self._array(self.networks.generator.sample(*inputs).channels())

    @contextmanager
    def _running(self) -> Iterator[None]:
        with torch.inference_mode(), inference_on(self._device):
            yield

    def _tensor(self, array: NDArray[np.float32]) -> Tensor:
        """A batch of one on the device."""
        return torch.from_numpy(np.array(array, order="C"))[None].to(self._device)

    def _array(self, batch: Tensor) -> NDArray[np.float32]:
        """The one of a batch."""
        array: NDArray[np.float32] = batch[0].float().cpu().numpy()
        return array
