"""Graphs in a model file from a stranger: what is changed of ours, and what is said of it."""

import base64
import json
import zlib
from pathlib import Path

from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def with_graph(model: Path, out: Path, name: str, change) -> Path:
    """The model with one graph changed by a function of onnx's ModelProto, or put in its place as bytes."""
    import onnx

    with safe_open(model, framework="np") as file:
        metadata = file.metadata()
    graphs = json.loads(metadata["graphs"])
    proto = onnx.load_from_string(zlib.decompress(base64.b64decode(graphs[name])))
    changed = change(proto)
    data = changed if isinstance(changed, bytes) else proto.SerializeToString()
    metadata["graphs"] = json.dumps(graphs | {name: base64.b64encode(zlib.compress(data)).decode()})
    save_file(load_file(model), out, metadata)
    return out


def foreign_operator(proto):
    proto.graph.node[0].domain = "com.evil"


def foreign_opset(proto):
    proto.opset_import.add(domain="com.evil", version=1)


def function(proto):
    proto.functions.add(name="f", domain="here")


def loop(proto):
    attribute = proto.graph.node[0].attribute.add(name="body", type=5)
    attribute.g.name = "body"


def other_file(proto):
    external = next(each for each in proto.graph.initializer if each.external_data)
    external.name = "passwords"
    external.external_data[0].value = "/etc/passwd"


def other_shape(proto):
    external = next(each for each in proto.graph.initializer if each.external_data)
    external.dims[0] += 1


def constant_in_a_file(proto):
    attribute = proto.graph.node[0].attribute.add(name="value", type=4)
    attribute.t.data_location = 1
    attribute.t.data_type = 1


def other_input(proto):
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 81


def one_input_less(proto):
    del proto.graph.input[-1]


CHANGES = [
    (foreign_operator, "operators of 'com.evil'"), (foreign_opset, "operators of 'com.evil'"),
    (function, "functions of its own"), (loop, "graphs within a graph"),
    (other_file, "no weight 'passwords'"), (other_shape, "no weight .* of its shape"),
    (constant_in_a_file, "a constant from another file"), (other_input, "other inputs or outputs"),
    (one_input_less, "other inputs or outputs"), (lambda proto: b"\xff" * 30, "expected a graph 'front'"),
    (lambda proto: proto.SerializeToString()[:-40], "expected a graph 'front'"),
    (lambda proto: b"", "no graph"), (lambda proto: bytes(5 << 20), "beyond any size of ours"),
]  # fmt: skip
