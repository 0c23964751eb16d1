"""Put graphs beside a model file's weights, so that it runs without PyTorch.

python -m training.release_graphs FILE

The networks are exported as they are by torch.onnx, without their weights; the file's tensors stay as they
are, bit for bit. `training.release` does the same for a model that it writes.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ecoface_model import tensor_names
from ecoface_model.backends import graph_file
from ecoface_model.backends.onnx_backend import OnnxBackend
from ecoface_model.checkpoint import read_model
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.errors import ModelFileError
from ecoface_model.emotion import WhisperEmotion, rows_of_states
from ecoface_model.mel import N_MELS
from ecoface_model.model_file import DEFAULT_MODEL, GRAPHS, packed_graphs, read_model_file
from ecoface_model.networks import Networks
from training.runs.script import run_script

OPSET = 20  # of ONNX's operators: ONNX Runtime 1.20 and later know it
SMALL = 8192  # elements of constants that are computed once and for all
EXAMPLE = 6  # of them in the tensors that the networks are traced with


@dataclass(frozen=True, kw_only=True)
class GraphsConfig:
    """Which model file gets graphs."""

    model: tyro.conf.Positional[Path] = DEFAULT_MODEL
    """A model file of the default model's kinds; it is written anew with the same weights."""


def main(config: GraphsConfig) -> None:
    """Write a model file again with the graphs of its networks in it, in place of any that it has.

    Raises:
        ModelFileError: if it is no model file, or one on HuBERT, which PyTorch alone runs.
    """
    networks = read_model(config.model).networks
    if not isinstance(networks.emotion, WhisperEmotion):
        raise ModelFileError(
            "expected a model of the default model's kinds, found one on HuBERT, which PyTorch alone runs"
        )
    graphs = graphs_of(networks)
    with safe_open(config.model, framework="pt") as file:
        metadata = file.metadata() | {GRAPHS: packed_graphs(graphs)}
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    with atomic_write(config.model) as temporary:
        save_file(tensors, temporary, metadata)
    OnnxBackend(read_model_file(config.model))  # what is written is held to what may be read
    print(f"{config.model}: graphs of {len(metadata[GRAPHS]) / 1e3:.0f} kB added")


def graphs_of(networks: Networks) -> dict[str, bytes]:
    """The graphs of a model's networks, by their names in `graph_file.GRAPHS`; none of one on HuBERT."""
    if not isinstance(networks.emotion, WhisperEmotion):
        return {}
    from torch.export import Dim  # takes seconds

    config, n = networks.config, EXAMPLE
    q = config.generator.stride  # frames per latent step
    states = torch.randn(1, config.content.n_layers + 1, 2 * q * n, config.content.feature_dim)
    generator, size = config.generator, config.visual.image_size
    speech = (torch.randn(1, 2 * q * n, width) for width in (generator.content_dim, generator.emotion_dim))
    style, noise = torch.zeros(1, generator.n_styles), torch.randn(1, n, generator.latent_dim)
    steps = Dim("latent_steps", min=1, max=1 << 12)  # all lengths but the next follow from it
    frames = Dim("frames", min=1, max=1 << 14)
    known = (torch.zeros(1, networks.emotion.row_dim), torch.zeros(1, dtype=torch.long), torch.ones(1))
    given: dict[str, tuple[nn.Module, tuple[Tensor, ...], list[dict[int, Any] | None]]] = {
        "front": (_Front(networks), (torch.randn(1, N_MELS, 4 * q * n),), [{2: 4 * q * steps}]),
        "labels": (_Labels(networks), (states, *known), [{2: 2 * q * steps}, None, None, None]),
        "generator": (
            _Generator(networks),
            (*speech, style, noise),
            [{1: 2 * q * steps}, {1: 2 * q * steps}, None, {1: steps}],
        ),
        "visual": (_Visual(networks), (torch.rand(1, q * n, 1, size, size),), [{1: frames}]),
    }
    return {
        name: _exported(module.eval(), example, lengths, list(graph_file.signature(name, config)))
        for name, (module, example, lengths) in given.items()
    }


class _Front(nn.Module):
    """Log-mel at the usual level -> the states of the content encoder."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.content = networks.content

    def forward(self, log_mel: Tensor) -> Tensor:
        states: Tensor = self.content.states_of_mel(log_mel)  # type: ignore[operator]
        return states


class _Labels(nn.Module):
    """Those states and a voice baseline -> evidence for the labels."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.emotion, self.classifier = networks.emotion, networks.classifier
        self._labels: Callable[..., Tensor] = Networks.labels.__get__(self)

    def forward(self, states: Tensor, usual: Tensor, kind: Tensor, trust: Tensor) -> Tensor:
        return self._labels(rows_of_states(states), usual, kind, trust)


class _Generator(nn.Module):
    """Content, emotion, style and noise -> motion, closure and phones."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.generator = networks.generator

    def forward(self, content: Tensor, emotion: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        return self.generator.sample(content, emotion, style, noise).channels()


class _Visual(nn.Module):
    """Grey faces -> features."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.visual = networks.visual

    def forward(self, faces: Tensor) -> Tensor:
        features: Tensor = self.visual(faces)
        return features


def _exported(
    module: nn.Module, example: tuple[Tensor, ...], lengths: list[dict[int, Any] | None], inputs: list[str]
) -> bytes:
    """A module as a graph without weights: what the exporter traced, tidied, its weights by their names."""
    import onnx
    import onnx_ir as ir
    from onnxscript import optimizer

    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            module,
            example,
            dynamo=True,
            dynamic_shapes=tuple(lengths),
            input_names=inputs,
            output_names=["output"],
            opset_version=OPSET,
            optimize=False,  # which would fold weights into new ones
        )
    assert program is not None
    model = program.model
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    own = {name: tensor.detach().cpu().numpy() for name, tensor in named.items()}
    weights = own.keys()
    for _ in range(2):
        optimizer.fold_constants(
            model,
            input_size_limit=SMALL,
            output_size_limit=SMALL,
            should_fold=lambda node: False if any(v and v.name in weights for v in node.inputs) else None,
        )
        optimizer.remove_unused_nodes(model)
    proto = ir.to_proto(model)
    in_file = {name: tensor_names.in_file(name) for name in weights}
    for tensor in proto.graph.initializer:
        if tensor.name in weights:
            assert np.array_equal(onnx.numpy_helper.to_array(tensor), own[tensor.name]), "as it was"
            _lend(tensor, in_file[tensor.name])
    for node in proto.graph.node:
        if node.op_type == "Conv" and len(node.input) == 3 and node.input[2] not in weights:
            del node.input[2]  # the exporter's zeros for a convolution without bias, of a wrong shape
        node.input[:] = [in_file.get(name, name) for name in node.input]
        node.doc_string = ""
        del node.metadata_props[:]
    del proto.graph.value_info[:], proto.graph.metadata_props[:], proto.metadata_props[:]
    used = {name for node in proto.graph.node for name in node.input}
    kept = [each for each in proto.graph.initializer if each.name in used]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)
    data: bytes = proto.SerializeToString()
    return data


def _lend(tensor: Any, name: str) -> None:
    """Leave of a weight (onnx.TensorProto) its shape, its type and its name in the file."""
    tensor.ClearField("raw_data")
    tensor.name = name
    tensor.data_location = graph_file.EXTERNAL
    for key, value in (("location", "the model file"), ("offset", "0"), ("length", "0")):
        tensor.external_data.add(key=key, value=value)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's talk left out."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(GraphsConfig)))
