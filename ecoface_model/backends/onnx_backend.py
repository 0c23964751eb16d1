"""The networks run by ONNX Runtime on the CPU, as graphs that the model file carries beside its weights.

The graphs were exported from the torch modules (`training.release_graphs`) and hold no weights: these are
lent to each session by their names in the file. One thread works on a window, and windows side by side.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
import onnxruntime
from jaxtyping import Float32

from ecoface_model import mel
from ecoface_model.arrays import NDArray
from ecoface_model.backends import graph_file
from ecoface_model.backends.protocol import Measured, Sound
from ecoface_model.core.constants import EMOTIONS, FEATURE_RATE, N_LABELS
from ecoface_model.core.errors import ModelFileError
from ecoface_model.core.processors import processors
from ecoface_model.model_file import ModelFile, tensor_in_full
from ecoface_model.positions import LONGEST_WINDOW, sinusoids
from ecoface_model.reference_emotion.calibration import Calibration
from ecoface_model.reference_emotion.voice_baseline import NO_BASELINE, VoiceBaseline

WANTED_SOON = ("front", "generator", "labels")
"""Graphs whose sessions are made at once, beside whatever else is read; who looks at faces waits for that."""
States = Float32[NDArray[np.float32], "states steps width"]


class OnnxBackend:
    """A model's networks as graphs; see `Backend`."""

    device = "cpu"

    def __init__(self, file: ModelFile) -> None:
        """Raises:
        ModelFileError: if the file carries no graphs, or others than this version's.
        """
        self.facts = file.facts
        self.engine = f"ONNX Runtime {onnxruntime.__version__}"
        self.n_parallel = processors()
        config = file.facts.config.content
        self._weights = dict(file.tensors)
        self._weights[graph_file.POSITIONS] = sinusoids(LONGEST_WINDOW * FEATURE_RATE, config.feature_dim)
        for name in graph_file.GRAPHS:
            graph_file.check(name, file, {key: value.shape for key, value in self._weights.items()})
        self._graphs = file.graphs
        self._sessions: dict[str, Future[_Session]] = {}
        self._making = Lock()
        self.calibration = _calibration(file)
        for name in WANTED_SOON:
            self._session(name)

    def measure(self, pieces: Iterable[Sound]) -> Measured:
        """See `Backend`."""
        return np.array([mel.peak_of(pieces)], np.float32)

    def content(self, sound: Sound, measured: Measured) -> Float32[NDArray[np.float32], "steps content"]:
        """See `Backend`."""
        return np.ascontiguousarray(self._states(sound, measured)[-1])

    def hear(
        self, sound: Sound, measured: Measured, baseline: VoiceBaseline | None
    ) -> tuple[Float32[NDArray[np.float32], "steps content"], Float32[NDArray[np.float32], "steps evidence"]]:
        """See `Backend`."""
        states = self._states(sound, measured)
        n_states, width = states.shape[0], states.shape[2]
        usual, kind, trust = np.zeros(n_states * width, np.float32), NO_BASELINE, 1.0
        if baseline is not None:
            usual, kind, trust = baseline.as_inputs(n_states, width)
        evidence = self._run(
            "labels", states[None], usual[None], np.array([kind]), np.array([trust], np.float32)
        )
        return np.ascontiguousarray(states[-1]), evidence

    def listen(
        self, sound: Sound, measured: Measured, baseline: VoiceBaseline | None
    ) -> Float32[NDArray[np.float32], "steps evidence"]:
        """See `Backend`."""
        return self.hear(sound, measured, baseline)[1]

    def sum_of_states(
        self, sound: Sound, measured: Measured, speech: Float32[NDArray[np.float32], " steps"]
    ) -> Float32[NDArray[np.float32], "states width"]:
        """See `Backend`."""
        total: NDArray[np.float32] = (self._states(sound, measured) * speech[:, None]).sum(axis=1)
        return total

    def see(
        self, faces: Float32[NDArray[np.float32], "frames size size"]
    ) -> Float32[NDArray[np.float32], "steps feature"]:
        """See `Backend`."""
        return self._run("visual", faces[None, :, None])

    def animate(
        self,
        content: Float32[NDArray[np.float32], "steps content"],
        emotion: Float32[NDArray[np.float32], "steps feature"],
        style: Float32[NDArray[np.float32], " styles"],
        noise: Float32[NDArray[np.float32], "latent_steps latent"],
    ) -> Float32[NDArray[np.float32], "frames channels"]:
        """See `Backend`."""
        return self._run("generator", *(each[None] for each in (content, emotion, style, noise)))

    def _states(self, sound: Sound, measured: Measured) -> States:
        """What the front's convolutions give, then the states after each of its layers."""
        spectrum = mel.at_usual_level(mel.log_mel(sound), float(measured[0]))
        return self._run("front", spectrum[None])

    def _run(self, name: str, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """The one of a batch that a graph gives."""
        return self._session(name).result().run(inputs)

    def _session(self, name: str) -> "Future[_Session]":
        """A graph's session, which a thread begins to make when it is first asked for."""
        with self._making:
            if name not in self._sessions:
                with _one_thread() as making:
                    self._sessions[name] = making.submit(_Session, name, self._graphs[name], self._weights)
            return self._sessions[name]


def _calibration(file: ModelFile) -> Calibration:
    """The classifier's, which is no part of a graph.

    Raises:
        ModelFileError: if a tensor of it is missing or of another shape than the config says.
    """
    n_hidden = file.facts.config.emotion.hidden_dim
    shapes: dict[str, tuple[int, ...]] = {"offset": (len(EMOTIONS),), "sharpness": ()}
    if n_hidden:
        shapes |= {"hidden_to_labels.weight": (N_LABELS, n_hidden), "hidden_to_labels.bias": (N_LABELS,)}
    tensors = []
    for name, shape in shapes.items():
        tensor = file.tensors.get(f"classifier.{name}")
        if tensor is None or tensor.shape != shape:
            raise ModelFileError(
                f"expected a classifier's {name} of shape {shape} in the model file, found "
                f"{'none' if tensor is None else tensor.shape}; copy or download it again"
            )
        tensors.append(tensor_in_full(tensor))
    offset, sharpness, *hidden = tensors
    return Calibration(offset, sharpness.item(), *hidden)


class _Session:
    """One graph, ready to run, and the weights that it was lent."""

    def __init__(self, name: str, graph: bytes, weights: dict[str, NDArray[Any]]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.enable_cpu_mem_arena = False  # it keeps what the longest window took, and is no faster
        options.log_severity_level = 4  # what fails is raised; nothing is printed
        names = graph_file.weights_of(graph)
        self._lent = [
            onnxruntime.OrtValue.ortvalue_from_numpy(tensor_in_full(weights[each])) for each in names
        ]
        options.add_external_initializers(names, self._lent)
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no common kind
            raise ModelFileError(
                f"expected a graph '{name}' that can be run in the model file, found a damaged one; copy or "
                "download it again"
            ) from error
        self._inputs = [each.name for each in self._session.get_inputs()]

    def run(self, inputs: tuple[NDArray[Any], ...]) -> NDArray[np.float32]:
        feed = {name: np.ascontiguousarray(each) for name, each in zip(self._inputs, inputs, strict=True)}
        output: NDArray[np.float32] = self._session.run(None, feed)[0][0]
        return output


@contextmanager
def _one_thread() -> Iterator[Executor]:
    """A thread for one task, which is not waited for."""
    executor = ThreadPoolExecutor(1)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False)
