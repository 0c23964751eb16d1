"""The place that reads our model file: weights, graphs, config, names and licences in one .safetensors.

numpy only: `checkpoint.py` makes networks of it for PyTorch, `backends.onnx_backend` sessions of its graphs.
"""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from safetensors import SafetensorError, safe_open

from ecoface_model.arrays import NDArray
from ecoface_model.config import EcoFaceConfig
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.errors import ModelFileError
from ecoface_model.core.npz import json_object
from ecoface_model.model_header import read_header

DEFAULT_MODEL = Path(__file__).parent / "assets" / "ecoface-default.safetensors"
FORMAT = "ecoface 2"
PROTOTYPES, VISUAL_PROTOTYPES = "prototypes", "visual_prototypes"
LEVELS = (0, 1, 2)  # intensities of prototypes
PICKLE_STARTS = (b"PK\x03\x04", b"\x80")  # torch.save, new and old
GRAPHS = "graphs"
"""Of the metadata: the graphs by their names, deflated and as base64; earlier versions pass them over."""
LARGEST_GRAPH = 4 << 20  # bytes that one unpacks to

Prototypes = Float32[NDArray[np.float32], "emotions 3 feature"]


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What a model file says, whichever engine runs it."""

    config: EcoFaceConfig
    styles: tuple[str, ...]
    """Names of the speaker styles, in the generator's order."""
    prototypes: Prototypes
    """Mean features of speech in each of EMOTIONS at intensity 0, 1 and 2."""
    visual_prototypes: Prototypes
    """The same of faces, as the visual encoder sees them."""
    info: dict[str, Any]
    """name, head, licences (list of sentences), training (how it was made); default_style if there is one."""
    hash: str
    """sha256 of the file."""


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """All that is in a model file."""

    facts: ModelFacts
    tensors: dict[str, NDArray[Any]]
    """By their names in the file, as they are there: matrices in half precision."""
    graphs: dict[str, bytes]
    """ONNX graphs without weights, by their names; none in files of earlier versions or of other kinds."""


def read_model_file(path: Path | str | None = None) -> ModelFile:
    """Read a model file, the default model's if none is named.

    A tensor takes no more memory than it has bytes in the file, whatever the config says of it.

    Raises:
        ModelFileError: if it is missing, damaged, or no model of this version.
    """
    path = Path(path or DEFAULT_MODEL)
    _expect_a_file(path)
    with damage_in_a_sentence(path):
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise ModelFileError(
                    f"expected a model of format {FORMAT!r} in {path.name}, found {metadata.get('format')!r};"
                    " choose a model file made by this version's `training.release`"
                )
            header = read_header(metadata)
            shapes = {name: list(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            _expect_prototypes(header.config, shapes)
            tensors = {name: file.get_tensor(name) for name in shapes}  # copies, not views of the file
        means = [tensor_in_full(tensors.pop(name)) for name in (PROTOTYPES, VISUAL_PROTOTYPES)]
        graphs = _graphs(metadata)
        with path.open("rb") as raw:
            digest = hashlib.file_digest(raw, "sha256").hexdigest()
    facts = ModelFacts(
        config=header.config,
        styles=header.styles,
        prototypes=means[0],
        visual_prototypes=means[1],
        info=header.info,
        hash=digest,
    )
    return ModelFile(facts=facts, tensors=tensors, graphs=graphs)


def packed_graphs(graphs: Mapping[str, bytes]) -> str:
    """Graphs as the metadata hold them."""
    return json.dumps({name: base64.b64encode(zlib.compress(g, 9)).decode() for name, g in graphs.items()})


def tensor_in_full(tensor: NDArray[Any]) -> NDArray[np.float32]:
    """A tensor of a file in float32.

    Raises:
        ValueError: if it holds no numbers.
    """
    return np.asarray(tensor, np.float32, order="C")


@contextmanager
def damage_in_a_sentence(path: Path) -> Iterator[None]:
    """Whatever fails inside is said as damage of this file.

    Raises:
        ModelFileError: instead of what was raised.
    """
    try:
        yield
    except ModelFileError:
        raise
    except (SafetensorError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"expected a whole EcoFace model in {path.name}, found a file that is damaged or of another kind"
            f" ({first_line(error)}); copy or download it again"
        ) from error


def first_line(error: Exception) -> str:
    """What an exception says, as a part of a sentence."""
    return str(error).strip().splitlines()[0].rstrip(".:") if str(error).strip() else type(error).__name__


def _graphs(metadata: Mapping[str, str]) -> dict[str, bytes]:
    """The graphs of a file's metadata.

    Raises:
        ValueError: if they are damaged, or unpack to more than they may.
    """
    graphs = {}
    for name, packed in json_object(metadata.get(GRAPHS, "{}")).items():
        unpacking = zlib.decompressobj()
        try:
            graphs[name] = unpacking.decompress(base64.b64decode(packed, validate=True), LARGEST_GRAPH)
        except (binascii.Error, TypeError, zlib.error) as error:
            raise ValueError(f"a graph that cannot be read, {first_line(error)}") from error
        if not unpacking.eof:
            raise ValueError("a graph beyond any size of ours, or cut off")
    return graphs


def _expect_prototypes(config: EcoFaceConfig, shapes: dict[str, list[int]]) -> None:
    wanted = [len(EMOTIONS), len(LEVELS), config.emotion.feature_dim]
    for name in (PROTOTYPES, VISUAL_PROTOTYPES):
        if name not in shapes:
            raise ValueError(f"no {name}")
        if shapes[name] != wanted:
            raise ValueError(f"{name} of {shapes[name]} where its config says {wanted}")


def _expect_a_file(path: Path) -> None:
    """Refuse what cannot be a model file at once, pickles by their name."""
    if not path.is_file():
        hint = "train it with `make train-default`" if path == DEFAULT_MODEL else "check the path"
        raise ModelFileError(f"expected a model file at {path}, found none; {hint}")
    with path.open("rb") as file:
        start = file.read(9)
        # a safetensors file begins with its header's length, whose first byte may be any, and then a brace
        if start.startswith(PICKLE_STARTS) and not start.endswith(b"{"):
            raise ModelFileError(
                f"expected a .safetensors model in {path.name}, found a pickle, which can run foreign code"
                " and is never opened; convert it with `training.release`"
            )
