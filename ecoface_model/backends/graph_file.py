"""The graphs that a model file carries: which there are, and what is refused of a stranger's.

A graph is an ONNX ModelProto (onnx.proto3). It is read here by hand, as far as it must be known before ONNX
Runtime sees it: operators of the standard domain alone, none that holds graphs of its own, and no weights but
those of the model file by their names, so that no path in it is ever opened.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ecoface_model.config import EcoFaceConfig
from ecoface_model.core.constants import N_LABELS
from ecoface_model.core.errors import ModelFileError
from ecoface_model.mel import N_MELS
from ecoface_model.model_file import ModelFile

GRAPHS = ("front", "labels", "generator", "visual")
POSITIONS = "content.positions"
"""Whisper's fixed positions: lent to the graphs as weights are, though no file holds them."""
LARGEST = 4 << 20  # bytes of one graph; ours have less than a tenth
MOST_NODES = 5000
FLOAT, INT64 = 1, 7  # TensorProto.DataType
EXTERNAL = 1  # TensorProto.DataLocation

# Numbers of the fields that are looked at, of messages of onnx.proto3
MODEL_GRAPH, MODEL_OPSET, MODEL_TRAINING, MODEL_FUNCTIONS = 7, 8, 20, 25
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_SPARSE = 1, 5, 11, 12, 15
NODE_ATTRIBUTE, NODE_DOMAIN = 5, 7
ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH, ATTRIBUTE_TENSORS, ATTRIBUTE_GRAPHS, ATTRIBUTE_SPARSE = 5, 6, 10, 11, 22
TENSOR_DIMS, TENSOR_TYPE, TENSOR_NAME, TENSOR_EXTERNAL, TENSOR_LOCATION = 1, 2, 8, 13, 14
OPSET_DOMAIN = 1
VALUE_NAME, VALUE_TYPE, TYPE_TENSOR, TENSOR_ELEMENT, TENSOR_SHAPE, SHAPE_DIM, DIM_VALUE = 1, 2, 1, 1, 2, 1, 1

Shape = tuple[int | None, ...]
"""None is any length."""


@dataclass
class _Graph:
    """What is known of a graph."""

    weights: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes of those that are lent to it."""
    inputs: list[tuple[str, int, Shape]] = field(default_factory=list)
    """Name, type and shape."""
    n_outputs: int = 0


def signature(name: str, config: EcoFaceConfig) -> dict[str, tuple[int, Shape]]:
    """Names of a graph's inputs in order, with their types and shapes."""
    n_states, width = config.content.n_layers + 1, config.content.feature_dim
    size, generator = config.visual.image_size, config.generator
    inputs: dict[str, dict[str, tuple[int, Shape]]] = {
        "front": {"log_mel": (FLOAT, (1, N_MELS, None))},
        "labels": {
            "states": (FLOAT, (1, n_states, None, width)),
            "usual": (FLOAT, (1, n_states * width)),
            "kind": (INT64, (1,)),
            "trust": (FLOAT, (1,)),
        },
        "generator": {
            "content": (FLOAT, (1, None, generator.content_dim)),
            "emotion": (FLOAT, (1, None, generator.emotion_dim)),
            "style": (FLOAT, (1, generator.n_styles)),
            "noise": (FLOAT, (1, None, generator.latent_dim)),
        },
        "visual": {"faces": (FLOAT, (1, None, 1, size, size))},
    }
    assert N_LABELS == 15, "as the labels' logits are annotated"
    return inputs[name]


