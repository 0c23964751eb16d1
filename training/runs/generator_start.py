"""Train a generator further: its weights taken from a model file, of this format or of the one before."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.nn.utils.parametrize import is_parametrized

from ecoface_model.core.errors import ModelFileError
from ecoface_model.model_file import FORMAT
from ecoface_model.model_header import read_styles
from ecoface_model.motion_generator import MotionGenerator
from ecoface_model.tensor_names import GENERATOR, from_file

FORMATS = ("ecoface 1", FORMAT)
"""Of model files whose generators can be gone on from; the rest of an old file is not looked at."""
PER_STYLE = "to_style.weight"
"""How the names of tensors end whose columns are styles."""


def start_from(generator: MotionGenerator, styles: tuple[str, ...], path: Path) -> list[str]:
    """Take over the weights whose names and shapes agree; give the names of those that stay as they were.

    Statistics of motion, content and emotion are the new corpus's. A style goes where its name stands in
    `styles`; one that the file does not know starts anew.

    Raises:
        ModelFileError: if it is no model file, or one of a generator of another size throughout.
    """
    weights, known = read_generator_weights(path)
    places = [(styles.index(name), old) for old, name in enumerate(known) if name in styles]
    taken, kept = 0, []
    with torch.no_grad():
        for name in _weight_names(generator):
            owner, _, leaf = name.rpartition(".")
            layer = generator.get_submodule(owner)
            own, found = getattr(layer, leaf), weights.get(name)
            if found is not None and name.endswith(PER_STYLE) and len(found) == len(own):
                merged = own.detach().clone()
                for place, old in places:
                    merged[:, place] = found[:, old]
                found = merged
            if found is None or found.shape != own.shape:
                kept.append(name)
                continue
            if is_parametrized(layer, leaf):
                setattr(layer, leaf, found)
            else:
                own.copy_(found)
            taken += 1
    if not taken:
        raise ModelFileError(
            f"expected a model file with a generator of this size in {path}, found another; "
            "start from nothing, or give the sizes of that file's generator"
        )
    print(f"{path}: {taken} tensors of its generator are the start; new: {', '.join(kept) or 'none'}")
    return kept


def read_generator_weights(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The generator's tensors of a model file in float32, and the names of its styles.

    Raises:
        ModelFileError: if it is missing, damaged, or of another format.
    """
    if not path.is_file():
        raise ModelFileError(f"expected a model file at {path}, found none; check the path")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") not in FORMATS:
                raise ModelFileError(
                    f"expected a model of format {' or '.join(map(repr, FORMATS))} in {path.name}, found "
                    f"{metadata.get('format')!r}; choose a model file that `training.release` made"
                )
            names = [name for name in file.keys() if name.startswith(GENERATOR)]  # noqa: SIM118
            weights = {
                from_file(name).removeprefix(GENERATOR): file.get_tensor(name).float() for name in names
            }
        return weights, read_styles(metadata.get("styles", ""))
    except ModelFileError:
        raise
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFileError(
            f"expected a whole EcoFace model in {path.name}, found a file that is damaged or of another "
            "kind; copy or download it again"
        ) from error


def _weight_names(generator: MotionGenerator) -> list[str]:
    """As a model file names them, where weight normalisation is folded in; no buffers."""
    names: dict[str, None] = {}
    for name, _ in generator.named_parameters():
        owner, normalised, _ = name.partition(".parametrizations.")
        names[f"{owner}.weight" if normalised else name] = None
    return list(names)
