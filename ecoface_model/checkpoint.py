"""The place that knows our model file: weights, config, names and licences in one .safetensors."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ecoface_model import tensor_names
from ecoface_model.config import EcoFaceConfig
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.errors import ModelFileError
from ecoface_model.model_header import read_header
from ecoface_model.networks import Networks

DEFAULT_MODEL = Path(__file__).parent / "assets" / "ecoface-default.safetensors"
FORMAT = "ecoface 2"
PROTOTYPES, VISUAL_PROTOTYPES = "prototypes", "visual_prototypes"
LEVELS = (0, 1, 2)  # intensities of prototypes
PICKLE_STARTS = (b"PK\x03\x04", b"\x80")  # torch.save, new and old


@dataclass(frozen=True, kw_only=True)
class Model:
    """What a model file holds."""

    networks: Networks
    styles: tuple[str, ...]
    """Names of the speaker styles, in the generator's order."""
    prototypes: Tensor
    """(n_emotions, 3, F): mean features of speech in each of EMOTIONS at intensity 0, 1 and 2."""
    visual_prototypes: Tensor
    """The same of faces, as the visual encoder sees them."""
    info: dict[str, Any]
    """name, head, licences (list of sentences), training (how it was made); default_style if there is one."""
    hash: str
    """sha256 of the file."""


def write_model(
    path: Path | str,
    networks: Networks,
    *,
    styles: Sequence[str],
    prototypes: Float[Tensor, "emotions 3 feature"],
    visual_prototypes: Float[Tensor, "emotions 3 feature"],
    info: dict[str, Any],
) -> None:
    """Write a model file: matrices in half precision, everything small in full.

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
    with atomic_write(Path(path)) as temporary:
        save_file({name: t.contiguous().cpu() for name, t in tensors.items()}, temporary, metadata)


def read_model(path: Path | str | None = None) -> Model:
    """Read a model file, the default model's if none is named: networks on the CPU in float32, ready to run.

    Raises:
        ModelFileError: if it is missing, damaged, or no model of this version.
    """
    path = Path(path or DEFAULT_MODEL)
    _expect_a_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise ModelFileError(
                    f"expected a model of format {FORMAT!r} in {path.name}, found {metadata.get('format')!r};"
                    " choose a model file made by this version's `training.release`"
                )
            header = read_header(metadata)
            names = list(file.keys())
            _expect_shapes(header.config, {name: file.get_slice(name).get_shape() for name in names})
            tensors = {  # copied out of the map, which holds an open file fast or changes with it
                tensor_names.from_file(name): file.get_tensor(name).to(torch.float32, copy=True)
                for name in names
            }
        prototypes, visual_prototypes = tensors.pop(PROTOTYPES), tensors.pop(VISUAL_PROTOTYPES)
        networks = _with_weights(Networks(header.config), tensors)
    except ModelFileError:
        raise
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise ModelFileError(
            f"expected a whole EcoFace model in {path.name}, found a file that is damaged or of another kind"
            f" ({_first_line(error)}); copy or download it again"
        ) from error
    with path.open("rb") as raw:
        digest = hashlib.file_digest(raw, "sha256").hexdigest()
    return Model(
        networks=networks,
        styles=header.styles,
        prototypes=prototypes,
        visual_prototypes=visual_prototypes,
        info=header.info,
        hash=digest,
    )


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


def _expect_shapes(config: EcoFaceConfig, found: dict[str, list[int]]) -> None:
    """See that a file holds the tensors of its config, by networks that take no memory.

    Raises:
        ValueError: if it does not, or no networks are of these sizes.
    """
    try:
        with torch.device("meta"):
            own = Networks(config).own_state()
    except (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"sizes of no network: {_first_line(error)}") from error
    wanted = {tensor_names.in_file(name): list(tensor.shape) for name, tensor in own.items()}
    means = [len(EMOTIONS), len(LEVELS), config.emotion.feature_dim]
    wanted |= {PROTOTYPES: means, VISUAL_PROTOTYPES: means}
    if missing := wanted.keys() - found.keys():
        raise ValueError(f"no {min(missing)}")
    if surplus := found.keys() - wanted.keys():
        raise ValueError(f"unknown {min(surplus)}")
    for name, shape in wanted.items():
        if found[name] != shape:
            raise ValueError(f"{name} of {found[name]} where its config says {shape}")


def _with_weights(networks: Networks, tensors: dict[str, Tensor]) -> Networks:
    """Fill all weights; tensors that two networks share are in the file once."""
    networks.load_state_dict(tensors, strict=False)  # names and shapes were held before
    return networks.eval().requires_grad_(False)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".:") if str(error).strip() else type(error).__name__
