"""Model files for PyTorch: networks with their weights, read from a file and written into one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor

from ecoface_model import tensor_names
from ecoface_model.config import EcoFaceConfig
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.model_file import (
    DEFAULT_MODEL,
    FORMAT,
    GRAPHS,
    LEVELS,
    PROTOTYPES,
    VISUAL_PROTOTYPES,
    ModelFacts,
    ModelFile,
    damage_in_a_sentence,
    first_line,
    packed_graphs,
    read_model_file,
    tensor_in_full,
)
from ecoface_model.networks import Networks


@dataclass(frozen=True, kw_only=True)
class Model(ModelFacts):
    """What a model file holds, ready for PyTorch."""

    networks: Networks


def write_model(
    path: Path | str,
    networks: Networks,
    *,
    styles: Sequence[str],
    prototypes: Float[Tensor, "emotions 3 feature"],
    visual_prototypes: Float[Tensor, "emotions 3 feature"],
    info: dict[str, Any],
    graphs: Mapping[str, bytes] | None = None,
) -> None:
    """Write a model file: matrices in half precision, everything small in full.

    Args:
        graphs: of these networks, as `training.release_graphs` exports them.

    Raises:
        RequestError: if it cannot be written there.
    """
    assert len(styles) == networks.config.generator.n_styles, "every style has a name"
    for means in (prototypes, visual_prototypes):
        assert means.shape == (len(EMOTIONS), len(LEVELS), networks.config.emotion.feature_dim), means.shape
    assert info.get("name") and info.get("head") and info.get("licences"), "a model says what it is"
    matrices = {name for name, parameter in networks.named_parameters() if parameter.ndim > 1}
    tensors = {
        tensor_names.in_file(name): tensor.half() if name in matrices else tensor.float()
        for name, tensor in networks.own_state().items()
    }
    tensors |= {PROTOTYPES: prototypes.float(), VISUAL_PROTOTYPES: visual_prototypes.float()}
    assert all(tensor.isfinite().all() for tensor in tensors.values()), (
        "a weight is not finite in half precision"
    )
    header = {"config": asdict(networks.config), "styles": list(styles), "info": info}
    metadata = {"format": FORMAT} | {name: json.dumps(value) for name, value in header.items()}
    if graphs:
        metadata[GRAPHS] = packed_graphs(graphs)
    with atomic_write(Path(path)) as temporary:
        save_file({name: t.contiguous().cpu() for name, t in tensors.items()}, temporary, metadata)


def read_model(path: Path | str | None = None) -> Model:
    """Read a model file, the default model's if none is named: networks on the CPU in float32, ready to run.

    Raises:
        ModelFileError: if it is missing, damaged, or no model of this version.
    """
    return checked_model(read_model_file(path), Path(path or DEFAULT_MODEL))


def checked_model(file: ModelFile, path: Path) -> Model:
    """The networks of a file that was read.

    Raises:
        ModelFileError: if its tensors are not those of its config.
    """
    with damage_in_a_sentence(path):
        _expect_shapes(file.facts.config, {name: list(each.shape) for name, each in file.tensors.items()})
        tensors = {
            tensor_names.from_file(name): torch.from_numpy(np.array(tensor_in_full(tensor)))
            for name, tensor in file.tensors.items()
        }
        networks = Networks(file.facts.config)
        # names and shapes were held before; tensors that two networks share are in the file once
        networks.load_state_dict(tensors, strict=False)
    facts = {name: getattr(file.facts, name) for name in ModelFacts.__dataclass_fields__}
    return Model(networks=networks.eval().requires_grad_(False), **facts)


def _expect_shapes(config: EcoFaceConfig, found: dict[str, list[int]]) -> None:
    """See that a file holds the tensors of its config, by networks that take no memory.

    Raises:
        ValueError: if it does not, or no networks are of these sizes.
    """
    try:
        with torch.device("meta"):
            own = Networks(config).own_state()
    except (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"sizes of no network: {first_line(error)}") from error
    wanted = {tensor_names.in_file(name): list(tensor.shape) for name, tensor in own.items()}
    if missing := wanted.keys() - found.keys():
        raise ValueError(f"no {min(missing)}")
    if surplus := found.keys() - wanted.keys():
        raise ValueError(f"unknown {min(surplus)}")
    for name, shape in wanted.items():
        if found[name] != shape:
            raise ValueError(f"{name} of {found[name]} where its config says {shape}")
