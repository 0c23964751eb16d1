"""What a model file says of itself, held to what it must be before anything is built of it."""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from ecoface_model.config import (
    ContentConfig,
    EcoFaceConfig,
    EmotionConfig,
    MotionGeneratorConfig,
    VisualConfig,
)
from ecoface_model.core.npz import json_object

LARGEST = 65_536  # of any size in a config; the paper's are 4096 at most
DEEPEST = 256  # layers of one network; HuBERT-large has 24
Config = TypeVar("Config", ContentConfig, EmotionConfig, VisualConfig, MotionGeneratorConfig)


@dataclass(frozen=True)
class Header:
    """The text of a model file."""

    config: EcoFaceConfig
    styles: tuple[str, ...]
    info: dict[str, Any]


def read_header(metadata: Mapping[str, str]) -> Header:
    """The header of a file's metadata.

    Raises:
        ValueError: if something is missing or not as it must be; the message says what, as half a sentence.
    """
    for name in ("config", "styles", "info"):
        if name not in metadata:
            raise ValueError(f"no {name}")
    header = Header(
        config=read_config(json_object(metadata["config"])),
        styles=read_styles(metadata["styles"]),
        info=json_object(metadata["info"]),
    )
    if len(header.styles) != header.config.generator.n_styles:
        raise ValueError(f"{len(header.styles)} names for {header.config.generator.n_styles} styles")
    info, licences = header.info, header.info.get("licences")
    for name in ("name", "head"):
        if not isinstance(info.get(name), str) or not info[name]:
            raise ValueError(f"no {name}")
    if not isinstance(licences, list) or not licences or not all(isinstance(line, str) for line in licences):
        raise ValueError("no licences")
    if info.get("default_style", header.styles[0]) not in header.styles:
        raise ValueError(f"a default style {info['default_style']!r} that is none of its styles")
    return header


def read_styles(text: str) -> tuple[str, ...]:
    """The names of the styles, one or more.

    Raises:
        ValueError: if these are no names, or one stands twice.
    """
    try:
        names = json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON too deep to be read") from error
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ValueError("styles without names")
    if not names or len(set(names)) < len(names):
        raise ValueError("no styles, or one of them twice")
    return tuple(names)


def read_config(values: dict[str, Any]) -> EcoFaceConfig:
    """The config of a header: plain values -> dataclasses.

    Raises:
        ValueError: if a part is missing, or a value is none.
    """
    for name in ("content", "emotion", "visual", "generator"):
        if not isinstance(values.get(name), dict):
            raise ValueError(f"no config of {name}")
    return EcoFaceConfig(
        content=config_of(ContentConfig, values["content"]),
        emotion=config_of(EmotionConfig, values["emotion"]),
        visual=config_of(VisualConfig, values["visual"]),
        generator=config_of(MotionGeneratorConfig, values["generator"]),
    )


def config_of(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """One network's config of plain values; what is not named has its default.

    Raises:
        ValueError: if a name is unknown, or a value is of another type or beyond any network's size.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"no config of {kind.__name__}")
    hints, names = get_type_hints(kind), {field.name for field in dataclasses.fields(kind)}
    if unknown := values.keys() - names:
        raise ValueError(f"an unknown {min(unknown)} in {kind.__name__}")
    return kind(**{name: _checked(name, value, hints[name]) for name, value in values.items()})


def _checked(name: str, value: Any, hint: Any) -> Any:
    if hint is bool or hint is str:
        fits = type(value) is hint
    elif hint is int:
        fits = _is_size(value, DEEPEST if name.endswith(("layers", "couplings")) else LARGEST)
    elif hint is float:
        fits = type(value) in (int, float) and math.isfinite(value) and 0 <= value < 1
    else:  # a tuple of sizes
        fits = isinstance(value, list | tuple) and 0 < len(value) <= DEEPEST
        fits = fits and all(_is_size(each, LARGEST) for each in value)
        value = tuple(value) if fits else value
    if not fits:
        raise ValueError(f"{name} = {str(value)[:40]}")
    return value


def _is_size(value: Any, largest: int) -> bool:
    return type(value) is int and 0 <= value <= largest