def check(name: str, file: ModelFile, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """See that a file's graph is one that may be run, on weights of these shapes.

    Raises:
        ModelFileError: if it is missing, or another.
    """
    if name not in file.graphs:
        raise ModelFileError(
            f"expected the model {file.facts.info['name']} with its graphs, which this version runs without "
            'PyTorch, found it without; pip install "ecoface[torch]", or add them where PyTorch is: '
            "python -m training.release_graphs FILE"
        )
    try:
        graph = _read(file.graphs[name])
        wanted = signature(name, file.facts.config)
        if graph.inputs != [(key, *value) for key, value in wanted.items()] or graph.n_outputs != 1:
            raise ValueError("other inputs or outputs")
        for weight, shape in graph.weights.items():
            if shapes.get(weight) != shape:
                raise ValueError(f"no weight {weight[:60]!r} of its shape")
    except (ValueError, IndexError) as error:
        raise ModelFileError(
            f"expected a graph '{name}' of this version in the model file, found another ({error}); copy or "
            "download it again"
        ) from error


def weights_of(graph: bytes) -> list[str]:
    """Names of the weights that a graph is lent."""
    return list(_read(graph).weights)


def _read(model: bytes) -> _Graph:
    """What is known of a graph.

    Raises:
        ValueError, IndexError: if it is damaged, too large, or holds what is not run.
    """
    if len(model) > LARGEST:
        raise ValueError("a graph beyond any size of ours")
    found, graphs = _Graph(), 0
    for number, value in _fields(model):
        if number in (MODEL_TRAINING, MODEL_FUNCTIONS):
            raise ValueError("functions of its own")
        if number == MODEL_OPSET:
            _expect_standard(_texts(value, OPSET_DOMAIN))
        elif number == MODEL_GRAPH:
            graphs += 1
            _read_graph(_message(value), found)
    if graphs != 1:
        raise ValueError("no graph")
    return found


def _read_graph(graph: bytes, found: _Graph) -> None:
    n_nodes = 0
    for number, value in _fields(graph):
        if number == GRAPH_NODE:
            n_nodes += 1
            _expect_plain(_message(value))
        elif number == GRAPH_INITIALIZER:
            external, name, shape = _tensor(_message(value))
            if external:
                found.weights[name] = shape
        elif number == GRAPH_INPUT:
            found.inputs.append(_input(_message(value)))
        elif number == GRAPH_OUTPUT:
            found.n_outputs += 1
        elif number == GRAPH_SPARSE:
            raise ValueError("sparse weights")
    if n_nodes > MOST_NODES:
        raise ValueError("more nodes than any of ours")


def _expect_plain(node: bytes) -> None:
    """See that a node is of the standard domain, and holds neither graphs nor files."""
    for number, part in _fields(node):
        if number == NODE_DOMAIN:
            _expect_standard([_message(part).decode("utf-8")])
        if number != NODE_ATTRIBUTE:
            continue
        for kind, value in _fields(_message(part)):
            if kind in (ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS, ATTRIBUTE_SPARSE):
                raise ValueError("graphs within a graph")
            if kind in (ATTRIBUTE_TENSOR, ATTRIBUTE_TENSORS) and _tensor(_message(value))[0]:
                raise ValueError("a constant from another file")


def _expect_standard(domains: list[str]) -> None:
    if set(domains) - {"", "ai.onnx"}:
        raise ValueError(f"operators of {domains[0][:40]!r}")


def _tensor(tensor: bytes) -> tuple[bool, str, tuple[int, ...]]:
    """Whether its numbers lie elsewhere, its name and its shape; such a tensor is of floats."""
    shape: list[int] = []
    external, name, kind = False, "", 0
    for number, value in _fields(tensor):
        if number == TENSOR_DIMS:
            shape += [value] if isinstance(value, int) else _packed(value)
        elif number == TENSOR_TYPE:
            kind = _number(value)
        elif number == TENSOR_NAME:
            name = _message(value).decode("utf-8")
        elif number == TENSOR_EXTERNAL:
            external = True
        elif number == TENSOR_LOCATION:
            external = external or _number(value) == EXTERNAL
    if external and kind != FLOAT:
        raise ValueError("weights that are no floats")
    return external, name, tuple(shape)


def _input(value: bytes) -> tuple[str, int, Shape]:
    """Name, type and shape of a graph's input."""
    name = _texts(value, VALUE_NAME)
    kind, shape = 0, []
    for type_of in _messages(value, VALUE_TYPE):
        for tensor in _messages(type_of, TYPE_TENSOR):
            kind = next((_number(v) for number, v in _fields(tensor) if number == TENSOR_ELEMENT), 0)
            for dims in _messages(tensor, TENSOR_SHAPE):
                for dim in _messages(dims, SHAPE_DIM):
                    known = [_number(v) for number, v in _fields(dim) if number == DIM_VALUE]
                    shape.append(known[0] if known else None)
    return (name[0] if name else ""), kind, tuple(shape)


def _texts(message: int | bytes, number: int) -> list[str]:
    return [each.decode("utf-8") for each in _messages(_message(message), number)]


def _messages(message: bytes, number: int) -> list[bytes]:
    return [_message(value) for found, value in _fields(message) if found == number]


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _number(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("a message where a number should be")
    return value


def _packed(values: bytes) -> list[int]:
    numbers, place = [], 0
    while place < len(values):
        value, place = _varint(values, place)
        numbers.append(value)
    return numbers


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a protobuf message; values are integers or bytes.

    Most numbers are of one byte, and read here: a model has a hundred thousand of them.
    """
    place = 0
    while place < len(message):
        key, place = message[place], place + 1
        if key >= 0x80:
            key, place = _varint(message, place - 1)
        kind = key & 7
        if kind in (0, 2):
            value, place = message[place], place + 1
            if value >= 0x80:
                value, place = _varint(message, place - 1)
            if kind == 0:
                yield key >> 3, value
                continue
            length = value
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError("no protobuf")
        if place + length > len(message):
            raise ValueError("cut off")
        yield key >> 3, message[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        if shift > 63:
            raise ValueError("no protobuf")
